//! Where parts run: under a service manager, by the files in `deploy/`.

mod configs;
mod filter;
mod manager;
mod scripts;
mod units;
