//! `CoreDNS`, the version whose behaviour the project's documents describe: built once into the user's cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};

use crate::{cache, command};

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
    command::visible(go()?.args(["install", &module]).env("GOBIN", folder.path()).env("CGO_ENABLED", "0"))
        .context("cannot build CoreDNS")?;
    fs::copy(folder.path().join("coredns"), target)?;
    Ok(())
}

/// Go's command: of the search path, or from where its own installer puts it.
pub(crate) fn go() -> Result<Command> {
    const INSTALLED: &str = "/usr/local/go/bin/go";
    if command::exists("go") {
        return Ok(Command::new("go"));
    }
    let known = Path::new(INSTALLED).is_file().then(|| Command::new(INSTALLED));
    known.with_context(|| format!("no Go in {}: Kubernetes and CoreDNS are built with it", path_variable()))
}

fn path_variable() -> String {
    env::var("PATH").unwrap_or_default()
}
