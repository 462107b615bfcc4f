//! See `tests/src/fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dnstrace_tests::fuzz::run("compressed", bytes));
