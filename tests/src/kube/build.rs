//! The programs of the node that no package has: Kubernetes itself, built once into the user's cache.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result};

use crate::{cache, command, go};

const SOURCES: [(&str, &str); 3] = [
    ("go.mod", include_str!("../../programs/kube/go.mod")),
    ("go.sum", include_str!("../../programs/kube/go.sum")),
    ("main.go", include_str!("../../programs/kube/main.go")),
];

/// The names by which the one program knows what it is.
const NAMES: [&str; 6] =
    ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet"];

/// The folder with Kubernetes' programs. A first build takes minutes and 3 GB of Go's own cache.
pub(super) fn kubernetes() -> Result<PathBuf> {
    let folder = cache::folder(&format!("kubernetes-{:016x}", sources_hash()))?;
    let name = Path::new(folder.file_name().context("the cache folder has no name")?);
    let program = cache::file(&name.join("node").to_string_lossy(), build)?;
    for name in NAMES {
        match symlink(&program, folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
    }
    Ok(folder)
}

fn build(target: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (name, text) in SOURCES {
        fs::write(folder.path().join(name), text)?;
    }
    let mut go = go::command()?;
    go.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(target).arg(".");
    // Static: the program then runs on any machine that shares the cache.
    command::visible(go.current_dir(folder.path()).env("CGO_ENABLED", "0")).context("cannot build Kubernetes")
}

/// The same sources give the same program: a change of them builds a new one.
fn sources_hash() -> u64 {
    let mut hasher = DefaultHasher::new();
    SOURCES.hash(&mut hasher);
    hasher.finish()
}

/// Compiles one of the small C programs that run in pods.
pub(super) fn c_program(compiler: &str, options: &[&str], source: &str, target: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("program.c");
    fs::write(&file, source)?;
    let mut compile = Command::new(compiler);
    compile.args(["-O1", "-Wall", "-Werror"]).args(options).arg("-o").arg(target).arg(&file);
    command::of(&mut compile)?;
    Ok(())
}
