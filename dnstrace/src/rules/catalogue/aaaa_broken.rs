//! `aaaa-broken`: a name has A records, and asking for AAAA fails.

use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::decode::iana;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Found, LookupClaim};
use crate::rules::lookup::{Libc, Lookup, Step};
use crate::rules::name::Name;
use crate::rules::recent::Recent;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "aaaa-broken",
    title: "a name has IPv4 addresses, and asking for its IPv6 addresses fails",
    severity: Severity::Warning,
    meaning: "Stub resolvers ask for A and AAAA at once. A name without IPv6 addresses has an empty answer for AAAA; here it \
              is NXDOMAIN (`there is no such name`), an error, or nothing. musl believes that NXDOMAIN, and waits five \
              seconds after an error: its applications fail, those on glibc do not.",
    signature: "In one lookup, A is answered with addresses and AAAA with NXDOMAIN or an error, or not at all though the \
                server had it twice. One NXDOMAIN is likely, as the name may just have been made, one error suspected; the \
                same again half a minute later is certain, an error at the third time.",
    remedy: "Have the zone's server or the upstream resolver answer AAAA with NOERROR without records. Until then CoreDNS can: \
             `template IN AAAA example.org { rcode NOERROR }` with `fallthrough` for the rest.",
    link: "https://coredns.io/plugins/template/",
    surer: "the same lookup again: `dig NAME AAAA`",
    explains_failure: false,
};

const A: u16 = 1;
const AAAA: u16 = 28;
const NXDOMAIN: u16 = 3;
/// CoreDNS keeps NXDOMAIN for 30 s as usual: until then it may be of before the name was made.
const AGAIN: Duration = Duration::from_secs(30);
/// An error may meet one of the two queries by chance; not every time.
const ERRORS_MIN: u32 = 3;
/// Names that are broken: a few zones' at most.
const NAMES_MAX: usize = 1_024;

/// See [`EXPLANATION`].
pub(super) struct AaaaBroken {
    broken: Recent<Name, Broken>,
}

impl Default for AaaaBroken {
    fn default() -> Self {
        Self { broken: Recent::new(NAMES_MAX) }
    }
}

/// Lookups in which it was, one after the other.
#[derive(Clone, Copy, Default)]
struct Broken {
    first: BootTime,
    lookups: u32,
}

impl Rule for AaaaBroken {
    fn lookup(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        for step in &lookup.steps {
            match fate(step, world) {
                Some(fate) => self.tell(At { lookup, step, fate }, world, found),
                None => self.forget(step),
            }
        }
    }

    fn lookup_found(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        self.lookup(lookup, world, found);
    }

    fn evicted(&self) -> u64 {
        self.broken.evicted()
    }
}

#[derive(Clone, Copy)]
struct At<'a> {
    lookup: &'a Lookup,
    step: &'a Step,
    fate: Fate,
}

impl AaaaBroken {
    fn tell(&mut self, at: At<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let At { lookup, step, fate } = at;
        let certainty = self.certainty(&at);
        let subject = Subject::name(step.name());
        let about = subject.about.clone();
        let claim = LookupClaim { lookup, step, subject, certainty };
        let sentence = || format!("has A records, and for AAAA {}", fate.words());
        match fate {
            Fate::Answered(_) => found.seen_in(claim, sentence),
            Fate::NoResponse => found.missed_in(claim, sentence),
        }
        let failed = of(step, AAAA).filter_map(|case| world.window.get(case.id)).filter(|case| case.failed());
        failed.filter(|_| certainty > Certainty::Suspected).for_each(|case| found.explains(case));
        if lookup.libc() == Some(Libc::Musl) {
            let fact = "some queries have the form of musl's, which fails or waits for this (an inference)";
            found.fact(&about, fact.to_owned());
        }
    }

    /// An answer ends the row.
    fn forget(&mut self, step: &Step) {
        if !self.broken.is_empty()
            && of(step, AAAA).any(|case| case.rcode() == Some(0))
            && let Some(broken) = self.broken.get_mut(step.name())
        {
            *broken = Broken::default();
        }
    }

    fn certainty(&mut self, at: &At<'_>) -> Certainty {
        let time = at.lookup.begin;
        let broken = self.broken.entry(at.step.name());
        if broken.lookups == 0 {
            broken.first = time;
        }
        broken.lookups = broken.lookups.saturating_add(1);
        let is_again = time.since(broken.first) >= AGAIN;
        let is_often = is_again && broken.lookups >= ERRORS_MIN;
        match at.fate {
            Fate::Answered(NXDOMAIN) if is_again => Certainty::Certain,
            Fate::Answered(NXDOMAIN) => Certainty::Likely,
            Fate::Answered(_) if is_often => Certainty::Certain,
            Fate::Answered(_) | Fate::NoResponse if is_again => Certainty::Likely,
            Fate::Answered(_) | Fate::NoResponse => Certainty::Suspected,
        }
    }
}

/// What became of AAAA.
#[derive(Clone, Copy)]
enum Fate {
    Answered(u16),
    NoResponse,
}

impl Fate {
    fn words(self) -> String {
        match self {
            Self::Answered(rcode) => format!("the response is {}", iana::rcode(rcode)),
            Self::NoResponse => "there is no response".to_owned(),
        }
    }
}

/// `None` when nothing is wrong with AAAA, or with A, too.
fn fate(step: &Step, world: &World<'_>) -> Option<Fate> {
    if !step.is_found() || !(step.failed() || step.is_denied()) {
        return None;
    }
    let has_a = of(step, A).any(Case::is_found);
    let is_bad = |case: &Case| case.failed() || case.rcode() == Some(NXDOMAIN);
    if !has_a || !of(step, AAAA).all(is_bad) {
        return None;
    }
    match of(step, AAAA).find_map(Case::rcode) {
        Some(rcode) => Some(Fate::Answered(rcode)),
        None => is_silence(step, world).then_some(Fate::NoResponse),
    }
}

/// Sent more than once, and the server had it: what gets lost on its way has another cause.
fn is_silence(step: &Step, world: &World<'_>) -> bool {
    let sent: usize = of(step, AAAA).map(|case| case.attempts.len()).sum();
    let has_arrived = |case: &Case| case.reached || world.window.caused_by(case.id).next().is_some();
    sent >= 2 && of(step, AAAA).any(has_arrived)
}

fn of(step: &Step, qtype: u16) -> impl Iterator<Item = &Case> {
    step.cases().iter().map(|case| &**case).filter(move |case| case.qtype() == Some(qtype))
}
