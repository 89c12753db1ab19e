//! Stories about the command line: the real executable, as an operator or a script meets it.

mod configs;
mod health;
mod leaving;
mod logs;
mod orders;
