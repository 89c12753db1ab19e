//! `allswell-heartbeat`.

fn main() {}
