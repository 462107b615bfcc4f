//! The demo's client pods: a stub resolver that does what glibc's does, and what each pod keeps asking.

use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};
use dnstrace_tests::node::{SERVICE_V4, UPSTREAM_V4};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use nix::sys::prctl;
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use super::forward;

/// What the kubelet writes for a pod of the Kubernetes namespace `default`, and `options ndots:5`.
const SEARCH: [&str; 3] = ["default.svc.cluster.local.", "svc.cluster.local.", "cluster.local."];
const NDOTS: usize = 5;
/// `options timeout:2 attempts:2`, so that a demo of seconds shows both.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;
const UDP_LEN: usize = 4096;

/// A pod that asks.
pub(super) struct Client {
    /// What runs in it.
    pub(super) name: &'static str,
    /// Its interface on the node.
    pub(super) interface: &'static str,
    /// Its address.
    pub(super) v4: Ipv4Addr,
    /// Between two lookups: time to read what the last one showed.
    pause: Duration,
    /// What it looks up, again and again.
    pub(super) lookups: &'static [Lookup],
}

/// A lookup that a pod makes, and what comes of it.
pub(super) struct Lookup {
    server: IpAddr,
    /// As an application says it: with a final dot the search list is not tried.
    pub(super) name: &'static str,
    /// In words.
    pub(super) outcome: &'static str,
}

const fn lookup(server: IpAddr, name: &'static str, outcome: &'static str) -> Lookup {
    Lookup { server, name, outcome }
}

/// The demo's pods that ask: one that mostly gets what it needs, one that does not.
pub(super) const CLIENTS: [Client; 2] = [
    Client {
        name: "shop-web",
        interface: "vcli1",
        v4: Ipv4Addr::new(10, 244, 0, 10),
        pause: Duration::from_secs(4),
        lookups: &[
            lookup(SERVICE_V4, "cart", "exists: cart.default.svc.cluster.local"),
            lookup(SERVICE_V4, "many.example.", "60 addresses do not fit into UDP: truncated, again over TCP"),
            lookup(SERVICE_V4, "api.example", "NXDOMAIN for each entry of the search list, then the upstream knows it"),
        ],
    },
    Client {
        name: "batch",
        interface: "vcli2",
        v4: Ipv4Addr::new(10, 244, 0, 11),
        pause: Duration::from_millis(700),
        lookups: &[
            lookup(SERVICE_V4, "no-such-host.example.", "NXDOMAIN"),
            lookup(SERVICE_V4, "silent.example.", "SERVFAIL after 4 s: the DNS pod gets no response"),
            lookup(SERVICE_V4, "broken.example.", "SERVFAIL at once"),
            lookup(UPSTREAM_V4, "silent.example.", "no response: asked past the Service, and asked again after 2 s"),
            lookup(SERVICE_V4, "slow.example.", "takes 800 ms, all of it at the upstream"),
        ],
    },
];

/// Looks up what the pod named `pod` needs, again and again until it is killed.
pub(super) fn run(pod: &str) -> Result<()> {
    let client = CLIENTS.iter().find(|client| client.name == pod).with_context(|| format!("no pod {pod}"))?;
    // What dnstrace shows as the process.
    prctl::set_name(&CString::new(pod)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        loop {
            for Lookup { server, name, .. } in client.lookups {
                look_up(SocketAddr::new(*server, 53), name).await?;
                sleep(client.pause).await;
            }
        }
    })
}

/// Tries the search list as resolv.conf(5) says, until a name exists.
async fn look_up(server: SocketAddr, name: &str) -> Result<()> {
    let absolute = Name::from_str(&format!("{}.", name.trim_end_matches('.')))?;
    let mut candidates = vec![absolute.clone()];
    if !name.ends_with('.') && name.matches('.').count() < NDOTS {
        let expanded = SEARCH.iter().map(|suffix| Name::from_str(&format!("{name}.{suffix}")));
        candidates = expanded.collect::<Result<_, _>>()?;
        candidates.push(absolute);
    }
    for candidate in candidates {
        if address_of(server, &candidate).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Asks for A and AAAA through one socket, as glibc does; whether the search is over.
async fn address_of(server: SocketAddr, name: &Name) -> Result<bool> {
    let local: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((local, 0)).await?;
    socket.connect(server).await?;
    let mut outstanding = Vec::new();
    for record_type in [RecordType::A, RecordType::AAAA] {
        outstanding.push(forward::query(&Query::query(name.clone(), record_type))?);
    }
    let mut over = false;
    for _ in 0..ATTEMPTS {
        for query in &outstanding {
            socket.send(query).await?;
        }
        while !outstanding.is_empty()
            && let Ok(response) = timeout(PATIENCE, receive(&socket)).await
        {
            let response = response?;
            let answered = |query: &Vec<u8>| query[..2] == response[..2];
            if let Some(at) = outstanding.iter().position(answered) {
                over |= settle(server, &outstanding.swap_remove(at), &response).await?;
            }
        }
    }
    Ok(over)
}

/// Fetches a truncated response again over TCP; whether the name exists.
async fn settle(server: SocketAddr, query: &[u8], response: &[u8]) -> Result<bool> {
    let mut message = Message::from_vec(response)?;
    if message.metadata.truncation {
        message = Message::from_vec(&forward::tcp(server, query).await?)?;
    }
    Ok(message.metadata.response_code != ResponseCode::NXDomain)
}

async fn receive(socket: &UdpSocket) -> Result<Vec<u8>> {
    let mut response = vec![0; UDP_LEN];
    let length = socket.recv(&mut response).await?;
    anyhow::ensure!(length >= 2, "a response without an id");
    response.truncate(length);
    Ok(response)
}
