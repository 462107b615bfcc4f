//! Which open transaction ends next.
//!
//! There are three ways of waiting, each of one length, so each is a queue whose order is the order of its deadlines:
//! setting, changing and taking are a few links, never a search. Links lie beside the slots, one for each, so that
//! nothing grows with the rate. A deadline never lies before the one that was set last in its queue: observations of
//! two CPUs may come some microseconds out of order.

use super::index::Slot;
use crate::capture::BootTime;

/// What a transaction waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// A response.
    Response = 0,
    /// Further sightings of its response.
    Settle = 1,
    /// Stragglers, the response having arrived where the query came from.
    Straggler = 2,
}

const WAITS: usize = 3;
const NONE: Slot = Slot::MAX;

#[derive(Clone, Copy)]
struct Link {
    deadline: BootTime,
    before: Slot,
    after: Slot,
    wait: Option<Wait>,
}

#[derive(Clone, Copy)]
struct Queue {
    first: Slot,
    last: Slot,
}

/// The deadline of each slot.
pub(super) struct Deadlines {
    links: Vec<Link>,
    queues: [Queue; WAITS],
}

impl Deadlines {
    /// No deadlines.
    pub(super) fn new() -> Self {
        Self { links: Vec::new(), queues: [Queue { first: NONE, last: NONE }; WAITS] }
    }

    /// Sets or moves the deadline of `slot`.
    pub(super) fn set(&mut self, slot: Slot, wait: Wait, deadline: BootTime) {
        self.clear(slot);
        let before = self.queues[wait as usize].last;
        let deadline = if before == NONE { deadline } else { deadline.max(self.links[before as usize].deadline) };
        let place = slot as usize;
        if place >= self.links.len() {
            self.links.resize(place + 1, Link { deadline, before: NONE, after: NONE, wait: None });
        }
        self.links[place] = Link { deadline, before, after: NONE, wait: Some(wait) };
        self.join(wait, before, slot);
        self.queues[wait as usize].last = slot;
    }

    /// Takes the deadline of `slot` away, if it has one.
    pub(super) fn clear(&mut self, slot: Slot) {
        let Some(link) = self.links.get_mut(slot as usize) else { return };
        let Some(wait) = link.wait.take() else { return };
        let (before, after) = (link.before, link.after);
        self.join(wait, before, after);
        if after == NONE {
            self.queues[wait as usize].last = before;
        }
    }

    /// The slot whose deadline comes first, with it.
    pub(super) fn next(&self) -> Option<(BootTime, Slot)> {
        self.firsts().min()
    }

    /// The first of each queue.
    pub(super) fn firsts(&self) -> impl Iterator<Item = (BootTime, Slot)> {
        let firsts = self.queues.iter().map(|queue| queue.first).filter(|&slot| slot != NONE);
        firsts.map(|slot| (self.links[slot as usize].deadline, slot))
    }

    fn join(&mut self, wait: Wait, before: Slot, after: Slot) {
        match before {
            NONE => self.queues[wait as usize].first = after,
            _ => self.links[before as usize].after = after,
        }
        if after != NONE {
            self.links[after as usize].before = before;
        }
    }
}
