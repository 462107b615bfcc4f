//! A node with a client, two DNS pods and an upstream, the product beside them, and what it found.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use dnstrace_tests::node::{Node, Over, Pod, SERVICE_V4, SERVICE_V6, Scripted, wire};
use dnstrace_tests::product::Run;
use dnstrace_tests::servers::{Program, Server};
use dnstrace_tests::{clients, command, debian, skip};
use tempfile::TempDir;

use crate::host::Host;
use crate::watch::{Verdict, Watch};

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
    /// For what programs of the scene read, and programs themselves.
    pub(crate) folder: TempDir,
    /// What the product finds on the node's disk.
    pub(crate) host: Host,
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
        Ok(Self { client, dns, upstream, folder: tempfile::tempdir()?, host: Host::new()?, node })
    }

    /// A Corefile as clusters have it, with a zone file in the place of the API server.
    pub(crate) fn corefile(&self) -> Result<String> {
        let zone = self.folder.path().join("cluster.local");
        fs::write(&zone, ZONE)?;
        let zone = zone.display();
        Ok(format!("cluster.local {{\n file {zone}\n}}\n. {{\n cache 30\n forward . 192.0.2.53\n loop\n}}\n"))
    }

    /// Cluster DNS as it should be, in the first DNS pod.
    pub(crate) fn cluster_dns(&self) -> Result<Server> {
        self.cluster_dns_in(&self.dns[0])
    }

    /// The same in another pod.
    pub(crate) fn cluster_dns_in(&self, pod: &Pod) -> Result<Server> {
        Server::configured(Program::CoreDns, pod, &self.corefile()?)
    }

    /// `CoreDNS` in the first DNS pod, with this `forward` and nothing else.
    pub(crate) fn forwarding(&self, forward: &str) -> Result<Server> {
        Server::configured(Program::CoreDns, &self.dns[0], &format!(". {{\n forward . {forward}\n}}\n"))
    }

    /// Changes the node's nftables.
    pub(crate) fn nft(&self, rules: &str) -> Result<()> {
        command::of(self.node.command("nft").arg(rules)).map(drop)
    }

    /// What the node forwards is held against this rule first.
    pub(crate) fn forward_rule(&self, rule: &str) -> Result<()> {
        let chain = "add chain inet scene forward { type filter hook forward priority 0 ; }";
        self.nft(&format!("add table inet scene ; {chain} ; add rule inet scene forward {rule}"))
    }

    /// An upstream that does with a query what its first label says: `servfail`, `refused`, `nx`, `nxaaaa`, `drop`,
    /// `big` (truncated over UDP), `over` (not) or `huge` (in fragments); else it has addresses.
    pub(crate) fn answering(&self) -> Result<[Scripted; 2]> {
        let start = |address| Scripted::start(self.upstream.netns(), address, answers);
        Ok([start(self.upstream.v4)?, start(self.upstream.v6)?])
    }

    /// Watches the node from when this returns.
    pub(crate) fn watch(&self) -> Result<Watch> {
        self.record(&["--for", PATIENCE])
    }

    /// The same for what takes longer.
    pub(crate) fn watch_for(&self, time: &str) -> Result<Watch> {
        self.record(&["--for", time])
    }

    /// The same by some of the hooks only.
    pub(crate) fn watch_by(&self, hooks: &str) -> Result<Watch> {
        self.record(&["--for", PATIENCE, "--hooks", hooks])
    }

    fn record(&self, options: &[&str]) -> Result<Watch> {
        let folder = tempfile::tempdir()?;
        let recording = folder.path().join("live.pcapng");
        let output = recording.to_str().context("no text")?;
        let run = self.start(&[&["record", "--print", "--path", "--output", output], options].concat())?;
        Ok(Watch::new(run, folder))
    }

    /// The report on what happens meanwhile, for storms of which nobody wants to see every query.
    pub(crate) fn report(&self, happens: impl FnOnce() -> Result<()>) -> Result<Verdict> {
        let run = self.start(&["report", "--for", STORM])?;
        happens()?;
        let report = run.end()?.json()?.pop().context("no report")?;
        let findings = report["findings"].as_array().context("no findings")?.clone();
        Ok(Verdict::new(findings))
    }

    fn start(&self, arguments: &[&str]) -> Result<Run> {
        let cgroup = self.node.cgroup().path().to_str().context("no text")?;
        let host = ["--host-root", self.host.root()?, "--kube", "off", "--cri", "off"];
        let service = cluster_dns();
        let known = ["--cluster-dns", &service, "--cluster-domain", "cluster.local"];
        let common = ["--format", "json", "--cgroup", cgroup];
        Run::start(self.node.netns(), &[arguments, &common, &host, &known].concat())
    }

    /// Lets a program run in the client's pod; what it says does not matter.
    pub(crate) fn run(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Result<String> {
        let output = self.client.command(program)?.args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Looks names up in the client's pod, one after the other, as programs on glibc do.
    pub(crate) fn look_up(&self, names: &[&str]) -> Result<()> {
        self.run(clients::glibc(self.folder.path())?, names).map(drop)
    }

    /// Asks the Service once over UDP, and waits as long as a stub resolver for the response.
    pub(crate) fn dig(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let server = format!("@{SERVICE_V4}");
        self.run("dig", &[&[name, &server, "+tries=1", "+time=10"], arguments].concat())
    }
}

/// What is waited for comes sooner, or never: health checks and the like go on meanwhile.
const PATIENCE: &str = "300s";
/// A storm reaches its full rate in a second, and its client gives up in two.
const STORM: &str = "6s";

/// The Service's addresses, for `--cluster-dns`.
pub(crate) fn cluster_dns() -> String {
    [SERVICE_V4, SERVICE_V6].map(|address| address.to_string()).join(",")
}

const ZONE: &str = "\
$ORIGIN cluster.local.
@ 30 IN SOA ns.dns hostmaster 1 7200 1800 86400 5
kubernetes.default.svc 5 IN A 10.96.0.1
kubernetes.default.svc 5 IN AAAA fd00:10:96::1
web.shop.svc 5 IN A 10.96.0.7
api.prod.svc 5 IN A 10.96.0.8
outside.shop.svc 5 IN CNAME nx1.example.
";

fn answers(query: &[u8], over: Over) -> Vec<Vec<u8>> {
    let name = wire::name(query);
    // Nobody outside knows the names of the cluster, nor those without a dot.
    if name.ends_with("cluster.local") || !name.contains('.') {
        return vec![wire::denial(query)];
    }
    let is_aaaa = wire::record_type(query) == Some(wire::AAAA);
    match name.split(['.', '-', '1']).next().unwrap_or_default() {
        "drop" => Vec::new(),
        "servfail" => vec![wire::refusal(query, SERVFAIL)],
        "refused" => vec![wire::refusal(query, REFUSED)],
        // Without an SOA record, so that nobody keeps it (RFC 2308, 5).
        "nx" => vec![wire::refusal(query, NXDOMAIN)],
        "nxaaaa" if is_aaaa => vec![wire::refusal(query, NXDOMAIN)],
        "big" if over == Over::Udp => vec![wire::truncated(query)],
        "huge" => vec![wire::response(query, 200)],
        "big" | "over" => vec![wire::response(query, 60)],
        _ if is_aaaa || wire::record_type(query) == Some(wire::A) => vec![wire::response(query, 1)],
        // Records of other types look different: CoreDNS would not understand the response, and answer SERVFAIL.
        _ => vec![wire::response(query, 0)],
    }
}

const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const REFUSED: u8 = 5;

/// Programs that look names up: of glibc, musl 1.2.3 and 1.2.5, Go.
pub(crate) fn lookup_programs(folder: &Path) -> Result<[PathBuf; 4]> {
    Ok([clients::glibc(folder)?, clients::musl(folder)?, clients::new_musl(folder)?, clients::go(folder)?])
}
