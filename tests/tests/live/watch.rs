//! The product on a node, twice (transactions and observations), with tcpdump beside it. The first records, too: its
//! recording must give the transactions that it gave live.

use std::cell::RefCell;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{Node, wire};
use dnstrace_tests::product::{self, Run};
use serde_json::Value;
use tempfile::TempDir;

use crate::sighting::Sighting;
use crate::tcpdump::{self, Tcpdump};
use crate::way::ways;

/// What tells all three that nothing comes after it: no pod asks for it.
const LAST_NAME: &str = "last.dnstrace.invalid";

/// The product on a node, with tcpdump beside it.
pub(crate) struct Watch<'n> {
    node: &'n Node,
    tcpdump: Tcpdump,
    observations: Run,
    transactions: Run,
    seen: RefCell<Vec<Value>>,
    folder: TempDir,
    arguments: Vec<String>,
}

/// What they saw.
pub(crate) struct Seen {
    /// The product's transactions, with their paths.
    pub(crate) transactions: Vec<Value>,
    /// The product's observations.
    pub(crate) observations: Vec<Value>,
    /// What the product adds up to.
    pub(crate) summary: Value,
}

impl<'n> Watch<'n> {
    /// Watches the node and the sockets of its pods from when this returns.
    pub(crate) fn start(node: &'n Node) -> Result<Self> {
        Self::with(node, &[])
    }

    /// The same, with further arguments for the product.
    pub(crate) fn with(node: &'n Node, arguments: &[&str]) -> Result<Self> {
        let cgroup = node.cgroup().path().to_str().context("no text")?;
        let folder = tempfile::tempdir()?;
        let recording = recording(&folder);
        let recording = recording.to_str().context("no text")?;
        let run = |command: &[&str]| {
            Run::start(node.netns(), &[command, &["--format", "json", "--cgroup", cgroup], arguments].concat())
        };
        let tcpdump = Tcpdump::start(node)?;
        let observations = run(&["trace", "--observations"])?;
        let transactions = run(&["record", "--print", "--path", "--output", recording])?;
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Ok(Self { node, tcpdump, observations, transactions, seen: RefCell::default(), folder, arguments })
    }

    /// Waits for a transaction.
    pub(crate) fn next(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.transactions.next(|record| {
            self.seen.borrow_mut().push(record.clone());
            wanted(record)
        })
    }

    /// Ends all; what the product and tcpdump saw at the node's interfaces must be the same.
    pub(crate) fn end(self) -> Result<Seen> {
        let last = wire::query(0, LAST_NAME, wire::A);
        self.node.netns().run(|| {
            // Nobody listens there, and nobody has to.
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.send_to(&last, (Ipv4Addr::LOCALHOST, 53))?;
            Ok(())
        })?;
        let kept = RefCell::new(Vec::new());
        self.observations.next(|record| {
            kept.borrow_mut().push(record.clone());
            record["query"] == LAST_NAME && record["direction"] == "in"
        })?;
        let mut observations = kept.into_inner();
        observations.extend(self.observations.stop()?.json()?);
        let observations = of_kind(&observations, "observation");
        let captured = self.tcpdump.end(&last)?;
        same(&observations, tcpdump::sightings(&captured)?)?;
        let mut records = self.seen.into_inner();
        records.extend(self.transactions.stop()?.json()?);
        let transactions = of_kind(&records, "transaction");
        let summary = of_kind(&records, "summary").pop().context("no summary")?;
        ensure!(summary["adds_up"] == true && summary["lost"] == 0, "{summary:#}");
        product::same_as_replayed(&records, &recording(&self.folder), &self.arguments)?;
        same_ways(&transactions, &captured, &self.folder, &self.arguments)?;
        Ok(Seen { transactions, observations, summary })
    }
}

impl Seen {
    /// The only transaction with this name.
    pub(crate) fn only(&self, name: &str) -> Result<&Value> {
        let all = self.named(name);
        ensure!(all.len() == 1, "{} transactions of {name}: {all:#?}", all.len());
        Ok(all[0])
    }

    /// The parts of one sum.
    pub(crate) fn ledger(&self, what: &str) -> Result<&Value> {
        let ledgers = self.summary["ledger"].as_array().context("no ledger")?;
        let ledger = ledgers.iter().find(|ledger| ledger["what"] == what);
        ledger.map(|ledger| &ledger["parts"]).with_context(|| format!("no ledger {what}"))
    }

    /// All transactions with this name.
    pub(crate) fn named(&self, name: &str) -> Vec<&Value> {
        self.transactions.iter().filter(|record| record["query"] == name).collect()
    }
}

fn of_kind(records: &[Value], kind: &str) -> Vec<Value> {
    records.iter().filter(|record| record["kind"] == kind && record["query"] != LAST_NAME).cloned().collect()
}

fn recording(folder: &TempDir) -> PathBuf {
    folder.path().join("live.pcapng")
}

/// A capture of tcpdump on all interfaces gives each transaction the way through the devices that it had live.
fn same_ways(live: &[Value], captured: &[u8], folder: &TempDir, arguments: &[String]) -> Result<()> {
    let file = folder.path().join("tcpdump.pcap");
    fs::write(&file, captured)?;
    let read = of_kind(&product::read(&file, &[&["--path".to_owned()], arguments].concat())?, "transaction");
    let (live, read) = (ways(live)?, ways(&read)?);
    for (live, read) in live.iter().zip(&read) {
        ensure!(live == read, "live {live:#?}\nread from tcpdump's file {read:#?}");
    }
    ensure!(live.len() == read.len(), "{} ways live, {} in tcpdump's file", live.len(), read.len());
    Ok(())
}

/// What the product's `device` hook and tcpdump saw.
fn same(observations: &[Value], mut tcpdump: Vec<Sighting>) -> Result<()> {
    let at_devices = observations.iter().filter(|record| record["hook"] == "device");
    let mut product: Vec<Sighting> = at_devices.map(Sighting::of).collect::<Result<_>>()?;
    tcpdump.retain(|sighting| sighting.name != LAST_NAME);
    product.sort();
    tcpdump.sort();
    let only = |of: &[Sighting], other: &[Sighting]| -> Vec<Sighting> {
        of.iter().filter(|sighting| !other.contains(sighting)).cloned().collect()
    };
    let missed = only(&tcpdump, &product);
    let invented = only(&product, &tcpdump);
    ensure!(
        product == tcpdump,
        "only tcpdump: {missed:#?}\nonly the product: {invented:#?}\n{} != {}",
        tcpdump.len(),
        product.len()
    );
    Ok(())
}
