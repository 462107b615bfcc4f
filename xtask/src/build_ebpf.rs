//! `cargo xtask build-ebpf`: the kernel half to the committed object, the same bytes from every folder and user.
//!
//! Stable rustc builds it: `RUSTC_BOOTSTRAP=1` lets it compile `core` for the BPF target. bpf-linker links the LLVM that
//! rustc itself brings. Paths are remapped and debug information is stripped; what BTF says of types stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use dnstrace_tests::{cache, command, debian};

const TARGET: &str = "bpfel-unknown-none";
const OBJECT: &str = "dnstrace-ebpf/dnstrace.bpf.o";
const LINKER_VERSION: &str = "0.13.0";
/// The LLVM of rustc 1.95, as bpf-linker names its feature.
const LINKER_FEATURE: &str = "llvm-22";

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build, compare with the committed object, change nothing
    #[arg(long)]
    check: bool,
    /// With log lines from the kernel half; for developing, not for a commit
    #[arg(long, conflicts_with = "check")]
    log: bool,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.check {
        return check();
    }
    let object = build(args.log)?;
    fs::write(root().join(OBJECT), &object)?;
    println!("{OBJECT}: {} bytes", object.len());
    Ok(())
}

/// Whether the committed object is what the sources give.
pub(crate) fn check() -> Result<()> {
    let committed = fs::read(root().join(OBJECT)).with_context(|| format!("cannot read {OBJECT}"))?;
    ensure!(
        build(false)? == committed,
        "{OBJECT} is not what dnstrace-ebpf gives: run `cargo xtask build-ebpf` and commit it with the change"
    );
    println!("{OBJECT} equals a rebuild");
    Ok(())
}

/// What a build of the kernel half, or lints on it, are called with.
pub(crate) fn cargo(verb: &str) -> Result<Command> {
    rust_src()?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root()).arg(verb);
    cargo.args(["--package", "dnstrace-ebpf", "--bin", "dnstrace-ebpf", "--target", TARGET, "--release"]);
    cargo.args(["-Z", "build-std=core", "--target-dir", "target/bpf"]);
    cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_ENCODED_RUSTFLAGS", rustflags()?.join("\x1f"));
    Ok(cargo)
}

fn build(log: bool) -> Result<Vec<u8>> {
    debian::install(&["llvm"])?;
    let mut cargo = cargo("build")?;
    cargo.env("PATH", search_path(&linker()?)?);
    if log {
        cargo.args(["--features", "log"]);
    }
    command::visible(cargo.arg("--quiet"))?;
    let linked = root().join("target/bpf").join(TARGET).join("release/dnstrace-ebpf");
    let stripped = linked.with_extension("bpf.o");
    command::of(Command::new("llvm-strip").arg("-g").arg(&linked).arg("-o").arg(&stripped))?;
    Ok(fs::read(stripped)?)
}

fn rustflags() -> Result<Vec<String>> {
    let mut flags = vec![
        // No kernel register layout is used: the object is the same for every little-endian machine.
        "--cfg=bpf_target_arch=\"x86_64\"".to_owned(),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
    ];
    flags.extend(remapped()?.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));
    Ok(flags)
}

/// Folders whose names must not reach the object, and what stands for them.
fn remapped() -> Result<Vec<(PathBuf, &'static str)>> {
    let mut folders = vec![(root(), "dnstrace")];
    let registry = cargo_home()?.join("registry/src");
    for index in fs::read_dir(&registry).with_context(|| format!("cannot list {}", registry.display()))? {
        folders.push((index?.path(), "registry"));
    }
    let library = library()?;
    folders.push((fs::canonicalize(&library)?, "library"));
    folders.push((library, "library"));
    Ok(folders)
}

fn library() -> Result<PathBuf> {
    Ok(sysroot()?.join("lib/rustlib/src/rust/library"))
}

/// The sources of `core`.
fn rust_src() -> Result<()> {
    if library()?.join("core").exists() {
        return Ok(());
    }
    command::output("rustup", &["component", "add", "rust-src"])
        .context("the sources of Rust's core library are missing; rustup could not install the component rust-src")?;
    ensure!(library()?.join("core").exists(), "rustup installed rust-src, but not into {}", library()?.display());
    Ok(())
}

/// bpf-linker, built once against rustc's own LLVM.
fn linker() -> Result<PathBuf> {
    let folder = cache::folder("bpf-linker")?.join(LINKER_VERSION);
    if !folder.join("bin/bpf-linker").exists() {
        eprintln!("building bpf-linker {LINKER_VERSION}, once (40 s)");
        let mut cargo = Command::new("cargo");
        cargo.args(["install", "bpf-linker", "--version", LINKER_VERSION, "--locked", "--quiet"]);
        cargo.args(["--no-default-features", "--features", LINKER_FEATURE, "--root"]).arg(&folder);
        command::of(cargo.env("LLVM_PREFIX", llvm_prefix(&folder)?))?;
    }
    Ok(folder.join("bin"))
}

/// A folder that looks like an installed LLVM to bpf-linker's build: its library is rustc's.
fn llvm_prefix(folder: &Path) -> Result<PathBuf> {
    let prefix = folder.join("llvm");
    fs::create_dir_all(prefix.join("lib"))?;
    let link = prefix.join("lib/libLLVM.so");
    if fs::symlink_metadata(&link).is_err() {
        std::os::unix::fs::symlink(rustc_llvm()?, link)?;
    }
    Ok(prefix)
}

fn rustc_llvm() -> Result<PathBuf> {
    let folder = sysroot()?.join("lib");
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libLLVM.so.")) {
            return Ok(path);
        }
    }
    bail!("{} has no libLLVM.so: this rustc brings no LLVM that bpf-linker could link", folder.display())
}

fn sysroot() -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    Ok(command::of(rustc.current_dir(root()).args(["--print", "sysroot"]))?.trim().into())
}

fn cargo_home() -> Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).context("neither CARGO_HOME nor HOME is set")
}

fn search_path(first: &Path) -> Result<std::ffi::OsString> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(first.to_path_buf()).chain(std::env::split_paths(&rest));
    Ok(std::env::join_paths(folders)?)
}

/// The top folder of the project.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}
