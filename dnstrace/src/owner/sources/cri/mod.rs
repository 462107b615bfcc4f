//! The container runtime's CRI socket to pods and containers: names, labels, addresses, and who has the node's network.
//!
//! Only calls that read are made. `GetContainerEvents` is not among them: containerd 1.7 gives each event to one of those
//! who listen, and kubelet may be another.

mod client;
mod known;
mod list;
mod message;
mod pod;
mod runtime;
mod socket;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

use self::known::Known;
use self::runtime::{Missing, Runtime};
use self::socket::Places;
use super::{Ask, CriOption, NobodyListens, State, Teller};

/// How long it waits for what.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// For an answer: a busy runtime takes a second for a thousand pods.
    call: Duration,
    /// From listing to listing, when nobody asks.
    listing: Duration,
    /// From listing to listing at the least: a listing costs the runtime some milliseconds.
    gap: Duration,
    /// For a runtime that is away, at first,
    back_off_min: Duration,
    /// and after several attempts.
    back_off_max: Duration,
}

const PACE: Pace = Pace {
    call: Duration::from_secs(5),
    listing: Duration::from_secs(10),
    gap: Duration::from_millis(200),
    back_off_min: Duration::from_secs(1),
    back_off_max: Duration::from_secs(30),
};

/// Tells the runtime's pods and containers, and what changes, until nobody listens. What it told stays while the runtime
/// is away. Asks for cgroups and netns are answered by a listing at once.
pub async fn run(
    option: CriOption,
    host_root: PathBuf,
    teller: Teller,
    asks: Receiver<Ask>,
) -> Result<(), NobodyListens> {
    match Places::new(option, &host_root) {
        Some(places) => Watch { places, pace: PACE, teller, asks, known: Known::default(), told: None }.run().await,
        None => teller.report(State::Absent, "--cri off".to_owned(), "", 0).await,
    }
}

struct Watch {
    places: Places,
    pace: Pace,
    teller: Teller,
    asks: Receiver<Ask>,
    known: Known,
    told: Option<(State, String, u64)>,
}

impl Watch {
    async fn run(mut self) -> Result<(), NobodyListens> {
        let mut back_off = self.pace.back_off_min;
        loop {
            if self.attempt().await? {
                back_off = self.pace.back_off_min;
            }
            sleep(back_off).await;
            back_off = (back_off * 2).min(self.pace.back_off_max);
        }
    }

    /// Follows a runtime if there is one. Returns whether it did.
    async fn attempt(&mut self) -> Result<bool, NobodyListens> {
        match Runtime::choose(&self.places, self.pace.call).await {
            Ok(runtime) => return self.follow(runtime).await,
            Err(Missing::Absent) => {
                self.report(State::Absent, "no container runtime's socket".to_owned(), "").await?;
            }
            Err(Missing::Failed(path, failure)) => {
                self.report(State::Failed, format!("{}: {failure}", path.display()), failure.remedy()).await?;
            }
        }
        Ok(false)
    }

    /// Tells what a runtime lists for as long as it does. Returns whether it did at all.
    async fn follow(&mut self, mut runtime: Runtime) -> Result<bool, NobodyListens> {
        let mut has_listed = false;
        loop {
            // Whoever asked until now is answered by the listing that follows.
            while self.asks.try_recv().is_ok() {}
            let listing = match runtime.list(&self.known).await {
                Ok(listing) => listing,
                Err(failure) => {
                    self.report(State::Failed, format!("{}: {failure}", runtime.name), failure.remedy()).await?;
                    return Ok(has_listed);
                }
            };
            has_listed = true;
            for fact in self.known.learn(&listing) {
                self.teller.tell(fact).await?;
            }
            drop(listing);
            let (pods, containers) = (self.known.pods(), self.known.containers());
            self.report(State::Ready, format!("{}: {pods} pods, {containers} containers", runtime.name), "").await?;
            self.wait().await;
            if pods == 0 && self.places.may_be_another() {
                return Ok(has_listed);
            }
        }
    }

    /// Until the next listing.
    async fn wait(&mut self) {
        sleep(self.pace.gap).await;
        tokio::select! {
            () = sleep(self.pace.listing) => {}
            () = asked(&mut self.asks) => {}
        }
    }

    /// Reports what was not reported before.
    async fn report(&mut self, state: State, found: String, remedy: &str) -> Result<(), NobodyListens> {
        let report = (state, found, self.known.skipped);
        if self.told.as_ref() == Some(&report) {
            return Ok(());
        }
        self.teller.report(state, report.1.clone(), remedy, report.2).await?;
        self.told = Some(report);
        Ok(())
    }
}

/// Waits for a question that a listing may answer.
async fn asked(asks: &mut Receiver<Ask>) {
    loop {
        match asks.recv().await {
            Some(Ask::Cgroup { .. } | Ask::Netns(_)) => return,
            Some(Ask::Address(_)) => {}
            // Nobody will ask any more. Whether anybody listens, telling says.
            None => std::future::pending().await,
        }
    }
}
