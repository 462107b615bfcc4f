//! Whether the cluster DNS answers: that its pods are ready is not enough.
//!
//! Kubernetes calls a pod ready up to a second before kube-proxy has been told of it. Until then the kernel refuses
//! queries to the Service, and a stub resolver gives up at once. And readiness is asked over IPv4: IPv6 comes later, when
//! the bridge has made sure that nobody else has its address. Until then queries lie in the pods.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::wait;
use crate::node::{Netns, Over, read_framed, wire};

/// kube-proxy waits a second between two changes of its rules; a busy machine needs a multiple of it.
const LIMIT: Duration = Duration::from_secs(30);

/// `CoreDNS` needs milliseconds, its first connection to the API server included. A query that gets lost before there are
/// rules gets no response ever: the next one is due soon.
const RESPONSE_LIMIT: Duration = Duration::from_millis(250);

const PORT: u16 = 53;
const RESPONSE_LEN: usize = 512;

/// Waits until all these addresses answer over UDP and TCP in `netns`, which the error calls `place`.
pub(super) fn wait(place: &str, netns: &Netns, addresses: &[IpAddr]) -> Result<()> {
    for &address in addresses {
        let server = SocketAddr::new(address, PORT);
        for over in [Over::Udp, Over::Tcp] {
            let what = format!("cluster DNS at {server} over {over:?}, asked from {place}");
            wait::until_ok(&what, LIMIT, || netns.run(|| ask(server, over)))?;
        }
    }
    Ok(())
}

/// One query for a name that `CoreDNS` must ask its upstream for: each is new, so that no cache has it.
fn ask(server: SocketAddr, over: Over) -> Result<()> {
    static NEXT_ID: AtomicU16 = AtomicU16::new(0);
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    let query = wire::query(id, &format!("{id}.ready.probe.example"), wire::A);
    let response = match over {
        Over::Udp => exchange_udp(server, &query)?,
        Over::Tcp => exchange_tcp(server, &query)?,
    };
    check(&response, id)
}

fn exchange_udp(server: SocketAddr, query: &[u8]) -> Result<Vec<u8>> {
    let any = if server.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(RESPONSE_LIMIT))?;
    // Connected, it learns of a refusal.
    socket.connect(server)?;
    socket.send(query)?;
    let mut response = vec![0; RESPONSE_LEN];
    let len = socket.recv(&mut response)?;
    response.truncate(len);
    Ok(response)
}

fn exchange_tcp(server: SocketAddr, query: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, RESPONSE_LIMIT)?;
    stream.set_read_timeout(Some(RESPONSE_LIMIT))?;
    stream.write_all(&wire::framed(query))?;
    Ok(read_framed(&mut stream)?)
}

/// RFC 1035, 4.1.1: the ID, two bytes of flags that end with the rcode, and the number of answers.
fn check(response: &[u8], id: u16) -> Result<()> {
    let [id_high, id_low, _, flags, _, _, answers_high, answers_low, ..] = response else {
        anyhow::bail!("a response of {} bytes", response.len());
    };
    let (rcode, answers) = (flags & 0xf, u16::from_be_bytes([*answers_high, *answers_low]));
    ensure!(u16::from_be_bytes([*id_high, *id_low]) == id, "a response to another query");
    ensure!(rcode == 0 && answers > 0, "rcode {rcode} with {answers} answers");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_to_the_query_counts() {
        let query = wire::query(7, "one.ready.probe.example", wire::A);
        check(&wire::response(&query, 1), 7).unwrap();
        let error = |response: &[u8], id| check(response, id).unwrap_err().to_string();
        assert_eq!(error(&wire::response(&query, 1), 8), "a response to another query");
        assert_eq!(error(&wire::refusal(&query, 2), 7), "rcode 2 with 0 answers");
        assert_eq!(error(&query[..5], 7), "a response of 5 bytes");
    }
}
