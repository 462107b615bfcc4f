//! `dnstrace read`: the same for a capture file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::arguments::ReadArguments;
use super::session::{Session, run};
use super::{Failure, configuration};
use crate::capture::file::CaptureFile;
use crate::pipeline::{Stop, run_file};
use crate::sink::{Summary, WhenFull};

/// Bytes taken from the file at once: a system call for some hundred packets.
const BUFFER_BYTES: usize = 256 * 1024;
/// How often a wait for standard input looks whether to stop.
const STOP_CHECK_MS: u16 = 100;

/// Runs it; gives what it adds up to.
pub(super) fn read(arguments: &ReadArguments) -> Result<Arc<Summary>, Failure> {
    let pipeline_options = configuration::pipeline(&arguments.show);
    let session = Session {
        outlet: configuration::outlet(&arguments.show, WhenFull::Wait),
        format: configuration::format(&arguments.show),
    };
    let path = arguments.file.clone();
    run(session, move |outlet, stop| {
        let failed = |error: &dyn std::error::Error| Failure::Start(format!("{}: {error}", path.display()));
        let file = open(&path).map_err(|error| failed(&error))?;
        let reader = BufReader::with_capacity(BUFFER_BYTES, Interruptible { file, stop: stop.clone() });
        let capture = CaptureFile::open(reader).map_err(|error| failed(&error))?;
        Ok(run_file(capture, &pipeline_options, outlet, stop))
    })
}

fn open(path: &Path) -> io::Result<File> {
    if path == Path::new("-") { io::stdin().as_fd().try_clone_to_owned().map(File::from) } else { File::open(path) }
}

/// A file that ends when it is told to: a pipe may have nothing to read for ever.
struct Interruptible {
    file: File,
    stop: Stop,
}

impl Read for Interruptible {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.stop.is_requested() {
            let mut waited = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waited, PollTimeout::from(STOP_CHECK_MS))? != 0 {
                return self.file.read(buffer);
            }
        }
        Ok(0)
    }
}
