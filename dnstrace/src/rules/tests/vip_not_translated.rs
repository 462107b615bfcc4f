//! `vip-not-translated`.

use hickory_proto::rr::RecordType::{A, AAAA};

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::{Query, Response};

const BRIDGE: u32 = 2;

pub(super) fn leaving(server: &str) -> Ask {
    let client = if server == SERVICE_V6 { "[fd00:10::10]:40000" } else { "10.244.0.10:40000" };
    let ask = Ask::new(0, client, server, "a.example", if server == SERVICE_V6 { AAAA } else { A });
    let ask = ask.hop(at_device(0, In, WEB_IF, Query)).hop(at_device(0, In, BRIDGE, Query));
    ask.hop(at_device(0, Out, UPLINK, Query))
}

/// From one interface to the other: routed where pods have no bridge, passed on where both are ports of one.
pub(super) fn passing(out: u32) -> Ask {
    let ask = Ask::new(0, "10.244.0.10:40000", SERVICE, "a.example", A);
    ask.hop(at_device(0, In, WEB_IF, Query)).hop(at_device(0, Out, out, Query))
}

#[test]
fn query_to_the_service_leaves_the_node() {
    check(Scene::cluster().ask(leaving(SERVICE)), &["vip-not-translated certain 10.96.0.10:53 1"]);
}

#[test]
fn query_to_the_service_leaves_the_node_over_ipv6() {
    check(Scene::with_service_only().ask(leaving(SERVICE_V6)), &[&format!("vip-not-translated likely {SERVICE_V6} 1")]);
}

#[test]
fn service_that_was_translated_before_is_known() {
    let leave = |scene: Scene| scene.asks(others(2)).ask(leaving(SERVICE));
    check(leave(Scene::unknown()), &["vip-not-translated likely 10.96.0.10:53 1"]);
    check(leave(Scene::with_service_only()), &["vip-not-translated certain 10.96.0.10:53 1"]);
}

#[test]
fn node_without_a_bridge_routes_from_interface_to_interface() {
    check(Scene::cluster().ask(passing(UPLINK)), &["vip-not-translated likely 10.96.0.10:53 1"]);
}

#[test]
fn bridge_that_knows_no_such_mac_address_passes_on_what_the_node_never_sees() {
    let ask = passing(DNS_IF).sign(dropped(0, "OTHERHOST", "ip_rcv_core"));
    let found = Scene::cluster().ask(ask).finish().found();
    assert!(found.len() == 1 && found[0].starts_with("no-response certain 10.96.0.10:53"), "{found:#?}");
    assert!(found[0].contains("another host's MAC address"), "{found:#?}");
}

#[test]
fn query_that_leaves_and_is_dropped_for_another_reason_left() {
    let ask = leaving(SERVICE).sign(dropped(0, "NEIGH_FAILED", "arp_error_report"));
    check(Scene::cluster().ask(ask), &["vip-not-translated certain 10.96.0.10:53 1"]);
}

#[test]
fn server_elsewhere_is_no_service() {
    check(Scene::cluster().ask(leaving(UPSTREAM)), &["no-response certain 192.0.2.53:53 1"]);
}

#[test]
fn service_that_others_translate_answers() {
    let ask = leaving(SERVICE).found("198.51.100.1").hop(at_device(1, Out, WEB_IF, Response));
    check(Scene::cluster().ask(ask), &[]);
}

#[test]
fn recording_within_the_pod_sees_the_service_leave() {
    let ask = Ask::new(0, "10.244.0.10:40000", SERVICE, "a.example", A).hop(at_device(0, Out, 2, Query));
    check(Scene::cluster().ask(ask), &["no-response certain 10.96.0.10:53 1"]);
}

#[test]
fn server_that_a_pods_file_names_is_no_service() {
    let scene = Scene::unknown().named_by_pods(UPSTREAM).ask(leaving(UPSTREAM));
    check(scene, &["no-response certain 192.0.2.53:53 1"]);
}

#[test]
fn address_where_nobody_listens_is_somebodys() {
    let ask = leaving(SERVICE).sign(dropped(0, "NO_SOCKET", "__udp4_lib_rcv"));
    check(Scene::cluster().ask(ask), &["server-not-listening likely 10.96.0.10:53 1"]);
}
