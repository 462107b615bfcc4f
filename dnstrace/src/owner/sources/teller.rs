//! A source's end of the channel.

use std::fmt;

use tokio::sync::mpsc::Sender;

use crate::owner::fact::{Fact, Source};

/// What goes to the pipeline's thread.
#[derive(Clone, Debug)]
pub enum Update {
    /// A source says something.
    Fact(Source, Fact),
    /// How a source does: replaces what it said of itself before.
    Report(Report),
}

/// How a source does, for `doctor`, `owners` and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which source.
    pub source: Source,
    /// How it does.
    pub state: State,
    /// What it yielded and where: `12 pods in /var/lib/cni/results`; or why it did not.
    pub found: String,
    /// What to do about it; empty where nothing is to be done.
    pub remedy: String,
    /// Files, objects or messages that were skipped, as they made no sense.
    pub skipped: u64,
}

impl Report {
    /// As a line for a person.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { source, found, remedy, .. } = self;
        let remedy = if remedy.is_empty() { String::new() } else { format!("; {remedy}") };
        format!("{}: {found}{remedy}", source.name())
    }
}

/// How a source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not said everything it knows yet.
    Starting,
    /// It has told everything it knows, and goes on telling what changes.
    Ready,
    /// It is not there, which is nothing unusual: no such runtime, not asked for.
    Absent,
    /// It is there, and cannot be read.
    Failed,
}

/// Tells what one source knows. Waits for room: what is told is not lost.
#[derive(Clone, Debug)]
pub struct Teller {
    source: Source,
    sender: Sender<Update>,
}

/// Nobody listens any more: the run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NobodyListens;

impl fmt::Display for NobodyListens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody listens any more")
    }
}

impl std::error::Error for NobodyListens {}

impl Teller {
    /// For one source.
    #[must_use]
    pub fn new(source: Source, sender: Sender<Update>) -> Self {
        Self { source, sender }
    }

    /// The same channel for another source.
    #[must_use]
    pub fn of(&self, source: Source) -> Self {
        Self { source, ..self.clone() }
    }

    /// Says something.
    pub async fn tell(&self, fact: Fact) -> Result<(), NobodyListens> {
        self.sender.send(Update::Fact(self.source, fact)).await.map_err(|_closed| NobodyListens)
    }

    /// Passes on what is said of any source.
    pub async fn pass_on(&self, update: Update) -> Result<(), NobodyListens> {
        self.sender.send(update).await.map_err(|_closed| NobodyListens)
    }

    /// Waits until nobody listens any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Says how the source does.
    pub async fn report(&self, state: State, found: String, remedy: &str, skipped: u64) -> Result<(), NobodyListens> {
        let report = Report { source: self.source, state, found, remedy: remedy.to_owned(), skipped };
        self.sender.send(Update::Report(report)).await.map_err(|_closed| NobodyListens)
    }
}
