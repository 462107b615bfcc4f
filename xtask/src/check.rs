//! `cargo xtask check`: whether the tree is good, without root. `cargo xtask test` begins with the same steps.

use std::process::Command;

use anyhow::Result;
use dnstrace_tests::{cache, command};

use crate::build_ebpf::{self, root};
use crate::steps::Steps;

/// The last one that rustc 1.95 compiles.
const DENY_VERSION: &str = "0.20.2";

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs it.
pub(crate) fn run(_args: &Args) -> Result<()> {
    let mut steps = Steps::default();
    tree(&mut steps);
    steps.tests("tests without root", cargo(&["test", "--quiet"]).arg("--package=xtask").args(DEFAULT));
    steps.end()
}

/// Packages that plain `cargo test` tests.
const DEFAULT: [&str; 2] = ["--package=dnstrace", "--package=dnstrace-ebpf"];

/// Everything that looks at the tree and runs nothing of it.
pub(crate) fn tree(steps: &mut Steps) {
    steps.step("format", || command::visible(&mut cargo(&["fmt", "--all", "--check"])));
    steps.step("lints, user half", || {
        command::visible(cargo(&["clippy", "--quiet", "--workspace", "--all-targets"]).args(["--", "-Dwarnings"]))
    });
    steps.step("lints, kernel half", kernel_half);
    steps.step("docs", || {
        let mut doc = cargo(&["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"]);
        command::visible(doc.env("RUSTDOCFLAGS", "-Dwarnings"))
    });
    steps.step("dependencies", deny);
    steps.step("eBPF object equals a rebuild", build_ebpf::check);
}

/// Needs no bpf-linker: lints end before linking.
fn kernel_half() -> Result<()> {
    let mut clippy = build_ebpf::cargo("clippy")?;
    command::visible(clippy.args(["--quiet", "--", "-Dwarnings"]))
}

/// Licences, sources and banned crates, by deny.toml. Advisories need their database from the network: CI of a release
/// asks for them, a check of the tree does not change with the day it runs.
fn deny() -> Result<()> {
    let folder = cache::folder("cargo-deny")?.join(DENY_VERSION);
    if !folder.join("bin/cargo-deny").exists() {
        eprintln!("building cargo-deny {DENY_VERSION}, once (minutes)");
        let mut install = Command::new("cargo");
        install
            .args(["install", "cargo-deny", "--version", DENY_VERSION, "--locked", "--quiet", "--root"])
            .arg(&folder);
        command::of(&mut install)?;
    }
    // cargo-deny looks at every target's crates, a build fetches only this one's: on a new machine the rest is missing.
    command::of(&mut cargo(&["fetch", "--locked", "--quiet"]))?;
    let mut deny = Command::new(folder.join("bin/cargo-deny"));
    deny.current_dir(root()).args(["--workspace", "--offline", "check", "--hide-inclusion-graph"]);
    command::of(deny.args(["bans", "licenses", "sources"])).map(drop)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root()).args(arguments);
    cargo
}
