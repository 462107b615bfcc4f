//! A recording beside what a run shows: what it is asked for, its thread, its end.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;

use super::arguments::{FileArguments, FormatArgument, ShowArguments};
use super::patience::Patience;
use super::progress::Progress;
use super::quantity::shown_size;
use super::session::spawn;
use super::{Failure, configuration};
use crate::pipeline::Stop;
use crate::sink::WhenFull;
use crate::sink::pcapng::{Maker, Place, Recorded, Recorder, RecorderOptions, Recording, RecordingError, Rotation};

/// After a signal, so long for what waits to be written: a disk may be slow,
const FILE_GRACE: Duration = Duration::from_secs(5);
/// who reads standard output may have stopped to read.
const STREAM_GRACE: Duration = Duration::from_millis(250);

/// A recording that can begin.
pub(super) struct RecordingSession {
    options: RecorderOptions,
    files: Recording,
    is_stream: bool,
    shows_progress: bool,
}

/// A recording that is being written.
pub(super) struct Running {
    result: oneshot::Receiver<Result<Recorded, RecordingError>>,
    progress: Progress,
    grace: Duration,
}

impl RecordingSession {
    /// The same where something else shows how far it is.
    pub(super) fn without_progress(self) -> Self {
        Self { shows_progress: false, ..self }
    }

    /// Starts the thread that writes; what it gives goes to the pipeline.
    pub(super) fn start(self, print: bool, stop: Stop) -> Result<(Recorder, Running), Failure> {
        let Self { options, files, is_stream, shows_progress } = self;
        let (recorder, chunks) = Recorder::new(options);
        let progress = if shows_progress { Progress::of_recording(print) } else { Progress::hidden() };
        let shown = progress.clone();
        let result = spawn("recording", move |done| {
            let result = files.write_all(&chunks, |recorded| shown.recorded(recorded));
            // What cannot be written need not be captured.
            stop.request();
            let _ = done.send(result);
        })?;
        Ok((recorder, Running { result, progress, grace: if is_stream { STREAM_GRACE } else { FILE_GRACE } }))
    }
}

impl Running {
    /// Waits until all is written; gives what to say of it.
    pub(super) async fn end(mut self, patience: &mut Patience) -> Result<String, Failure> {
        let result = patience.wait(&mut self.result, self.grace).await;
        self.progress.end();
        match result {
            None => Ok("what is recorded to is blocked: not everything was written".to_owned()),
            Some(Ok(recorded)) => Ok(told(&recorded)),
            Some(Err(error)) if error.source.kind() == io::ErrorKind::BrokenPipe => {
                Ok("recorded until the pipe was closed".to_owned())
            }
            Some(Err(error)) => Err(Failure::Incomplete(format!("{error}; what was recorded before is whole"))),
        }
    }
}

/// What was recorded, for the user.
fn told(recorded: &Recorded) -> String {
    let text = format!("recorded {} packets, {}", recorded.packets, shown_size(recorded.bytes));
    let name = |path: &PathBuf| path.display().to_string();
    match &recorded.names {
        Some((first, last)) if first != last => {
            let newest = match u64::try_from(recorded.kept) {
                Ok(kept) if kept < recorded.files => format!(", the newest {kept} kept"),
                _ => String::new(),
            };
            format!("{text}, in {} files{newest}: {} to {}", recorded.files, name(first), name(last))
        }
        Some((only, _)) => format!("{text}: {}", name(only)),
        None => text,
    }
}

/// What is recorded, and where; what can be wrong with that is found out before anything is captured or read.
pub(super) fn recording(
    file: &FileArguments,
    show: &ShowArguments,
    maker: Maker,
    when_full: WhenFull,
) -> Result<RecordingSession, Failure> {
    if !file.print && (show.path || show.observations || show.format != FormatArgument::Text) {
        return Err(Failure::Usage("--path, --observations and --format show nothing without --print".to_owned()));
    }
    let place = place(file)?;
    let options = RecorderOptions {
        maker,
        filter: configuration::filter(show),
        count: show.count,
        rotation: Rotation { size: file.rotate_size, every: file.rotate_every },
        when_full,
    };
    let is_stream = place == Place::Stdout;
    let files = Recording::create(place).map_err(|error| Failure::Start(error.to_string()))?;
    Ok(RecordingSession { options, files, is_stream, shows_progress: true })
}

fn place(file: &FileArguments) -> Result<Place, Failure> {
    let rotates = file.rotate_size.is_some() || file.rotate_every.is_some();
    let usage = |text: &str| Err(Failure::Usage(text.to_owned()));
    if file.keep.is_some() && !rotates {
        return usage("--keep needs --rotate-size or --rotate-every: there is one file only");
    }
    if file.output != Path::new("-") {
        let keep = file.keep.map(usize::from);
        return Ok(if rotates { Place::Files(file.output.clone(), keep) } else { Place::File(file.output.clone()) });
    }
    if rotates {
        return usage("standard output is one file: --rotate-size and --rotate-every need the name of a file");
    }
    if file.print {
        return usage("standard output takes the recording or the transactions: --print needs the name of a file");
    }
    if io::stdout().is_terminal() {
        return usage("a recording is nothing for a terminal: redirect it, or pipe it into `wireshark -k -i -`");
    }
    Ok(Place::Stdout)
}
