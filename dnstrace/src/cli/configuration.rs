//! Arguments to what the stages are told.

use std::io;

use super::arguments::{CaptureArguments, FormatArgument, ShowArguments};
use super::{Failure, who};
use crate::capture::Hook;
use crate::capture::live::LiveOptions;
use crate::decode::DecodeOptions;
use crate::join::JoinOptions;
use crate::pipeline::PipelineOptions;
use crate::rules::RuleOptions;
use crate::sink::{Filter, Format, Json, Layout, OutletOptions, Palette, Show, Text, TextOptions, WhenFull};

/// Five seconds of 6,000 queries a second without a response; some 2 KiB each, a quarter of our memory.
const OPEN_TRANSACTIONS_MAX: usize = 32_768;

/// What tcpdump calls all interfaces.
const ANY: &str = "any";

/// What the kernel half is told.
pub(super) fn live(capture: &CaptureArguments, show: &ShowArguments) -> LiveOptions {
    let mut hooks: Vec<Hook> = capture.hooks.iter().map(|&hook| hook.into()).collect();
    hooks.sort_unstable();
    hooks.dedup();
    let any = capture.interface.iter().any(|name| name == ANY);
    LiveOptions {
        hooks,
        ports: ports(show),
        interfaces: if any { Vec::new() } else { capture.interface.clone() },
        cgroup: capture.cgroup.clone(),
        ring_bytes: capture.ring_size,
        snaplen: capture.snaplen,
    }
}

/// What the stages are told.
pub(super) fn pipeline(arguments: &ShowArguments) -> PipelineOptions {
    PipelineOptions {
        decode: DecodeOptions { ports: ports(arguments), tunnels: true },
        join: JoinOptions { query_timeout: arguments.timeout, open_max: OPEN_TRANSACTIONS_MAX },
        run_for: None,
        until_finding: None,
        owners: who::cluster_dns(&arguments.who),
    }
}

/// What rules are told.
pub(super) fn rules(arguments: &ShowArguments) -> RuleOptions {
    RuleOptions { slow: arguments.slow }
}

/// What is shown.
pub(super) fn outlet(arguments: &ShowArguments, when_full: WhenFull) -> OutletOptions {
    OutletOptions {
        show: if arguments.observations { Show::Observations } else { Show::Transactions },
        filter: filter(arguments),
        count: arguments.count,
        only_problems: arguments.problems,
        when_full,
    }
}

/// What is shown beside a recording, which has the count.
pub(super) fn outlet_beside(print: bool, arguments: &ShowArguments, when_full: WhenFull) -> OutletOptions {
    let outlet = OutletOptions { count: None, ..outlet(arguments, when_full) };
    if print { outlet } else { OutletOptions { show: Show::Nothing, ..outlet } }
}

/// Which transactions are meant.
pub(super) fn filter(arguments: &ShowArguments) -> Filter {
    Filter {
        names: arguments.name.clone(),
        types: arguments.record_type.clone(),
        rcodes: arguments.rcode.clone(),
        slower_than: arguments.slower_than,
        party: who::parties(&arguments.who),
        roles: arguments.who.role.iter().map(|&role| role.into()).collect(),
        own: who::own(&arguments.who),
    }
}

/// How it is written.
pub(super) fn format(arguments: &ShowArguments) -> Result<Format, Failure> {
    match arguments.format {
        FormatArgument::Json => Ok(Format::Json(Json { path: arguments.path })),
        FormatArgument::Text => Ok(text(arguments)),
        FormatArgument::Markdown => Err(Failure::Usage("--format markdown is for a report only".to_owned())),
    }
}

/// As lines for people.
pub(super) fn text(arguments: &ShowArguments) -> Format {
    Format::Text(Box::new(Text::new(TextOptions {
        path: arguments.path,
        palette: palette(&io::stdout()),
        query_timeout: arguments.timeout,
        layout: Layout::fitting(columns()),
    })))
}

/// Width of the terminal that standard output is, if it is one.
fn columns() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}

/// Colours when `stream` is a terminal, unless `NO_COLOR` is set.
pub(super) fn palette(stream: &impl anstream::stream::RawStream) -> Palette {
    match anstream::AutoStream::choice(stream) {
        anstream::ColorChoice::Never => Palette::plain(),
        _ => Palette::coloured(),
    }
}

fn ports(arguments: &ShowArguments) -> Vec<u16> {
    let mut ports = arguments.port.clone();
    ports.sort_unstable();
    ports.dedup();
    ports
}
