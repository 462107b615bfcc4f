//! Boots every supported kernel in QEMU and runs the self-test of every hook in each.
//!
//! The self-test (`tests/src/bin/selftest`) is one static program. It is the only file of the initramfs, the machine's
//! first process, and what this task reads on the serial console.

mod archive;
mod cpio;
mod machine;
mod outcome;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use dnstrace_tests::{command, debian, skip};

use archive::{SUPPORTED, Series};
use machine::Console;
use outcome::Outcome;

/// Arguments.
#[derive(Default, clap::Args)]
pub(crate) struct Args {
    /// Only this series, for example 6.1; may be given more than once
    #[arg(long, value_name = "SERIES", value_parser = SUPPORTED.iter().map(|series| series.name).collect::<Vec<_>>())]
    only: Vec<String>,
    /// Ask the archive for the newest kernel of each series, also where one is in the cache
    #[arg(long)]
    newest: bool,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    debian::install(&["qemu-system-x86"])?;
    let folder = tempfile::tempdir()?;
    let initramfs = folder.path().join("initramfs");
    fs::write(&initramfs, cpio::initramfs(&fs::read(self_test()?)?))?;
    println!("{}", outcome::heads());
    let mut failed = Vec::new();
    for series in SUPPORTED.iter().filter(|series| args.wants(series)) {
        if !one(series, args.newest, &initramfs)? {
            failed.push(series.name);
        }
    }
    ensure!(failed.is_empty(), "the self-test failed on Linux {}", failed.join(", "));
    Ok(())
}

impl Args {
    fn wants(&self, series: &Series) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == series.name)
    }
}

/// Whether the self-test passed on this series, or the series cannot be had.
fn one(series: &Series, newest: bool, initramfs: &Path) -> Result<bool> {
    if newest {
        series.forget()?;
    }
    let image = match series.image() {
        Ok(image) => image,
        Err(error) => {
            skip::skip(&format!("Linux {}", series.name), &format!("{error:#}"));
            return Ok(true);
        }
    };
    let console = boot(&image, initramfs)?;
    let outcome = Outcome::read(&console.report);
    println!("{}", outcome.row(series.name));
    if !outcome.passed() {
        eprintln!("last lines of the kernel:\n{}", console.kernel.join("\n"));
    }
    Ok(outcome.passed())
}

/// One boot, and a second one when the machine died before the self-test said anything: about one boot in ten does
/// under emulation, without our doing.
fn boot(image: &Path, initramfs: &Path) -> Result<Console> {
    let console = machine::boot(image, initramfs)?;
    if console.started() {
        return Ok(console);
    }
    eprintln!("kernels: died before the self-test began, once more; its last lines:\n{}", console.kernel.join("\n"));
    machine::boot(image, initramfs)
}

/// Builds the self-test without shared libraries. Only its own link step differs, so every crate below it is the same
/// as in any other release build and is not built again.
fn self_test() -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["rustc", "--release", "--package", "dnstrace-tests", "--bin", "selftest", "--message-format=json"]);
    cargo.args(["--", "-C", "target-feature=+crt-static"]);
    let messages = command::of(&mut cargo)?;
    for message in messages.lines().filter(|line| line.contains("\"compiler-artifact\"")) {
        let artifact: serde_json::Value = serde_json::from_str(message).context("cargo's messages")?;
        if let Some(program) = artifact["executable"].as_str() {
            return Ok(program.into());
        }
    }
    bail!("cargo built no self-test")
}
