//! The other end of a recording: blocks to files. A file is whole at every moment: it ends with a whole block.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use nix::errno::Errno;

use super::Chunk;
use super::block::whole;
use crate::capture::WallTime;
use crate::sink::time;

/// Where a recording goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard output.
    Stdout,
    /// One file.
    File(PathBuf),
    /// Several files, named for this one; of them the newest, at most so many.
    Files(PathBuf, Option<usize>),
}

/// What was recorded so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Packets.
    pub packets: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files, those removed among them.
    pub files: u64,
    /// Files that are there.
    pub kept: usize,
    /// The first and the last file that are there.
    pub names: Option<(PathBuf, PathBuf)>,
}

/// Why a recording ended early.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {source}")]
pub struct RecordingError {
    /// Which file.
    pub place: String,
    /// Why.
    pub source: io::Error,
}

/// A recording that is being written.
pub struct Recording {
    place: Place,
    open: Option<Open>,
    recorded: Recorded,
    names: VecDeque<PathBuf>,
    /// A file that was not there before, and has nothing in it yet.
    created: Option<PathBuf>,
}

/// The file that is being written; `None` is standard output.
struct Open {
    path: Option<PathBuf>,
    out: Box<dyn Write + Send>,
    file: Option<File>,
    /// Its length.
    bytes: u64,
}

impl Recording {
    /// Makes sure that it can be written, before anything is captured for it.
    pub fn create(place: Place) -> Result<Self, RecordingError> {
        let mut recording =
            Self { place, open: None, recorded: Recorded::default(), names: VecDeque::new(), created: None };
        match recording.place.clone() {
            Place::Stdout => {}
            Place::File(path) => {
                let is_new = !path.exists();
                recording.open = Some(Open::file(&path)?);
                recording.created = is_new.then_some(path);
            }
            // Their names have times that are not known yet.
            Place::Files(path, _) => {
                is_no_folder(&path)?;
                is_writable(folder(&path))?;
            }
        }
        Ok(recording)
    }

    /// Writes what comes until the channel ends; says after each chunk what was recorded so far.
    pub fn write_all(mut self, chunks: &Receiver<Chunk>, tell: impl Fn(&Recorded)) -> Result<Recorded, RecordingError> {
        while let Ok(chunk) = chunks.recv() {
            match chunk {
                Chunk::Begin(wall) => self.begin(wall)?,
                Chunk::Blocks { bytes, packets } => self.write(&bytes, packets)?,
            }
            tell(&self.recorded);
        }
        Ok(std::mem::take(&mut self.recorded))
    }

    fn begin(&mut self, wall: WallTime) -> Result<(), RecordingError> {
        self.recorded.files += 1;
        self.created = None;
        let open = match (&self.place, self.open.take()) {
            (Place::File(_), Some(open)) => open.emptied()?,
            (Place::Stdout, _) => Open { path: None, out: Box::new(io::stdout()), file: None, bytes: 0 },
            (Place::File(path), None) => Open::file(path)?.emptied()?,
            (Place::Files(path, _), _) => Open::file(&numbered(path, self.recorded.files, wall))?.emptied()?,
        };
        self.names.extend(open.path.clone());
        self.open = Some(open);
        self.remove_oldest();
        self.recorded.kept = self.names.len();
        let ends = self.names.front().zip(self.names.back());
        self.recorded.names = ends.map(|(first, last)| (first.clone(), last.clone()));
        Ok(())
    }

    fn remove_oldest(&mut self) {
        let Place::Files(_, Some(keep)) = self.place else { return };
        while self.names.len() > keep.max(1) {
            let Some(oldest) = self.names.pop_front() else { return };
            // Somebody else may have moved it away, as is the use of files that are complete.
            let _ = fs::remove_file(oldest);
        }
    }

