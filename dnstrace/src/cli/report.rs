//! `dnstrace report`: what the kernel's hooks see, on one page at the end.

use std::sync::Arc;
use std::time::Duration;

use super::arguments::ReportArguments;
use super::watching::watch;
use super::{Failure, reporting};
use crate::sink::{Summary, WhenFull};

/// Runs it; gives what it adds up to.
pub(super) fn report(arguments: &ReportArguments) -> Result<Arc<Summary>, Failure> {
    let ReportArguments { show, capture } = arguments;
    watch(capture, show, reporting::session(show, WhenFull::Drop)?, Some(when(capture.run_for)))
}

/// A terminal on which nothing moves should say until when.
fn when(run_for: Option<Duration>) -> String {
    match run_for {
        Some(time) => format!("the report comes in {} s, or with Ctrl-C", time.as_secs_f64()),
        None => "the report comes with Ctrl-C".to_owned(),
    }
}
