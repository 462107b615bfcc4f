//! A DNS client or server as a process of its own, so that it is in its pod's cgroup, as sockets of a test are not.
//!
//! ```text
//! peer serve ADDRESS...          a server that does what the first label of a name says; `ready` when it listens
//! peer udp SERVER HEX...         sends each message and waits for its response
//! peer send SERVER HEX...        sends each message and waits for nothing
//! peer tcp SERVER HEX...         sends all in one write, then reads as many responses
//! peer bytewise SERVER HEX...    the same, one byte in a segment
//! ```

mod client;
mod server;

use std::net::IpAddr;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [verb, rest @ ..] = words.as_slice() else { bail!("what to do?") };
    if verb == "serve" {
        let addresses: Vec<IpAddr> = rest.iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
        return server::serve(&addresses);
    }
    let [address, messages @ ..] = rest else { bail!("ask whom?") };
    let server = address.parse()?;
    let messages: Vec<Vec<u8>> = messages.iter().map(|word| unhex(word)).collect::<Result<_>>()?;
    match verb.as_str() {
        "udp" => client::udp(server, &messages),
        "send" => client::send(server, &messages),
        "tcp" => client::tcp(server, &messages, usize::MAX),
        "bytewise" => client::tcp(server, &messages, 1),
        other => bail!("no verb {other}"),
    }
}

fn unhex(word: &str) -> Result<Vec<u8>> {
    let byte = |at| u8::from_str_radix(word.get(at..at + 2).context("an odd number of digits")?, 16).context("no hex");
    (0..word.len()).step_by(2).map(byte).collect()
}
