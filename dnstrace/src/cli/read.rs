//! `dnstrace read`: the same for capture files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::arguments::{FileArguments, ReadArguments, ReadVerb};
use super::progress::Progress;
use super::recording::{RecordingSession, recording};
use super::reporting;
use super::session::{Session, run};
use super::{Failure, configuration, who};
use crate::capture::file::{CaptureFile, Captures, FILES_MAX, NamedFile};
use crate::pipeline::{Stop, run_files};
use crate::sink::pcapng::Maker;
use crate::sink::{Summary, WhenFull};

/// How often a wait for standard input looks whether to stop.
const STOP_CHECK_MS: u16 = 100;

/// Runs it; gives what it adds up to.
pub(super) fn read(arguments: &ReadArguments) -> Result<Arc<Summary>, Failure> {
    check(&arguments.files)?;
    let print = arguments.verb.as_ref().is_none_or(ReadVerb::prints);
    let progress = Progress::of_reading(total_bytes(&arguments.files), print);
    let stop = Stop::default();
    let open = |path: &PathBuf| open(path, &stop, &progress);
    let captures = Captures::new(arguments.files.iter().map(open).collect::<Result<_, _>>()?);
    let show = &arguments.show;
    let mut pipeline_options = configuration::pipeline(show);
    pipeline_options.decode.tunnels = !arguments.no_tunnels;
    pipeline_options.owners.extend(who::read_owners(&arguments.owners)?);
    let session = match &arguments.verb {
        None | Some(ReadVerb::Trace) => Session {
            outlet: configuration::outlet(show, WhenFull::Wait),
            format: configuration::format(show)?,
            recording: None,
            report: None,
            rules: configuration::rules(show),
        },
        Some(ReadVerb::Report) => reporting::session(show, WhenFull::Wait)?,
        Some(ReadVerb::Record(file)) => Session {
            outlet: configuration::outlet_beside(file.print, show, WhenFull::Wait),
            format: configuration::format(show)?,
            recording: Some({
                let recording = recording_of(file, arguments, &captures)?;
                if progress.is_shown() { recording.without_progress() } else { recording }
            }),
            report: None,
            rules: configuration::rules(show),
        },
    };
    let result = run(session, stop.clone(), move |outputs| Ok(run_files(captures, &pipeline_options, outputs, &stop)));
    progress.end();
    result
}

fn check(files: &[PathBuf]) -> Result<(), Failure> {
    if files.len() > FILES_MAX {
        return Err(Failure::Usage(format!(
            "{} files; at most {FILES_MAX} are read as one: read them in parts",
            files.len()
        )));
    }
    if files.iter().filter(|path| is_standard_input(path)).count() > 1 {
        return Err(Failure::Usage("standard input can be read once only".to_owned()));
    }
    Ok(())
}

/// A recording of what is read. It must not overwrite what is still to be read.
fn recording_of(
    file: &FileArguments,
    arguments: &ReadArguments,
    captures: &Captures<Interruptible>,
) -> Result<RecordingSession, Failure> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let output = identity(&file.output);
    let same = arguments.files.iter().find(|path| output.is_some() && identity(path) == output);
    if let Some(same) = same {
        return Err(Failure::Usage(format!("{} is read: record to another file", same.display())));
    }
    let maker = Maker { origin: captures.origin().cloned(), ..Maker::default() };
    recording(file, &arguments.show, maker, WhenFull::Wait)
}

fn open(path: &PathBuf, stop: &Stop, progress: &Progress) -> Result<NamedFile<Interruptible>, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::Start(format!("{}: {error}", path.display()));
    let file = if is_standard_input(path) {
        io::stdin().as_fd().try_clone_to_owned().map(File::from)
    } else {
        File::open(path)
    };
    let file = file.map_err(|error| failed(&error))?;
    let reader = Interruptible { file, stop: stop.clone(), progress: progress.clone() };
    let file = CaptureFile::open(reader).map_err(|error| failed(&error))?;
    Ok(NamedFile { path: path.display().to_string(), stem: stem(path), file })
}

/// `client` of `client.pcap`, and of `client.pcap.gz`.
fn stem(path: &Path) -> String {
    let is_packed = path.extension().is_some_and(|extension| extension == "gz" || extension == "zst");
    let plain = if is_packed { path.with_extension("") } else { path.to_owned() };
    plain.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// `None` when not all are files.
fn total_bytes(files: &[PathBuf]) -> Option<u64> {
    files.iter().map(|path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len())).sum()
}

/// A file that ends when it is told to: a pipe may have nothing to read for ever.
struct Interruptible {
    file: File,
    stop: Stop,
    progress: Progress,
}

impl Read for Interruptible {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.stop.is_requested() {
            let mut waited = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waited, PollTimeout::from(STOP_CHECK_MS))? != 0 {
                let read = self.file.read(buffer)?;
                self.progress.read(read);
                return Ok(read);
            }
        }
        Ok(0)
    }
}
