//! What was told, so that only what changes is told again.

use std::collections::BTreeMap;

use crate::owner::fact::{ClusterDnsFact, Fact, NodeFact, PodFact, Source, Text};

/// What a fact is about: a later one of the same source replaces it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Pod(Text, Option<Text>),
    Container(Text),
    Cgroup(u64),
    ClusterDns,
    Node,
    ResolvConf(Text),
}

impl Subject {
    /// `None` for facts that answer a question and are not kept.
    fn of(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::Pod(pod) => Some(Self::Pod(pod.uid.clone(), pod.sandbox.clone())),
            Fact::Container(container) => Some(Self::Container(container.id.clone())),
            Fact::Cgroup { id, .. } => Some(Self::Cgroup(*id)),
            Fact::ClusterDns(_) => Some(Self::ClusterDns),
            Fact::Node(_) => Some(Self::Node),
            Fact::ResolvConf(file) => Some(Self::ResolvConf(file.pod.clone())),
            _ => None,
        }
    }

    /// `None` for what is over with its pod.
    fn gone(self) -> Option<Fact> {
        Some(match self {
            Self::Pod(uid, sandbox) => Fact::PodGone { uid, sandbox },
            Self::Container(id) => Fact::ContainerGone { id },
            Self::Cgroup(id) => Fact::CgroupGone { id },
            Self::ClusterDns => Fact::ClusterDns(ClusterDnsFact::default()),
            Self::Node => Fact::Node(NodeFact::default()),
            Self::ResolvConf(_) => return None,
        })
    }
}

/// Facts that were told, by who said them and what they are about. Sources are bounded, and so is this.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<(Source, Subject), Fact>);

impl Told {
    /// `facts` is everything that a source says now: gives what is new of it, and what it says no more.
    pub(super) fn replace(&mut self, source: Source, facts: Vec<Fact>) -> Vec<Fact> {
        let mut now = BTreeMap::new();
        for fact in facts {
            Subject::of(&fact).map(|subject| now.insert((source, subject), fact));
        }
        let before = self.0.keys().filter(|key| key.0 == source && !now.contains_key(key));
        let gone: Vec<(Source, Subject)> = before.cloned().collect();
        let mut changes = Vec::new();
        for key in gone {
            self.0.remove(&key);
            changes.extend(key.1.gone());
        }
        for (key, fact) in now {
            if self.0.get(&key) != Some(&fact) {
                changes.push(fact.clone());
                self.0.insert(key, fact);
            }
        }
        changes
    }

    /// One more fact of a source.
    pub(super) fn add(&mut self, source: Source, fact: Fact) {
        Subject::of(&fact).map(|subject| self.0.insert((source, subject), fact));
    }

    /// Pods that were told.
    pub(super) fn pods(&self, mut wanted: impl FnMut(Source, &PodFact) -> bool) -> impl Iterator<Item = &PodFact> {
        self.0.iter().filter_map(move |((source, _), fact)| match fact {
            Fact::Pod(pod) => wanted(*source, pod).then_some(pod),
            _ => None,
        })
    }

    /// What was told and is of interest.
    pub(super) fn facts(&self, mut wanted: impl FnMut(&Fact) -> bool) -> Vec<(Source, Fact)> {
        let found = self.0.iter().filter(|(_, fact)| wanted(fact));
        found.map(|((source, _), fact)| (*source, fact.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(uid: &str, name: &str) -> Fact {
        Fact::Pod(PodFact { uid: uid.into(), name: Some(name.into()), ..PodFact::default() })
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut told = Told::default();
        let two = vec![pod("a", "web"), pod("b", "api")];
        assert_eq!(told.replace(Source::Oci, two.clone()), two);
        assert_eq!(told.replace(Source::Oci, two), vec![]);
        assert_eq!(told.replace(Source::Logs, vec![pod("a", "web")]), vec![pod("a", "web")]);
        let gone = Fact::PodGone { uid: "b".into(), sandbox: None };
        assert_eq!(told.replace(Source::Oci, vec![pod("a", "new")]), vec![gone, pod("a", "new")]);
        assert_eq!(told.facts(|_| true), vec![(Source::Oci, pod("a", "new")), (Source::Logs, pod("a", "web"))]);
    }
}
