//! `dnstrace report`: what the kernel's hooks see, on one page at the end.

use std::sync::Arc;

use super::arguments::ReportArguments;
use super::watching::{Watch, watch};
use super::{Failure, configuration, reporting};
use crate::pipeline::PipelineOptions;
use crate::rules::finding::Certainty;
use crate::sink::{Summary, WhenFull};

/// Runs it; gives what it adds up to.
pub(super) fn report(arguments: &ReportArguments) -> Result<Arc<Summary>, Failure> {
    let ReportArguments { show, until_finding, capture } = arguments;
    let least = show.fail_on.map_or(Certainty::Suspected, Into::into);
    let pipeline = PipelineOptions {
        run_for: capture.run_for,
        until_finding: until_finding.then_some(least),
        ..configuration::pipeline(show)
    };
    let session = reporting::session(show, WhenFull::Drop)?;
    watch(capture, show, Watch { session, pipeline, hint: Some(when(arguments)) })
}

/// A terminal on which nothing moves should say until when.
fn when(arguments: &ReportArguments) -> String {
    let finding = if arguments.until_finding { "the first finding, or " } else { "" };
    match arguments.capture.run_for {
        Some(time) => format!("the report comes in {} s, or with {finding}Ctrl-C", time.as_secs_f64()),
        None => format!("the report comes with {finding}Ctrl-C"),
    }
}
