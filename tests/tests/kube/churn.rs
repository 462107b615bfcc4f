//! Pods that come and go while the product watches: each one's queries have its own name.

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::kube::{Kube, Pod};
use serde_json::Value;

use crate::asked::unique_name;
use crate::path::shown;
use crate::session::{MODES, Session};
use crate::{is_upstream, kinds};

const K8S_NAMESPACE: &str = "shop";
/// `kubectl wait` gives up then.
const PATIENCE: &str = "--timeout=60s";
const IMAGE: &str = "--image=dnstrace.test/glibc:1";

/// How often a pod asks before it ends: that takes some 200 ms, of which its name is known for less.
const ROUNDS: usize = 100;
/// Two types of a name with three search domains and without.
const QUERIES: usize = 8;
/// More of the same say nothing new.
const FAULTS_MAX: usize = 3;

/// Pods, and the name that each asked for and nobody else.
type Asked = Vec<(Pod, String)>;

/// In each mode: a pod that ends at once, an address used again, a Deployment rolled.
pub(crate) fn check(kube: &Kube, faults: &mut Vec<String>) -> Result<()> {
    // One that was replaced is gone for the API server at once, and asks on until it is killed: in the next session, maybe.
    let mut web = Vec::new();
    for mode in &MODES {
        let session = Session::start(kube, mode)?;
        let mut asked = one_address(kube)?;
        web.extend(rolled(kube, &mut asked)?);
        let (lines, _messages) = session.stop().context(mode.name)?;
        let wrong = asked.iter().flat_map(|(pod, name)| wrong(&lines, pod, name));
        faults.extend(wrong.map(|fault| format!("{}, {fault}", mode.name)));
        faults.extend(strangers(&lines, &web).map(|fault| format!("{}, {fault}", mode.name)));
    }
    Ok(())
}

/// Three pods, one after the other, that each ask once and end: the first stays known to the API server, with the address
/// that the others get.
fn one_address(kube: &Kube) -> Result<Asked> {
    let mut asked = Asked::new();
    for number in 0..3 {
        kube.forget_last_address()?;
        let (pod, name) = run_once(kube, &format!("once-{number}"))?;
        kube.wait_until_free(&pod.addresses)?;
        kube.forget_neighbors()?;
        if number > 0 {
            delete(kube, &pod)?;
        }
        asked.push((pod, name));
    }
    delete(kube, &asked[0].0)?;
    let addresses: Vec<&[IpAddr]> = asked.iter().map(|(pod, _)| &*pod.addresses).collect();
    ensure!(addresses.windows(2).all(|pair| pair[0] == pair[1]), "not one address: {addresses:?}");
    Ok(asked)
}

/// A pod that lives as long as its queries take.
fn run_once(kube: &Kube, app: &str) -> Result<(Pod, String)> {
    let name = unique_name(app, "probe.example");
    let label = format!("--labels=app={app}");
    let run = ["run", app, IMAGE, "--image-pull-policy=Never", "--restart=Never", &label, "--"];
    kube.kubectl(&[&["--namespace", K8S_NAMESPACE], &run[..], &[&*name; ROUNDS]].concat())?;
    let ended = ["wait", "--for=jsonpath={.status.phase}=Succeeded", PATIENCE, "pod", app];
    kube.kubectl(&[&["--namespace", K8S_NAMESPACE], &ended[..]].concat())?;
    let pod = kube.pods()?.into_iter().find(|pod| pod.app == app).context("a pod that ended is listed")?;
    Ok((pod, name))
}

fn delete(kube: &Kube, pod: &Pod) -> Result<()> {
    kube.kubectl(&["--namespace", &pod.namespace, "delete", "pod", &pod.name, PATIENCE]).map(drop)
}

