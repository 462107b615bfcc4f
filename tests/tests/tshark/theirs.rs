//! tshark's reading.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};

use crate::message::{Edns, Message, Point, Record};
use crate::pdml::{self, Field, Packet};
use crate::presentation::{self, Bytes};

/// The messages of a file.
pub(crate) fn read(file: &Path) -> Result<Vec<Message>> {
    let packets = pdml::read(file)?;
    let mut read = messages(&packets)?;
    // What comes last of a datagram need not be its end.
    for message in &mut read {
        message.fragment = false;
    }
    if packets.iter().any(is_fragment) {
        for message in messages(&pdml::read_fragments(file)?)?.into_iter().filter(|message| message.fragment) {
            let whole = |other: &Message| same_datagram(other, &message);
            if !read.iter().any(whole) {
                read.push(message);
            }
        }
    }
    Ok(read)
}

fn same_datagram(one: &Message, other: &Message) -> bool {
    let key = |message: &Message| (message.src, message.dst, message.id, message.flags);
    key(one) == key(other) && one.point == other.point && one.question == other.question
}

/// Whether any datagram in it is one of several fragments.
pub(crate) fn is_fragment(packet: &Packet) -> bool {
    let more = |name: &str| packet.iter().any(|protocol| protocol.all(name).any(|field| field.show == "1"));
    more("ip.flags.mf") || more("ipv6.fraghdr.more")
}

/// The messages of packets, in their order.
fn messages(packets: &[Packet]) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    for packet in packets {
        // A message that ICMP quotes is not sent again, which tshark tells apart no more than any message in a message.
        if packet.iter().any(|protocol| protocol.name.starts_with("icmp")) {
            continue;
        }
        for (at, protocol) in packet.iter().enumerate().filter(|(_, protocol)| protocol.name == "dns") {
            let broken = packet
                .get(at + 1)
                .is_some_and(|next| ["_ws.malformed", "_ws.short", "_ws.unreassembled"].contains(&&*next.name));
            messages.push(message(packet, protocol, !broken).with_context(|| format!("{protocol:#?}"))?);
        }
    }
    Ok(messages)
}

fn message(packet: &Packet, dns: &Field, complete: bool) -> Result<Message> {
    let tcp = packet.iter().any(|protocol| protocol.name == "tcp");
    let transport = if tcp { "tcp" } else { "udp" };
    let (src, dst) = addresses(packet)?;
    let [src_port, dst_port] = ["srcport", "dstport"].map(|name| number(packet, &format!("{transport}.{name}")));
    let counts = counts(dns).context("no counts")?;
    let wire_len = if tcp { of(dns, "dns.length") } else { u16::try_from(number(packet, "udp.length")?)? - 8 };
    let message = Bytes::of(dns);
    Ok(Message {
        point: point(packet),
        time: time(packet)?,
        tcp,
        src: SocketAddr::new(src, u16::try_from(src_port?)?),
        dst: SocketAddr::new(dst, u16::try_from(dst_port?)?),
        vlan: last(packet, "vlan.id").or(last(packet, "ieee8021ad.id")).map(|field| field.show.parse()).transpose()?,
        fragment: is_fragment(packet),
        id: of(dns, "dns.id"),
        flags: of(dns, "dns.flags"),
        counts,
        wire_len: wire_len.into(),
        question: dns
            .find("dns.qry.name")
            .filter(|_| counts[0] > 0)
            .map(|name| (name.bytes.clone(), of(dns, "dns.qry.type"), of(dns, "dns.qry.class"))),
        answers: section(dns).map_while(|record| answer(record, &message)).collect(),
        edns: edns(dns),
        complete,
        bytes: message.0,
    })
}

