//! A node with a client, two DNS pods and an upstream, the product beside them, and what it found.

use std::cell::RefCell;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{Node, Over, Pod, SERVICE_V4, SERVICE_V6, Scripted, wire};
use dnstrace_tests::product::{self, Run};
use dnstrace_tests::{clients, debian, skip};
use serde_json::Value;
use tempfile::TempDir;

/// What the scenes use beside `CoreDNS`.
const PACKAGES: [&str; 6] = ["bind9-dnsutils", "dnsmasq-base", "gcc", "musl-tools", "nftables", "unbound"];

/// Whether a scene can be set; installs what it needs.
pub(crate) fn can_run(test: &str) -> bool {
    if !skip::is_root() {
        skip::skip(test, "not root");
        return false;
    }
    debian::install(&PACKAGES).expect("packages");
    true
}

/// Pods without anything in them, but for an upstream that answers every name.
pub(crate) struct Scene {
    pub(crate) client: Pod,
    pub(crate) dns: [Pod; 2],
    pub(crate) upstream: Pod,
    nothing: TempDir,
    /// Last: it goes after its pods.
    pub(crate) node: Node,
}

impl Scene {
    /// The Service goes to the first DNS pod.
    pub(crate) fn new() -> Result<Self> {
        let node = Node::new()?;
        let (client, dns) = (node.pod("vcli1")?, [node.pod("vdns1")?, node.pod("vdns2")?]);
        let upstream = node.upstream()?;
        node.service(&[&dns[0]])?;
        Ok(Self { client, dns, upstream, nothing: tempfile::tempdir()?, node })
    }

    /// An upstream that does with a query what its first label says: `servfail`, `refused`, `nx`, `drop`, `big`; else it
    /// has addresses.
    pub(crate) fn answering(&self) -> Result<[Scripted; 2]> {
        let start = |address| Scripted::start(self.upstream.netns(), address, |query, over| answers(query, over));
        Ok([start(self.upstream.v4)?, start(self.upstream.v6)?])
    }

    /// Watches the node from when this returns.
    pub(crate) fn watch(&self) -> Result<Watch> {
        let folder = tempfile::tempdir()?;
        let recording = folder.path().join("live.pcapng");
        let output = recording.to_str().context("no text")?;
        let run = self.start(&["record", "--print", "--path", "--output", output])?;
        Ok(Watch { run, seen: RefCell::default(), folder })
    }

    /// The report on what happens meanwhile, for storms of which nobody wants to see every query.
    pub(crate) fn report(&self, happens: impl FnOnce() -> Result<()>) -> Result<Verdict> {
        let run = self.start(&["report", "--for", STORM])?;
        happens()?;
        let report = run.end()?.json()?.pop().context("no report")?;
        let findings = report["findings"].as_array().context("no findings")?.clone();
        Ok(Verdict { findings })
    }

    fn start(&self, arguments: &[&str]) -> Result<Run> {
        let cgroup = self.node.cgroup().path().to_str().context("no text")?;
        // What stands on the machine beside the node is none of its business.
        let nothing = self.nothing.path().to_str().context("no text")?;
        let nothing = ["--host-root", nothing, "--kube", "off", "--cri", "off"];
        let service = cluster_dns();
        let known = ["--cluster-dns", &service, "--cluster-domain", "cluster.local"];
        let common = ["--format", "json", "--cgroup", cgroup];
        Run::start(self.node.netns(), &[arguments, &common, &nothing, &known].concat())
    }

