//! A Service address: nftables rules that send it to one of several endpoints, and masquerading towards the uplink. Sent
//! as `nf_tables` netlink messages, so that no `nft` has to be installed.

use std::net::IpAddr;

use anyhow::{Context, Result};
use nix::sys::socket::SockProtocol;

use super::netlink::{ACK, Message, Netlink, attribute, nested, text};

const TABLE: &str = "dnstrace-node";
const NFNL_SUBSYS_NFTABLES: u16 = 10;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEW_TABLE: u16 = 0;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
/// `NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK`.
const APPEND: i32 = 0x400 | 0x800 | ACK;
const PRE_ROUTING: u32 = 0;
const FORWARD: u32 = 2;
const LOCAL_OUT: u32 = 3;
const POST_ROUTING: u32 = 4;
/// Where kube-proxy's own nftables chains are too (`dstnat`, `srcnat` of nft(8)).
const DSTNAT: i32 = -100;
const SRCNAT: i32 = 100;
const REGISTER_VERDICT: u32 = 0;
const REGISTER_1: u32 = 1;
const REGISTER_2: u32 = 2;
const DNS_PORT: u16 = 53;
const INET: u8 = 1;
const META_OIFNAME: u32 = 7;
const META_NFPROTO: u32 = 15;
const META_L4PROTO: u32 = 16;
const IFNAMSIZ: usize = 16;

/// Chains of the node's NAT table, in the netns the calling thread is in, with masquerading of what leaves through `uplink`.
pub(super) fn create(uplink: &str) -> Result<()> {
    let table = message(NEW_TABLE, APPEND & !0x800).attribute(1, &text(TABLE));
    let masquerade = rule("post", &[meta(META_OIFNAME), equal(&interface(uplink)), expression("masq", &[])]);
    batch(vec![
        table,
        chain("pre", "nat", PRE_ROUTING, DSTNAT),
        chain("out", "nat", LOCAL_OUT, DSTNAT),
        chain("post", "nat", POST_ROUTING, SRCNAT),
        masquerade,
    ])
    .context("cannot make the NAT table (nf_tables, nft_nat, nft_masq in the kernel?)")
}

/// Port 53 of `service`, UDP and TCP, goes to the endpoints by turns.
pub(super) fn service(service: IpAddr, endpoints: &[IpAddr]) -> Result<()> {
    let count = u32::try_from(endpoints.len())?;
    let rules = ["pre", "out"].into_iter().flat_map(|chain| {
        let protocols = [libc::IPPROTO_UDP, libc::IPPROTO_TCP].into_iter();
        protocols.flat_map(move |protocol| {
            // Rule k takes one connection of those that are left: 1/n, 1/(n-1), ... 1, as kube-proxy does it.
            let turns = (1..=count).rev().zip(endpoints);
            turns.map(move |(left, endpoint)| rule(chain, &to_endpoint(service, protocol, left, *endpoint)))
        })
    });
    batch(rules.collect()).with_context(|| format!("cannot make Service {service} (nft_numgen in the kernel?)"))
}

/// Drops what is forwarded to port 53, as a network policy does.
pub(super) fn drop_forwarded() -> Result<()> {
    let verdict = nested(2, &[nested(2, &[number(1, NF_DROP)])]);
    let drop = expression("immediate", &[number(1, REGISTER_VERDICT), verdict]);
    let expressions = [payload(TRANSPORT_HEADER, 2, 2), equal(&DNS_PORT.to_be_bytes()), drop];
    batch(vec![chain("policy", "filter", FORWARD, 0), rule("policy", &expressions)]).context("cannot make the policy")
}

fn to_endpoint(service: IpAddr, protocol: i32, left: u32, endpoint: IpAddr) -> Vec<Vec<u8>> {
    let (family, offset, length) = if service.is_ipv4() { (libc::AF_INET, 16, 4) } else { (libc::AF_INET6, 24, 16) };
    let family = u32::try_from(family).unwrap_or(0);
    let nfproto = u8::try_from(family).unwrap_or(0);
    vec![
        meta(META_NFPROTO),
        equal(&[nfproto]),
        payload(NETWORK_HEADER, offset, length),
        equal(&octets(service)),
        meta(META_L4PROTO),
        equal(&[u8::try_from(protocol).unwrap_or(0)]),
        payload(TRANSPORT_HEADER, 2, 2),
        equal(&DNS_PORT.to_be_bytes()),
        expression("numgen", &[number(1, REGISTER_1), number(2, left), number(3, NUMGEN_INCREMENTAL)]),
        equal(&0_u32.to_ne_bytes()),
        expression("immediate", &[number(1, REGISTER_1), nested(2, &[attribute(1, &octets(endpoint))])]),
        expression("immediate", &[number(1, REGISTER_2), nested(2, &[attribute(1, &DNS_PORT.to_be_bytes())])]),
        expression("nat", &[number(1, DNAT), number(2, family), number(3, REGISTER_1), number(5, REGISTER_2)]),
    ]
}

const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
const NUMGEN_INCREMENTAL: u32 = 0;
const DNAT: u32 = 1;
const NF_DROP: u32 = 0;

fn chain(name: &str, kind: &str, hook: u32, priority: i32) -> Message {
    let hook = [number(1, hook), attribute(2, &priority.to_be_bytes())].concat();
    let chain = message(NEW_CHAIN, APPEND & !0x800).attribute(1, &text(TABLE)).attribute(3, &text(name));
    chain.attribute(4 | NESTED, &hook).attribute(7, &text(kind))
}

const NESTED: u16 = 1 << 15;

fn rule(chain: &str, expressions: &[Vec<u8>]) -> Message {
    let rule = message(NEW_RULE, APPEND).attribute(1, &text(TABLE)).attribute(2, &text(chain));
    rule.attribute(4 | NESTED, &expressions.concat())
}

fn meta(key: u32) -> Vec<u8> {
    expression("meta", &[number(1, REGISTER_1), number(2, key)])
}

fn payload(base: u32, offset: u32, length: u32) -> Vec<u8> {
    expression("payload", &[number(1, REGISTER_1), number(2, base), number(3, offset), number(4, length)])
}

fn equal(value: &[u8]) -> Vec<u8> {
    expression("cmp", &[number(1, REGISTER_1), number(2, 0), nested(3, &[attribute(1, value)])])
}

fn expression(name: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    nested(1, &[attribute(1, &text(name)), nested(2, attributes)])
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

fn interface(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(IFNAMSIZ, 0);
    bytes
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn message(kind: u16, flags: i32) -> Message {
    Message::new((NFNL_SUBSYS_NFTABLES << 8) | kind, flags, &[INET, 0, 0, 0])
}

/// `nf_tables` takes changes only as a whole, between a begin and an end.
fn batch(messages: Vec<Message>) -> Result<()> {
    let [high, low] = NFNL_SUBSYS_NFTABLES.to_be_bytes();
    let bracket = |kind| Message::new(kind, 0, &[0, 0, high, low]);
    let mut all = vec![bracket(BATCH_BEGIN)];
    all.extend(messages);
    all.push(bracket(BATCH_END));
    Netlink::open(SockProtocol::NetlinkNetFilter)?.send(all)
}
