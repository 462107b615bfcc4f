//! Messages from the command line to a server.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::Result;
use dnstrace_tests::node::{read_framed, wire};

/// Far more than a response on one machine takes; without it a lost one would hang the test.
const PATIENCE: Duration = Duration::from_secs(10);
const DNS_PORT: u16 = 53;
const MESSAGE_LEN: usize = 65_535;

/// Sends each and waits for its response.
pub(crate) fn udp(server: IpAddr, messages: &[Vec<u8>]) -> Result<()> {
    let socket = connected(server)?;
    let mut response = vec![0; MESSAGE_LEN];
    for message in messages {
        socket.send(message)?;
        socket.recv(&mut response)?;
    }
    Ok(())
}

/// Sends each.
pub(crate) fn send(server: IpAddr, messages: &[Vec<u8>]) -> Result<()> {
    let socket = connected(server)?;
    for message in messages {
        socket.send(message)?;
    }
    Ok(())
}

/// Sends all in segments of at most `segment_len` bytes and reads as many responses.
pub(crate) fn tcp(server: IpAddr, messages: &[Vec<u8>], segment_len: usize) -> Result<()> {
    let mut stream = TcpStream::connect((server, DNS_PORT))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let bytes: Vec<u8> = messages.iter().flat_map(|message| wire::framed(message)).collect();
    for segment in bytes.chunks(segment_len) {
        stream.write_all(segment)?;
    }
    for _ in messages {
        read_framed(&mut stream)?;
    }
    Ok(())
}

fn connected(server: IpAddr) -> Result<UdpSocket> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect((server, DNS_PORT))?;
    Ok(socket)
}
