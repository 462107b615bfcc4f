//! Programs that look names up, each with another stub resolver.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::debian::{self, Release};
use crate::{cache, command, go};

/// Linked to glibc: looks up the names it is given by `getaddrinfo`.
pub fn glibc(folder: &Path) -> Result<PathBuf> {
    compiled("gcc", &[] as &[&str], folder.join("glibc-lookup"))
}

/// The same program, linked to the machine's musl.
pub fn musl(folder: &Path) -> Result<PathBuf> {
    compiled("musl-gcc", &["-static"], folder.join("musl-lookup"))
}

/// The same program, linked to musl 1.2.5: since 1.2.4 it asks again over TCP.
pub fn new_musl(folder: &Path) -> Result<PathBuf> {
    let root = cache::file("musl-1.2.5", unpack_musl).context("cannot get musl")?;
    let (headers, library) = (root.join("usr/include/x86_64-linux-musl"), root.join("usr/lib/x86_64-linux-musl"));
    // Where gcc looks for what a program starts with.
    let mut start = OsString::from("-B");
    start.push(&library);
    let folders = [OsString::from("-isystem"), headers.into(), start, OsString::from("-L"), library.into()];
    let options: Vec<_> = ["-static", "-nostdinc"].map(OsString::from).into_iter().chain(folders).collect();
    compiled("gcc", &options, folder.join("new-musl-lookup"))
}

/// Only what programs are linked to: on any release.
fn unpack_musl(folder: &Path) -> Result<()> {
    let packages = tempfile::tempdir()?;
    let package = Release::new("trixie", &["trixie main"])?.download("musl-dev", packages.path())?;
    debian::unpack(&package, folder)
}

/// The same in Go, with Go's own resolver.
pub fn go(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("go-lookup");
    let mut build = go::command()?;
    build.env("CGO_ENABLED", "0").args(["build", "-o"]).arg(&program).arg(sources().join("resolver/main.go"));
    command::of(&mut build)?;
    Ok(program)
}

fn compiled(compiler: &str, options: &[impl AsRef<OsStr>], program: PathBuf) -> Result<PathBuf> {
    let source = sources().join("kube/lookup.c");
    command::of(Command::new(compiler).args(options).args(["-O1", "-o"]).arg(&program).arg(source))?;
    Ok(program)
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}
