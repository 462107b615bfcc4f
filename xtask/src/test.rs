//! `cargo xtask test`: every test there is, the tree's own checks first. What CI runs.

use std::process::Command;

use anyhow::Result;
use dnstrace_tests::skip::{is_root, skip};
use dnstrace_tests::{coredns, debian};

use crate::build_ebpf::root;
use crate::steps::Steps;
use crate::{check, kernels};

/// What tests run beside the product: real servers, clients, tools that measure what the product says.
const PACKAGES: [&str; 9] =
    ["bind9-dnsutils", "dnsmasq-base", "iproute2", "llvm", "musl-tools", "nftables", "tcpdump", "tshark", "unbound"];

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs it.
pub(crate) fn run(_args: &Args) -> Result<()> {
    let mut steps = Steps::default();
    if is_root() {
        steps.step("packages and servers", prepare);
    }
    check::tree(&mut steps);
    steps.tests(
        "library, command line",
        &mut cargo(&["--package=dnstrace", "--package=dnstrace-ebpf", "--package=xtask"]),
    );
    // One after the other: each has the node, the kernel's counters and two cores for itself.
    let mut real = cargo(&["--package=dnstrace-tests"]);
    steps.tests("kernel, node, Kubernetes", real.args(["--", "--nocapture", "--test-threads=1"]));
    steps.step("kernels in QEMU", every_kernel);
    steps.end()
}

fn prepare() -> Result<()> {
    debian::install(&PACKAGES)?;
    coredns::binary().map(drop)
}

fn every_kernel() -> Result<()> {
    if !is_root() {
        skip("kernels", "installing QEMU needs root");
        return Ok(());
    }
    kernels::run(&kernels::Args::default())
}

fn cargo(packages: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    // A failing test binary does not hide those after it.
    cargo.current_dir(root()).args(["test", "--no-fail-fast"]).args(packages);
    cargo
}
