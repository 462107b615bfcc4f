//! `dnstrace trace`: what the kernel's hooks see, until it is told to end.

use std::sync::Arc;

use super::arguments::TraceArguments;
use super::session::Session;
use super::watching::{Watch, watch};
use super::{Failure, configuration};
use crate::sink::{Summary, WhenFull};

/// Runs it; gives what it adds up to.
pub(super) fn trace(arguments: &TraceArguments) -> Result<Arc<Summary>, Failure> {
    let TraceArguments { show, capture } = arguments;
    let session = Session {
        outlet: configuration::outlet(show, WhenFull::Drop),
        format: configuration::format(show)?,
        recording: None,
        report: None,
        rules: configuration::rules(show),
    };
    watch(capture, show, Watch::new(session, capture, show))
}
