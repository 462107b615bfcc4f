//! What the demo's DNS servers know.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::Result;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, AAAA, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// What a server answers.
#[derive(Clone, Default)]
pub(super) struct Answer {
    /// NOERROR or why there is nothing.
    pub(super) rcode: ResponseCode,
    /// From a zone of its own.
    pub(super) authoritative: bool,
    /// Longer than the transport takes.
    pub(super) truncated: bool,
    /// Answer section.
    pub(super) records: Vec<Record>,
    /// Authority section.
    pub(super) soa: Option<Record>,
}

/// Seconds; the defaults of CoreDNS's `kubernetes` plugin and of many zones.
const CLUSTER_TTL: u32 = 5;
const WORLD_TTL: u32 = 300;
/// More addresses than fit in 512 bytes.
const MANY: u8 = 60;
const SLOW: Duration = Duration::from_millis(800);

/// Services below `cluster.local.`: with an address of their own, and without (headless).
const CLUSTER: &[(&str, &[Ipv4Addr])] = &[
    ("kubernetes.default.svc.", &[Ipv4Addr::new(10, 96, 0, 1)]),
    ("cart.default.svc.", &[Ipv4Addr::new(10, 96, 31, 7)]),
    ("db.default.svc.", &[Ipv4Addr::new(10, 244, 0, 40), Ipv4Addr::new(10, 244, 0, 41)]),
];

/// The answer of the cluster zone, for names below it.
pub(super) fn cluster(name: &Name, record_type: RecordType) -> Option<Result<Answer>> {
    let text = name.to_lowercase().to_ascii();
    let host = text.strip_suffix("cluster.local.")?;
    let known = CLUSTER.iter().find(|(known, _)| *known == host);
    Some(known.map_or_else(|| negative(ResponseCode::NXDomain), |(_, addresses)| of_v4(name, record_type, addresses)))
}

/// The same as a zone file (RFC 1035, 5).
pub(super) fn cluster_file() -> String {
    let mut file = format!("$ORIGIN cluster.local.\n$TTL {CLUSTER_TTL}\n@ SOA ns.dns hostmaster 1 7200 1800 86400 5\n");
    for (host, addresses) in CLUSTER {
        let host = host.trim_end_matches('.');
        file.extend(addresses.iter().map(|address| format!("{host} A {address}\n")));
    }
    file
}

fn of_v4(name: &Name, record_type: RecordType, addresses: &[Ipv4Addr]) -> Result<Answer> {
    if record_type != RecordType::A {
        return negative(ResponseCode::NoError);
    }
    let record = |address: &Ipv4Addr| Record::from_rdata(name.clone(), CLUSTER_TTL, RData::A(A(*address)));
    let records = addresses.iter().map(record).collect();
    Ok(Answer { authoritative: true, records, ..Answer::default() })
}

fn negative(rcode: ResponseCode) -> Result<Answer> {
    let apex = Name::from_ascii("cluster.local.")?;
    let soa =
        SOA::new(Name::from_ascii("ns.dns")?.append_domain(&apex)?, apex.clone(), 1, 7200, 1800, 86400, CLUSTER_TTL);
    let soa = Some(Record::from_rdata(apex, CLUSTER_TTL, RData::SOA(soa)));
    Ok(Answer { rcode, authoritative: true, soa, ..Answer::default() })
}

/// What the rest of the world answers, after which time; `None` is silence.
pub(super) fn world(name: &Name, record_type: RecordType) -> Option<(Duration, Answer)> {
    let text = name.to_lowercase().to_ascii();
    let at_once = |answer| Some((Duration::ZERO, answer));
    match text.trim_end_matches('.') {
        "silent.example" => None,
        "broken.example" => at_once(refused(ResponseCode::ServFail)),
        "slow.example" => Some((SLOW, addresses(name, record_type, 1))),
        "many.example" if record_type == RecordType::A => at_once(addresses(name, record_type, MANY)),
        "many.example" | "api.example" => at_once(addresses(name, record_type, 1)),
        _ => at_once(refused(ResponseCode::NXDomain)),
    }
}

fn refused(rcode: ResponseCode) -> Answer {
    Answer { rcode, ..Answer::default() }
}

fn addresses(name: &Name, record_type: RecordType, count: u8) -> Answer {
    let rdata = |last: u8| match record_type {
        RecordType::A => Some(RData::A(A(Ipv4Addr::new(203, 0, 113, last)))),
        RecordType::AAAA => Some(RData::AAAA(AAAA(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, u16::from(last))))),
        _ => None,
    };
    let records = (1..=count).filter_map(rdata).map(|rdata| Record::from_rdata(name.clone(), WORLD_TTL, rdata));
    Answer { records: records.collect(), ..Answer::default() }
}
