//! A domain name that outlives its message: in lower case, compared label by label.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use crate::decode::QuestionName;

/// Names of Services with search domains behind them fit without an allocation of their own: there are some in each
/// transaction, and with its length such a name is a cache line.
const USUAL_LEN: usize = 48;

/// A domain name in wire format and lower case, with its root label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(SmallVec<[u8; USUAL_LEN]>);

impl Name {
    /// The name of a question.
    #[must_use]
    pub fn of(name: &QuestionName<'_>) -> Self {
        let mut wire = SmallVec::from_slice(name.wire());
        wire.make_ascii_lowercase();
        Self(wire)
    }

    /// A name as people write it, with or without its final dot; labels that DNS does not allow are cut at 63 bytes.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let labels = text.trim_end_matches('.').split('.').filter(|label| !label.is_empty());
        Self::from_labels(labels.map(str::as_bytes))
    }

    /// A name of one label.
    #[must_use]
    pub(super) fn of_label(label: &[u8]) -> Self {
        Self::from_labels([label].into_iter())
    }

    /// A name of labels, the leftmost first, without the root.
    pub(super) fn from_labels<'l>(labels: impl Iterator<Item = &'l [u8]>) -> Self {
        let mut wire = SmallVec::new();
        for label in labels {
            let label = label.get(..63).unwrap_or(label);
            wire.push(u8::try_from(label.len()).unwrap_or_default());
            wire.extend_from_slice(label);
        }
        wire.push(0);
        wire.make_ascii_lowercase();
        Self(wire)
    }

    /// Wire format.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// Labels, the leftmost first, without the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        labels(&self.0)
    }

    /// How many labels it has, without the root.
    #[must_use]
    pub fn count(&self) -> usize {
        self.labels().count()
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.len() <= 1
    }

    /// Whether it is `zone` or below it.
    #[must_use]
    pub fn is_within(&self, zone: &Self) -> bool {
        self.cut(zone).is_some()
    }

    /// Where `suffix` begins in it. The end may look like the suffix within a label: only whole labels count.
    pub(super) fn cut(&self, suffix: &Self) -> Option<usize> {
        let cut = self.0.len().checked_sub(suffix.0.len())?;
        (self.0[cut..] == suffix.0[..] && self.labels_end(usize::MAX, cut) == cut).then_some(cut)
    }

    /// Whether its labels from this byte on are these.
    pub(super) fn ends_from<'l>(&self, at: usize, other: impl Iterator<Item = &'l [u8]>) -> bool {
        let mut own = labels(self.0.get(at..).unwrap_or_default());
        other.into_iter().all(|label| own.next().is_some_and(|own| own.eq_ignore_ascii_case(label)))
            && own.next().is_none()
            && self.labels_end(usize::MAX, at) == at
    }

    /// Where its first labels end, as many as there are up to `count`, and no further than the first end at or behind
    /// `limit`.
    pub(super) fn labels_end(&self, count: usize, limit: usize) -> usize {
        let (mut at, mut left) = (0, count);
        while at < limit.min(self.0.len().saturating_sub(1)) && left > 0 {
            at += 1 + usize::from(self.0[at]);
            left -= 1;
        }
        at
    }

    /// Its first label; empty is the root's.
    pub(super) fn first(&self) -> &[u8] {
        self.labels().next().unwrap_or_default()
    }

    /// What is left of it before `suffix`: `api.example` of `api.example.svc.cluster.local` without
    /// `svc.cluster.local`; the root when it is the suffix itself.
    #[must_use]
    pub fn without(&self, suffix: &Self) -> Option<Self> {
        self.cut(suffix).map(|cut| self.up_to(cut))
    }

    /// How many labels that would have.
    #[must_use]
    pub fn count_before(&self, suffix: &Self) -> Option<usize> {
        self.cut(suffix).map(|cut| labels(&self.0[..cut]).count())
    }

    /// What is left of it before the byte at which a label begins.
    pub(super) fn up_to(&self, end: usize) -> Self {
        let mut wire = SmallVec::from_slice(self.0.get(..end).unwrap_or_default());
        wire.push(0);
        Self(wire)
    }

    /// The rest of it, from the byte at which a label begins.
    pub(super) fn from(&self, begin: usize) -> Self {
        Self(SmallVec::from_slice(self.0.get(begin..).unwrap_or(&[0])))
    }

    /// Its labels without the root's.
    pub(super) fn stem(&self) -> &[u8] {
        &self.0[..self.0.len().saturating_sub(1)]
    }

    /// The same for the same name, in this process.
    pub(super) fn quick_hash(&self) -> u64 {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::default);
        KEY.hash_one(&self.0[..])
    }

    /// This name followed by `suffix`.
    #[must_use]
    pub fn with(&self, suffix: &Self) -> Self {
        let mut wire = SmallVec::from_slice(self.stem());
        wire.extend_from_slice(&suffix.0);
        Self(wire)
    }

    /// The name without its first `count` labels.
    #[must_use]
    pub fn parent(&self, count: usize) -> Self {
        self.from(self.labels_end(count, usize::MAX))
    }

    /// Its first `count` labels.
    #[must_use]
    pub fn prefix(&self, count: usize) -> Self {
        self.up_to(self.labels_end(count, usize::MAX))
    }

    /// How many labels it has in common with another, from the left.
    #[must_use]
    pub fn common(&self, other: &Self) -> usize {
        self.labels().zip(other.labels()).take_while(|(own, its)| own == its).count()
    }
}

/// A cluster domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// `cluster.local`.
    pub name: Name,
    /// `svc.cluster.local`.
    pub services: Name,
}

impl Domain {
    /// Of its name.
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self { services: Name::from_text("svc").with(&name), name }
    }
}

/// In presentation format, without the final dot, escaped: it may come from the network.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        QuestionName(&self.0).fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (&len, after) = rest.split_first()?;
        let label = after.get(..usize::from(len)).filter(|label| !label.is_empty())?;
        rest = &after[label.len()..];
        Some(label)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_whole_labels() {
        let name = Name::from_text("Api.Example.svc.cluster.local.");
        let without = |suffix: &str| name.without(&Name::from_text(suffix)).map(|name| name.to_string());
        assert_eq!(without("svc.cluster.local").as_deref(), Some("api.example"));
        assert_eq!(without("api.example.svc.cluster.local").as_deref(), Some("."));
        assert_eq!(without("vc.cluster.local"), None);
        assert_eq!(without("example.org"), None);
        assert_eq!(without("").as_deref(), Some("api.example.svc.cluster.local"));
    }

    #[test]
    fn names_are_put_together_and_taken_apart() {
        let name = Name::from_text("a.b").with(&Name::from_text("c.d"));
        assert_eq!(name, Name::from_text("A.b.C.d"));
        assert_eq!((name.count(), name.is_root(), Name::from_text(".").is_root()), (4, false, true));
        assert_eq!(name.parent(1), Name::from_text("b.c.d"));
        assert_eq!(name.prefix(2), Name::from_text("a.b"));
        assert_eq!(name.common(&Name::from_text("a.b.x.d")), 2);
    }
}
