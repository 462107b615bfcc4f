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
        // One that is gone meanwhile needs nothing.
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

/// Halts one of Kubernetes' programs, whose folder is `kubernetes`.
pub(super) fn halt(kubernetes: &Path, name: &str) -> Result<Halted> {
    let process = find(&kubernetes.join(name))?.with_context(|| format!("{name} does not run"))?;
    kill(process, Signal::SIGSTOP)?;
    Ok(Halted(process))
}

/// Ends one of them, and waits until it has.
pub(super) fn end(kubernetes: &Path, name: &str) -> Result<()> {
    let program = kubernetes.join(name);
    wait::until(&format!("the end of {name}"), END_LIMIT, || {
        let Some(process) = find(&program)? else { return Ok(Some(())) };
        // It may have ended since.
        let _ = kill(process, Signal::SIGTERM);
        Ok(None)
    })
}

/// The process that was started by this path: all of Kubernetes is one program, whose names are links to it.
fn find(program: &Path) -> Result<Option<Pid>> {
    let begins_with = |process: &i32| {
        let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        command.split(|byte| *byte == 0).next() == Some(program.as_os_str().as_encoded_bytes())
    };
    let mut processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(processes.find(begins_with).map(Pid::from_raw))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn process_is_found_by_the_path_it_was_started_by() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/bin/sleep", folder.path().join("sleeper")).unwrap();
        let mut child = Command::new(folder.path().join("sleeper")).arg("60").spawn().unwrap();
        let halted = halt(folder.path(), "sleeper").unwrap();
        assert_eq!(halted.0, Pid::from_raw(child.id().cast_signed()));
        drop(halted);
        assert!(halt(folder.path(), "sleep").is_err());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
