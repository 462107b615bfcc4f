//! Traffic between two pods of a node: datagrams as fast as one thread sends them, or at a rate, with or without an echo.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use dnstrace_tests::node::{Node, Pod, wire};
use nix::sys::socket::{setsockopt, sockopt};

/// Port of what is not DNS.
pub(super) const OTHER_PORT: u16 = 9_999;
/// Port of DNS.
pub(super) const DNS_PORT: u16 = 53;

/// Two pods of one node.
pub(super) struct Ends {
    pub(super) node: Node,
    pub(super) client: Pod,
    pub(super) server: Pod,
}

impl Ends {
    pub(super) fn new() -> Result<Self> {
        let node = Node::new()?;
        let client = node.pod("vclient")?;
        let server = node.pod("vserver")?;
        Ok(Self { node, client, server })
    }

    /// Sends `count` datagrams to `port` of the server, where nobody reads; returns when the last one is delivered: on
    /// veths that is when the call that sent it comes back.
    pub(super) fn flood(&self, port: u16, count: u32) -> Result<()> {
        let to = SocketAddr::new(self.server.v4, port);
        let silent = self.server.netns().run(|| Ok(UdpSocket::bind(to)?))?;
        let from = (self.client.v4, 0);
        let sender = self.client.netns().run(|| Ok(UdpSocket::bind(from)?))?;
        let mut query = wire::query(0, "name.default.svc.cluster.local", 1);
        for number in 0..count {
            query[..2].copy_from_slice(&message_id(number.into()).to_be_bytes());
            sender.send_to(&query, to)?;
        }
        drop(silent);
        Ok(())
    }

    /// Sends queries at `rate` a second for `duration` to a server that answers each; returns how many were sent and
    /// how many of them answered.
    pub(super) fn converse(&self, rate: u32, duration: Duration) -> Result<(u64, u64)> {
        let server = bound(&self.server, self.server.v4, DNS_PORT)?;
        let client = bound(&self.client, self.client.v4, 0)?;
        client.connect(SocketAddr::new(self.server.v4, DNS_PORT))?;
        let (stop, answered, received) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let sent = std::thread::scope(|scope| {
            scope.spawn(|| echo(&server, &stop, &answered));
            scope.spawn(|| count(&client, &stop, &received));
            let sent = send_at(&client, rate, duration);
            stop.store(true, Ordering::Relaxed);
            sent
        })?;
        Ok((sent, answered.into_inner()))
    }
}

/// Message IDs by turns.
pub(super) fn message_id(number: u64) -> u16 {
    u16::try_from(number % 65_536).unwrap_or(0)
}

/// A second of traffic may wait for its reader.
const BUFFER: usize = 1 << 25;
/// How long a reader waits before it looks whether all is over.
const LOOK_UP: Duration = Duration::from_millis(100);

fn bound(pod: &Pod, address: IpAddr, port: u16) -> Result<UdpSocket> {
    let socket = pod.netns().run(|| Ok(UdpSocket::bind((address, port))?))?;
    setsockopt(&socket, sockopt::RcvBufForce, &BUFFER)?;
    socket.set_read_timeout(Some(LOOK_UP))?;
    Ok(socket)
}

/// Sets QR and sends the message back.
fn echo(server: &UdpSocket, stop: &AtomicBool, answered: &AtomicU64) {
    let mut message = [0; 512];
    loop {
        match server.recv_from(&mut message) {
            Ok((len, from)) if len > 2 => {
                message[2] |= 0x80;
                let sent = server.send_to(&message[..len], from).is_ok();
                answered.fetch_add(u64::from(sent), Ordering::Relaxed);
            }
            Err(_) if stop.load(Ordering::Relaxed) => return,
            Ok(_) | Err(_) => {}
        }
    }
}

fn count(client: &UdpSocket, stop: &AtomicBool, received: &AtomicU64) {
    let mut message = [0; 512];
    loop {
        match client.recv(&mut message) {
            Ok(_) => {
                received.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) if stop.load(Ordering::Relaxed) => return,
            Err(_) => {}
        }
    }
}

/// A thousand times a second: what is due by now is sent.
fn send_at(client: &UdpSocket, rate: u32, duration: Duration) -> Result<u64> {
    #[expect(clippy::disallowed_methods, reason = "a rate needs a clock")]
    let start = std::time::Instant::now();
    let mut sent = 0;
    loop {
        let elapsed = start.elapsed();
        if elapsed >= duration {
            return Ok(sent);
        }
        let due = u64::try_from(elapsed.as_micros())? * u64::from(rate) / 1_000_000;
        while sent < due {
            let name = format!("name-{}.default.svc.cluster.local", sent % 10_000);
            // A full queue of the kernel is part of what is measured: the query is not sent.
            let _ = client.send(&wire::query(message_id(sent), &name, 1));
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
