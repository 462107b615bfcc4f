//! A report to bytes: text, JSON, markdown.
//!
//! [`Page`](page::Page) is what people get, in either form: a headline, tables, and lines. JSON has all that was kept.

mod clients;
mod findings;
mod headline;
mod json;
mod last_seen;
mod legs;
mod lookups;
mod losses;
mod markdown;
mod names;
mod page;
mod servers;
#[cfg(test)]
mod tests;
mod text;

use std::io;
use std::sync::Arc;

use super::{Palette, Summary};
use crate::owner::Interfaces;
use crate::rules::finding::Finding;
use crate::rules::report::Report;

/// How a report is written.
#[derive(Clone, Copy, Debug)]
pub enum ReportFormat {
    /// For a terminal of 100 columns, in these colours.
    Text(Palette),
    /// One object, schema `dnstrace.report/1`.
    Json,
    /// To paste into a ticket.
    Markdown,
}

/// What was observed, with what is needed to write it.
#[derive(Debug)]
pub struct Observed {
    /// What was observed.
    pub report: Box<Report>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// Names of the interfaces in it.
    pub interfaces: Arc<Interfaces>,
}

/// A report on a run that adds up to `summary`.
pub fn write_report(observed: &Observed, summary: &Summary, format: ReportFormat) -> io::Result<Vec<u8>> {
    match format {
        ReportFormat::Text(palette) => Ok(text::write(&page::Page::new(observed, summary), &palette).into_bytes()),
        ReportFormat::Markdown => Ok(markdown::write(&page::Page::new(observed, summary)).into_bytes()),
        ReportFormat::Json => json::write(observed, summary),
    }
}
