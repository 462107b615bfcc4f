//! `CoreDNS`, the version whose behaviour the project's documents describe: built once into the user's cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{cache, command, go};

/// The version, as Go's module proxy knows it without its `v`.
pub const VERSION: &str = "1.15.0";

/// Before 1.13.2 the forward plugin tried a dead upstream for six seconds, now for four.
const OLD_VERSION: &str = "1.12.4";

/// The program; static, so that it also runs in an image without a libc.
pub fn binary() -> Result<PathBuf> {
    of(VERSION)
}

/// An older one.
pub fn old_binary() -> Result<PathBuf> {
    of(OLD_VERSION)
}

fn of(version: &str) -> Result<PathBuf> {
    cache::file(&format!("coredns-{version}/coredns"), |target| build(version, target))
}

fn build(version: &str, target: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let module = format!("github.com/coredns/coredns@v{version}");
    // Without CGO_ENABLED=0 it is dynamic, and an image without a libc says "exec /coredns: no such file or directory".
    command::visible(go::command()?.args(["install", &module]).env("GOBIN", folder.path()).env("CGO_ENABLED", "0"))
        .context("cannot build CoreDNS")?;
    fs::copy(folder.path().join("coredns"), target)?;
    Ok(())
}
