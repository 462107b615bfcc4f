//! Asks to answers: what the pipeline meets before it was told.

use super::view::{Look, View};
use super::watch::Place;
use crate::capture::live::boot_time;
use crate::owner::fact::{CgroupOf, Fact, Source};
use crate::owner::sources::host::HostRoot;
use crate::owner::sources::{Ask, Update};

/// Cgroups that were asked for and are not pods': a node has a few hundred. Beyond, they are asked for again.
const ASKED_MAX: usize = 4096;

/// A netns that nobody knows must not have the node's files read with every packet.
const NETNS_LOOK_NS: u64 = 200_000_000;

impl View {
    /// Answers, with what belongs to the answer before it.
    pub(super) fn answer(&mut self, host: &HostRoot, ask: Ask) -> Look {
        match ask {
            Ask::Cgroup { id, tgid } => self.answer_cgroup(host, id, tgid),
            Ask::Netns(netns) => self.answer_netns(host, netns),
            Ask::Address(_) => Look::default(),
        }
    }

    fn answer_cgroup(&mut self, host: &HostRoot, id: u64, tgid: Option<u32>) -> Look {
        let known = self.walk.cgroups.get(&id).or_else(|| self.asked.get(&id)).cloned();
        let of = known.or_else(|| self.tree.as_ref()?.look_up(host, id, tgid)).unwrap_or(CgroupOf::Unknown);
        let unread = matches!(&of, CgroupOf::Container { id, .. } if !self.bundles.has(id));
        let mut look = if unread { self.look(host, &[Place::Bundles].into()) } else { Look::default() };
        let fact = Fact::Cgroup { id, of: of.clone() };
        if of != CgroupOf::Unknown && !self.walk.cgroups.contains_key(&id) {
            if self.asked.len() >= ASKED_MAX {
                self.asked.clear();
            }
            self.asked.insert(id, of);
            self.told.add(Source::Kernel, fact.clone());
        }
        look.updates.push(Update::Fact(Source::Kernel, fact));
        look
    }

    fn answer_netns(&mut self, host: &HostRoot, netns: u32) -> Look {
        let is_asked = |fact: &Fact| matches!(fact, Fact::Pod(pod) if pod.netns == Some(netns));
        let now = boot_time();
        let long_ago = self.looked_for_netns.is_none_or(|last| now.since(last).as_nanos() >= NETNS_LOOK_NS.into());
        let mut look = Look::default();
        if self.told.facts(is_asked).is_empty() && long_ago {
            look = self.look(host, &[Place::Bundles, Place::Network].into());
            self.looked_for_netns = Some(boot_time());
        }
        let known = self.told.facts(is_asked);
        if known.is_empty() {
            look.updates.push(Update::Fact(Source::Kernel, Fact::NetnsUnknown { netns }));
        }
        look.updates.extend(known.into_iter().map(|(source, fact)| Update::Fact(source, fact)));
        look
    }
}
