//! Programs that look names up, each with another stub resolver.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{command, go};

/// Linked to glibc: looks up the names it is given by `getaddrinfo`.
pub fn glibc(folder: &Path) -> Result<PathBuf> {
    compiled("gcc", &[], folder.join("glibc-lookup"))
}

/// The same program, linked to the machine's musl.
pub fn musl(folder: &Path) -> Result<PathBuf> {
    compiled("musl-gcc", &["-static"], folder.join("musl-lookup"))
}

/// The same in Go, with Go's own resolver.
pub fn go(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("go-lookup");
    let mut build = go::command()?;
    build.env("CGO_ENABLED", "0").args(["build", "-o"]).arg(&program).arg(sources().join("resolver/main.go"));
    command::of(&mut build)?;
    Ok(program)
}

fn compiled(compiler: &str, options: &[&str], program: PathBuf) -> Result<PathBuf> {
    let source = sources().join("kube/lookup.c");
    command::of(Command::new(compiler).args(options).args(["-O1", "-o"]).arg(&program).arg(source))?;
    Ok(program)
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}
