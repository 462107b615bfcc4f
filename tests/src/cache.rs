//! The user's cache folder: what is built or downloaded once, so that a clean checkout does not do it again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// `$XDG_CACHE_HOME/dnstrace`, `~/.cache/dnstrace` by default; made if it does not exist.
pub fn dir() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: there is no place for a cache")?;
    made(base.join("dnstrace"))
}

/// A folder of the cache, made if it does not exist.
pub fn folder(name: &str) -> Result<PathBuf> {
    made(dir()?.join(name))
}

/// A file of the cache that `make` writes when it is not there. It is written beside its place and then moved there, so
/// that an interrupted run leaves nothing half made.
pub fn file(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let path = dir()?.join(name);
    if path.exists() {
        return Ok(path);
    }
    if let Some(parent) = path.parent() {
        made(parent.to_path_buf())?;
    }
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    make(&unfinished)?;
    fs::rename(&unfinished, &path).with_context(|| format!("{} was not made", path.display()))?;
    Ok(path)
}

fn made(path: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}