/// UPDATE has its own names for the sections (RFC 2136, 2.2), and tshark for their counts.
fn counts(dns: &Field) -> Option<[u16; 4]> {
    let counts = dns.children.iter().filter(|field| field.name.starts_with("dns.count."));
    counts.map(|count| u16::try_from(count.number()).ok()).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// The records of the answer section, prerequisites of an UPDATE.
fn section(dns: &Field) -> impl Iterator<Item = &Field> {
    let section = dns.children.iter().find(|field| ["Answers", "Prerequisites"].contains(&&*field.show));
    section.into_iter().flat_map(|section| &section.children)
}

fn answer(record: &Field, message: &Bytes) -> Option<Record> {
    let length = usize::from(of(record, "dns.resp.len"));
    let raw = record.bytes.get(record.bytes.len().checked_sub(length)?..)?;
    let rtype = of(record, "dns.resp.type");
    // hickory takes data for malformed that has more than its type says.
    // What tshark computes has no bytes, and stands anywhere.
    let fields = record.walk().skip(1).filter(|field| !field.bytes.is_empty());
    let end = fields.map(|field| field.pos + field.bytes.len()).max();
    let known = (end == Some(record.pos + record.bytes.len())).then_some(record);
    let data = known.and_then(|record| presentation::data(rtype, record, message, raw));
    Some(Record {
        // The owner of an SRV record has fields of its own.
        name: message.name(record.find("dns.resp.name").unwrap_or(record))?,
        rtype,
        class: of(record, "dns.resp.class"),
        ttl: u32::try_from(record.find("dns.resp.ttl")?.number()).ok()?,
        data: data.unwrap_or_else(|| presentation::unknown(raw)),
    })
}

fn edns(dns: &Field) -> Option<Edns> {
    let record = dns.walk().find(|field| field.children.iter().any(|child| child.name == "dns.rr.udp_payload_size"))?;
    let small = |name| u8::try_from(record.find(name).map_or(0, Field::number)).unwrap_or_default();
    let options = record.walk().filter(|field| field.children.iter().any(is_extended_error));
    Some(Edns {
        udp_size: of(record, "dns.rr.udp_payload_size"),
        rcode_high: small("dns.resp.ext_rcode"),
        version: small("dns.resp.edns0_version"),
        dnssec_ok: of(record, "dns.resp.z") & 0x8000 != 0,
        errors: options.map(extended_error).collect(),
    })
}

fn is_extended_error(field: &Field) -> bool {
    field.name == "dns.opt.ext_error.info_code"
}

fn extended_error(option: &Field) -> (u16, String) {
    let text = option.find("dns.opt.ext_error.extra_text").map(|text| presentation::quoted(&text.bytes));
    (of(option, "dns.opt.ext_error.info_code"), text.unwrap_or_default())
}

/// The innermost addresses.
fn addresses(packet: &Packet) -> Result<(IpAddr, IpAddr)> {
    let ip = packet.iter().rfind(|protocol| ["ip", "ipv6"].contains(&&*protocol.name)).context("no IP")?;
    let [src, dst] = ["src", "dst"].map(|end| ip.find(&format!("{}.{end}", ip.name)).and_then(address));
    Ok((src.context("no source")?, dst.context("no destination")?))
}

fn address(field: &Field) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(&field.bytes[..]).map(IpAddr::from);
    v4.or(<[u8; 16]>::try_from(&field.bytes[..]).map(IpAddr::from)).ok()
}

fn point(packet: &Packet) -> Point {
    let index = last(packet, "sll.ifindex").map(|field| field.number().to_string());
    let name = last(packet, "frame.interface_name").map(|field| field.show.clone());
    let sent = last(packet, "sll.pkttype").is_some_and(|field| field.number() == 4);
    let outbound = last(packet, "frame.packet_flags_direction").is_some_and(|field| field.show.ends_with('2'));
    Point { interface: index.or(name).unwrap_or_else(|| "0".to_owned()), out: sent || outbound }
}

fn time(packet: &Packet) -> Result<u64> {
    let time = &last(packet, "frame.time_epoch").context("no time")?.show;
    let (seconds, fraction) = time.split_once('.').context("no fraction")?;
    Ok(seconds.parse::<u64>()? * 1_000_000_000 + format!("{fraction:0<9}").parse::<u64>()?)
}

fn last<'p>(packet: &'p Packet, name: &str) -> Option<&'p Field> {
    packet.iter().rev().find_map(|protocol| protocol.find(name))
}

fn number(packet: &Packet, name: &str) -> Result<u64> {
    Ok(last(packet, name).with_context(|| format!("no {name}"))?.number())
}

/// 16 bits; 0 where the field is missing, which only a cut message's is.
fn of(field: &Field, name: &str) -> u16 {
    field.find(name).and_then(|field| u16::try_from(field.number()).ok()).unwrap_or_default()
}
