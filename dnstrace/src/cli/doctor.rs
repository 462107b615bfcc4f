//! `dnstrace doctor`: what this kernel and user allow, a line each, with the remedy.

use std::io::{self, Write};

use crate::capture::Hook;
use crate::capture::live::{Live, LiveOptions, StartError};
use crate::capture::prerequisites::{self, Row, State};
use crate::owner::sources::{self, Report};

/// Writes a line for each prerequisite, each hook and each source of names; whether at least one hook can attach.
pub(super) fn run(sources: Vec<Report>, out: &mut impl Write) -> io::Result<bool> {
    let examination = Examination::make(sources);
    examination.write(out)?;
    Ok(examination.some_hook())
}

/// The same, a JSON object a line.
pub(super) fn run_json(sources: Vec<Report>, out: &mut impl Write) -> io::Result<bool> {
    let examination = Examination::make(sources);
    examination.write_json(out)?;
    Ok(examination.some_hook())
}

/// What was found.
struct Examination {
    prerequisites: Vec<Row>,
    /// One for each hook: attached for a moment, which proves more than any prerequisite.
    hooks: Vec<Row>,
    /// Where names of pods come from.
    sources: Vec<Report>,
}

impl Examination {
    fn make(sources: Vec<Report>) -> Self {
        Self {
            prerequisites: prerequisites::look(&prerequisites::this_host()),
            hooks: Hook::ALL.into_iter().map(attach).collect(),
            sources,
        }
    }

    fn some_hook(&self) -> bool {
        self.hooks.iter().any(attaches)
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.prerequisites.iter().chain(&self.hooks)
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for row in self.rows() {
            writeln!(out, "{}", line(row))?;
        }
        for source in &self.sources {
            writeln!(out, "{}", source_line(source))?;
        }
        writeln!(out, "{}", self.conclusion())
    }

    fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        for row in self.rows() {
            let object = serde_json::json!({
                "state": word(row.state),
                "subject": row.subject,
                "found": row.found,
                "matters": row.matters,
                "remedy": row.remedy,
            });
            writeln!(out, "{object}")?;
        }
        for source in &self.sources {
            let object = serde_json::json!({
                "state": source_state(source.state),
                "subject": source.source.name(),
                "found": found(source),
                "matters": "",
                "remedy": source.remedy,
            });
            writeln!(out, "{object}")?;
        }
        Ok(())
    }

    fn conclusion(&self) -> String {
        let attached: Vec<_> = self.hooks.iter().filter(|hook| attaches(hook)).map(|hook| hook.subject).collect();
        match attached[..] {
            [] => "dnstrace cannot trace here: no hook can attach".into(),
            [only] => format!("dnstrace can trace here, with the {only} only"),
            _ => "dnstrace can trace here, with every hook".into(),
        }
    }
}

fn attaches(hook: &Row) -> bool {
    hook.state == State::Ok
}

/// Enough to load with: it has to be a multiple of every page size in use (64 KiB on some arm64), and nothing is read.
const RING_BYTES: u32 = 64 * 1024;
/// Any: nothing is captured.
const SNAPLEN: u32 = 512;

/// Attaches a hook and detaches it.
fn attach(hook: Hook) -> Row {
    let options = LiveOptions {
        hooks: vec![hook],
        ports: vec![53],
        interfaces: Vec::new(),
        cgroup: None,
        ring_bytes: RING_BYTES,
        snaplen: SNAPLEN,
    };
    let result = match Live::start(&options) {
        // The row says already which hook it is.
        Err(StartError::NothingAttached(causes)) => Err(causes.into_iter().map(|(_, cause)| cause).collect()),
        Err(error) => Err(error.to_string()),
        Ok(live) => live.attached().iter().map(|attachment| attachment.result.clone()).collect(),
    };
    hook_row(hook, result)
}

