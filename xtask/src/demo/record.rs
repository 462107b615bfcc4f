//! What the node's interfaces see, into a pcapng file with their names: the recording that is shown where no node can be
//! made. Written here, not by tcpdump, whose `-i any` files have no names.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, IoSliceMut, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use dnstrace_tests::node::Node;
use nix::cmsg_space;
use nix::net::if_::if_nameindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recvmsg, setsockopt,
    socket, sockopt,
};
use nix::sys::time::TimeSpec;

const DNS_PORT: [u8; 2] = [0, 53];
/// The largest that a veth passes on.
const FRAME_LEN: usize = 65_536 + 14;
/// `PACKET_OUTGOING` of packet(7).
const OUTGOING: u8 = 4;

/// A running recording.
pub(super) struct Recorder {
    stop: UnixStream,
    thread: JoinHandle<Result<()>>,
}

impl Recorder {
    /// Records what passes the node's interfaces from now on.
    pub(super) fn start(node: &Node, path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let (socket, names) = node.netns().run(|| Ok((packets()?, names()?)))?;
        let (stop, stopped) = UnixStream::pair()?;
        let thread = thread::spawn(move || record(&socket, &stopped, BufWriter::new(file), &names));
        Ok(Self { stop, thread })
    }

    /// Ends the file.
    pub(super) fn end(self) -> Result<()> {
        drop(self.stop);
        self.thread.join().unwrap_or_else(|_| Err(anyhow!("the recorder panicked")))
    }
}

/// All packets of all interfaces of this netns.
fn packets() -> Result<OwnedFd> {
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    Ok(socket)
}

fn names() -> Result<Vec<(usize, String)>> {
    let all = if_nameindex()?;
    Ok(all.iter().map(|one| (one.index() as usize, one.name().to_string_lossy().into_owned())).collect())
}

fn record(socket: &OwnedFd, stopped: &UnixStream, mut out: impl Write, names: &[(usize, String)]) -> Result<()> {
    out.write_all(&block(SECTION_HEADER, &section_header()))?;
    for (_, name) in names {
        out.write_all(&block(INTERFACE_DESCRIPTION, &interface(name)))?;
    }
    let numbers: HashMap<usize, u32> = names.iter().map(|(index, _)| *index).zip(0..).collect();
    let mut frame = vec![0; FRAME_LEN];
    while ready(socket, stopped)? {
        let packet = receive(socket, &mut frame)?;
        let number = numbers.get(&packet.ifindex).filter(|_| is_dns(&frame[..packet.length]));
        if let Some(number) = number {
            let body = enhanced_packet(*number, &packet, &frame[..packet.length]);
            out.write_all(&block(ENHANCED_PACKET, &body))?;
        }
    }
    Ok(out.flush()?)
}

/// Waits for a packet; false when the recording is to end.
fn ready(socket: &OwnedFd, stopped: &UnixStream) -> Result<bool> {
    let mut fds = [socket.as_fd(), stopped.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    poll(&mut fds, PollTimeout::NONE)?;
    Ok(!fds[1].any().unwrap_or(true))
}

struct Packet {
    ifindex: usize,
    is_outgoing: bool,
    at: Duration,
    length: usize,
}

fn receive(socket: &OwnedFd, frame: &mut [u8]) -> Result<Packet> {
    let mut space = cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(frame)];
    let received = recvmsg::<LinkAddr>(socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::empty())?;
    let from = received.address.context("a packet of no interface")?;
    let at = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
        _ => None,
    });
    let at = at.context("a packet without a time")?;
    let is_outgoing = from.pkttype() == OUTGOING;
    Ok(Packet { ifindex: from.ifindex(), is_outgoing, at, length: received.bytes })
}

/// UDP or TCP of port 53 in IPv4 or IPv6 in Ethernet: nothing else is DNS on this node.
fn is_dns(frame: &[u8]) -> bool {
    let transport = match frame.get(12..15) {
        Some([0x08, 0x00, version]) => 14 + usize::from(version & 15) * 4,
        Some([0x86, 0xdd, _]) => 14 + 40,
        _ => return false,
    };
    let ports = frame.get(transport..transport + 4).unwrap_or_default();
    ports.chunks(2).any(|port| port == DNS_PORT)
}

// Blocks of draft-ietf-opsawg-pcapng, in this machine's byte order.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const ETHERNET: u16 = 1;
const NAME: u16 = 2;
const FLAGS: u16 = 2;
const TIME_RESOLUTION: u16 = 9;
const NANOSECONDS: u8 = 9;

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 12).unwrap_or(u32::MAX).to_ne_bytes();
    [&kind.to_ne_bytes()[..], &length, body, &length].concat()
}

/// Byte order, version 1.0, length not known.
fn section_header() -> Vec<u8> {
    [&0x1a2b_3c4d_u32.to_ne_bytes()[..], &1_u16.to_ne_bytes(), &[0; 2], &[0xff; 8]].concat()
}

fn interface(name: &str) -> Vec<u8> {
    let options = [option(NAME, name.as_bytes()), option(TIME_RESOLUTION, &[NANOSECONDS]), option(0, &[])];
    [&ETHERNET.to_ne_bytes()[..], &[0; 6], &options.concat()].concat()
}

fn enhanced_packet(interface: u32, packet: &Packet, frame: &[u8]) -> Vec<u8> {
    let at = u64::try_from(packet.at.as_nanos()).unwrap_or(u64::MAX);
    let [high, low] = [at >> 32, at & u64::from(u32::MAX)].map(|half| u32::try_from(half).unwrap_or(0));
    let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    let direction: u32 = if packet.is_outgoing { 2 } else { 1 };
    let mut body = [interface, high, low, length, length].map(u32::to_ne_bytes).concat();
    body.extend(padded(frame));
    body.extend([option(FLAGS, &direction.to_ne_bytes()), option(0, &[])].concat());
    body
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    [&code.to_ne_bytes()[..], &length.to_ne_bytes(), &padded(value)].concat()
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
