//! Go, in which Kubernetes and `CoreDNS` are written: the machine's own, or Debian's newest, unpacked into the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::debian::Release;
use crate::{cache, command, debian};

/// What `CoreDNS` asks for; Kubernetes is content with one version less.
const NEEDED: (u32, u32) = (1, 26);

/// Where Go's own installer puts it, which is not in everybody's search path.
const INSTALLED: &str = "/usr/local/go/bin/go";

/// A command that is Go, new enough.
pub fn command() -> Result<Command> {
    let program = ["go", INSTALLED].into_iter().find(|program| is_new_enough(program));
    program.map_or_else(|| Ok(Command::new(unpacked()?)), |program| Ok(Command::new(program)))
}

fn is_new_enough(program: &str) -> bool {
    // A version that would have to fetch a newer one first is none.
    let version = command::of(Command::new(program).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local"));
    version.ok().and_then(|text| version_of(&text)).is_some_and(|version| version >= NEEDED)
}

/// `go1.26.8` is (1, 26).
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix("go")?.split(|other: char| !other.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// From trixie-backports: its packages are programs without dependencies, good on any release.
fn unpacked() -> Result<PathBuf> {
    let name = format!("go-{}.{}", NEEDED.0, NEEDED.1);
    let root = cache::file(&name, unpack).context("cannot get Go")?;
    Ok(root.join("usr/lib").join(name).join("bin/go"))
}

fn unpack(folder: &Path) -> Result<()> {
    let release = Release::new("trixie-backports", &["trixie-backports main"])?;
    let packages = tempfile::tempdir()?;
    for part in ["go", "src"] {
        let package = release.download(&format!("golang-{}.{}-{part}", NEEDED.0, NEEDED.1), packages.path())?;
        debian::unpack(&package, folder)?;
        fs::remove_file(package)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(version_of("go1.26.8\n"), Some((1, 26)));
        assert_eq!(version_of("go1.9"), Some((1, 9)));
        assert_eq!(version_of("go1.27rc1"), Some((1, 27)));
        assert_eq!(version_of("devel go1.27-abc"), None);
    }
}