    /// Lets a program run in the client's pod; what it says does not matter.
    pub(crate) fn run(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Result<String> {
        let output = self.client.command(program)?.args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Asks the Service once over UDP, and waits as long as a stub resolver for the response.
    pub(crate) fn dig(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let server = format!("@{SERVICE_V4}");
        self.run("dig", &[&[name, &server, "+tries=1", "+time=10"], arguments].concat())
    }
}

/// A storm reaches its full rate in a second, and its client gives up in two.
const STORM: &str = "6s";

fn cluster_dns() -> String {
    [SERVICE_V4, SERVICE_V6].map(|address| address.to_string()).join(",")
}

fn answers(query: &[u8], over: Over) -> Vec<Vec<u8>> {
    let name = wire::name(query);
    match name.split(['.', '-', '1']).next().unwrap_or_default() {
        "drop" => Vec::new(),
        "servfail" => vec![wire::refusal(query, 2)],
        "refused" => vec![wire::refusal(query, 5)],
        "nx" => vec![wire::refusal(query, 3)],
        "big" if over == Over::Udp => vec![wire::truncated(query)],
        "big" => vec![wire::response(query, 60)],
        _ if matches!(wire::record_type(query), Some(wire::A | wire::AAAA)) => vec![wire::response(query, 1)],
        // Records of other types look different: CoreDNS would not understand the response, and answer SERVFAIL.
        _ => vec![wire::response(query, 0)],
    }
}

/// The product while something goes wrong.
pub(crate) struct Watch {
    run: Run,
    seen: RefCell<Vec<Value>>,
    folder: TempDir,
}

impl Watch {
    /// Waits until a transaction is told that ended as `wanted` says.
    pub(crate) fn until(&self, wanted: impl Fn(&Value) -> bool) -> Result<()> {
        let next = self.run.next(|record| {
            self.seen.borrow_mut().push(record.clone());
            record["kind"] == "transaction" && wanted(record)
        });
        next.map(drop)
    }

    /// What was found, live; a replay finds the same.
    pub(crate) fn end(self) -> Result<Verdict> {
        let mut records = self.seen.into_inner();
        records.extend(self.run.stop()?.json()?);
        let live = Verdict::of(&records)?;
        let recording = self.folder.path().join("live.pcapng");
        let replayed = replay(&recording)?;
        ensure!(live.found() == replayed.found(), "live {:#?}\nreplayed {:#?}", live.found(), replayed.found());
        Ok(live)
    }
}

fn replay(recording: &Path) -> Result<Verdict> {
    let arguments = ["--cluster-dns", &cluster_dns(), "--cluster-domain", "cluster.local"].map(ToString::to_string);
    Verdict::of(&product::read(recording, &arguments)?)
}

/// Findings as they stood at the end.
#[derive(Debug)]
pub(crate) struct Verdict {
    findings: Vec<Value>,
}

impl Verdict {
    fn of(records: &[Value]) -> Result<Self> {
        let summary = records.last().context("nothing was written")?;
        ensure!(summary["kind"] == "summary" && summary["lost"] == 0, "{summary:#}");
        let mut findings: Vec<Value> = Vec::new();
        for record in records.iter().filter(|record| record["kind"] == "finding") {
            let is_same =
                |known: &Value| known["finding"] == record["finding"] && known["subject"] == record["subject"];
            findings.retain(|known| !is_same(known));
            findings.push(record.clone());
        }
        Ok(Self { findings })
    }

    /// `id certainty subject` of each, advice left out, in order.
    pub(crate) fn found(&self) -> Vec<String> {
        let problems = self.findings.iter().filter(|finding| finding["severity"] != "advice");
        let shown = problems.map(|finding| {
            let word = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {} {}",
                word("finding"),
                word("certainty"),
                finding["subject"]["name"].as_str().unwrap_or_default()
            )
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort();
        shown
    }

    /// Asserts that nothing else was found.
    #[track_caller]
    pub(crate) fn is(&self, expected: &[impl AsRef<str> + Debug]) {
        let expected: Vec<_> = expected.iter().map(|each| each.as_ref().to_owned()).collect();
        assert_eq!(self.found(), expected, "{:#?}", self.findings);
    }

    /// How often the finding with this id was seen.
    pub(crate) fn count(&self, id: &str) -> u64 {
        let of = self.findings.iter().filter(|finding| finding["finding"] == id);
        of.filter_map(|finding| finding["count"].as_u64()).sum()
    }
}

/// Programs that look names up: of glibc, musl, Go.
pub(crate) fn lookup_programs(folder: &Path) -> Result<[PathBuf; 3]> {
    Ok([clients::glibc(folder)?, clients::musl(folder)?, clients::go(folder)?])
}
