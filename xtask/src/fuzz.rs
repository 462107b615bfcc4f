//! `cargo xtask fuzz`: libFuzzer looks for inputs that break what the targets in `tests/src/fuzz` assert, for a while.
//! It begins with the corpora in the tree and leaves them as they are: what it finds stays in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::builder::PossibleValuesParser;
use dnstrace_tests::fuzz::TARGETS;
use dnstrace_tests::{cache, command};

use crate::build_ebpf::root;

/// The newest that rustc 1.95 compiles.
const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// No message is longer than 64 KiB; what is worth finding is far shorter.
const INPUT_LEN_MAX: u32 = 4096;
/// An input for which a target needs longer is a finding, too.
const PATIENCE: Duration = Duration::from_secs(10);
/// Capture files may announce blocks of 16 MiB; a target that needs much more holds what nothing bounds.
const MEMORY_MIB: u32 = 512;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target runs
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = seconds)]
    time: Duration,
    /// Only these targets
    #[arg(value_name = "TARGET", value_parser = PossibleValuesParser::new(TARGETS.iter().map(|(name, _)| *name)))]
    targets: Vec<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let unit =
        [("min", 60), ("s", 1)].into_iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let time = unit.and_then(|(number, seconds)| number.parse::<u32>().ok().map(|number| number.checked_mul(seconds)));
    match time.flatten() {
        // libFuzzer takes 0 for no limit.
        None | Some(0) => Err("a time is a number of seconds or minutes: 90s, 5min".to_owned()),
        Some(seconds) => Ok(Duration::from_secs(seconds.into())),
    }
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cargo_fuzz = install()?;
    command::visible(&mut cargo_fuzz_command(&cargo_fuzz, "build"))?;
    let mut broken = Vec::new();
    for (name, _) in TARGETS.iter().filter(|(name, _)| args.wants(name)) {
        println!("==> {name}: {} s", args.time.as_secs());
        if let Err(error) = one(&cargo_fuzz, name, args.time) {
            println!("FAILED {name}: {error:#}");
            broken.push(format!("{name} ({})", artifacts(name)?.display()));
        }
    }
    ensure!(broken.is_empty(), "inputs that break a target are in: {}", broken.join(", "));
    Ok(())
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        self.targets.is_empty() || self.targets.iter().any(|target| target == name)
    }
}

fn install() -> Result<PathBuf> {
    let folder = cache::folder("cargo-fuzz")?.join(CARGO_FUZZ_VERSION);
    let binary = folder.join("bin/cargo-fuzz");
    if !binary.exists() {
        eprintln!("building cargo-fuzz {CARGO_FUZZ_VERSION}, once (minutes)");
        let mut install = Command::new("cargo");
        install.args(["install", "cargo-fuzz", "--version", CARGO_FUZZ_VERSION, "--locked", "--quiet", "--root"]);
        command::of(install.arg(&folder))?;
    }
    Ok(binary)
}

/// Sanitizers need a nightly compiler; without unsafe code in the targets' way there is little that they would see.
fn cargo_fuzz_command(cargo_fuzz: &Path, verb: &str) -> Command {
    let mut command = Command::new(cargo_fuzz);
    command.current_dir(root()).args(["fuzz", verb, "--fuzz-dir", "tests/fuzz", "--sanitizer", "none"]);
    command
}

/// The first folder is where libFuzzer writes what reaches more code; it reads the second one, too.
fn one(cargo_fuzz: &Path, name: &str, time: Duration) -> Result<()> {
    let found = made(root().join("tests/fuzz/target/found").join(name))?;
    let prefix = format!("-artifact_prefix={}/", artifacts(name)?.display());
    let mut run = cargo_fuzz_command(cargo_fuzz, "run");
    run.arg(name).arg(found).arg(root().join("tests/fuzz/corpus").join(name)).arg("--");
    run.args([prefix, format!("-max_total_time={}", time.as_secs()), format!("-timeout={}", PATIENCE.as_secs())]);
    run.args([format!("-max_len={INPUT_LEN_MAX}"), format!("-rss_limit_mb={MEMORY_MIB}")]);
    let output = run.args(["-verbosity=0", "-print_final_stats=1"]).env("RUST_BACKTRACE", "0").output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    telling(&said).for_each(|line| println!("    {}", line.trim()));
    ensure!(output.status.success(), "{}", output.status);
    Ok(())
}

/// A panic and what it says, the input that caused it, how many there were: all else is pages of what libFuzzer learnt.
fn telling(said: &str) -> impl Iterator<Item = &str> {
    let mut behind_panic = 0_u32;
    said.lines().filter(move |line| {
        behind_panic = if line.contains("panicked at") { 4 } else { behind_panic.saturating_sub(1) };
        behind_panic > 0 || ["ERROR:", "error:", "executed_units"].iter().any(|word| line.contains(word))
    })
}

/// Where libFuzzer writes inputs that break a target.
fn artifacts(name: &str) -> Result<PathBuf> {
    made(root().join("tests/fuzz/artifacts").join(name))
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
