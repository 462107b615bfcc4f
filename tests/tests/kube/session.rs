//! A run of the product on the node: it records and prints, and what it recorded must give the same again.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use dnstrace_tests::kube::Kube;
use dnstrace_tests::node::Netns;
use dnstrace_tests::product::{self, Run};
use serde_json::Value;
use tempfile::TempDir;

use crate::kinds;

/// Lines that are waited through for a finding: pods print some fifty in a second, a loop hundreds at once.
const LINES_MAX: usize = 3_000;

/// Which sources there are.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) cri: &'static str,
    /// Whether the API server is asked.
    pub(crate) kube: bool,
}

pub(crate) const MODES: [Mode; 3] = [
    Mode { name: "API and CRI", cri: "auto", kube: true },
    Mode { name: "CRI", cri: "auto", kube: false },
    Mode { name: "files", cri: "off", kube: false },
];

pub(crate) struct Session {
    run: Run,
    recording: PathBuf,
    /// Lines that were read while it runs.
    lines: Vec<Value>,
    _folder: TempDir,
}

impl Session {
    pub(crate) fn start(kube: &Kube, mode: &Mode) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let recording = folder.path().join("kube.pcapng");
        let sources = arguments(kube, mode, &folder)?;
        let (cgroup, output) = (text(kube.cgroup()?)?, text(recording.clone())?);
        let mut words =
            vec!["record", "--print", "--format", "json", "--path", "--output", &output, "--cgroup", &cgroup];
        words.extend(sources.iter().map(String::as_str));
        let run = Run::start(&Netns::at(&kube.netns())?, &words)?;
        Ok(Self { run, recording, lines: Vec::new(), _folder: folder })
    }

    /// Lets it go on until it has printed so many lines of those `wanted`.
    pub(crate) fn until(&mut self, count: usize, wanted: impl Fn(&Value) -> bool) -> Result<()> {
        let mut left = count.saturating_sub(self.lines.iter().filter(|line| wanted(line)).count());
        while left > 0 {
            let line = self.run.next(|_any| true)?;
            left -= usize::from(wanted(&line));
            self.lines.push(line);
        }
        Ok(())
    }

    /// Lets it go on until it has said all these findings, or so much else that they will not come.
    pub(crate) fn until_found(&mut self, expected: &[String]) -> Result<()> {
        let mut missing = expected.to_vec();
        for _ in 0..LINES_MAX {
            if missing.is_empty() {
                break;
            }
            let line = self.run.next(|_any| true)?;
            missing.retain(|wanted| line["kind"] != "finding" || shown(&line) != *wanted);
            self.lines.push(line);
        }
        Ok(())
    }

    /// The findings as they stand at the end, and those of its replay.
    pub(crate) fn findings(mut self) -> Result<[Vec<Value>; 2]> {
        self.lines.extend(self.run.stop()?.json()?);
        let replayed = product::read(&self.recording, &[])?;
        Ok([findings(&self.lines), findings(&replayed)])
    }

    /// All that it printed, after what it replays was found to be the same; and what it said besides.
    pub(crate) fn stop(mut self) -> Result<(Vec<Value>, Vec<String>)> {
        let ended = self.run.stop()?;
        self.lines.extend(ended.json()?);
        product::same_as_replayed(&self.lines, &self.recording, &[])?;
        Ok((self.lines, ended.stderr))
    }
}

/// `id certainty subject`.
pub(crate) fn shown(finding: &Value) -> String {
    let words = [&finding["finding"], &finding["certainty"], &finding["subject"]["name"]];
    words.map(|word| word.as_str().unwrap_or_default()).join(" ")
}

/// The last word on each: it is said again when more is known.
fn findings(lines: &[Value]) -> Vec<Value> {
    let mut last: Vec<Value> = Vec::new();
    for finding in kinds(lines, "finding") {
        last.retain(|each| each["finding"] != finding["finding"] || each["subject"] != finding["subject"]);
        last.push(finding.clone());
    }
    last
}

fn text(path: PathBuf) -> Result<String> {
    path.into_os_string().into_string().ok().context("no text")
}

/// Where the product is to learn who is who, on this node.
pub(crate) fn arguments(kube: &Kube, mode: &Mode, folder: &TempDir) -> Result<Vec<String>> {
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, kube.kubeconfig()?)?;
    let api = if mode.kube { text(kubeconfig)? } else { "off".to_owned() };
    Ok(["--host-root".into(), text(kube.root())?, "--cri".into(), mode.cri.into(), "--kube".into(), api].into())
}
