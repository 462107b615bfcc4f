//! Who asked whom, and who stood behind that, in parts between which a line may be broken.

use std::net::SocketAddr;

use super::point::process;
use crate::decode::Transport;
use crate::decode::presentation::{push_ip, push_number, push_socket_address};
use crate::join::Transaction;
use crate::owner::{Party, Who};
use crate::sink::owner;

/// The port that needs no mention.
const DNS_PORT: u16 = 53;
/// From who asks to who is asked.
const ARROW: &str = " → ";

pub(super) type Push = fn(&mut String, &Transaction, &Who);

/// `10.244.0.10 curl[2211]`, ` → 10.96.0.10`, ` → 10.244.0.53`; or
/// `shop/web-7d9c (nginx) curl[2211]`, ` → svc kube-system/kube-dns`, ` → kube-system/coredns-x`.
pub(super) const WHO: [Push; 3] = [push_asking, push_asked, push_behind];

fn push_asking(line: &mut String, transaction: &Transaction, who: &Who) {
    match &who.client {
        // A node has many addresses: the one that it used says more.
        Some(Party::Node { unit: None, .. }) | None => push_ip(line, transaction.client.ip()),
        Some(client) => line.push_str(&owner::party(client)),
    }
    if let Some(process) = process(&transaction.client_socket) {
        line.push(' ');
        line.push_str(&process);
    }
}

fn push_asked(line: &mut String, transaction: &Transaction, who: &Who) {
    line.push_str(ARROW);
    let behind = transaction.server_after_nat;
    match (&who.service, owner::server(who)) {
        (Some(service), _) => {
            line.push_str(&owner::service(service));
            push_port(line, transaction.server);
        }
        (None, Some(server)) if behind.is_none() => {
            line.push_str(&server);
            push_port(line, transaction.server);
        }
        (None, _) => push_server(line, transaction.server),
    }
    if behind.is_none() {
        push_transport(line, transaction);
    }
}

fn push_behind(line: &mut String, transaction: &Transaction, who: &Who) {
    let Some(behind) = transaction.server_after_nat else { return };
    line.push_str(ARROW);
    match owner::server(who) {
        Some(server) => line.push_str(&server),
        None => push_server(line, behind),
    }
    push_transport(line, transaction);
}

fn push_transport(line: &mut String, transaction: &Transaction) {
    if transaction.transport == Transport::Tcp {
        line.push_str(" TCP");
    }
}

/// Nothing for the port that every server has.
fn push_port(line: &mut String, address: SocketAddr) {
    if address.port() != DNS_PORT {
        line.push(':');
        push_number(line, address.port().into(), 1);
    }
}

fn push_server(line: &mut String, address: SocketAddr) {
    if address.port() == DNS_PORT { push_ip(line, address.ip()) } else { push_socket_address(line, address) }
}
