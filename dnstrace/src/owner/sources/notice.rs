//! Reports → a line for a person when a source ceases to be there: once, until it is there again, whatever it says of
//! itself meanwhile. A server that is away refuses, hangs and breaks off in turn.

use std::collections::BTreeSet;

use super::{Report, State};
use crate::owner::fact::Source;

/// What was said.
#[derive(Default)]
pub(super) struct Notices {
    failed: BTreeSet<Source>,
}

impl Notices {
    /// The line that is due.
    pub(super) fn of(&mut self, report: &Report) -> Option<String> {
        if report.state != State::Failed {
            self.failed.remove(&report.source);
            return None;
        }
        self.failed.insert(report.source).then(|| report.line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(source: Source, state: State, found: &str) -> Report {
        Report { source, state, found: found.into(), remedy: String::new(), skipped: 0 }
    }

    #[test]
    fn outage_is_one_line_whatever_causes_it_has() {
        let mut notices = Notices::default();
        let reports = [
            report(Source::Api, State::Starting, "asking"),
            report(Source::Api, State::Failed, "does not answer"),
            report(Source::Cri, State::Failed, "no such file"),
            report(Source::Api, State::Failed, "connection refused"),
            report(Source::Api, State::Ready, "7 pods"),
            report(Source::Api, State::Failed, "connection refused"),
        ];
        let lines: Vec<String> = reports.iter().filter_map(|report| notices.of(report)).collect();
        assert_eq!(lines, ["api: does not answer", "cri: no such file", "api: connection refused"]);
    }
}
