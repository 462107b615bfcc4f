//! What the product says meanwhile, and what it found in the end: live, and replayed from its recording.

use std::cell::RefCell;
use std::fmt::Debug;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::product::{self, Run};
use serde_json::Value;
use tempfile::TempDir;

use crate::scene::cluster_dns;

/// The product while something goes wrong.
pub(crate) struct Watch {
    run: Run,
    seen: RefCell<Vec<Value>>,
    folder: TempDir,
}

impl Watch {
    /// Begins; the recording is `live.pcapng` in `folder`.
    pub(crate) fn new(run: Run, folder: TempDir) -> Self {
        Self { run, seen: RefCell::default(), folder }
    }

    /// Waits until a transaction is told that ended as `wanted` says.
    pub(crate) fn until(&self, wanted: impl Fn(&Value) -> bool) -> Result<()> {
        self.next(|record| record["kind"] == "transaction" && wanted(record))
    }

    /// Waits until something is found so surely, for what shows some time after a transaction only.
    pub(crate) fn until_found(&self, id: &str, certainty: &str) -> Result<()> {
        self.next(|record| record["finding"] == id && record["certainty"] == certainty)
    }

    fn next(&self, wanted: impl Fn(&Value) -> bool) -> Result<()> {
        let next = self.run.next(|record| {
            self.seen.borrow_mut().push(record.clone());
            wanted(record)
        });
        next.map(drop).with_context(|| format!("found meanwhile: {:?}", Verdict::as_of(&self.seen.borrow()).found()))
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
    /// Of findings as a report has them.
    pub(crate) fn new(findings: Vec<Value>) -> Self {
        Self { findings }
    }

    fn of(records: &[Value]) -> Result<Self> {
        let summary = records.last().context("nothing was written")?;
        ensure!(summary["kind"] == "summary" && summary["lost"] == 0, "{summary:#}");
        Ok(Self::as_of(records))
    }

    fn as_of(records: &[Value]) -> Self {
        let mut findings: Vec<Value> = Vec::new();
        for record in records.iter().filter(|record| record["kind"] == "finding") {
            let is_same =
                |known: &Value| known["finding"] == record["finding"] && known["subject"] == record["subject"];
            findings.retain(|known| !is_same(known));
            findings.push(record.clone());
        }
        Self { findings }
    }

    /// `id certainty subject` of each, advice left out, in order.
    pub(crate) fn found(&self) -> Vec<String> {
        self.shown(|finding| finding["severity"] != "advice")
    }

    /// The same of what is advice.
    pub(crate) fn advice(&self) -> Vec<String> {
        self.shown(|finding| finding["severity"] == "advice")
    }

    fn shown(&self, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
        let shown = self.findings.iter().filter(|finding| wanted(finding)).map(|finding| {
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
