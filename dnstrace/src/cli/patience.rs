//! How long a run is waited for: as long as it takes, then for a grace after a signal, then no more after a second one.

use std::fs;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::Failure;
use crate::pipeline::Stop;

/// What comes so soon after a signal is no second one: `timeout` sends one to its child and one to their group, and nobody
/// presses keys so fast.
const ECHO: Duration = Duration::from_millis(100);

/// Waits until a signal comes, and then not for long.
pub(super) struct Patience {
    signals: Signals,
    stop: Stop,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody wants it to end.
    Long,
    /// A signal has come; what comes from then on is a second one.
    Short(Instant),
    /// That has come, too.
    Over,
}

impl Patience {
    /// No signal has come; the first one requests `stop`.
    pub(super) fn new(signals: Signals, stop: Stop) -> Self {
        Self { signals, stop, state: State::Long }
    }

    /// What `receiver` gives; `None` when the grace is over, or the thread ended without a result.
    pub(super) async fn wait<T>(&mut self, receiver: &mut oneshot::Receiver<T>, grace: Duration) -> Option<T> {
        if self.state == State::Long {
            tokio::select! {
                result = &mut *receiver => return result.ok(),
                () = self.signals.next() => {}
            }
            self.state = State::Short(Instant::now() + ECHO);
            self.stop.request();
        }
        if let State::Short(echo) = self.state {
            tokio::select! {
                result = timeout(grace, &mut *receiver) => return result.ok()?.ok(),
                () = self.signals.next_from(echo) => {}
            }
            self.state = State::Over;
        }
        receiver.try_recv().ok()
    }

    /// From here on it takes another signal: the one that came asked for what follows.
    pub(super) fn renew(&mut self) {
        if self.state != State::Over {
            self.state = State::Long;
        }
    }

    /// Why there is no summary.
    pub(super) fn failure(&self) -> Failure {
        let why = if self.state == State::Over { "by a second signal" } else { "as input or output is blocked" };
        Failure::Internal(format!("stopped without a summary, {why}"))
    }
}

/// The signals that end a run. The third is that of a terminal that is closed, unless `nohup` has it ignored.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// From now on they end nothing by themselves.
    pub(super) fn new() -> io::Result<Self> {
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

    /// The next one that does not come before `time`.
    async fn next_from(&mut self, time: Instant) {
        let mut begin = pin!(sleep_until(time));
        loop {
            tokio::select! {
                biased;
                () = &mut begin => break,
                () = self.next() => {}
            }
        }
        self.next().await;
    }
}

/// As `proc_pid_status(5)` says: a mask with the first signal, which this is, as its lowest bit.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")?.trim().chars().last()?.to_digit(16));
    mask.is_some_and(|lowest| lowest & 1 == 1)
}
