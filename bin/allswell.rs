//! `allswell`: every role as a subcommand.

fn main() {}
