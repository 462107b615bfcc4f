//! The node's programs while it stands: one that stops answering, one that starts again with another configuration.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait;

/// Nothing of the node needs longer to end.
const END_LIMIT: Duration = Duration::from_secs(20);

/// A program that does not run until this is dropped: who asks it gets no answer.
#[derive(Debug)]
pub struct Halted(Pid);

impl Drop for Halted {
    fn drop(&mut self) {
        // One that is gone meanwhile needs nothing. nsenter, which started it, stops when it does.
        for process in parent(self.0).into_iter().chain([self.0]) {
            let _ = kill(process, Signal::SIGCONT);
        }
    }
}

/// Halts the program whose command line begins with these words.
pub(super) fn halt(words: &[&Path]) -> Result<Halted> {
    let process = find(words)?.with_context(|| format!("{words:?} does not run"))?;
    kill(process, Signal::SIGSTOP)?;
    Ok(Halted(process))
}

/// Ends one of them, and waits until it has.
pub(super) fn end(kubernetes: &Path, name: &str) -> Result<()> {
    let program = kubernetes.join(name);
    wait::until(&format!("the end of {name}"), END_LIMIT, || {
        let Some(process) = find(&[&program])? else { return Ok(Some(())) };
        // It may have ended since.
        let _ = kill(process, Signal::SIGTERM);
        Ok(None)
    })
}

/// proc(5): the second number after the program's name, which may have any character in it.
fn parent(process: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_name, numbers) = stat.rsplit_once(") ")?;
    numbers.split(' ').nth(1)?.parse().ok().map(Pid::from_raw)
}

/// The process whose command line begins so: all of Kubernetes is one program, whose names are links to it, and others on
/// this machine run a server of the same name.
fn find(words: &[&Path]) -> Result<Option<Pid>> {
    let begins_so = |process: &i32| {
        let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let mut has = command.split(|byte| *byte == 0);
        words.iter().all(|word| has.next() == Some(word.as_os_str().as_encoded_bytes()))
    };
    let mut processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(processes.find(begins_so).map(Pid::from_raw))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn process_is_found_by_how_its_command_line_begins() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/bin/sleep", folder.path().join("sleeper")).unwrap();
        let mut child = Command::new(folder.path().join("sleeper")).arg("60").spawn().unwrap();
        let sleeper = folder.path().join("sleeper");
        // The kernel lets the parent go on a moment before the child has its command line.
        let halted = wait::until_ok("a sleeper", END_LIMIT, || halt(&[&sleeper, Path::new("60")])).unwrap();
        assert_eq!(halted.0, Pid::from_raw(child.id().cast_signed()));
        drop(halted);
        assert!(halt(&[&folder.path().join("sleep")]).is_err());
        assert!(halt(&[&sleeper, Path::new("6")]).is_err());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
