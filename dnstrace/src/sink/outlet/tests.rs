//! A channel whose writer is behind, or gone.

use bytes::Bytes;

use super::*;
use crate::capture::{BootTime, Direction, Hook, Point, Socket, WallTime};
use crate::decode::{Header, Transport};
use crate::join::MessageCopy;
use crate::rules::catalogue::explain;
use crate::rules::finding::{About, Certainty, Evidence, Severity, Subject};
use crate::sink::batches::{BATCH_ITEMS, ITEMS_WAITING_MAX};

/// The first batch in the channel, the next waiting for it.
const SHOWN_MAX: usize = BATCH_ITEMS + ITEMS_WAITING_MAX;

fn outlet(count: Option<u64>) -> (Outlet, WriterEnd) {
    let filter = Filter::default();
    let (show, when_full) = (Show::Transactions, WhenFull::Drop);
    Outlet::new(OutletOptions { show, filter, count, only_problems: false, when_full })
}

fn record(seq: u64) -> Item {
    let address = (std::net::Ipv4Addr::LOCALHOST, 53).into();
    let header = Header { id: 0, flags: 0, counts: [0; 4] };
    let sighting = Sighting {
        time: BootTime(0),
        wall: WallTime(0),
        point: Point { hook: Hook::Socket, direction: Direction::Out, ifindex: 0, netns: 0 },
        transport: Transport::Udp,
        src: address,
        dst: address,
        vlan: None,
        socket: Socket::default(),
        message: MessageCopy { bytes: Bytes::new(), wire_len: 0, header },
        transaction: TransactionId(0),
    };
    Item::Observation(Numbered { seq, record: Box::new(sighting), names: Names::default() })
}

#[test]
fn full_channel_drops_and_counts() {
    let (mut outlet, _writer) = outlet(None);
    for _ in 0..SHOWN_MAX + 5 {
        outlet.number(record);
    }
    let counts = outlet.counts();
    assert_eq!((counts.shown, counts.dropped), (SHOWN_MAX as u64, 5));
    assert!(!outlet.has_ended());
    outlet.finish();
    let counts = outlet.counts();
    assert_eq!((counts.shown, counts.dropped), (BATCH_ITEMS as u64, 5 + ITEMS_WAITING_MAX as u64));
}

#[test]
fn writer_that_is_behind_gets_more_at_once() {
    let (mut outlet, writer) = outlet(None);
    for _ in 0..3 {
        outlet.number(record);
        outlet.flush();
    }
    assert_eq!(writer.batches.recv().map(|batch| batch.len()), Ok(1));
    outlet.flush();
    assert_eq!(writer.batches.recv().map(|batch| batch.len()), Ok(2));
    assert_eq!(outlet.counts(), OutletCounts { shown: 3, ..OutletCounts::default() });
}

#[test]
fn numbers_have_gaps_where_records_were_dropped() {
    let (mut outlet, writer) = outlet(None);
    let mut numbers = Vec::new();
    for _ in 0..SHOWN_MAX + 2 {
        outlet.number(|seq| {
            numbers.push(seq);
            record(seq)
        });
    }
    drop(writer);
    assert_eq!(numbers.last(), Some(&(SHOWN_MAX as u64 + 1)));
}

#[test]
fn writer_that_is_gone_ends_the_run() {
    let (mut outlet, writer) = outlet(None);
    drop(writer);
    outlet.number(record);
    outlet.flush();
    assert!(outlet.has_ended());
    assert_eq!(outlet.counts(), OutletCounts { after_end: 1, ..OutletCounts::default() });
}

#[test]
fn as_many_as_asked_for_end_the_run() {
    let (mut outlet, _writer) = outlet(Some(2));
    outlet.number(record);
    assert!(!outlet.has_ended());
    outlet.number(record);
    assert!(outlet.has_ended());
}

/// What a finding of the end rests on.
fn finding(evidence: &[u64]) -> Finding {
    let time = (BootTime(0), WallTime(0));
    let named =
        |id: &u64| Evidence { transaction: TransactionId(*id), wall: time.1, question: None, fate: String::new() };
    Finding {
        rule: explain("no-response").unwrap(),
        subject: Subject { about: About::Node, party: None, service: None },
        severity: Severity::Warning,
        certainty: Certainty::Certain,
        sentence: String::new(),
        evidence: evidence.iter().map(named).collect(),
        facts: Vec::new(),
        count: 1,
        first: time,
        last: time,
        affected: Vec::new(),
        affected_count: 0,
        is_lowered: false,
    }
}

#[test]
fn what_a_finding_names_at_the_end_is_shown_above_it() {
    let (show, when_full) = (Show::Transactions, WhenFull::Drop);
    let options = OutletOptions { show, filter: Filter::default(), count: None, only_problems: true, when_full };
    let (mut outlet, writer) = Outlet::new(options);
    for id in 1..=3 {
        let [client, server] = ["10.0.0.1:40000", "10.0.0.53:53"].map(|address| address.parse().unwrap());
        let transaction = Transaction { id: TransactionId(id), ..Transaction::between(client, server) };
        outlet.transaction(transaction, Named::default(), |_| Arc::default());
    }
    assert_eq!(outlet.counts(), OutletCounts { filtered: 3, ..OutletCounts::default() });
    // The second time it was shown.
    outlet.finding(finding(&[2, 9]));
    outlet.finding(finding(&[2]));
    outlet.flush();
    let told = |item: &Item| match item {
        Item::Transaction(shown) => format!("{} {:?}", shown.record.id.0, shown.names.verdict.findings),
        Item::Finding(finding) => finding.rule.id.to_owned(),
        _ => "more".to_owned(),
    };
    let shown: Vec<_> = writer.batches.recv().unwrap().iter().map(told).collect();
    assert_eq!(shown, [r#"2 ["no-response"]"#, "no-response", "no-response"]);
    assert_eq!(outlet.counts(), OutletCounts { shown: 1, filtered: 2, ..OutletCounts::default() });
}
