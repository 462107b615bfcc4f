//! `dns-tcp-idle-reset`.

use hickory_proto::rr::RecordType::A;

use super::connections::*;
use super::*;
use crate::join::ConnectionOutcome;

const CLIENT: &str = "10.244.0.10:41000";

fn reset() -> Connection {
    Connection {
        closed_by_server: Some(BootTime(10_000_000_000)),
        ..connection(0, CLIENT, ConnectionOutcome::Reset, 1)
    }
}

#[test]
fn query_on_a_connection_that_was_closed() {
    let query = Ask::new(10_001, CLIENT, SERVICE, "a.example", A).tcp();
    check(Scene::cluster().connect(&reset()).ask(query), &["dns-tcp-idle-reset certain shop/web 1"]);
}

#[test]
fn reset_without_a_close_is_not_idle() {
    let connection = Connection { closed_by_server: None, ..reset() };
    check(Scene::cluster().connect(&connection), &[]);
}

#[test]
fn connection_that_was_closed_and_left_alone_is_well() {
    let connection = Connection { outcome: ConnectionOutcome::Accepted, ..reset() };
    check(Scene::cluster().connect(&connection), &[]);
}

#[test]
fn query_on_another_connection_is_not_explained() {
    let query = Ask::new(10_001, "10.244.0.10:41001", SERVICE, "a.example", A).tcp();
    let expected = ["no-response certain 10.96.0.10:53 1", "dns-tcp-idle-reset certain shop/web 1"];
    let mut found = Scene::cluster().connect(&reset()).ask(query).finish().ids();
    found.sort_by_key(|found| found.starts_with("dns"));
    assert_eq!(found, expected);
}
