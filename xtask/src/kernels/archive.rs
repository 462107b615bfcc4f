//! Kernel images from Debian's archive: the smallest flavour (`cloud`), unpacked once into the user's cache folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dnstrace_tests::cache;
use dnstrace_tests::debian::{self, Release};

/// A kernel series we support, and where Debian has it.
pub(super) struct Series {
    /// As a person calls it; the versions of the series start with it.
    pub(super) name: &'static str,
    release: &'static str,
    suites: &'static [&'static str],
}

/// Every series the self-test has to pass on, oldest first.
pub(super) const SUPPORTED: &[Series] = &[
    Series { name: "5.10", release: "bullseye", suites: &["bullseye main"] },
    Series { name: "6.1", release: "bookworm", suites: &["bookworm main"] },
    Series { name: "6.12", release: "trixie", suites: &["trixie main"] },
    Series { name: "6.18", release: "trixie-backports", suites: &["trixie-backports main"] },
    Series { name: "7", release: "trixie-backports", suites: &["trixie-backports main"] },
];

impl Series {
    /// The image in the cache; downloaded when there is none yet. A cached one is used without asking the archive, so
    /// that a run needs no network and two runs test the same kernel.
    pub(super) fn image(&self) -> Result<PathBuf> {
        cache::file(&self.cached(), |file| self.fetch(file))
    }

    /// Removes the image from the cache, so that the next one is the newest the archive has.
    pub(super) fn forget(&self) -> Result<()> {
        let file = cache::dir()?.join(self.cached());
        if file.exists() {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
        Ok(())
    }

    fn cached(&self) -> String {
        format!("kernels/{}/vmlinuz", self.name)
    }

    /// Tries the packages of this series from the newest on: an archive may list a package it no longer has.
    fn fetch(&self, file: &Path) -> Result<()> {
        let release = Release::new(self.release, self.suites)?;
        let mut failure = None;
        for package in self.packages(&release)? {
            eprintln!("kernels: downloading {package}");
            match fetch_package(&release, &package, file) {
                Ok(()) => return Ok(()),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) => Err(error.context(format!("no package of Linux {} could be downloaded", self.name))),
            None => bail!("{} has no package of Linux {}", self.release, self.name),
        }
    }

    /// Packages with an image of this series, newest first. Since 6.19 the image lies in `linux-binary-*` and
    /// `linux-image-*` only depends on it.
    fn packages(&self, release: &Release) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for kind in ["linux-binary-", "linux-image-"] {
            let names = release.query("pkgnames", &format!("{kind}{}.", self.name))?;
            let cloud = names.lines().filter(|name| name.ends_with("-cloud-amd64"));
            found.extend(cloud.map(|name| (version(&name[kind.len()..]), kind, name.to_owned())));
        }
        // Of one version `linux-image-*` sorts after `linux-binary-*`: a tie goes to the latter.
        found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        Ok(found.into_iter().map(|(_, _, name)| name).collect())
    }
}

/// The numbers in `6.12.117+deb13-cloud-amd64` before the flavour, so that versions compare as numbers.
fn version(name: &str) -> Vec<u64> {
    let name = name.strip_suffix("-cloud-amd64").unwrap_or(name);
    name.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

fn fetch_package(release: &Release, package: &str, file: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let archive = release.download(package, folder.path())?;
    let unpacked = folder.path().join("unpacked");
    debian::unpack(&archive, &unpacked)?;
    let image = vmlinuz(&unpacked).with_context(|| format!("{package} has no vmlinuz"))?;
    fs::copy(image, file)?;
    Ok(())
}

/// `boot/vmlinuz-*`, or `usr/lib/modules/*/vmlinuz` in the packages that are split.
fn vmlinuz(unpacked: &Path) -> Option<PathBuf> {
    let modules = entries(&unpacked.join("usr/lib/modules")).into_iter().map(|folder| folder.join("vmlinuz"));
    let boot = entries(&unpacked.join("boot"));
    let mut candidates = boot.into_iter().chain(modules);
    candidates.find(|path| path.is_file() && path.file_name().is_some_and(starts_with_vmlinuz))
}

fn starts_with_vmlinuz(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with("vmlinuz")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|found| found.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("7.2.11+deb13-cloud-amd64") > version("7.2.9+deb13-cloud-amd64"));
        assert!(version("5.10.0-32-cloud-amd64") > version("5.10.0-30-cloud-amd64"));
        assert_eq!(version("6.12.117+deb13-cloud-amd64"), [6, 12, 117, 13]);
    }
}
