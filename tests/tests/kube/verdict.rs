//! What the product says is wrong with a node where that is wrong, and that it says nothing else.

use anyhow::{Context, Result, ensure};
use dnstrace_tests::command;
use dnstrace_tests::kube::{CLUSTER_DNS, Kube, Pod, UPSTREAM};
use dnstrace_tests::node::Netns;

use crate::asked::unique_name;
use crate::misled::Misled;
use crate::session::{MODES, Session, shown};

type Scene = fn(&Kube) -> Result<()>;

/// Its musl 1.2.3 asks for a large name all the time, and is told so in every scene.
const MUSL: &str = "truncated-no-tcp";

/// What is wrong with one pod.
pub(crate) fn of_clients(kube: &Kube, faults: &mut Vec<String>) {
    let scenes: [(&str, Scene); 6] = [
        ("healthy", healthy),
        ("musl without TCP", musl_without_tcp),
        ("Service of another namespace", wrong_namespace),
        ("queries dropped", queries_dropped),
        ("nameserver that nobody is", wrong_nameserver),
        ("nameserver that is the upstream server", names_upstream),
    ];
    play(&scenes, kube, faults);
}

/// What is wrong for all.
pub(crate) fn of_cluster_dns(kube: &Kube, faults: &mut Vec<String>) {
    let scenes: [(&str, Scene); 5] = [
        ("rollout", rolled_out),
        ("upstream silent", upstream_silent),
        ("no endpoints", no_endpoints),
        ("loop", loops_to_itself),
        ("API server forbids", forbidden),
    ];
    play(&scenes, kube, faults);
}

fn play(scenes: &[(&str, Scene)], kube: &Kube, faults: &mut Vec<String>) {
    for (name, scene) in scenes {
        println!("{name}");
        faults.extend(scene(kube).err().map(|fault| format!("{name}: {fault:#}")));
    }
}

/// Names of the cluster and others, some that do not exist, cold and warm.
fn healthy(kube: &Kube) -> Result<()> {
    let session = watch(kube)?;
    let clients = pods(kube, |pod| pod.app != "kube-dns")?;
    let (other, large) = (unique_name("all", "probe.example"), unique_name("all", "large.example"));
    let names = ["kubernetes.default", "kube-dns.kube-system.svc.cluster.local", "nothing.example", &other, &large];
    for pod in clients.iter().chain(&clients) {
        let known = if pod.app == "alpine" { names.len() - 1 } else { names.len() };
        kube.look_up(pod, &names[..known])?;
    }
    check(session, &[])
}

fn musl_without_tcp(kube: &Kube) -> Result<()> {
    let mut session = watch(kube)?;
    session.until(3, |line| line["query"] == "alpine.large.example" && line["record_type"] == "A")?;
    let alpine = one(kube, "alpine")?;
    let [live, replayed] = session.findings()?;
    let expected = format!("{MUSL} certain shop/{}", alpine.name);
    for findings in [live, replayed] {
        ensure!(findings.iter().any(|finding| shown(finding) == expected), "no {expected}: {findings:#?}");
    }
    Ok(())
}

/// `kube-dns` is in `kube-system`, not in `shop`.
fn wrong_namespace(kube: &Kube) -> Result<()> {
    let session = watch(kube)?;
    let web = one(kube, "web")?;
    kube.look_up(&web, &["kube-dns"])?;
    check(session, &[format!("wrong-namespace likely shop/{}", web.name)])
}

fn queries_dropped(kube: &Kube) -> Result<()> {
    let web = one(kube, "web")?;
    let expected = [format!("policy-drop likely shop/{}", web.name)];
    let mut session = watch(kube)?;
    let _rule = Dropping::queries_of(kube, &web)?;
    session.until_found(&expected)?;
    check(session, &expected)
}

/// No Service has the address, though it is of their range: kube-proxy has its queries dropped.
fn wrong_nameserver(kube: &Kube) -> Result<()> {
    let misled = Misled::start(kube, "misled", &["10.96.0.11"])?;
    let expected = [format!("wrong-nameserver certain shop/{}", misled.pod()?.name)];
    let mut session = watch(kube)?;
    session.until_found(&expected)?;
    check(session, &expected)
}

/// That one pod asks it does not make it cluster DNS: `CoreDNS` asks it, too.
fn names_upstream(kube: &Kube) -> Result<()> {
    let _misled = Misled::start(kube, "misled", &[UPSTREAM, CLUSTER_DNS[0]])?;
    let mut session = watch(kube)?;
    let web = one(kube, "web")?;
    kube.look_up(&web, &[&unique_name("web", "probe.example")])?;
    session.until(3, |line| line["role"] == "upstream")?;
    check(session, &[])
}

/// `CoreDNS` answers on while it goes (`lameduck`), and probes itself when it comes.
fn rolled_out(kube: &Kube) -> Result<()> {
    let session = watch(kube)?;
    for words in [["restart", "deployment/coredns"], ["status", "deployment/coredns"]] {
        kube.kubectl(&[&["--namespace", "kube-system", "rollout"], &words[..]].concat())?;
    }
    check(session, &[])
}

fn upstream_silent(kube: &Kube) -> Result<()> {
    let expected = [format!("upstream-timeout certain {UPSTREAM}")];
    let mut session = watch(kube)?;
    let _silent = kube.halt_upstream()?;
    session.until_found(&expected)?;
    check(session, &expected)
}