    fn write(&mut self, bytes: &[u8], packets: u64) -> Result<(), RecordingError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.write(bytes)?;
        self.recorded.packets += packets;
        self.recorded.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for Recording {
    /// Where nothing began, nothing is left.
    fn drop(&mut self) {
        if let Some(created) = &self.created {
            let _ = fs::remove_file(created);
        }
    }
}

impl Open {
    /// What is in the file stays there until something is recorded.
    fn file(path: &Path) -> Result<Self, RecordingError> {
        let failed = |source| RecordingError { place: path.display().to_string(), source };
        let file = File::options().write(true).create(true).truncate(false).open(path).map_err(failed)?;
        // Only what has a length can be cut back to its last whole block.
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        let out = Box::new(file.try_clone().map_err(failed)?);
        Ok(Self { path: Some(path.to_owned()), out, file: is_file.then_some(file), bytes: 0 })
    }

    fn emptied(self) -> Result<Self, RecordingError> {
        let emptied = self.file.as_ref().map_or(Ok(()), |file| file.set_len(0));
        emptied.map_err(|error| self.failed(error)).map(|()| self)
    }

    /// Writes whole blocks; when that fails, as many whole blocks as there was room for.
    fn write(&mut self, bytes: &[u8]) -> Result<(), RecordingError> {
        let mut written = 0;
        while written < bytes.len() {
            match self.out.write(&bytes[written..]) {
                Ok(0) => return Err(self.cut_back(bytes, written, ErrorKind::WriteZero.into())),
                Ok(length) => written += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.cut_back(bytes, written, error)),
            }
        }
        self.bytes += bytes.len() as u64;
        let flushed = self.out.flush();
        flushed.map_err(|error| self.failed(error))
    }

    fn cut_back(&self, bytes: &[u8], written: usize, error: io::Error) -> RecordingError {
        if let Some(file) = &self.file {
            // Where this fails, too, the reader finds a file that is cut off, and all before it.
            let _ = file.set_len(self.bytes + whole(bytes, written) as u64);
        }
        self.failed(error)
    }

    fn failed(&self, source: io::Error) -> RecordingError {
        let place = self.path.as_ref().map_or("standard output".to_owned(), |path| path.display().to_string());
        RecordingError { place, source }
    }
}

/// `dns_00002_20261125014512.pcapng`: the number of the file, and when it begins, UTC.
fn numbered(path: &Path, number: u64, wall: WallTime) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map_or_else(String::new, |extension| format!(".{}", extension.to_string_lossy()));
    path.with_file_name(format!("{stem}_{number:05}_{}{extension}", time::digits(wall)))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn is_no_folder(path: &Path) -> Result<(), RecordingError> {
    let error = || RecordingError { place: path.display().to_string(), source: Errno::EISDIR.into() };
    if path.is_dir() { Err(error()) } else { Ok(()) }
}

fn is_writable(folder: &Path) -> Result<(), RecordingError> {
    let writable = nix::unistd::access(folder, nix::unistd::AccessFlags::W_OK);
    writable.map_err(|error| RecordingError { place: folder.display().to_string(), source: error.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_stays_until_something_is_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, b"recorded before").unwrap();
        drop(Recording::create(Place::File(old.clone())).unwrap());
        drop(Recording::create(Place::File(new.clone())).unwrap());
        assert_eq!((fs::read(&old).unwrap(), new.exists()), (b"recorded before".to_vec(), false));
        let (sender, chunks) = std::sync::mpsc::sync_channel(2);
        sender.send(Chunk::Begin(WallTime(0))).unwrap();
        sender.send(Chunk::Blocks { bytes: b"blocks".to_vec(), packets: 1 }).unwrap();
        drop(sender);
        let recorded = Recording::create(Place::File(old.clone())).unwrap().write_all(&chunks, |_| {}).unwrap();
        assert_eq!((fs::read(&old).unwrap(), recorded.packets), (b"blocks".to_vec(), 1));
    }

    #[test]
    fn names_tell_number_and_time() {
        let wall = WallTime(1_795_442_602_512_345_678);
        let name = |path: &str| numbered(Path::new(path), 2, wall).display().to_string();
        assert_eq!(name("dns.pcapng"), "dns_00002_20261123140322.pcapng");
        assert_eq!(name("/tmp/a.b/dns"), "/tmp/a.b/dns_00002_20261123140322");
    }
}
