//! Interfaces, addresses and routes of the netns the calling thread is in (rtnetlink(7)).

use std::net::IpAddr;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use nix::net::if_::if_nametoindex;
use nix::sys::socket::SockProtocol;

use super::netlink::{ACK, Message, Netlink, attribute, nested, text};
use super::netns::Netns;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VLAN_ID: u16 = 1;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
/// `NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK`.
const CREATE: i32 = 0x400 | 0x200 | ACK;
/// Addresses are ours alone: nobody has to be asked whether they are taken.
const IFA_F_NODAD: u8 = 2;
const RTPROT_STATIC: u8 = 4;
const RTN_UNICAST: u8 = 1;
const RT_SCOPE_LINK: u8 = 253;

/// A locally administered one: 0a:58 and the IPv4 address 10.244.0.1, as the bridge plug-in has it.
const BRIDGE_MAC: [u8; 6] = [0x0a, 0x58, 0x0a, 0xf4, 0x00, 0x01];

/// A pair of interfaces: one here, its peer in another netns.
pub fn veth(name: &str, peer: &str, peer_netns: &Netns) -> Result<()> {
    let netns = peer_netns_fd(peer_netns);
    let far = [link_header(0, 0).to_vec(), attribute(IFLA_IFNAME, &text(peer)), attribute(IFLA_NET_NS_FD, &netns)];
    create(name, "veth", &[], &[nested(VETH_INFO_PEER, &far)])
}

/// A bridge with a MAC address of its own, as network plug-ins give it: else it has that of one of its ports, and another
/// one when that port goes, which its neighbours learn half a minute later.
pub fn bridge(name: &str) -> Result<()> {
    create(name, "bridge", &[attribute(IFLA_ADDRESS, &BRIDGE_MAC)], &[])
}

/// An interface that tags what leaves through `parent` with a VLAN ID.
pub fn vlan(name: &str, parent: &str, id: u16) -> Result<()> {
    let parent = attribute(IFLA_LINK, &index(parent)?.to_ne_bytes());
    create(name, "vlan", &[parent], &[attribute(IFLA_VLAN_ID, &id.to_ne_bytes())])
}

/// Makes an interface a port of a bridge.
pub fn set_master(name: &str, bridge: &str) -> Result<()> {
    let message = Message::new(libc::RTM_NEWLINK, ACK, &link_header(index(name)?, 0));
    route(message.attribute(IFLA_MASTER, &index(bridge)?.to_ne_bytes()))
        .with_context(|| format!("{name} into {bridge}"))
}

/// Brings an interface up.
pub fn up(name: &str) -> Result<()> {
    let flag = u32::try_from(libc::IFF_UP)?;
    route(Message::new(libc::RTM_NEWLINK, ACK, &link_header(index(name)?, flag))).with_context(|| format!("{name} up"))
}

/// Gives an interface an address.
pub fn address(name: &str, address: IpAddr, prefix_len: u8) -> Result<()> {
    let mut header = vec![family(address), prefix_len, IFA_F_NODAD, 0];
    header.extend_from_slice(&index(name)?.to_ne_bytes());
    let bytes = octets(address);
    let message = Message::new(libc::RTM_NEWADDR, CREATE, &header).attribute(IFA_LOCAL, &bytes);
    route(message.attribute(IFA_ADDRESS, &bytes)).with_context(|| format!("{address} on {name}"))
}

/// A route to what is reached on the link itself.
pub fn route_on_link(to: IpAddr, prefix_len: u8, name: &str) -> Result<()> {
    let message = Message::new(libc::RTM_NEWROUTE, CREATE, &route_header(to, prefix_len, RT_SCOPE_LINK));
    let message = message.attribute(RTA_DST, &octets(to)).attribute(RTA_OIF, &index(name)?.to_ne_bytes());
    route(message).with_context(|| format!("route to {to} on {name}"))
}

/// Everything else goes to `gateway`.
pub fn default_route(gateway: IpAddr, name: &str) -> Result<()> {
    let message = Message::new(libc::RTM_NEWROUTE, CREATE, &route_header(gateway, 0, 0));
    let message = message.attribute(RTA_GATEWAY, &octets(gateway)).attribute(RTA_OIF, &index(name)?.to_ne_bytes());
    route(message).with_context(|| format!("default route by {gateway} on {name}"))
}

fn create(name: &str, kind: &str, attributes: &[Vec<u8>], data: &[Vec<u8>]) -> Result<()> {
    let info = [attribute(IFLA_INFO_KIND, kind.as_bytes()), nested(IFLA_INFO_DATA, data)].concat();
    let mut header = link_header(0, 0).to_vec();
    header.extend(attributes.concat());
    let message = Message::new(libc::RTM_NEWLINK, CREATE, &header);
    route(message.attribute(IFLA_IFNAME, &text(name)).attribute(IFLA_LINKINFO, &info))
        .with_context(|| format!("{kind} {name}"))
}

fn route(message: Message) -> Result<()> {
    Netlink::open(SockProtocol::NetlinkRoute)?.send(vec![message])
}

fn index(name: &str) -> Result<u32> {
    if_nametoindex(name).with_context(|| format!("no interface {name}"))
}

/// `struct ifinfomsg`.
fn link_header(index: u32, flags: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    header
}

/// `struct rtmsg`.
fn route_header(to: IpAddr, prefix_len: u8, scope: u8) -> [u8; 12] {
    let table = libc::RT_TABLE_MAIN;
    [family(to), prefix_len, 0, 0, table, RTPROT_STATIC, scope, RTN_UNICAST, 0, 0, 0, 0]
}

fn peer_netns_fd(netns: &Netns) -> [u8; 4] {
    use std::os::fd::AsFd;
    netns.as_fd().as_raw_fd().to_ne_bytes()
}

fn family(address: IpAddr) -> u8 {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    u8::try_from(family).unwrap_or(0)
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
