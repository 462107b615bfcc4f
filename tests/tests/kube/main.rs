//! dnstrace on a real Kubernetes node: what its pods ask, against what they and the node say of it themselves.

#![expect(clippy::print_stdout, reason = "who waits for the node wants to know for what")]

mod asked;
mod churn;
mod misled;
mod names;
mod outage;
mod path;
mod session;
mod verdict;

use std::collections::HashMap;
use std::fmt::Debug;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use asked::Asked;
use dnstrace_tests::kube::{Kube, Pod, RecordedQuery, UPSTREAM};
use dnstrace_tests::node::Netns;
use dnstrace_tests::product::{self, Run};
use dnstrace_tests::skip::{is_root, skip};
use serde_json::Value;

/// How many names each pod looks up, beside what it looks up all the time.
const LOOKUPS: usize = 10;

/// The node: one that stands already stays as it is, one that was started for the test goes with it. A test has it for
/// itself.
struct Node {
    kube: Kube,
    ours: bool,
    _alone: MutexGuard<'static, ()>,
    /// The machine's settings before.
    settings: Vec<String>,
}

impl Node {
    fn up() -> Result<Self> {
        static ALONE: Mutex<()> = Mutex::new(());
        // What a test that failed leaves is the node, which goes or stays with its guard.
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = machine_settings()?;
        let ours = Kube::running()?.is_none();
        Ok(Self { kube: Kube::up(&|step| println!("{step}"))?, ours, _alone: alone, settings })
    }

    /// The machine is as it was before, while the node stands and after it.
    fn leaves_nothing(self) -> Result<()> {
        let (before, ours) = (self.settings.clone(), self.ours);
        let during = machine_settings()?;
        ensure!(before == during, "settings before {before:?}, with the node {during:?}");
        drop(self);
        let remains = Kube::remains()?;
        ensure!(!ours || remains.is_empty(), "left behind: {remains:?}");
        Ok(())
    }
}

/// kubelet sets these for the whole machine, and is kept from it.
fn machine_settings() -> Result<Vec<String>> {
    let names = ["kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "vm/overcommit_memory"];
    names.iter().map(|name| Ok(fs::read_to_string(format!("/proc/sys/{name}"))?)).collect()
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = Kube::down()
        {
            println!("the node is not gone: {error:#}");
        }
    }
}

/// A pod of the node, with what the node says of it.
struct Client {
    pod: Pod,
    /// `None` where the pod has the node's network.
    veth: Option<String>,
    cgroup_id: u64,
}

/// What a run of the product saw, beside what the pods say.
struct Seen {
    clients: Vec<Client>,
    servers: Vec<Client>,
    transactions: Vec<Value>,
    /// By pod name: what its application looked up for this test.
    asked: HashMap<String, Asked>,
    /// By pod name: what its interface carried.
    recorded: HashMap<String, Vec<RecordedQuery>>,
}

#[test]
fn every_query_of_a_pod_is_one_transaction() -> Result<()> {
    on_a_node(every_query)
}

#[test]
fn every_query_is_one_transaction_with_kube_proxy_in_iptables_mode() -> Result<()> {
    on_a_node(|kube, faults| {
        let _iptables = kube.with_iptables()?;
        every_query(kube, faults)
    })
}

#[test]
fn names_are_right_while_pods_come_and_go() -> Result<()> {
    on_a_node(churn::check)
}

#[test]
fn names_are_right_while_the_api_server_is_silent() -> Result<()> {
    on_a_node(outage::check)
}

#[test]
fn what_is_wrong_with_a_pod_is_found_and_nothing_else() -> Result<()> {
    on_a_node(|kube, faults| {
        verdict::of_clients(kube, faults);
        Ok(())
    })
}

#[test]
fn what_is_wrong_with_cluster_dns_is_found_and_nothing_else() -> Result<()> {
    on_a_node(|kube, faults| {
        verdict::of_cluster_dns(kube, faults);
        Ok(())
    })
}

/// Runs a test that notes all faults.
fn on_a_node(test: impl Fn(&Kube, &mut Vec<String>) -> Result<()>) -> Result<()> {
    if !is_root() {
        skip("kube", "a node needs root");
        return Ok(());
    }
    let node = Node::up()?;
    let mut faults = Vec::new();
    test(&node.kube, &mut faults)?;
    ensure!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    node.leaves_nothing()
}

fn every_query(kube: &Kube, faults: &mut Vec<String>) -> Result<()> {
    let seen = watch(kube)?;
    for client in &seen.clients {
        check_asked(&seen, client, faults)?;
        check_recorded(&seen, client, faults);
        check_caused(&seen, client, faults)?;
    }
    names::check(kube, &seen.clients, faults)
}

