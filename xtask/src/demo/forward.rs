//! Asking a server, as a forwarder and as a stub resolver do it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use dnstrace_tests::node::UPSTREAM_V4;
use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{RData, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::zone::Answer;

/// As CoreDNS's `forward`: a new query with a new id after this time, twice.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: usize = 2;
const UDP_LEN: usize = 4096;

/// Asks the upstream what a client asked, over the transport that the client used.
pub(super) async fn ask(question: &Query, over_tcp: bool) -> Result<Answer> {
    for _ in 0..TRIES {
        let query = query(question)?;
        let server = SocketAddr::new(UPSTREAM_V4, 53);
        let asked = async { if over_tcp { tcp(server, &query).await } else { udp(server, &query).await } };
        if let Ok(response) = timeout(PATIENCE, asked).await {
            return Ok(answer(Message::from_vec(&response?)?));
        }
    }
    bail!("the upstream is silent")
}

/// A query with an id of its own.
pub(super) fn query(question: &Query) -> Result<Vec<u8>> {
    let mut message = Message::new(random_id(), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(question.clone());
    Ok(message.to_vec()?)
}

fn answer(message: Message) -> Answer {
    let (soa, records): (Vec<Record>, Vec<Record>) =
        message.answers.into_iter().chain(message.authorities).partition(|record| matches!(record.data, RData::SOA(_)));
    Answer {
        rcode: message.metadata.response_code,
        authoritative: false,
        truncated: message.metadata.truncation,
        records,
        soa: soa.into_iter().next(),
    }
}

async fn udp(server: SocketAddr, query: &[u8]) -> Result<Vec<u8>> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut response = vec![0; UDP_LEN];
    let length = socket.recv(&mut response).await?;
    response.truncate(length);
    Ok(response)
}

/// One message there, one back, each with its length before it (RFC 1035, 4.2.2).
pub(super) async fn tcp(server: SocketAddr, query: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len())?.to_be_bytes();
    stream.write_all(&[&length[..], query].concat()).await?;
    let mut response = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut response).await.context("the server closed in the middle of a message")?;
    Ok(response)
}

/// Random enough for a demo: std's hash keys come from the kernel's random numbers.
fn random_id() -> u16 {
    use std::hash::{BuildHasher, Hasher};
    let hash = std::hash::RandomState::new().build_hasher().finish();
    u16::from_ne_bytes([hash.to_ne_bytes()[0], hash.to_ne_bytes()[1]])
}
