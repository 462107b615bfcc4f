//! How each part does → one report, whenever that changes: an outage that all parts see is told once.

use tokio::sync::mpsc;

use super::failure::{Cause, Failure};
use super::server::Server;
use crate::owner::fact::Fact;
use crate::owner::sources::teller::NobodyListens;
use crate::owner::sources::{State, Teller};

/// There are four parts, each of which waits for its attempts to be told.
pub(super) const NOTES_MAX: usize = 8;

/// A part of this source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Pods,
    Services,
    ClusterDns,
    RemotePods,
}

impl Part {
    const ALL: [Self; 4] = [Self::Pods, Self::Services, Self::ClusterDns, Self::RemotePods];
}

/// How a part does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Starting,
    /// What it yielded.
    Good(String),
    Bad(Failure),
}

/// What a part says of itself.
#[derive(Clone, Debug)]
pub(super) struct Note {
    part: Part,
    standing: Standing,
    /// Objects or messages that made no sense, in all.
    skipped: u64,
}

/// Whom parts ask; and where they tell facts, and how they do.
pub(super) struct Desk {
    pub(super) server: Server,
    teller: Teller,
    notes: mpsc::Sender<Note>,
}

impl Desk {
    pub(super) fn new(server: Server, teller: Teller, notes: mpsc::Sender<Note>) -> Self {
        Self { server, teller, notes }
    }

    pub(super) async fn tell(&self, facts: impl IntoIterator<Item = Fact>) -> Result<(), NobodyListens> {
        for fact in facts {
            self.teller.tell(fact).await?;
        }
        Ok(())
    }

    pub(super) async fn good(&self, part: Part, found: String, skipped: u64) -> Result<(), NobodyListens> {
        self.note(Note { part, standing: Standing::Good(found), skipped }).await
    }

    pub(super) async fn bad(&self, part: Part, failure: Failure, skipped: u64) -> Result<(), NobodyListens> {
        self.note(Note { part, standing: Standing::Bad(failure), skipped }).await
    }

    async fn note(&self, note: Note) -> Result<(), NobodyListens> {
        self.notes.send(note).await.map_err(|_closed| NobodyListens)
    }
}

/// As it is said: `1 pod`, `2 pods`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Puts reports together.
pub(super) struct Progress {
    server: Server,
    parts: [Standing; Part::ALL.len()],
    /// What each found when it did well.
    found: [Standing; Part::ALL.len()],
    skipped: [u64; Part::ALL.len()],
    told: Option<Account>,
}

/// What a report says, without the number of calls: that alone is no news.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    state: State,
    found: String,
    remedy: String,
    skipped: u64,
}

impl Progress {
    /// Of these parts; the others do not run.
    pub(super) fn new(server: Server, parts: &[Part]) -> Self {
        let idle = Standing::Good(String::new());
        let parts = Part::ALL.map(|part| if parts.contains(&part) { Standing::Starting } else { idle.clone() });
        Self { server, found: parts.clone(), parts, skipped: Default::default(), told: None }
    }

    /// Until all parts have ended.
    pub(super) async fn run(mut self, teller: Teller, mut notes: mpsc::Receiver<Note>) -> Result<(), NobodyListens> {
        self.report(&teller).await?;
        while let Some(note) = notes.recv().await {
            self.take(note);
            self.report(&teller).await?;
        }
        Ok(())
    }

    fn take(&mut self, Note { part, standing, skipped }: Note) {
        if matches!(standing, Standing::Good(_)) {
            self.end_outage();
            self.found[part as usize] = standing.clone();
        }
        self.parts[part as usize] = standing;
        self.skipped[part as usize] = skipped;
    }

    /// One part has heard from the server: the others will, as soon as they ask again.
    fn end_outage(&mut self) {
        for (part, found) in self.parts.iter_mut().zip(&self.found) {
            if part.is_outage() {
                part.clone_from(found);
            }
        }
    }

    async fn report(&mut self, teller: &Teller) -> Result<(), NobodyListens> {
        let account = self.account();
        if self.told.as_ref() == Some(&account) {
            return Ok(());
        }
        let found = format!("{}; {}", account.found, self.server.calls);
        teller.report(account.state, found, &account.remedy, account.skipped).await?;
        self.told = Some(account);
        Ok(())
    }

    fn account(&self) -> Account {
        let state = self.state();
        let skipped = self.skipped.iter().sum();
        if state == State::Starting {
            let found = format!("asking {}", self.server.name);
            return Account { state, found, remedy: String::new(), skipped: 0 };
        }
        let failures = self.parts.iter().filter_map(Standing::failure);
        let remedy = failures.map(|failure| &failure.remedy).find(|remedy| !remedy.is_empty()).cloned();
        Account { state, found: self.found(), remedy: remedy.unwrap_or_default(), skipped }
    }

    /// While there is an outage, only one part asks. What one is refused, others may be refused, too: that is told at once.
    fn state(&self) -> State {
        let outage = self.parts.iter().any(Standing::is_outage);
        let starting = self.parts.contains(&Standing::Starting);
        match &self.parts[Part::Pods as usize] {
            Standing::Bad(_) if outage || !starting => State::Failed,
            _ if starting => State::Starting,
            _ => State::Ready,
        }
    }

    fn found(&self) -> String {
        let mut texts: Vec<&str> = Vec::new();
        for text in self.parts.iter().filter_map(Standing::text) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts.join("; ")
    }
}

impl Standing {
    fn is_outage(&self) -> bool {
        self.failure().is_some_and(|failure| failure.cause == Cause::Outage)
    }

    fn failure(&self) -> Option<&Failure> {
        if let Self::Bad(failure) = self { Some(failure) } else { None }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Starting => None,
            Self::Good(found) => Some(&**found).filter(|found| !found.is_empty()),
            Self::Bad(failure) => Some(&failure.text),
        }
    }
}