/// Lets the pods of `web` ask, replaces them, and lets the new ones ask; returns all of them.
fn rolled(kube: &Kube, asked: &mut Asked) -> Result<Vec<Pod>> {
    let old = look_up(kube, asked)?;
    let of_web = |words: &[&str]| kube.kubectl(&[&["--namespace", K8S_NAMESPACE, "rollout"], words].concat());
    of_web(&["restart", "deployment/web"])?;
    of_web(&["status", "deployment/web", PATIENCE])?;
    for pod in &old {
        kube.kubectl(&["--namespace", K8S_NAMESPACE, "wait", "--for=delete", PATIENCE, "pod", &pod.name])?;
    }
    kube.forget_neighbors()?;
    let new = look_up(kube, asked)?;
    ensure!(new.iter().all(|pod| !old.contains(pod)), "not rolled: {old:?}, {new:?}");
    Ok([old, new].concat())
}

fn look_up(kube: &Kube, asked: &mut Asked) -> Result<Vec<Pod>> {
    let pods: Vec<Pod> = kube.pods()?.into_iter().filter(|pod| pod.app == "web").collect();
    for pod in &pods {
        let name = unique_name("web", "probe.example");
        kube.look_up(pod, &[&name])?;
        asked.push((pod.clone(), name));
    }
    Ok(pods)
}

/// What is wrong with the transactions of a pod that asked for `name`.
fn wrong(lines: &[Value], pod: &Pod, name: &str) -> Vec<String> {
    let own = transactions(lines).filter(|each| each["query"].as_str().is_some_and(|query| query.starts_with(name)));
    let own: Vec<&Value> = own.collect();
    let expected = if pod.app == "web" { QUERIES } else { ROUNDS * QUERIES };
    let all = || own.iter().take(2 * QUERIES).map(|each| shown(each)).collect::<String>();
    let count = (own.len() != expected)
        .then(|| format!("{} transactions of {}, not {expected}:{}", own.len(), pod.name, all()));
    count
        .into_iter()
        .chain(own.into_iter().filter_map(|transaction| fault(transaction, pod)).take(FAULTS_MAX))
        .collect()
}

fn fault(transaction: &Value, pod: &Pod) -> Option<String> {
    let named = &transaction["k8s"];
    let is_rolled = pod.app == "web";
    let workload = (&named["workload"]["kind"], &named["workload"]["name"]);
    let checks = [
        ("namespace", named["namespace"] == pod.namespace),
        ("pod", named["pod"] == pod.name && named["uid"] == pod.uid),
        ("container", named["container"] == pod.app && transaction["container_id"] == pod.container),
        (
            "workload",
            if is_rolled { *workload.0 == "Deployment" && *workload.1 == "web" } else { workload.0.is_null() },
        ),
        ("process", transaction["process"]["comm"] == "lookup"),
        ("by", named["by"] == "netns" && named["confidence"] == "certain"),
        ("role", transaction["role"] == "client"),
        ("server", transaction["k8s_dest"]["container"] == "coredns"),
    ];
    let wrong: Vec<_> = checks.iter().filter(|check| !check.1).map(|check| check.0).collect();
    (!wrong.is_empty()).then(|| format!("{}: {} wrong in {transaction}", pod.name, wrong.join(", ")))
}

/// What the pods of `web` ask all the time, and is not said to be one of theirs.
fn strangers<'a>(lines: &'a [Value], web: &'a [Pod]) -> impl Iterator<Item = String> + 'a {
    let is_theirs = |each: &&Value| each["query"].as_str().is_some_and(|query| query.starts_with("web.probe.example"));
    let is_named =
        |each: &&Value| web.iter().any(|pod| each["k8s"]["uid"] == pod.uid && each["k8s"]["container"] == "web");
    let wrong = transactions(lines).filter(is_theirs).filter(move |each| !is_named(each));
    wrong.map(|each| format!("of none of web: {each}{}", shown(each)))
}

/// Without those of CoreDNS.
fn transactions(lines: &[Value]) -> impl Iterator<Item = &Value> {
    kinds(lines, "transaction").filter(|each| !is_upstream(each))
}