/// Lets every pod look names up while the product watches and the pods record.
fn watch(kube: &Kube) -> Result<Seen> {
    let pods = kube.pods()?.into_iter().map(|pod| client(kube, pod)).collect::<Result<Vec<_>>>()?;
    let (servers, clients): (Vec<_>, Vec<_>) = pods.into_iter().partition(|client| client.pod.app == "kube-dns");
    let netns = Netns::at(&kube.netns())?;
    let folder = tempfile::tempdir()?;
    let recording = folder.path().join("kube.pcapng");
    let output = recording.to_str().context("no text")?;
    let cgroup = kube.cgroup()?;
    let cgroup = cgroup.to_str().context("no text")?;
    let words = ["record", "--print", "--format", "json", "--path", "--output", output, "--cgroup", cgroup];
    let run = Run::start(&netns, &words)?;
    let own = clients.iter().filter(|client| client.veth.is_some());
    let records = own.map(|client| Ok((&client.pod, kube.record(&client.pod)?))).collect::<Result<Vec<_>>>()?;
    let mut asked = HashMap::new();
    for client in &clients {
        asked.insert(client.pod.name.clone(), Asked::look_up(kube, &client.pod, LOOKUPS)?);
    }
    let mut recorded = HashMap::new();
    for (pod, record) in records {
        let asked = asked.get(&pod.name).context("every pod asked")?;
        let queries = record.stop(|queries| asked.is_in(queries)).with_context(|| pod.name.clone())?;
        recorded.insert(pod.name.clone(), queries);
    }
    let lines = run.stop()?.json()?;
    product::same_as_replayed(&lines, &recording, &[])?;
    let transactions = kinds(&lines, "transaction").cloned().collect();
    Ok(Seen { clients, servers, transactions, asked, recorded })
}

fn client(kube: &Kube, pod: Pod) -> Result<Client> {
    let veth = if pod.host_network { None } else { Some(kube.veth(&pod)?) };
    Ok(Client { cgroup_id: kube.cgroup_id(&pod)?, pod, veth })
}

/// What the application looked up: every query that its stub resolver made of it.
fn check_asked(seen: &Seen, client: &Client, faults: &mut Vec<String>) -> Result<()> {
    let asked = seen.asked.get(&client.pod.name).context("every pod asked")?;
    let find = |(qname, qtype): &(String, &str), proto: &str| -> Vec<&Value> {
        let asks = |each: &&Value| each["query"] == *qname && each["record_type"] == *qtype && each["proto"] == proto;
        seen.transactions.iter().filter(|each| is_from(each, client)).filter(asks).collect()
    };
    for query in &asked.over_udp {
        let found = one(&find(query, "udp")).and_then(|transaction| path::check(transaction, client, &seen.servers));
        note(found, client, query, faults);
    }
    for query in &asked.over_tcp {
        let found = find(query, "tcp");
        let any = found.first().map(|_| ()).context("no transaction over TCP");
        let whole = || found.iter().try_for_each(|transaction| path::check(transaction, client, &seen.servers));
        note(any.and_then(|()| whole()), client, query, faults);
    }
    Ok(())
}

/// What the pod's interface carried: the same queries and all the others, each known by its port and message ID. One
/// whose response had not come when the recording ended says nothing.
fn check_recorded(seen: &Seen, client: &Client, faults: &mut Vec<String>) {
    let recorded = seen.recorded.get(&client.pod.name).map_or(&[][..], Vec::as_slice);
    for query in recorded.iter().filter(|query| query.answered) {
        let found: Vec<_> = seen.transactions.iter().filter(|each| is_same(each, query)).collect();
        let whole = |transaction| path::check(transaction, client, &seen.servers);
        let found = one(&found).and_then(|found| if asked::is_large(&query.qname) { Ok(()) } else { whole(found) });
        note(found, client, query, faults);
    }
}

/// What CoreDNS had to ask its own upstream for this pod: one query, which says whose query made it ask.
fn check_caused(seen: &Seen, client: &Client, faults: &mut Vec<String>) -> Result<()> {
    let asked = seen.asked.get(&client.pod.name).context("every pod asked")?;
    for query in asked.over_udp.iter().filter(|(qname, _)| asked::is_forwarded(qname)) {
        let asks = |each: &&Value| each["query"] == query.0 && each["record_type"] == query.1;
        let (upstream, of_pod) = seen.transactions.iter().filter(asks).partition::<Vec<_>, _>(|each| is_upstream(each));
        let found = one(&upstream).and_then(|caused| {
            let cause = one(&of_pod)?;
            ensure!(caused["cause"] == cause["id"], "not caused by it:{}{}", path::shown(caused), path::shown(cause));
            Ok(())
        });
        note(found, client, query, faults);
    }
    Ok(())
}

fn note(found: Result<()>, client: &Client, query: &impl Debug, faults: &mut Vec<String>) {
    if let Err(fault) = found {
        faults.push(format!("{}: {query:?}: {fault:#}", client.pod.name));
    }
}

fn one<'a>(found: &[&'a Value]) -> Result<&'a Value> {
    match found {
        [transaction] => Ok(transaction),
        [] => bail!("no transaction"),
        many => bail!("{} transactions:{}", many.len(), many.iter().map(|each| path::shown(each)).collect::<String>()),
    }
}

/// A pod of its own network is known by its address, one of the node's by its cgroup.
fn is_from(transaction: &Value, client: &Client) -> bool {
    if client.veth.is_none() {
        return transaction["cgroup_id"] == client.cgroup_id;
    }
    client.pod.addresses.iter().any(|address| transaction["src"] == address.to_string())
}

fn kinds<'a>(lines: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["kind"] == kind)
}

fn is_upstream(transaction: &Value) -> bool {
    transaction["dest"] == UPSTREAM
}

fn is_same(transaction: &Value, query: &RecordedQuery) -> bool {
    transaction["src"] == query.source.ip().to_string()
        && transaction["src_port"] == query.source.port()
        && transaction["transaction_id"] == query.id
        && transaction["query"] == query.qname
        && transaction["record_type"] == query.qtype
        && transaction["proto"] == "udp"
}
