//! `cname-problem`: CNAME records that lead nowhere, in a circle, or stand in the wrong place.

use super::Rule;
use crate::rules::answer::Answer;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::name::Name;
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "cname-problem",
    title: "CNAME records of a name lead nowhere, in a circle, or stand in the wrong place",
    severity: Severity::Warning,
    meaning: "A CNAME record says that a name is another one's alias, as an ExternalName Service is. Here the other one does \
              not exist or has no addresses, the records lead back to a name that was there before, or an address stands \
              before the record that leads to it, which some stub resolvers do not read.",
    signature: "The response itself: its CNAME records end in NXDOMAIN, have no address for A and AAAA alike, repeat, or follow \
                the address. All of this is certain but that the name is needed.",
    remedy: "Correct the record: `externalName` of the Service, or the zone that has it; `dig NAME` shows the chain. A server \
             that puts records in a wrong order needs an update.",
    link: "https://kubernetes.io/docs/concepts/services-networking/service/#externalname",
    surer: "nothing: it is what was seen",
    explains_failure: false,
};

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct CnameProblem;

impl Rule for CnameProblem {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        let Some((name, problem)) = case.name().and_then(|name| Some((name, problem(case, world)?))) else { return };
        found.seen(Claim { case, subject: Subject::name(name), certainty: Certainty::Certain }, || problem);
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }
}

fn problem(case: &Case, world: &World<'_>) -> Option<String> {
    let is_address = case.qtype().is_some_and(|qtype| qtype == A || qtype == AAAA);
    let answer = case.answer.as_ref().filter(|answer| !answer.truncated && !answer.cnames.is_empty())?;
    if !is_address || case.is_upstream() || case.is_error() || case.rcode().is_none() {
        return None;
    }
    let end = match end_of(case.name()?, answer) {
        Ok(end) => end,
        Err(name) => return Some(format!("has CNAME records that lead in a circle, by {name}")),
    };
    if let Some(name) = repeated(answer) {
        return Some(format!("has the CNAME record of {name} more than once in a response"));
    }
    if case.is_nxdomain() {
        return Some(format!("is an alias of {end}, which does not exist"));
    }
    if case.is_found() {
        let place = |rtype| answer.types.iter().position(|each| *each == rtype);
        let is_before = place(case.qtype()?) < place(CNAME);
        return is_before.then(|| "has its address before the CNAME record that leads to it in a response".to_owned());
    }
    has_neither(case, world).then(|| format!("is an alias of {end}, which has no address"))
}

/// Where the chain of records ends; the name that it comes back to when it does not.
fn end_of<'a>(name: &'a Name, answer: &'a Answer) -> Result<&'a Name, &'a Name> {
    let mut end = name;
    // A chain without a circle is no longer than there are records.
    for _ in 0..=answer.cnames.len() {
        match answer.cnames.iter().find(|(owner, _)| owner == end) {
            Some((_, target)) => end = target,
            None => return Ok(end),
        }
    }
    Err(end)
}

fn repeated(answer: &Answer) -> Option<&Name> {
    let mut records = answer.cnames.iter().enumerate();
    records.find(|(at, record)| answer.cnames[..*at].contains(record)).map(|(_, (owner, _))| owner)
}

/// A name with addresses of one family only is nothing unusual: the other family has none, either.
fn has_neither(case: &Case, world: &World<'_>) -> bool {
    let other = if case.qtype() == Some(A) { AAAA } else { A };
    world.window.same_question(case).any(|same| same.qtype() == Some(other) && same.is_nodata())
}
