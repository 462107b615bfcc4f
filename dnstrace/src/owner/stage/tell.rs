//! What a reader of our recordings needs to know the same names.

use super::{Owner, Used};
use crate::capture::BootTime;
use crate::owner::fact::{Fact, NodeFact, Source};
use crate::owner::index::Told;
use crate::owner::note::{Note, WallClock};

impl Owner {
    /// Tells what is needed to know what was `used`, as far as it was not `told`, in the time of `clock`.
    pub fn tell(&self, used: &Used<'_>, told: &mut Told, clock: WallClock, mut each: impl FnMut(&Note)) {
        if !self.has_sources {
            return;
        }
        let mut tellings = Vec::new();
        if !std::mem::replace(&mut told.begun, true) {
            // Who reads it waits for names from here on, as was done live, though there may be none yet.
            tellings.push((Source::Kernel, Fact::Node(NodeFact::default()), BootTime::default()));
        }
        if self.version != std::mem::replace(&mut told.version, self.version) {
            self.cluster_dns.tell(told, &mut tellings);
            self.index.tell_changed(told, &mut tellings);
            let nobodys = self.nobodys.get(told.nobodys..).unwrap_or_default();
            told.nobodys = self.nobodys.len();
            let said = |(netns, at): &(u32, BootTime)| (Source::Kernel, Fact::NetnsUnknown { netns: *netns }, *at);
            tellings.extend(nobodys.iter().map(said));
        }
        for party in used.parties.into_iter().flatten() {
            self.index.tell_party(party, told, &mut tellings);
        }
        for id in used.cgroups.into_iter().flatten() {
            self.index.tell_cgroup(id, told, &mut tellings);
        }
        for address in used.addresses {
            self.index.tell_address(address, told, &mut tellings);
        }
        for (source, fact, at) in tellings {
            // The first of all is `None`: before anything that was seen.
            let at = Some(at).filter(|at| *at != BootTime::default());
            each(&Note::new(source, fact, at, &|time| clock.wall(time)));
        }
    }

    /// Tells everything that is known.
    pub fn tell_all(&self, clock: WallClock, mut each: impl FnMut(&Note)) {
        let (mut told, mut tellings) = (Told::default(), Vec::new());
        self.cluster_dns.tell(&mut told, &mut tellings);
        self.index.tell_all(&mut told, &mut tellings);
        for (source, fact, at) in tellings {
            // When somebody asked is nothing that others' packets have to do with.
            let at = Some(at).filter(|_| matches!(fact, Fact::PodGone { .. }));
            each(&Note::new(source, fact, at, &|time| clock.wall(time)));
        }
    }
}
