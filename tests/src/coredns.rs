//! `CoreDNS`, the version whose behaviour the project's documents describe: built once into the user's cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{cache, command, go};

/// The version, as Go's module proxy knows it without its `v`.
pub const VERSION: &str = "1.15.0";

/// The program; static, so that it also runs in an image without a libc.
pub fn binary() -> Result<PathBuf> {
    cache::file(&format!("coredns-{VERSION}/coredns"), build)
}

fn build(target: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let module = format!("github.com/coredns/coredns@v{VERSION}");
    // Without CGO_ENABLED=0 it is dynamic, and an image without a libc says "exec /coredns: no such file or directory".
    command::visible(go::command()?.args(["install", &module]).env("GOBIN", folder.path()).env("CGO_ENABLED", "0"))
        .context("cannot build CoreDNS")?;
    fs::copy(folder.path().join("coredns"), target)?;
    Ok(())
}
