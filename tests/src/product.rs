//! The product: where its binary is, and a run of it whose output a test reads.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::command;
use crate::node::Netns;

/// Loading takes a fraction of a second on a quiet machine; old kernels' verifiers in an emulator take far longer.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// The product promises to end within a second of a signal; a busy machine may need more.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// Lines of output that may wait for the test to read them: more than any test makes.
const LINES: usize = 1 << 20;

/// The product's binary, built for this run, in the profile the caller was built in.
pub fn binary() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

fn build() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().skip(1).find(|path| !path.ends_with("deps")).context("no folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "dnstrace", "--bin", "dnstrace"]).current_dir(workspace());
    if folder.ends_with("release") {
        build.arg("--release");
    }
    build.arg("--target-dir").arg(folder.parent().context("no target folder")?);
    command::of(&mut build)?;
    Ok(folder.join("dnstrace"))
}

/// What the product reads in a capture file, as JSON.
pub fn read(file: &Path, arguments: &[String]) -> Result<Vec<Value>> {
    read_all(&[file], arguments)
}

/// What it reads in several at once.
pub fn read_all(files: &[impl AsRef<OsStr>], arguments: &[String]) -> Result<Vec<Value>> {
    let mut command = Command::new(binary()?);
    let output = command::of(command.arg("read").args(files).args(["--format", "json"]).args(arguments))?;
    output.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// Whether a recording gives the transactions that were given live with their paths, key by key, in the same order.
pub fn same_as_replayed(live: &[Value], recording: &Path, arguments: &[String]) -> Result<()> {
    let replayed = read(recording, &[&["--path".to_owned()], arguments].concat())?;
    let of = |records: &[Value]| -> Vec<Value> {
        records.iter().filter(|record| record["kind"] == "transaction").cloned().collect()
    };
    let (live, replayed) = (of(live), of(&replayed));
    for (live, replayed) in live.iter().zip(&replayed) {
        ensure!(live == replayed, "live {live:#}\nreplayed {replayed:#}");
    }
    ensure!(live.len() == replayed.len(), "{} transactions live, {} replayed", live.len(), replayed.len());
    Ok(())
}

/// The top of the source tree.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A run of the product that has attached its hooks. It is killed when dropped.
pub struct Run {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    messages: Vec<String>,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Lines of stdout that were not read before.
    pub stdout: Vec<String>,
    /// All lines of stderr.
    pub stderr: Vec<String>,
}

impl Run {
    /// Starts the product with `arguments` in a netns and waits until it says that it watches.
    pub fn start(netns: &Netns, arguments: &[&str]) -> Result<Self> {
        let mut command = netns.command(binary()?);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start dnstrace")?;
        let stdout = lines(child.stdout.take().context("no stdout")?);
        let stderr = lines(child.stderr.take().context("no stderr")?);
        let mut run = Self { child, stdout, stderr, messages: Vec::new() };
        run.wait_until_watching()?;
        Ok(run)
    }

    fn wait_until_watching(&mut self) -> Result<()> {
        loop {
            match self.stderr.recv_timeout(START_PATIENCE) {
                Ok(line) => self.messages.push(line),
                Err(error) => bail!("dnstrace does not watch ({error}): {}", self.messages.join("\n")),
            }
            if self.messages.last().is_some_and(|line| line.starts_with("watching")) {
                return Ok(());
            }
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// The next line of its stdout, as JSON, that `wanted` accepts.
    pub fn next(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        loop {
            let line = self.stdout.recv_timeout(STOP_PATIENCE).context("dnstrace does not print what is waited for")?;
            let value: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
            if wanted(&value) {
                return Ok(value);
            }
        }
    }

    /// Asks it to end (SIGINT) and reads the rest of its output.
    pub fn stop(self) -> Result<Ended> {
        self.signal(Signal::SIGINT)
    }

    /// Sends it a signal that ends it, and reads the rest of its output.
    pub fn signal(self, signal: Signal) -> Result<Ended> {
        kill(self.pid(), signal)?;
        self.end()
    }

    /// Waits until it ends by itself and reads the rest of its output.
    pub fn end(mut self) -> Result<Ended> {
        let stdout = rest(&self.stdout)?;
        let mut stderr = std::mem::take(&mut self.messages);
        stderr.extend(rest(&self.stderr)?);
        Ok(Ended { status: self.child.wait()?, stdout, stderr })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Lines of stdout as JSON.
    pub fn json(&self) -> Result<Vec<Value>> {
        ensure!(self.status.success(), "{}\n{}", self.status, self.stderr.join("\n"));
        self.stdout.iter().map(|line| serde_json::from_str(line).with_context(|| line.clone())).collect()
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The lines until the other end is closed.
fn rest(lines: &Receiver<String>) -> Result<Vec<String>> {
    let mut all = Vec::new();
    loop {
        match lines.recv_timeout(STOP_PATIENCE) {
            Ok(line) => all.push(line),
            Err(RecvTimeoutError::Disconnected) => return Ok(all),
            Err(RecvTimeoutError::Timeout) => bail!("dnstrace does not end; so far: {all:?}"),
        }
    }
}
