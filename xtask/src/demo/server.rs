//! The demo's DNS servers: one that forwards and knows the cluster zone, as CoreDNS does, and the upstream.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use hickory_proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

use super::forward;
use super::zone::{self, Answer};

/// What a server is for.
#[derive(Clone, Copy)]
pub(super) enum Role {
    /// The cluster's DNS: its own zone, the rest from the upstream.
    ClusterDns,
    /// The world's DNS.
    Upstream,
}

/// A connection without queries is closed after it.
const IDLE: Duration = Duration::from_secs(5);
const TCP_RESPONSES: usize = 16;

/// Serves port 53 of every address until the process is killed; `ready` on stdout tells that it does.
pub(super) fn run(role: Role) -> Result<()> {
    // What dnstrace shows as the process.
    nix::sys::prctl::set_name(match role {
        Role::ClusterDns => c"cluster-dns",
        Role::Upstream => c"upstream",
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut server = Server::new(role);
        for address in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
            let at = SocketAddr::new(address, 53);
            server.register_socket(udp(at)?);
            server.register_listener(tcp(at)?, IDLE, TCP_RESPONSES);
        }
        writeln!(std::io::stdout(), "ready")?;
        server.block_until_done().await.context("the DNS server ended")
    })
}

#[async_trait::async_trait]
impl RequestHandler for Role {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut response: R) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = true;
        let Some(answer) = self.answer(request).await else { return unsent(metadata) };
        metadata.response_code = answer.rcode;
        metadata.authoritative = answer.authoritative;
        metadata.truncation = answer.truncated;
        let message = MessageResponseBuilder::from_message_request(request).build(
            metadata,
            &answer.records,
            [],
            answer.soa.as_ref(),
            [],
        );
        // A client that is gone is none of the server's business.
        response.send_response(message).await.unwrap_or_else(|_| unsent(metadata))
    }
}

impl Role {
    /// What to say to a query, or nothing.
    async fn answer(self, request: &Request) -> Option<Answer> {
        let question = request.request_info().ok()?.query.original();
        let (name, record_type) = (question.name(), question.query_type());
        let failure = Answer { rcode: ResponseCode::ServFail, ..Answer::default() };
        match self {
            Self::ClusterDns => Some(match zone::cluster(name, record_type) {
                Some(answer) => answer.unwrap_or(failure),
                None => forward::ask(question, request.protocol() == Protocol::Tcp).await.unwrap_or(failure),
            }),
            Self::Upstream => {
                let (after, answer) = zone::world(name, record_type)?;
                tokio::time::sleep(after).await;
                Some(answer)
            }
        }
    }
}

fn unsent(metadata: Metadata) -> ResponseInfo {
    Header { metadata, counts: HeaderCounts::default() }.into()
}

fn udp(at: SocketAddr) -> Result<UdpSocket> {
    let socket = nix_socket(at, nix::sys::socket::SockType::Datagram)?;
    let socket = std::net::UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    Ok(UdpSocket::from_std(socket)?)
}

fn tcp(at: SocketAddr) -> Result<TcpListener> {
    let socket = nix_socket(at, nix::sys::socket::SockType::Stream)?;
    nix::sys::socket::listen(&socket, nix::sys::socket::Backlog::new(TCP_BACKLOG)?)?;
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(TcpListener::from_std(listener)?)
}

const TCP_BACKLOG: i32 = 16;

/// A bound socket; an IPv6 one leaves IPv4 to its neighbour.
fn nix_socket(at: SocketAddr, kind: nix::sys::socket::SockType) -> Result<std::os::fd::OwnedFd> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockaddrStorage, bind, setsockopt, socket, sockopt};
    use std::os::fd::AsRawFd;
    let family = if at.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    if at.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
    }
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    bind(fd.as_raw_fd(), &SockaddrStorage::from(at)).with_context(|| format!("cannot listen on {at}"))?;
    Ok(fd)
}
