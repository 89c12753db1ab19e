#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| allswell::fuzz::run("beat", data));
