//! Transactions made by hand, and what they add up to.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::capture::{BootTime, Direction, Hook, Point, Process, Socket};
use crate::decode::{Header, Transport};
use crate::join::{Attempt, Hop, MessageCopy, MessageKind, TransactionId};
use crate::owner::Who;
use crate::rules::case::{Case, SLOW};
use crate::rules::path::Leg;

const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const TC: u16 = 0x0200;

/// A query of `client` for a name of one label; it is not over yet.
fn query(client: &str, label: &str) -> Transaction {
    let (client, server) = (SocketAddr::new(client.parse().unwrap(), 40_000), "10.96.0.10:53".parse().unwrap());
    let (query, attempts) = (Some(message(0x0100, label)), vec![Attempt { time: BootTime(0) }]);
    Transaction { query, attempts, ..Transaction::between(client, server) }
}

fn message(flags: u16, label: &str) -> MessageCopy {
    let header = Header { id: 7, flags, counts: [1, 0, 0, 0] };
    let name = [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    let bytes = [&[7, flags, 1, 0, 0, 0].map(u16::to_be_bytes).concat(), &name[..], &[0, 0, 1, 0, 1]].concat();
    MessageCopy { wire_len: u32::try_from(bytes.len()).unwrap(), bytes: Bytes::from(bytes), header }
}

/// The same with a response that has these flags or rcode.
fn answered(client: &str, label: &str, flags: u16) -> Transaction {
    let response = Some(message(0x8180 | flags, label));
    Transaction { outcome: Outcome::Answered, response, ..query(client, label) }
}

fn no_response(client: &str, label: &str) -> Transaction {
    Transaction { outcome: Outcome::NoResponse, ..query(client, label) }
}

fn at(hook: Hook, direction: Direction, ifindex: u32) -> Hop {
    let point = Point { hook, direction, ifindex, netns: 0 };
    let (src, dst) = ("10.0.0.1:40000".parse().unwrap(), "10.96.0.10:53".parse().unwrap());
    Hop { time: BootTime(0), point, message: MessageKind::Query, attempt: 0, src, dst, vlan: None }
}

fn report(transactions: impl IntoIterator<Item = Transaction>) -> Report {
    let mut report = Report::new();
    transactions.into_iter().for_each(|transaction| report.add(&transaction, &Who::default()));
    report
}

#[test]
fn clients_are_worst_first_then_busiest() {
    let good = |client: &'static str, count| (0..count).map(move |_| answered(client, "a", 0));
    let report = report(
        good("10.0.0.1", 3)
            .chain(good("10.0.0.2", 5))
            .chain([no_response("10.0.0.3", "a"), answered("10.0.0.4", "a", SERVFAIL), no_response("10.0.0.4", "a")])
            .chain((0..9).map(|_| answered("10.0.0.5", "a", NXDOMAIN)))
            .chain(good("10.0.0.0", 3)),
    );
    let clients = worst_first(&report.clients, |client| &client.tally);
    let order: Vec<_> = clients.iter().map(|(_, client)| client.address.unwrap().to_string()).collect();
    assert_eq!(order, ["10.0.0.4", "10.0.0.3", "10.0.0.5", "10.0.0.2", "10.0.0.0", "10.0.0.1"]);
}

#[test]
fn every_query_ends_in_one_way() {
    let late = Transaction {
        outcome: Outcome::Unsolicited,
        query: None,
        late_for: Some(TransactionId(1)),
        ..answered("10.0.0.1", "a", SERVFAIL)
    };
    let report = report([
        answered("10.0.0.1", "a", 0),
        answered("10.0.0.1", "a", NXDOMAIN),
        answered("10.0.0.1", "a", SERVFAIL | TC),
        no_response("10.0.0.1", "a"),
        query("10.0.0.1", "a"),
        late,
    ]);
    let total = report.total;
    assert_eq!((total.transactions(), total.queries, total.unsolicited, total.late), (6, 5, 1, 1));
    assert_eq!((total.answered, total.no_response, total.outstanding), (3, 1, 1));
    assert_eq!((total.nxdomain, total.errors, total.truncated, total.failures()), (1, 1, 1, 2));
    // The late response is no response to a query that is counted as answered.
    assert_eq!(report.rcodes, [(0, 1), (NXDOMAIN, 1), (SERVFAIL, 1)].into());
    assert_eq!(report.types.iter().collect::<Vec<_>>(), [(&1, &5)]);
}

#[test]
fn clients_beyond_the_bound_are_others() {
    let address = |number: usize| format!("10.0.{}.{}", number / 256, number % 256);
    let report = report((0..=CLIENTS_MAX + 1).map(|number| no_response(&address(number), "a")));
    assert_eq!(report.clients.len(), CLIENTS_MAX);
    assert_eq!(report.clients.others().unwrap().tally.no_response, 2);
    assert_eq!(report.total.queries, CLIENTS_MAX as u64 + 2);
}

#[test]
fn processes_are_named_as_far_as_there_is_room() {
    let by = |number: u8| {
        let process = Process { tgid: number.into(), uid: None, comm: [number; 16] };
        let client_socket = Socket { process: Some(process), ..Socket::default() };
        Transaction { client_socket, ..query("10.0.0.1", "a") }
    };
    let few = report([by(1), by(2), by(1)]);
    let (_, client) = few.clients.iter().next().unwrap();
    assert_eq!((&client.processes[..], client.more_processes), (&[[1; 16], [2; 16]][..], false));
    let many = report((1..9).map(by));
    let (_, client) = many.clients.iter().next().unwrap();
    assert_eq!((client.processes.len(), client.more_processes), (4, true));
}

#[test]
fn reached_is_what_came_out_at_the_servers_socket() {
    let way = |path: Vec<Hop>| Transaction { path, ..no_response("10.0.0.1", "a") };
    let leaving = at(Hook::Socket, Direction::Out, 0);
    let entering = at(Hook::Device, Direction::In, 7);
    let arriving = at(Hook::Socket, Direction::In, 0);
    let returning = Hop { message: MessageKind::Response, ..arriving };
    let report = report([
        way(vec![leaving, entering, arriving]),
        way(vec![leaving, entering]),
        way(vec![leaving, entering]),
        Transaction { outcome: Outcome::Answered, path: vec![leaving, returning], ..query("10.0.0.1", "a") },
    ]);
    assert_eq!((report.total.queries, report.total.reached), (4, 1));
    let seen: Vec<_> =
        most_missed(&report.last_seen).iter().map(|(place, seen)| (place.point, seen.no_response)).collect();
    assert_eq!(seen, [(entering.point, 2), (arriving.point, 1)]);
}

#[test]
fn servers_are_told_apart_by_whom_nat_chose() {
    let behind = |address: &str| Transaction {
        server_after_nat: Some(address.parse().unwrap()),
        response_time: Some(Duration::from_millis(3)),
        server_response_time: Some(Duration::from_millis(2)),
        ..answered("10.0.0.1", "a", 0)
    };
    let report = report([behind("10.0.1.1:53"), behind("10.0.1.2:53"), behind("10.0.1.1:53")]);
    let servers: Vec<_> =
        report.servers.iter().map(|(asked, server)| (asked.after_nat, server.tally.queries)).collect();
    assert_eq!(servers, [(Some("10.0.1.1:53".parse().unwrap()), 2), (Some("10.0.1.2:53".parse().unwrap()), 1)]);
    let (_, server) = report.servers.iter().next().unwrap();
    let medians = [&server.at_client, &server.at_server].map(|times| times.quantile(0.5));
    assert_eq!(medians, [3, 2].map(|millis| Some(Duration::from_millis(millis))));
}

const SECOND: u64 = 1_000_000_000;

fn truncated(label: &str, seconds: u64) -> Transaction {
    Transaction { time: BootTime(seconds * SECOND), ..answered("10.0.0.1", label, TC) }
}

fn over_tcp(client: &str, label: &str, seconds: u64) -> Transaction {
    Transaction { time: BootTime(seconds * SECOND), transport: Transport::Tcp, ..answered(client, label, 0) }
}

#[track_caller]
fn check_asked_again(transactions: impl IntoIterator<Item = Transaction>, count: u64) {
    let report = report(transactions);
    assert_eq!(report.total.asked_again, count);
    let of_clients: u64 = report.clients.iter().map(|(_, client)| client.tally.asked_again).sum();
    let of_servers: u64 = report.servers.iter().map(|(_, server)| server.tally.asked_again).sum();
    assert_eq!((of_clients, of_servers), (count, count));
}

#[test]
fn truncated_response_and_query_over_tcp_belong_together() {
    check_asked_again([truncated("a", 9), over_tcp("10.0.0.1", "A", 10)], 1);
    // Either may be given out first.
    check_asked_again([over_tcp("10.0.0.1", "a", 10), truncated("a", 9)], 1);
    // Each takes one of the other.
    check_asked_again([truncated("a", 8), truncated("a", 9), over_tcp("10.0.0.1", "a", 10)], 1);
    check_asked_again([truncated("a", 9), over_tcp("10.0.0.1", "a", 10), over_tcp("10.0.0.1", "a", 11)], 1);
}

#[test]
fn what_has_nothing_to_do_with_a_truncated_response_is_not_counted() {
    check_asked_again([truncated("a", 9), over_tcp("10.0.0.1", "b", 10)], 0);
    check_asked_again([truncated("a", 9), over_tcp("10.0.0.2", "a", 10)], 0);
    check_asked_again([truncated("a", 9), over_tcp("10.0.0.1", "a", 8)], 0);
    check_asked_again([truncated("a", 9), over_tcp("10.0.0.1", "a", 15)], 0);
    check_asked_again([answered("10.0.0.1", "a", 0), over_tcp("10.0.0.1", "a", 1)], 0);
}

#[test]
fn what_waits_for_its_other_half_is_bounded() {
    let many = (0..5_000).map(|number| truncated(&format!("n{number}"), 1));
    let tcp = ["n0", "n4999"].map(|label| over_tcp("10.0.0.1", label, 2));
    check_asked_again(many.chain(tcp), 1);
}

#[test]
fn names_that_failed_are_counted_apart() {
    let report = report([
        answered("10.0.0.1", "Good", 0),
        answered("10.0.0.1", "good", 0),
        answered("10.0.0.1", "none", NXDOMAIN),
        answered("10.0.0.1", "bad", SERVFAIL),
        no_response("10.0.0.1", "bad"),
    ]);
    let names = |names: &Frequent| -> Vec<_> {
        names.most().iter().map(|counted| (counted.name.to_vec(), counted.count)).collect()
    };
    let [good, bad, none] = [b"\x04good\0".to_vec(), b"\x03bad\0".to_vec(), b"\x04none\0".to_vec()];
    assert_eq!(names(&report.names.queried), [(bad.clone(), 2), (good, 2), (none, 1)]);
    assert_eq!(names(&report.names.failed), [(bad, 2)]);
    let failed = report.names.failed.most()[0].clone();
    assert_eq!((failed.errors, failed.no_response, failed.nxdomain, failed.excess), (1, 1, 0, 0));
}

/// What became of a transaction, told when it is settled.
fn settle(report: &mut Report, transaction: &Transaction, leg: Leg) {
    let case = Case::of(transaction, Who::default(), SLOW);
    report.settle(&Settled { case: &case, is_looping: false, leg: Some(leg), spent: None });
}

#[test]
fn lost_queries_are_counted_once_where_they_are_lost() {
    let lost = |id| Transaction { id: TransactionId(id), ..no_response("10.0.0.1", "a") };
    let mut report = report([lost(1), lost(2), lost(3)]);
    settle(&mut report, &lost(1), Leg::Node);
    settle(&mut report, &lost(1), Leg::Node);
    settle(&mut report, &lost(2), Leg::Upstream);
    // It is not part of this report: a filter left it out.
    settle(&mut report, &lost(4), Leg::Client);
    let expected = [(Leg::Node, 1), (Leg::Upstream, 1)];
    assert_eq!(report.total.legs.iter().collect::<Vec<_>>(), expected);
    let (_, client) = report.clients.iter().next().unwrap();
    let (_, server) = report.servers.iter().next().unwrap();
    assert_eq!((client.tally.legs, server.tally.legs), (report.total.legs, report.total.legs));
    assert!(report.unsettled.contains(&TransactionId(3)));
}

#[test]
fn transactions_that_wait_for_their_leg_are_bounded() {
    let lost = |id| Transaction { id: TransactionId(id), ..no_response("10.0.0.1", "a") };
    let report = report((0..UNSETTLED_MAX as u64 + 9).map(lost));
    assert_eq!((report.unsettled.len(), report.total.no_response), (UNSETTLED_MAX, UNSETTLED_MAX as u64 + 9));
}
