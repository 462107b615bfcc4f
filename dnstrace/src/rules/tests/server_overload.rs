//! `server-overload`.

use hickory_proto::rr::RecordType::A;

use super::*;
use crate::capture::Direction;
use crate::join::MessageKind;

fn ask(at: u64) -> Ask {
    Ask::new(at, "10.244.0.10:40000", SERVICE, &format!("n{at}.example"), A).behind(COREDNS)
}

#[test]
fn full_socket_drops_queries() {
    let full = [0, 1].map(|at| ask(at).sign(dropped(0, "SOCKET_RCVBUFF", "udp_queue_rcv_one_skb")));
    check(Scene::cluster().asks(full), &["server-overload certain kube-system/coredns-1 2"]);
}

#[test]
fn what_is_in_the_socket_is_not_answered_either() {
    let in_socket = |at| ask(at).hop(at_socket(0, Direction::In, MessageKind::Query));
    let full = ask(1).sign(dropped(0, "SOCKET_RCVBUFF", "udp_queue_rcv_one_skb"));
    let scene = Scene::cluster().asks([in_socket(0), full, in_socket(2)]);
    check(scene, &["server-overload certain kube-system/coredns-1 3"]);
}

#[test]
fn socket_that_was_full_once_does_not_explain_what_is_lost_later() {
    let full = ask(0).sign(dropped(0, "SOCKET_RCVBUFF", "udp_queue_rcv_one_skb"));
    let later = ask(11_000).hop(at_socket(0, Direction::In, MessageKind::Query));
    let expected = ["server-overload certain kube-system/coredns-1 1", "no-response certain kube-system/coredns-1 1"];
    check(Scene::cluster().asks([full, later]), &expected);
}

#[test]
fn ipv6_and_without_names() {
    let full = Ask::new(0, "[fd00::10]:40000", "[fd00::53]:53", "a.example", A);
    let scene = Scene::unknown().ask(full.sign(dropped(0, "SOCKET_RCVBUFF", "udpv6_queue_rcv_one_skb")));
    check(scene, &["server-overload certain [fd00::53]:53 1"]);
}

#[test]
fn other_drops_are_not_it() {
    let found = Scene::cluster().ask(ask(0).sign(dropped(0, "NETFILTER_DROP", "nft_do_chain"))).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("server-overload")), "{found:?}");
}

#[test]
fn client_that_does_not_read_is_not_the_servers_matter() {
    let answered = ask(0).rcode(1, 0).sign(|transaction| {
        let sign = dropped(1, "SOCKET_RCVBUFF", "udp_queue_rcv_one_skb")(transaction);
        crate::join::Sign { message: MessageKind::Response, ..sign }
    });
    let found = Scene::cluster().ask(answered).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("server-overload")), "{found:?}");
}
