//! Debian packages: installed from the machine's own release, or unpacked from another one without installing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{cache, command};

/// Installs what is not installed yet, from the machine's own release.
pub fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    command::output("apt-get", &["update", "-qq"])?;
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "-qq", "--no-install-recommends"]).args(&missing);
    command::of(apt.env("DEBIAN_FRONTEND", "noninteractive"))
        .with_context(|| format!("cannot install {}", missing.join(" ")))?;
    Ok(())
}

fn installed(package: &str) -> bool {
    command::output("dpkg-query", &["-W", "-f=${db:Status-Status}", package]).is_ok_and(|status| status == "installed")
}

/// Packages of one release, through an apt of its own in the cache, so that the machine's apt stays as it is.
pub struct Release {
    root: PathBuf,
}

impl Release {
    /// `suites` as in sources.list: `trixie main`, `trixie-backports main`. The mirror and its key are the machine's own.
    pub fn new(name: &str, suites: &[&str]) -> Result<Self> {
        let root = cache::folder("apt")?.join(name);
        for folder in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(root.join(folder))?;
        }
        let mirror = mirror()?;
        let lines = suites.iter().map(|suite| format!("deb [signed-by={KEYRING}] {mirror} {suite}\n"));
        fs::write(root.join("sources.list"), lines.collect::<String>())?;
        let release = Self { root };
        command::of(release.apt("apt-get").args(["update", "-qq"]))?;
        Ok(release)
    }

    /// Downloads `package` (`name` or `name=version`) into `folder` unless it is there; returns the file.
    pub fn download(&self, package: &str, folder: &Path) -> Result<PathBuf> {
        let uri = command::of(self.apt("apt-get").args(["download", "--print-uris", package]))?;
        let name = uri.split_whitespace().nth(1).with_context(|| format!("no package {package} in this release"))?;
        let file = folder.join(name);
        if !file.exists() {
            fs::create_dir_all(folder)?;
            command::of(self.apt("apt-get").args(["download", "-qq", package]).current_dir(folder))?;
        }
        ensure!(file.exists(), "{} was not downloaded", file.display());
        Ok(file)
    }

    /// Every version of `package` this release has, newest first.
    pub fn versions(&self, package: &str) -> Result<Vec<String>> {
        let table = command::of(self.apt("apt-cache").args(["madison", package]))?;
        Ok(table.lines().filter_map(|line| line.split('|').nth(1)).map(|version| version.trim().to_owned()).collect())
    }

    /// `apt-cache` output about `package`, for what the other methods do not tell (`depends`, `show`).
    pub fn query(&self, verb: &str, package: &str) -> Result<String> {
        command::of(self.apt("apt-cache").args([verb, package]))
    }

    fn apt(&self, program: &str) -> Command {
        let mut apt = Command::new(program);
        for (option, value) in [
            ("Dir::Etc::sourcelist", self.root.join("sources.list")),
            ("Dir::Etc::sourceparts", PathBuf::from("/nonexistent")),
            ("Dir::State::lists", self.root.join("lists")),
            ("Dir::Cache", self.root.join("cache")),
            // The cache folder belongs to the user; apt's own user could not write there.
            ("APT::Sandbox::User", PathBuf::from("root")),
        ] {
            let mut word = OsString::from(format!("{option}="));
            word.push(value);
            apt.arg("-o").arg(word);
        }
        apt
    }
}

/// Unpacks a package file below `folder`, without running its scripts.
pub fn unpack(package: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    command::of(Command::new("dpkg").arg("-x").arg(package).arg(folder))?;
    Ok(())
}

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The mirror that the machine itself uses for Debian's main archive.
fn mirror() -> Result<String> {
    let sources = command::output("apt-get", &["indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)"])?;
    let uri = sources.lines().find_map(|line| line.strip_suffix(" Debian Debian"));
    Ok(uri.context("apt has no source of Debian's main archive: run apt-get update")?.to_owned())
}
