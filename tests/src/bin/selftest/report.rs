//! Lines for the machine that started us.

use std::fs;

use anyhow::Result;

/// The kernel we run on.
pub(crate) fn kernel() {
    let release = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned());
    line(&format!("kernel {}", release.unwrap_or_default()));
}

/// One check's result; whether it is good.
pub(crate) fn check(name: &str, result: &Result<()>) -> bool {
    match result {
        Ok(()) => line(&format!("check {name} ok")),
        Err(error) => line(&format!("check {name} FAIL {}", format!("{error:#}").replace('\n', "; "))),
    }
    result.is_ok()
}

/// How many instructions the verifier went through for a program.
pub(crate) fn instructions(program: &str, count: u32) {
    line(&format!("insns {program} {count}"));
}

/// Everything was tried; how long the machine runs.
pub(crate) fn end() {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    line(&format!("end {}", uptime.split_whitespace().next().unwrap_or("unknown")));
}

fn line(text: &str) {
    println!("selftest: {text}");
}
