//! The rules at work: who is asked about what, in the order of their table.

use super::catalogue::{Entry, Rule};
use super::finding::Explanation;
use super::findings::Findings;
use super::found::Found;
use super::world::World;

/// Rules, with what each has seen.
pub(super) struct Table {
    rules: Vec<(&'static Explanation, Box<dyn Rule>)>,
    /// By [`Ask`]: the lines of those that look at it.
    asked: [Vec<usize>; ASKS],
}

/// What rules are asked about.
#[derive(Clone, Copy)]
pub(super) enum Ask {
    /// A transaction that ended and did not go well,
    Ended,
    /// or did.
    EndedWell,
    /// What it caused has ended, too.
    Settled,
    /// A lookup that is over and did not find what it was for,
    Lookup,
    /// or did.
    LookupFound,
    /// A loop.
    Cycle,
    /// A TCP connection.
    Connection,
    /// A second has gone.
    Tick,
    /// Nothing more is to come.
    Finish,
}

const ASKS: usize = Ask::Finish as usize + 1;

impl Table {
    /// Of rules that have seen nothing.
    pub(super) fn new(entries: &'static [Entry]) -> Self {
        let rules: Vec<_> = entries.iter().map(|Entry { explanation, make }| (*explanation, make())).collect();
        let asked = std::array::from_fn(|_| (0..rules.len()).collect());
        Self { rules, asked }
    }

    /// Asks those that look at it, one after the other.
    pub(super) fn ask(
        &mut self,
        what: Ask,
        world: &World<'_>,
        findings: &mut Findings,
        mut ask: impl FnMut(&mut dyn Rule, &World<'_>, &mut Found<'_>),
    ) {
        let Self { rules, asked } = self;
        asked[what as usize].retain(|&line| {
            let Some((explanation, rule)) = rules.get_mut(line) else { return false };
            let mut found = findings.of(explanation);
            ask(&mut **rule, world, &mut found);
            found.is_asked_again()
        });
    }

    /// Entries of the rules' own tables that went for want of room.
    pub(super) fn evicted(&self) -> u64 {
        self.rules.iter().map(|(_, rule)| rule.evicted()).sum()
    }
}
