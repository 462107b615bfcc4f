//! One run: a thread for the pipeline, a thread for the writer, and signals here.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

use super::Failure;
use super::message::say;
use super::patience::{Patience, Signals};
use super::recording::RecordingSession;
use super::reporting::print;
use crate::pipeline::{Ended, Outputs, Stop};
use crate::rules::report::Report;
use crate::rules::{RuleOptions, Rules};
use crate::sink::{
    Format, Observed, Outlet, OutletOptions, ReportFormat, Show, Summary, WhenFull, WriterEnd, write_all,
};

/// After a signal, so long for what lies in ring buffer and tables. A pipeline that waits for no writer ends by itself,
/// within half a second where the machine has nothing else to do;
const GRACE: Duration = Duration::from_secs(15);
/// one that does may wait for ever for who reads its output.
const BLOCKED_GRACE: Duration = Duration::from_millis(650);
/// Then so long for the last lines to be taken,
const WRITER_GRACE: Duration = Duration::from_millis(250);
/// and so often, as long as standard output takes some: it is the machine that is slow.
const WRITER_WAITS: u32 = 4;

/// How a run goes.
pub(super) struct Session {
    /// What is shown.
    pub(super) outlet: OutletOptions,
    /// How it is written.
    pub(super) format: Format,
    /// What is recorded.
    pub(super) recording: Option<RecordingSession>,
    /// How what was observed is reported at the end, if it is.
    pub(super) report: Option<ReportFormat>,
    /// Where people differ about what is a problem.
    pub(super) rules: RuleOptions,
}

/// Runs `pipeline` on a thread of its own until it ends or a signal comes.
pub(super) fn run<P>(session: Session, stop: Stop, pipeline: P) -> Result<Arc<Summary>, Failure>
where
    P: FnOnce(Outputs) -> Result<Ended, Failure> + Send + 'static,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure::threads(&error))?;
    let result = runtime.block_on(control(session, stop, pipeline));
    // The writer may hang in a write to a terminal that nobody reads: it ends with the process.
    runtime.shutdown_background();
    result
}

async fn control<P>(session: Session, stop: Stop, pipeline: P) -> Result<Arc<Summary>, Failure>
where
    P: FnOnce(Outputs) -> Result<Ended, Failure> + Send + 'static,
{
    // Before anything is attached: a signal that comes meanwhile is not lost.
    let signals = Signals::new().map_err(|error| Failure::threads(&error))?;
    let shows = session.outlet.show != Show::Nothing;
    let may_block = session.outlet.when_full == WhenFull::Wait && (shows || session.recording.is_some());
    let (outlet, writer_end) = Outlet::new(session.outlet);
    let written = start_writer(writer_end, session.format, shows, stop.clone())?;
    let start = |recording: RecordingSession| recording.start(shows, stop.clone());
    let (recorder, running) = session.recording.map(start).transpose()?.unzip();
    let options = session.rules;
    let report = session.report.map(|_| Box::new(Report::new().slow_from(options.slow)));
    let rules = (report.is_some() || outlet.show() == Show::Transactions).then(|| Rules::with(options));
    let mut summary = start_pipeline(pipeline, Outputs { outlet, recorder, rules, report })?;
    let mut patience = Patience::new(signals, stop);
    let summary = patience.wait(&mut summary, if may_block { BLOCKED_GRACE } else { GRACE }).await;
    let written = writer_end_of(written, &mut patience).await;
    let told = match running {
        Some(running) => Some(running.end(&mut patience).await),
        None => None,
    };
    // What could not start recorded nothing.
    if let Some(Err(failure)) = summary {
        return Err(failure);
    }
    if let Some(told) = told {
        say(&told?);
    }
    match written {
        Some(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => return Err(Failure::output(&error)),
        None => say("standard output is blocked: not everything was written"),
        _ => {}
    }
    let (summary, observed) = summary.unwrap_or_else(|| Err(patience.failure()))?;
    if let Some((format, observed)) = session.report.zip(observed) {
        print(observed, Arc::clone(&summary), format, &mut patience).await?;
    }
    Ok(summary)
}

/// The writer's result; `None` when what reads standard output is blocked.
async fn writer_end_of(mut written: Written, patience: &mut Patience) -> Option<io::Result<()>> {
    for _ in 0..WRITER_WAITS {
        let result = patience.wait(&mut written, WRITER_GRACE).await;
        if result.is_some() || !takes_more(&io::stdout()) {
            return result;
        }
    }
    None
}

/// Whether something can be written without waiting for who reads it.
fn takes_more(out: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(out.as_fd(), PollFlags::POLLOUT)];
    poll(&mut polled, PollTimeout::ZERO).is_ok_and(|ready| ready != 0)
}

type Written = oneshot::Receiver<io::Result<()>>;

fn start_writer(end: WriterEnd, mut format: Format, shows: bool, stop: Stop) -> Result<Written, Failure> {
    spawn("writer", move |done| {
        let mut out: Box<dyn io::Write> = if shows { Box::new(io::stdout()) } else { Box::new(io::sink()) };
        let result = write_all(&end, &mut format, &mut out, say);
        // Who closed the pipe waits for nothing more, however quiet the network is.
        stop.request();
        let _ = done.send(result);
    })
}

type Summarised = Result<(Arc<Summary>, Option<Observed>), Failure>;

fn start_pipeline<P>(pipeline: P, outputs: Outputs) -> Result<oneshot::Receiver<Summarised>, Failure>
where
    P: FnOnce(Outputs) -> Result<Ended, Failure> + Send + 'static,
{
    spawn("pipeline", move |done| match pipeline(outputs) {
        Ok(Ended { summary, observed, outlet, recorder }) => {
            let _ = done.send(Ok((Arc::clone(&summary), observed)));
            // These may wait for writers that are blocked: nobody waits for these, and neither for the other.
            let _ = recorder.map(|mut recorder| spawn::<()>("recorder", move |_done| recorder.end()));
            outlet.end(summary);
        }
        Err(failure) => drop(done.send(Err(failure))),
    })
}

/// Runs `work` on a thread of its own. It sends its result when it has one, which may be before it ends; when the grace
/// is over, nobody receives it.
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(oneshot::Sender<T>) + Send + 'static,
) -> Result<oneshot::Receiver<T>, Failure> {
    let (sender, receiver) = oneshot::channel();
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || work(sender)).map_err(|error| Failure::threads(&error))?;
    Ok(receiver)
}
