//! DNS over loopback: a query from a client's socket to a server's, and its response.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};

/// Far above what loopback needs, so that a packet that was swallowed is an error and not a machine that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A query and its response, as they went.
pub(crate) struct Exchange {
    /// Who asked.
    pub(crate) client: Peer,
    /// Who was asked.
    pub(crate) server: Peer,
    /// What was asked.
    pub(crate) query: Vec<u8>,
    /// What was answered.
    pub(crate) response: Vec<u8>,
}

/// One end of an exchange.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    /// Its port.
    pub(crate) port: u16,
    /// Its socket.
    pub(crate) cookie: u64,
}

/// A client and a server that stay for many exchanges.
pub(crate) struct Pair {
    client: UdpSocket,
    server: UdpSocket,
}

impl Pair {
    /// The server listens at `server`, the client is connected to it.
    pub(crate) fn new(server: SocketAddr) -> Result<Self> {
        let server = UdpSocket::bind(server)?;
        let client = UdpSocket::bind(SocketAddr::new(server.local_addr()?.ip(), 0))?;
        client.connect(server.local_addr()?)?;
        for socket in [&client, &server] {
            socket.set_read_timeout(Some(PATIENCE))?;
        }
        Ok(Self { client, server })
    }

    /// The socket that asks.
    pub(crate) fn client(&self) -> &UdpSocket {
        &self.client
    }

    /// Sends a query of `length` bytes and a response of the same length.
    pub(crate) fn exchange(&self, length: usize) -> Result<Exchange> {
        let (query, response) = (message(QUERY, length), message(RESPONSE, length));
        self.client.send(&query)?;
        let from = receive(&self.server, &query)?;
        self.server.send_to(&response, from)?;
        receive(&self.client, &response)?;
        let peer = |socket: &UdpSocket| -> Result<Peer> {
            Ok(Peer { port: socket.local_addr()?.port(), cookie: cookie(socket)? })
        };
        Ok(Exchange { client: peer(&self.client)?, server: peer(&self.server)?, query, response })
    }
}

fn receive(socket: &UdpSocket, wanted: &[u8]) -> Result<SocketAddr> {
    let mut bytes = vec![0; wanted.len() + 1];
    let (length, from) = socket.recv_from(&mut bytes)?;
    ensure!(bytes[..length] == *wanted, "received {length} other bytes");
    Ok(from)
}

/// One exchange over UDP, messages of a usual size.
pub(crate) fn udp(server: IpAddr, port: u16) -> Result<Exchange> {
    Pair::new(SocketAddr::new(server, port))?.exchange(USUAL)
}

/// One exchange over TCP, each message in one segment unless it is larger than one.
pub(crate) fn tcp(server: IpAddr, port: u16, length: usize) -> Result<Exchange> {
    let listener = TcpListener::bind(SocketAddr::new(server, port))?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut accepted, _) = listener.accept()?;
    let (query, response) = (message(QUERY, length), message(RESPONSE, length));
    pass(&mut client, &mut accepted, &query)?;
    pass(&mut accepted, &mut client, &response)?;
    Ok(Exchange {
        client: Peer { port: client.local_addr()?.port(), cookie: cookie(&client)? },
        server: Peer { port, cookie: cookie(&accepted)? },
        query,
        response,
    })
}

/// RFC 1035, 4.2.2: over TCP, two length bytes come before each message.
fn pass(from: &mut TcpStream, to: &mut TcpStream, message: &[u8]) -> Result<()> {
    let mut bytes = u16::try_from(message.len())?.to_be_bytes().to_vec();
    bytes.extend_from_slice(message);
    from.write_all(&bytes)?;
    to.set_read_timeout(Some(PATIENCE))?;
    let mut received = vec![0; bytes.len()];
    to.read_exact(&mut received)?;
    ensure!(received == bytes, "received other bytes");
    Ok(())
}

/// A port nobody watches.
pub(crate) const UNWATCHED: u16 = 9_999;

/// Returns when everything that was sent before has passed every hook.
pub(crate) fn barrier() -> Result<()> {
    udp(super::V4, UNWATCHED).map(drop)
}

/// A message like most: header, one question, padding.
pub(crate) const USUAL: usize = 48;

/// QR is 0, RD is 1 (RFC 1035, 4.1.1); with `RESPONSE` QR and RA are 1.
const QUERY: [u8; 2] = [0x01, 0x00];
const RESPONSE: [u8; 2] = [0x81, 0x80];

/// A message with one question for `dnstrace.test. A`, and an ID that no other message has, by which it is found again;
/// what is left of `length` is filled.
pub(crate) fn message(flags: [u8; 2], length: usize) -> Vec<u8> {
    static NEXT_ID: AtomicU16 = AtomicU16::new(1);
    let mut message = NEXT_ID.fetch_add(1, Ordering::Relaxed).to_be_bytes().to_vec();
    message.extend([flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend_from_slice(b"\x08dnstrace\x04test\x00\x00\x01\x00\x01");
    message.extend((message.len()..length).map(|at| at.to_le_bytes()[0]));
    message
}

fn cookie(socket: &impl AsRawFd) -> Result<u64> {
    let mut cookie = 0_u64;
    let mut length = libc::socklen_t::try_from(size_of::<u64>())?;
    // SAFETY: the kernel writes at most `length` bytes to `cookie`; both live over the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    ensure!(result == 0, std::io::Error::last_os_error());
    Ok(cookie)
}
