//! A server whose behaviour the client chooses by the name it asks for.

use std::collections::HashSet;
use std::io::{Read, Write, stdin, stdout};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use dnstrace_tests::node::{Netns, Over, Scripted, wire};

/// Serves until its standard input ends.
pub(crate) fn serve(addresses: &[IpAddr]) -> Result<()> {
    let netns = Netns::at(Path::new("/proc/self/ns/net"))?;
    let behaviour = |_| {
        let asked = Mutex::new(HashSet::new());
        move |query: &[u8], over| {
            let first = asked.lock().unwrap_or_else(PoisonError::into_inner).insert(query.to_vec());
            responses(query, over, first)
        }
    };
    let start = |&address| Scripted::start(&netns, address, behaviour(address));
    let _servers: Vec<Scripted> = addresses.iter().map(start).collect::<Result<_>>()?;
    writeln!(stdout(), "ready")?;
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// What the first label says; one address where it says nothing.
fn responses(query: &[u8], over: Over, first: bool) -> Vec<Vec<u8>> {
    let name = wire::name(query);
    match (name.split('.').next().unwrap_or_default(), over) {
        ("silent", _) => Vec::new(),
        ("first-lost", _) if first => Vec::new(),
        ("truncated", Over::Udp) => vec![wire::truncated(query)],
        ("twice", _) => vec![wire::response(query, 1); 2],
        ("many", _) => vec![wire::response(query, 60)],
        ("huge", _) => vec![wire::response(query, 250)],
        ("refused", _) => vec![wire::refusal(query, 5)],
        _ => vec![wire::response(query, 1)],
    }
}
