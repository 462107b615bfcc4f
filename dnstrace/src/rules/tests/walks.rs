//! What a stub resolver asks for one name.

use hickory_proto::rr::RecordType::{A, AAAA};

use super::{Ask, COREDNS, SERVICE};

/// A and AAAA from one port, to the Service; message IDs as glibc makes them.
pub(in crate::rules) fn pair(at: u64, client: &str, name: &str) -> [Ask; 2] {
    let client = format!("{client}:{}", 40_000 + at % 20_000);
    [(A, 4_711), (AAAA, 60_112)]
        .map(|(qtype, id)| Ask::new(at, &client, SERVICE, name, qtype).behind(COREDNS).message_id(id))
}

/// A name with the search list of a pod in `shop`: CoreDNS denies each.
pub(in crate::rules) fn missed(at: u64, client: &str, name: &str) -> Vec<Ask> {
    let suffixes = ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"];
    let names = (at..).step_by(2).zip(suffixes.map(|suffix| format!("{name}.{suffix}")));
    names.flat_map(|(at, name)| pair(at, client, &name)).map(|ask| ask.nxdomain("cluster.local")).collect()
}
