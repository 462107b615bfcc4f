//! systemd-resolved of Debian 12, unpacked into the user's cache: installed, it would become the machine's own resolver.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache;
use crate::debian::{self, Release};

/// The version of both packages, which belong together.
const VERSION: &str = "252";

/// The program, and the folder of the library that it shares with the rest of systemd.
pub fn program() -> Result<(PathBuf, PathBuf)> {
    let root = cache::file(&format!("systemd-resolved-{VERSION}"), unpack).context("cannot get systemd-resolved")?;
    Ok((root.join("lib/systemd/systemd-resolved"), root.join("usr/lib/x86_64-linux-gnu/systemd")))
}

fn unpack(folder: &Path) -> Result<()> {
    let release = Release::new("bookworm", &["bookworm main"])?;
    let packages = tempfile::tempdir()?;
    for name in ["systemd-resolved", "libsystemd-shared"] {
        let package = release.download(name, packages.path())?;
        debian::unpack(&package, folder)?;
        fs::remove_file(package)?;
    }
    Ok(())
}

/// Starts it as systemd would: `$1` is its configuration, `$2` the program. It sees no bus but a `/run` of its own, and
/// root under its own user's name: who becomes another user outlives who started it.
pub const SCRIPT: &str = "\
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/resolve
echo systemd-resolve:x:0:0::/:/bin/false >/run/passwd
echo systemd-resolve:x:0: >/run/group
mount --bind /run/passwd /etc/passwd
mount --bind /run/group /etc/group
configuration=$(cat \"$1\")
mount -t tmpfs none /etc/systemd
echo \"$configuration\" >/etc/systemd/resolved.conf
exec \"$2\"
";
