//! dnstrace while the demo runs: its stdout is the demo's, its stderr is read for its begin and its end and passed on.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, Command, Stdio};

use anyhow::{Context, Result, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::signals::{self, Signals};

/// dnstrace, attached.
pub(super) struct Tracer {
    child: Child,
    stderr: ChildStderr,
}

impl Tracer {
    /// Starts it and waits until it watches.
    pub(super) fn start(dnstrace: &mut Command) -> Result<Self> {
        // A terminal's Ctrl-C comes to the demo alone, which passes it on: twice would be once too often.
        let mut child =
            signals::unblock(dnstrace).process_group(0).stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().context("no stderr of dnstrace")?;
        let mut tracer = Self { child, stderr };
        let mut said = String::new();
        while !said.contains("watching device") {
            ensure!(tracer.pass_on(&mut said)?, "dnstrace did not start: {}", tracer.child.wait()?);
        }
        Ok(tracer)
    }

    /// Passes on what it says until it ends; a signal asks it to.
    pub(super) fn until_end(mut self, signals: &Signals) -> Result<()> {
        loop {
            let mut fds = [self.stderr.as_fd(), signals.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            poll(&mut fds, PollTimeout::NONE)?;
            let [said, signalled] = fds.map(|fd| fd.any().unwrap_or(false));
            if signalled && signals.came()? {
                kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT)?;
            }
            if said && !self.pass_on(&mut String::new())? {
                let status = self.child.wait()?;
                ensure!(status.success(), "dnstrace: {status}");
                return Ok(());
            }
        }
    }

    /// Passes on what there is and adds it to `said`; `false` at the end.
    fn pass_on(&mut self, said: &mut String) -> Result<bool> {
        let mut buffer = [0; 4096];
        let length = self.stderr.read(&mut buffer)?;
        // Nobody may read the demo's stderr any more; it ends all the same.
        let _ = std::io::stderr().write_all(&buffer[..length]);
        said.push_str(&String::from_utf8_lossy(&buffer[..length]));
        Ok(length > 0)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
