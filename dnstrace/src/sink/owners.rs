//! Who is who on a node: a table for people, facts for `dnstrace read --owners`.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;

use super::escape::{Padded, printable};
use super::owner::{pod_name, service};
use crate::owner::fact::Source;
use crate::owner::sources::{Report, State};
use crate::owner::{Known, Owner, Pod, WallClock};

/// Between columns.
const GAP: &str = "  ";

/// Writes what is known as text: the node, cluster DNS, pods, Services, and how the sources do.
pub fn write_owners(owner: &Owner, reports: &[Report], out: &mut impl Write) -> io::Result<()> {
    write_node(owner, out)?;
    write_cluster_dns(owner, out)?;
    write_pods(owner, out)?;
    write_services(owner, out)?;
    let rows = reports.iter().map(|report| {
        let name = report.source.name().to_owned();
        vec![name, word(report.state).to_owned(), told(report)]
    });
    write_table(&["source", "", "what it knows"], &rows.collect::<Vec<_>>(), out)
}

/// Writes what is known as facts, a JSON object a line.
pub fn write_owners_json(owner: &Owner, clock: WallClock, out: &mut impl Write) -> io::Result<()> {
    let mut result = Ok(());
    owner.tell_all(clock, |note| {
        if result.is_ok() {
            result = writeln!(out, "{}", note.line());
        }
    });
    result
}

/// How a source does, in a word.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Starting => "slow",
        State::Ready => "ok",
        State::Absent => "absent",
        State::Failed => "failed",
    }
}

fn told(report: &Report) -> String {
    let remedy = if report.remedy.is_empty() { String::new() } else { format!("; {}", report.remedy) };
    let skipped = if report.skipped == 0 { String::new() } else { format!(" ({} skipped)", report.skipped) };
    printable(format!("{}{skipped}{remedy}", report.found).as_bytes())
}

fn write_node(owner: &Owner, out: &mut impl Write) -> io::Result<()> {
    match owner.index().node_name() {
        Some(name) => writeln!(out, "node {}\n", printable(name.as_bytes())),
        None => Ok(()),
    }
}

fn write_cluster_dns(owner: &Owner, out: &mut impl Write) -> io::Result<()> {
    let dns = owner.cluster_dns();
    let mut rows = Vec::new();
    let mut add = |what: &str, name: String, sources: &[Source]| {
        rows.push(vec![what.to_owned(), printable(name.as_bytes()), names(sources)]);
    };
    for Known { what, sources } in dns.servers() {
        add("asked at", shown(&what), &sources);
    }
    for Known { what, sources } in dns.endpoints() {
        let pod = owner.address_name(what.ip(), crate::capture::BootTime(u64::MAX));
        let pod = pod.map(|pod| format!(" {pod}")).unwrap_or_default();
        add("answers at", format!("{}{pod}", shown(&what)), &sources);
    }
    for Known { what, sources } in dns.domains() {
        add("domain", what.to_string(), &sources);
    }
    write_table(&["cluster DNS", "", "known by"], &rows, out)
}

fn shown(what: &impl Display) -> String {
    what.to_string()
}

fn write_pods(owner: &Owner, out: &mut impl Write) -> io::Result<()> {
    let rows: Vec<_> = owner.index().pods().into_iter().map(|pod| pod_row(owner, pod)).collect();
    write_table(&["pod", "workload", "containers", "addresses", "known by"], &rows, out)
}

fn pod_row(owner: &Owner, pod: &Arc<Pod>) -> Vec<String> {
    let index = owner.index();
    let workload = pod.workload.as_ref().map(|workload| format!("{} {}", workload.kind, workload.name));
    let containers = index.containers(&pod.uid);
    let containers: Vec<_> = containers.iter().filter_map(|container| container.name.as_deref()).collect();
    let addresses: Vec<_> = pod.addresses.iter().map(ToString::to_string).collect();
    let addresses = if pod.host_network == Some(true) { "the node's".to_owned() } else { addresses.join(" ") };
    let texts = [workload.unwrap_or_default(), containers.join(" "), addresses];
    let [workload, containers, addresses] = texts.map(|text| printable(text.as_bytes()));
    vec![pod_name(pod), workload, containers, addresses, names(&index.sources(&pod.uid))]
}

fn write_services(owner: &Owner, out: &mut impl Write) -> io::Result<()> {
    let services = owner.index().services();
    let rows: Vec<_> = services.iter().map(|(address, named)| vec![address.to_string(), service(named)]).collect();
    write_table(&["address", "Service"], &rows, out)
}

fn names(sources: &[Source]) -> String {
    sources.iter().map(|source| source.name()).collect::<Vec<_>>().join(" ")
}

/// Writes rows below their head, and an empty line; nothing where there are none.
fn write_table(head: &[&str], rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |at: usize| all().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    for row in all() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| Padded(cell, *width).to_string());
        writeln!(out, "{}", cells.collect::<Vec<_>>().join(GAP).trim_end())?;
    }
    writeln!(out)
}