fn no_endpoints(kube: &Kube) -> Result<()> {
    let _none = kube.with_changed_dns(&[("replicas: 2", "replicas: 0")])?;
    let pods = kube.wait_until(|pods| pods.iter().all(|pod| pod.app != "kube-dns"))?;
    let web = pods.iter().find(|pod| pod.app == "web").context("no pod of web")?;
    // kube-proxy learns of it in its own time.
    until_failed(kube, web)?;
    let expected = CLUSTER_DNS.map(|address| format!("no-dns-endpoints certain svc kube-system/kube-dns ({address})"));
    let mut session = watch(kube)?;
    session.until_found(&expected)?;
    check(session, &expected)
}

/// What the kubelet gives `CoreDNS` on a node that has systemd-resolved: its new pod ends itself, those before go on.
fn loops_to_itself(kube: &Kube) -> Result<()> {
    let before = pods(kube, |pod| pod.app == "kube-dns")?;
    let mut session = watch(kube)?;
    let resolved = "dnsPolicy: None\n      dnsConfig: {nameservers: [127.0.0.53]}";
    // Else it is ready, and asked, for a moment.
    let never_ready = ("readinessProbe: {", "readinessProbe: {initialDelaySeconds: 600, ");
    let _looping = kube.with_changed_dns(&[("dnsPolicy: Default", resolved), never_ready])?;
    let is_new = |pod: &Pod| pod.app == "kube-dns" && before.iter().all(|old| old.name != pod.name);
    let pods = kube.wait_until(|pods| pods.iter().any(is_new))?;
    let new = pods.into_iter().find(is_new).context("no new pod")?;
    let expected = [format!("loop-self-stub certain kube-system/{}", new.name)];
    session.until_found(&expected)?;
    check(session, &expected)
}

/// New pods of `CoreDNS` may not list Services; without their readiness probe they are asked all the same.
fn forbidden(kube: &Kube) -> Result<()> {
    let before = pods(kube, |pod| pod.app == "kube-dns")?;
    let probe = "        readinessProbe: {httpGet: {path: /ready, port: 8181}, periodSeconds: 1}\n";
    let binding = "subjects: [{kind: ServiceAccount, name: coredns";
    let _forbidden =
        kube.with_changed_dns(&[(probe, ""), (binding, "subjects: [{kind: ServiceAccount, name: nobody")])?;
    let is_old = |pod: &Pod| before.iter().any(|old| old.name == pod.name);
    let is_replaced = |pods: &[Pod]| pods.iter().filter(|pod| pod.app == "kube-dns").count() == before.len();
    let pods = kube.wait_until(|pods| is_replaced(pods) && !pods.iter().any(is_old))?;
    // They start to answer when they have waited five seconds for the API server.
    kube.wait_for_cluster_dns()?;
    let servers = pods.iter().filter(|pod| pod.app == "kube-dns");
    let expected: Vec<_> =
        servers.map(|pod| format!("kubernetes-plugin-unsynced certain kube-system/{}", pod.name)).collect();
    let mut session = watch(kube)?;
    session.until_found(&expected)?;
    check(session, &expected)
}

fn watch(kube: &Kube) -> Result<Session> {
    Session::start(kube, &MODES[0])
}

/// These problems, and no other, were found live and in the replay.
fn check(session: Session, expected: &[String]) -> Result<()> {
    let mut expected = expected.to_vec();
    expected.sort();
    for findings in session.findings()? {
        let others = findings.iter().filter(|finding| finding["severity"] != "advice" && finding["finding"] != MUSL);
        let mut found: Vec<String> = others.map(shown).collect();
        found.sort();
        ensure!(found == expected, "expected {expected:#?}, found {found:#?}: {findings:#?}");
    }
    Ok(())
}

fn until_failed(kube: &Kube, pod: &Pod) -> Result<()> {
    const ATTEMPTS: usize = 20;
    for _ in 0..ATTEMPTS {
        if kube.look_up(pod, &["kubernetes.default"])?.contains(':') {
            return Ok(());
        }
    }
    anyhow::bail!("{} finds names without cluster DNS", pod.name)
}

fn pods(kube: &Kube, wanted: impl Fn(&Pod) -> bool) -> Result<Vec<Pod>> {
    Ok(kube.pods()?.into_iter().filter(wanted).collect())
}

fn one(kube: &Kube, app: &str) -> Result<Pod> {
    pods(kube, |pod| pod.app == app)?.pop().with_context(|| format!("no pod of {app}"))
}

/// A rule of the node that drops a pod's queries; gone when dropped.
struct Dropping(Netns);

impl Dropping {
    fn queries_of(kube: &Kube, pod: &Pod) -> Result<Self> {
        let rule = Self(Netns::at(&kube.netns())?);
        let address = pod.addresses.iter().find(|address| address.is_ipv4()).context("no address")?;
        let rules = format!(
            "table ip verdict {{\n chain forward {{\n type filter hook forward priority 0\n \
             ip saddr {address} udp dport 53 drop\n }}\n}}"
        );
        command::of(rule.0.command("nft").arg(rules))?;
        Ok(rule)
    }
}

impl Drop for Dropping {
    fn drop(&mut self) {
        // Without the rule there is nothing to remove.
        let _ = command::of(self.0.command("nft").args(["delete", "table", "ip", "verdict"]));
    }
}
