//! A DNS server that does what a test wants: answers, drops, truncates.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Netns;

/// Transport that a query came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// What the server does with a query: the responses it sends, in order; none is a query without response.
type Script = dyn Fn(&[u8], Over) -> Vec<Vec<u8>> + Send + Sync;

/// A server in a netns, gone when dropped.
#[derive(Debug)]
pub struct Scripted {
    stop: Option<UnixStream>,
    threads: Vec<JoinHandle<()>>,
}

/// A client that stops in the middle of a message must not hold the server.
const TCP_PATIENCE: Duration = Duration::from_secs(5);
const MESSAGE_LEN: usize = 65_535;

impl Scripted {
    /// Listens on port 53 of `address`, UDP and TCP, from when this returns.
    pub fn start(
        netns: &Netns,
        address: IpAddr,
        script: impl Fn(&[u8], Over) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Result<Self> {
        let at = SocketAddr::new(address, 53);
        let (udp, tcp) = netns.run(|| {
            let udp = UdpSocket::bind(at).with_context(|| format!("cannot listen on {at}"))?;
            Ok((udp, TcpListener::bind(at)?))
        })?;
        let script: Arc<Script> = Arc::new(script);
        let (stop, stopped) = UnixStream::pair()?;
        let stopped_too = stopped.try_clone()?;
        let for_tcp = Arc::clone(&script);
        let threads = vec![
            thread::spawn(move || serve_udp(&udp, &stopped, &script)),
            thread::spawn(move || serve_tcp(&tcp, &stopped_too, &for_tcp)),
        ];
        Ok(Self { stop: Some(stop), threads })
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve_udp(socket: &UdpSocket, stopped: &UnixStream, script: &Arc<Script>) {
    let mut buffer = vec![0; MESSAGE_LEN];
    while ready(socket, stopped) {
        let Ok((length, client)) = socket.recv_from(&mut buffer) else { continue };
        for response in script(&buffer[..length], Over::Udp) {
            // A client that is gone is none of the server's business.
            let _ = socket.send_to(&response, client);
        }
    }
}

fn serve_tcp(listener: &TcpListener, stopped: &UnixStream, script: &Arc<Script>) {
    while ready(listener, stopped) {
        let Ok((stream, _)) = listener.accept() else { continue };
        let _ = converse(stream, script);
    }
}

fn converse(mut stream: TcpStream, script: &Arc<Script>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(TCP_PATIENCE))?;
    loop {
        let query = match read_framed(&mut stream) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            query => query?,
        };
        for response in script(&query, Over::Tcp) {
            stream.write_all(&super::wire::framed(&response))?;
        }
    }
}

/// One message of a TCP stream.
pub fn read_framed(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}

/// Waits until there is something to read; false when the server is to stop.
fn ready(socket: &impl AsFd, stopped: &UnixStream) -> bool {
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN), PollFd::new(stopped.as_fd(), PollFlags::POLLIN)];
    let polled = poll(&mut fds, PollTimeout::NONE);
    polled.is_ok() && !fds[1].any().unwrap_or(true)
}
