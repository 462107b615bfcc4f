//! One run: a thread for the pipeline, a thread for the writer, and signals and time limit here.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::Failure;
use super::message::say;
use crate::pipeline::Stop;
use crate::sink::{Format, Outlet, OutletOptions, Summary, write_all};

/// A person who presses Ctrl-C waits a second at most; two stages of ending share it.
const GRACE: Duration = Duration::from_millis(450);

/// How a run goes.
pub(super) struct Session {
    /// What is shown.
    pub(super) outlet: OutletOptions,
    /// How it is written.
    pub(super) format: Format,
    /// When it ends by itself.
    pub(super) run_for: Option<Duration>,
}

/// Runs `pipeline` on a thread of its own until it ends, a signal comes or the time is over.
pub(super) fn run<P>(session: Session, pipeline: P) -> Result<Arc<Summary>, Failure>
where
    P: FnOnce(Outlet, &Stop) -> Result<Arc<Summary>, Failure> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::threads)?;
    let result = runtime.block_on(control(session, pipeline));
    // The writer may hang in a write to a terminal that nobody reads: it ends with the process.
    runtime.shutdown_background();
    result
}

async fn control<P>(session: Session, pipeline: P) -> Result<Arc<Summary>, Failure>
where
    P: FnOnce(Outlet, &Stop) -> Result<Arc<Summary>, Failure> + Send + 'static,
{
    // Before anything is attached: a signal that comes meanwhile is not lost.
    let mut signals = Signals::new().map_err(Failure::threads)?;
    let stop = Stop::default();
    let (outlet, items) = Outlet::new(session.outlet);
    let mut format = session.format;
    let written = spawn("writer", move || write_all(&items, &mut format, &mut io::stdout().lock()))?;
    let stopped = stop.clone();
    let mut summary = spawn("pipeline", move || pipeline(outlet, &stopped))?;
    let ended = tokio::select! {
        result = &mut summary => Some(result),
        () = signals.next() => None,
        () = time_limit(session.run_for) => None,
    };
    stop.request();
    let ended = match ended {
        Some(result) => Ok(result),
        None => timeout(GRACE, summary).await,
    };
    let written = timeout(GRACE, written).await;
    match written {
        Ok(Ok(Err(error))) if error.kind() != io::ErrorKind::BrokenPipe => return Err(Failure::output(&error)),
        Err(_) => say("standard output is blocked: not everything was written"),
        _ => {}
    }
    match ended {
        Ok(Ok(summary)) => summary,
        Ok(Err(_)) => Err(Failure::Internal("the pipeline ended without a summary".to_owned())),
        Err(_) => Err(Failure::Internal("stopped without a summary, as input or output is blocked".to_owned())),
    }
}

/// Runs `work` on a thread of its own; gives its result.
fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<oneshot::Receiver<T>, Failure> {
    let (sender, receiver) = oneshot::channel();
    let body = move || {
        // Nobody waits any more when the grace is over.
        let _ = sender.send(work());
    };
    thread::Builder::new().name(name.to_owned()).spawn(body).map_err(Failure::threads)?;
    Ok(receiver)
}

async fn time_limit(run_for: Option<Duration>) {
    match run_for {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
