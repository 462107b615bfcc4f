//! dnstrace on a real Kubernetes node: what its pods ask, against what they and the node say of it themselves.

#![expect(clippy::print_stdout, reason = "who waits for the node wants to know for what")]

mod asked;
mod path;

use std::collections::HashMap;
use std::fmt::Debug;

use anyhow::{Context, Result, bail, ensure};
use asked::Asked;
use dnstrace_tests::kube::{Kube, Pod, RecordedQuery};
use dnstrace_tests::node::Netns;
use dnstrace_tests::product::Run;
use dnstrace_tests::skip::{is_root, skip};
use serde_json::Value;

/// How many names each pod looks up, beside what it looks up all the time.
const LOOKUPS: usize = 10;

/// The node: one that stands already stays as it is, one that was started for the test goes with it.
struct Node {
    kube: Kube,
    ours: bool,
}

impl Node {
    fn up() -> Result<Self> {
        if let Some(kube) = Kube::running()? {
            return Ok(Self { kube, ours: false });
        }
        Ok(Self { kube: Kube::up(&|step| println!("{step}"))?, ours: true })
    }
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
    if !is_root() {
        skip("kube", "a node needs root");
        return Ok(());
    }
    let node = Node::up()?;
    let seen = watch(&node.kube)?;
    let mut faults = Vec::new();
    for client in &seen.clients {
        check_asked(&seen, client, &mut faults)?;
        check_recorded(&seen, client, &mut faults)?;
    }
    ensure!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

/// Lets every pod look names up while the product watches and the pods record.
fn watch(kube: &Kube) -> Result<Seen> {
    let pods = kube.pods()?.into_iter().map(|pod| client(kube, pod)).collect::<Result<Vec<_>>>()?;
    let (servers, clients): (Vec<_>, Vec<_>) = pods.into_iter().partition(|client| client.pod.app == "kube-dns");
    let netns = Netns::at(&kube.netns())?;
    let run = Run::start(&netns, &["trace", "--format", "json", "--path"])?;
    let own = clients.iter().filter(|client| client.veth.is_some());
    let records = own.map(|client| Ok((&client.pod, kube.record(&client.pod)?))).collect::<Result<Vec<_>>>()?;
    let mut asked = HashMap::new();
    for client in &clients {
        asked.insert(client.pod.name.clone(), Asked::look_up(kube, &client.pod, LOOKUPS)?);
    }
    let recorded = records.into_iter().map(|(pod, record)| Ok((pod.name.clone(), record.stop()?)));
    let recorded = recorded.collect::<Result<_>>()?;
    let lines = run.stop()?.json()?;
    let transactions = lines.into_iter().filter(|line| line["kind"] == "transaction").collect();
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
fn check_recorded(seen: &Seen, client: &Client, faults: &mut Vec<String>) -> Result<()> {
    let Some(recorded) = seen.recorded.get(&client.pod.name) else { return Ok(()) };
    let asked = seen.asked.get(&client.pod.name).context("every pod asked")?;
    ensure!(recorded.len() >= asked.over_udp.len(), "{} recorded only {}", client.pod.name, recorded.len());
    for query in recorded.iter().filter(|query| query.answered) {
        let found: Vec<_> = seen.transactions.iter().filter(|each| is_same(each, query)).collect();
        let whole = |transaction| path::check(transaction, client, &seen.servers);
        let found = one(&found).and_then(|found| if asked::is_large(&query.qname) { Ok(()) } else { whole(found) });
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

fn is_same(transaction: &Value, query: &RecordedQuery) -> bool {
    transaction["src"] == query.source.ip().to_string()
        && transaction["src_port"] == query.source.port()
        && transaction["transaction_id"] == query.id
        && transaction["query"] == query.qname
        && transaction["record_type"] == query.qtype
        && transaction["proto"] == "udp"
}
