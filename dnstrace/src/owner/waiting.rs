//! What is not known yet, and whether it is worth to wait for it.
//!
//! A pod that began a moment ago is known a moment later: its transaction waits for that. Whatever nobody can tell is
//! waited for once, and shortly.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::index::Lack;
use super::sources::Ask;
use crate::capture::BootTime;

/// Sources answer within milliseconds; this is for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(1);
/// What nobody could tell may become known; it is asked for again, but not waited for.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// More than a node has of sockets' cgroups and netns; beyond it all are asked for anew.
const LACKS_MAX: usize = 8_192;

/// Where asks go.
pub(super) type Asking = Box<dyn FnMut(Ask) + Send>;

/// What was asked for.
#[derive(Default)]
pub(super) struct Lacks {
    asking: Option<Asking>,
    asked: HashMap<Lack, Asked, foldhash::fast::RandomState>,
    /// Addresses of elsewhere, and when they were asked for: a DNS server hears many, which must not crowd out others.
    strangers: HashMap<IpAddr, BootTime, foldhash::fast::RandomState>,
}

struct Asked {
    first: BootTime,
    last: BootTime,
    /// Nobody knows.
    is_answered: bool,
}

impl Lacks {
    /// With somebody to ask.
    pub(super) fn asking(asking: Asking) -> Self {
        Self { asking: Some(asking), ..Self::default() }
    }

    /// Whether what is lacking may still come; asks for it.
    pub(super) fn may_come(&mut self, lack: &Lack, now: BootTime) -> bool {
        if let Some(asked) = self.asked.get_mut(lack) {
            if now.since(asked.last) >= ASK_AGAIN_AFTER {
                asked.last = now;
                ask(self.asking.as_mut(), lack);
            }
            return !asked.is_answered && now.since(asked.first) < PATIENCE;
        }
        if self.asked.len() >= LACKS_MAX {
            self.asked.clear();
        }
        self.asked.insert(lack.clone(), Asked { first: now, last: now, is_answered: false });
        ask(self.asking.as_mut(), lack);
        true
    }

    /// Asks who has an address that nobody on this node has.
    pub(super) fn ask_for(&mut self, address: IpAddr, now: BootTime) {
        let is_recent = |last: &BootTime| now.since(*last) < ASK_AGAIN_AFTER;
        let Some(asking) = self.asking.as_mut().filter(|_| !self.strangers.get(&address).is_some_and(is_recent)) else {
            return;
        };
        if self.strangers.len() >= LACKS_MAX {
            self.strangers.clear();
        }
        self.strangers.insert(address, now);
        asking(Ask::Address(address));
    }

    /// Nobody knows: there is nothing to wait for.
    pub(super) fn answered(&mut self, lack: &Lack) {
        if let Some(asked) = self.asked.get_mut(lack) {
            asked.is_answered = true;
        }
    }
}

fn ask(asking: Option<&mut Asking>, lack: &Lack) {
    if let (Some(asking), Lack::Ask(ask)) = (asking, lack) {
        asking(*ask);
    }
}
