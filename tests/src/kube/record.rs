//! A pod's own record of its queries: what tcpdump sees at the pod's interface, in the pod's network namespace. UDP only:
//! of a TCP segment with two messages, tcpdump reads none.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

use super::wait;

/// A query that the pod sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedQuery {
    /// Message ID.
    pub id: u16,
    /// The pod's address and port.
    pub source: SocketAddr,
    /// Name, as sent, without trailing dot.
    pub qname: String,
    /// Type, as tcpdump names it.
    pub qtype: String,
    /// Whether its response arrived.
    pub answered: bool,
}

/// tcpdump writes a line a moment after the packet; a busy machine needs more than that.
const WRITE_LIMIT: Duration = Duration::from_secs(20);

/// A recording. It ends when dropped.
#[derive(Debug)]
pub struct Record {
    tcpdump: Child,
    /// A file, not a pipe: nobody reads while it records, and a full pipe would stop it.
    lines: NamedTempFile,
}

impl Record {
    /// Starts to record what goes to and comes from UDP port 53 in a network namespace, and waits until it does.
    pub(super) fn start(netns: &Path) -> Result<Self> {
        let lines = NamedTempFile::new()?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", netns.display())).args(["tcpdump", "--immediate-mode", "-i", "eth0", "-l"]);
        // Numbers, no time. Every packet of the pod's interface is whole; with a greater length, tcpdump's buffer has so
        // few places that a busy machine loses packets.
        command.args(["-n", "-n", "-t", "-s", "1600", "udp", "port", "53"]);
        command.stdin(Stdio::null()).stdout(lines.reopen()?).stderr(Stdio::piped());
        let mut tcpdump = command.spawn().context("cannot start tcpdump")?;
        let messages = BufReader::new(tcpdump.stderr.take().context("tcpdump has no stderr")?);
        let record = Self { tcpdump, lines };
        let said = lines_until_listening(messages)?;
        ensure!(said.last().is_some_and(|line| line.starts_with("listening")), "tcpdump: {}", said.join("\n"));
        Ok(record)
    }

    /// Waits until the record is complete, by what the caller knows of it, ends it and returns its queries. One that
    /// was sent again with the same ID is one query.
    pub fn stop(self, is_complete: impl Fn(&[RecordedQuery]) -> bool) -> Result<Vec<RecordedQuery>> {
        wait::until("a complete record", WRITE_LIMIT, || {
            let queries = queries(&fs::read_to_string(self.lines.path())?);
            Ok(is_complete(&queries).then_some(queries))
        })
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

/// tcpdump says more than one line before it listens; its pipe stays open after it.
fn lines_until_listening(messages: impl BufRead) -> Result<Vec<String>> {
    let mut said = Vec::new();
    for line in messages.lines() {
        said.push(line?);
        if said.last().is_some_and(|line| line.starts_with("listening")) {
            break;
        }
    }
    Ok(said)
}

fn queries(text: &str) -> Vec<RecordedQuery> {
    let mut queries: Vec<RecordedQuery> = Vec::new();
    for line in text.lines() {
        let Some((source, destination, words)) = packet(line) else { continue };
        match query(source, &words) {
            Some(query) if !queries.contains(&query) => queries.push(query),
            Some(_) => {}
            None => mark_answered(&mut queries, destination, &words),
        }
    }
    queries
}

/// `IP 10.244.0.2.40000 > 10.96.0.10.53: 4242+ A? name. (60)`, and IPv6 alike: both ends, and the words after.
fn packet(line: &str) -> Option<(SocketAddr, SocketAddr, Vec<&str>)> {
    let (_, packet) = line.split_once(' ')?;
    let (ends, rest) = packet.split_once(": ")?;
    let (source, destination) = ends.split_once(" > ")?;
    Some((socket_address(source)?, socket_address(destination)?, rest.split_whitespace().collect()))
}

/// tcpdump puts a point between address and port.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.rsplit_once('.')?;
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

/// The question is a word that ends with a question mark, and the name after it; the ID is before it.
fn query(source: SocketAddr, words: &[&str]) -> Option<RecordedQuery> {
    let qtype = words.iter().position(|word| word.ends_with('?'))?;
    let id = words[..qtype].iter().rev().find_map(|word| message_id(word))?;
    Some(RecordedQuery {
        id,
        source,
        qname: words.get(qtype + 1)?.trim_end_matches('.').to_owned(),
        qtype: words[qtype].trim_end_matches('?').to_owned(),
        answered: false,
    })
}

/// A response begins with the ID of its query.
fn mark_answered(queries: &mut [RecordedQuery], destination: SocketAddr, words: &[&str]) {
    let id = words.first().and_then(|word| message_id(word));
    for query in queries.iter_mut().filter(|query| query.source == destination && Some(query.id) == id) {
        query.answered = true;
    }
}

/// Digits, with signs after them that tell the header's flags.
fn message_id(word: &str) -> Option<u16> {
    word.trim_end_matches(|sign: char| "+-*%|$".contains(sign)).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "\
IP 10.244.0.2.40000 > 10.96.0.10.53: 4242+ A? one.probe.example. (35)
IP 10.244.0.2.40000 > 10.96.0.10.53: 17+ [1au] AAAA? one.probe.example. (46)
IP 10.244.0.2.40000 > 10.96.0.10.53: 4242+ A? one.probe.example. (35)
IP 10.96.0.10.53 > 10.244.0.2.40000: 4242*- 1/0/0 A 198.51.100.7 (51)
IP6 fd00:10:244::3.4711 > fd00:10:96::a.53: 5+ AAAA? six.probe.example. (35)
IP6 fd00:10:96::a.53 > fd00:10:244::3.4711: 5 NXDomain*- 0/1/0 (110)";

    #[test]
    fn queries_of_tcpdumps_lines() {
        let queries = queries(LINES);
        let short: Vec<_> = queries
            .iter()
            .map(|each| format!("{} {} {} answered={}", each.id, each.qtype, each.qname, each.answered))
            .collect();
        assert_eq!(
            short,
            [
                "4242 A one.probe.example answered=true",
                "17 AAAA one.probe.example answered=false",
                "5 AAAA six.probe.example answered=true",
            ]
        );
        assert_eq!(queries[2].source, "[fd00:10:244::3]:4711".parse().unwrap());
    }
}
