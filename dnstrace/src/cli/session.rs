//! One run: a thread for the pipeline, a thread for the writer, and signals here.

use std::fs;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Failure;
use super::message::say;
use super::recording::RecordingSession;
use super::reporting::print;
use crate::pipeline::{Ended, Outputs, Stop};
use crate::rules::report::Report;
use crate::rules::{RuleOptions, Rules};
use crate::sink::{Format, Observed, Outlet, OutletOptions, ReportFormat, Show, Summary, WriterEnd, write_all};

/// A person who presses Ctrl-C waits a second at most: so long for what lies in ring buffer, tables and channel,
const PIPELINE_GRACE: Duration = Duration::from_millis(650);
/// and then so long for the last lines to be taken.
const WRITER_GRACE: Duration = Duration::from_millis(250);

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
    let (outlet, writer_end) = Outlet::new(session.outlet);
    let written = start_writer(writer_end, session.format, shows, stop.clone())?;
    let start = |recording: RecordingSession| recording.start(shows, stop.clone());
    let (recorder, running) = session.recording.map(start).transpose()?.unzip();
    let options = session.rules;
    let report = session.report.map(|_| Box::new(Report::new().slow_from(options.slow)));
    let rules = (report.is_some() || outlet.show() == Show::Transactions).then(|| Rules::with(options));
    let summary = start_pipeline(pipeline, Outputs { outlet, recorder, rules, report })?;
    let mut patience = Patience { signals, stop, is_over: false };
    let summary = patience.wait(summary, PIPELINE_GRACE).await;
    let written = patience.wait(written, WRITER_GRACE).await;
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
    let stuck = || Err(Failure::Internal("stopped without a summary, as input or output is blocked".to_owned()));
    let (summary, observed) = summary.unwrap_or_else(stuck)?;
    if let Some((format, observed)) = session.report.zip(observed) {
        print(observed, Arc::clone(&summary), format, &mut patience).await?;
    }
    Ok(summary)
}

fn start_writer(
    end: WriterEnd,
    mut format: Format,
    shows: bool,
    stop: Stop,
) -> Result<oneshot::Receiver<io::Result<()>>, Failure> {
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

/// Waits as long as it takes, until a signal comes; after it, for a grace.
pub(super) struct Patience {
    signals: Signals,
    stop: Stop,
    is_over: bool,
}

impl Patience {
    /// What `receiver` gives; `None` when the grace is over, or the thread ended without a result.
    pub(super) async fn wait<T>(&mut self, mut receiver: oneshot::Receiver<T>, grace: Duration) -> Option<T> {
        if !self.is_over {
            tokio::select! {
                result = &mut receiver => return result.ok(),
                () = self.signals.next() => {}
            }
            self.is_over = true;
            self.stop.request();
        }
        timeout(grace, receiver).await.ok()?.ok()
    }

    /// From here on it takes another signal: the one that came asked for what follows.
    pub(super) fn renew(&mut self) {
        self.is_over = false;
    }
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

/// The signals that end a run. The third is that of a terminal that is closed, unless `nohup` has it ignored.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// As `proc_pid_status(5)` says: a mask with the first signal, which this is, as its lowest bit.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")?.trim().chars().last()?.to_digit(16));
    mask.is_some_and(|lowest| lowest & 1 == 1)
}
