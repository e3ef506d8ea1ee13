#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (ferrogate_fuzz::target("answer").check)(data));
