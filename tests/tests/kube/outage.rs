//! The API server takes connections and says nothing, and the product is told to ask it: names come from the node.

use anyhow::{Context, Result, ensure};
use dnstrace_tests::kube::{Kube, Pod};
use dnstrace_tests::node::Netns;
use dnstrace_tests::{command, product};
use serde_json::Value;

use crate::session::{self, MODES, Session};
use crate::{is_upstream, kinds};

const SILENT: &str = "https://192.0.2.2:6443: does not answer";

/// Two pods ask this every second: in the time of so many, the product gives up three attempts of ten seconds.
const ROUNDS: usize = 2 * 34;

/// With CRI, and with files only.
pub(crate) fn check(kube: &Kube, faults: &mut Vec<String>) -> Result<()> {
    let clients: Vec<Pod> = kube.pods()?.into_iter().filter(|pod| pod.app != "kube-dns").collect();
    let _silent = kube.halt_api_server()?;
    check_names(kube, &clients, faults)?;
    for command in ["owners", "doctor"] {
        let said = said_by(kube, command)?;
        let line = said.lines().find(|line| line.contains(SILENT));
        ensure!(line.is_some_and(|line| line.contains("--kube off")), "{command}:\n{said}");
        let found = said.lines().any(|line| line.contains("cri ") && line.contains(" 7 pods, "));
        ensure!(found, "{command}:\n{said}");
    }
    Ok(())
}

/// Each pod asks something every few seconds. kubectl cannot make them ask more: it needs the API server, too.
fn check_names(kube: &Kube, clients: &[Pod], faults: &mut Vec<String>) -> Result<()> {
    let mut session = Session::start(kube, &MODES[0])?;
    for pod in clients {
        session.until(1, |line| line["k8s"]["uid"] == pod.uid).with_context(|| format!("no name for {}", pod.name))?;
    }
    session.until(ROUNDS, |line| line["query"] == "web.probe.example" && line["record_type"] == "A")?;
    let (lines, messages) = session.stop()?;
    let about: Vec<&String> = messages.iter().filter(|line| line.starts_with("dnstrace: ")).collect();
    ensure!(about.len() == 1 && about.iter().all(|line| line.contains(SILENT)), "not one line: {about:#?}");
    let asked = kinds(&lines, "transaction").filter(|each| !is_upstream(each));
    faults.extend(asked.filter(|each| !is_named(each, clients)).map(|each| format!("silent API server: {each}")));
    Ok(())
}

fn is_named(transaction: &Value, clients: &[Pod]) -> bool {
    let named = &transaction["k8s"];
    let pod = clients.iter().find(|pod| named["uid"] == pod.uid);
    pod.is_some_and(|pod| {
        named["pod"] == pod.name && named["namespace"] == pod.namespace && transaction["container_id"] == pod.container
    })
}

fn said_by(kube: &Kube, command: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let sources = session::arguments(kube, &MODES[0], &folder)?;
    let netns = Netns::at(&kube.netns())?;
    command::of(netns.command(product::binary()?).arg(command).args(sources))
}
