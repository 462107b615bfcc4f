//! The items of an answer, one by one.

use bytes::Bytes;

/// Items that make sense, up to a bound.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct List<M> {
    pub(super) items: Vec<M>,
    /// How many there are beside them.
    pub(super) skipped: u64,
}

impl<M> Default for List<M> {
    fn default() -> Self {
        Self { items: Vec::new(), skipped: 0 }
    }
}

impl<M: prost::Message + Default> List<M> {
    /// An item may be two bytes on the wire and hundreds here: no more than `max` are read.
    pub(super) fn read(items: &[Bytes], max: usize) -> Self {
        let read: Vec<M> = items.iter().take(max).filter_map(|item| M::decode(item.clone()).ok()).collect();
        let skipped = items.len() - read.len();
        Self { items: read, skipped: skipped as u64 }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::super::message::PodSandboxMetadata;
    use super::*;

    #[test]
    fn malformed_items_and_those_beyond_the_bound_are_counted() {
        let web = PodSandboxMetadata { name: "web".to_owned(), ..PodSandboxMetadata::default() };
        let good = Bytes::from(web.encode_to_vec());
        let not_text = Bytes::from_static(b"\x0a\x01\xff");
        let cut = good.slice(..2);
        let all = [not_text, good.clone(), cut, Bytes::new(), good];
        let expected = vec![web, PodSandboxMetadata::default()];
        assert_eq!(List::read(&all, 4), List { items: expected, skipped: 3 });
    }
}