fn hook_row(hook: Hook, result: Result<String, String>) -> Row {
    let subject = match hook {
        Hook::Socket => "socket hook",
        Hook::Device => "device hook",
        Hook::Drop => "drop hook",
    };
    let (state, found) = match result {
        Ok(place) => (State::Ok, format!("attaches: {place}")),
        // The cause carries its remedy.
        Err(cause) => (State::Missing, cause),
    };
    Row { state, subject, found, matters: "", remedy: "" }
}

/// The longest is `names: kubelet-config`.
const SUBJECT: usize = 21;

fn line(row: &Row) -> String {
    let mut line = format!("{:<8} {:<SUBJECT$} {}", word(row.state), row.subject, row.found);
    if !row.matters.is_empty() {
        line.push_str(": ");
        line.push_str(row.matters);
    }
    if !row.remedy.is_empty() {
        line.push_str("; ");
        line.push_str(row.remedy);
    }
    line
}

fn source_line(report: &Report) -> String {
    let remedy = if report.remedy.is_empty() { String::new() } else { format!("; {}", report.remedy) };
    let subject = format!("names: {}", report.source.name());
    format!("{:<8} {subject:<SUBJECT$} {}{remedy}", source_state(report.state), found(report))
}

fn found(report: &Report) -> String {
    let skipped = if report.skipped == 0 { String::new() } else { format!(" ({} skipped)", report.skipped) };
    format!("{}{skipped}", report.found)
}

/// A source that is not there is nothing to be mended.
fn source_state(state: sources::State) -> &'static str {
    match state {
        sources::State::Ready => "ok",
        sources::State::Absent => "absent",
        sources::State::Starting => "slow",
        sources::State::Failed => "missing",
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Limited => "limited",
        State::Missing => "missing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::fact::Source;

    fn examination(socket: Result<&str, &str>, device: Result<&str, &str>) -> Examination {
        let row = |hook, result: Result<&str, &str>| hook_row(hook, result.map(Into::into).map_err(Into::into));
        let hooks = vec![row(Hook::Socket, socket), row(Hook::Device, device)];
        let netns = Row {
            state: State::Limited,
            subject: "netns",
            found: "not the host's".into(),
            matters: "the device hook sees less",
            remedy: "go there",
        };
        let report = |source, state, found: &str| Report {
            source,
            state,
            found: found.into(),
            remedy: String::new(),
            skipped: 1,
        };
        let sources = vec![
            report(Source::Cni, sources::State::Ready, "12 pods"),
            report(Source::Api, sources::State::Absent, "no credentials"),
        ];
        Examination { prerequisites: vec![netns], hooks, sources }
    }

    fn text(examination: &Examination) -> String {
        let mut out = Vec::new();
        examination.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_is_a_line_with_cost_and_remedy() {
        let examination = examination(Ok("cgroup /sys/fs/cgroup"), Err("not permitted; run as root"));
        assert_eq!(
            text(&examination),
            "limited  netns                 not the host's: the device hook sees less; go there\n\
             ok       socket hook           attaches: cgroup /sys/fs/cgroup\n\
             missing  device hook           not permitted; run as root\n\
             ok       names: cni            12 pods (1 skipped)\n\
             absent   names: api            no credentials (1 skipped)\n\
             dnstrace can trace here, with the socket hook only\n"
        );
        assert!(examination.some_hook());
    }

    #[test]
    fn no_hook_is_said() {
        let examination = examination(Err("not permitted"), Err("not permitted"));
        assert!(text(&examination).ends_with("dnstrace cannot trace here: no hook can attach\n"));
        assert!(!examination.some_hook());
    }

    #[test]
    fn json_has_the_same_rows() {
        let mut out = Vec::new();
        examination(Ok("here"), Ok("there")).write_json(&mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!((first["state"].as_str(), first["subject"].as_str()), (Some("limited"), Some("netns")));
        assert_eq!(lines.lines().count(), 5);
    }
}
