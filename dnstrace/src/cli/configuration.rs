//! Arguments to what the stages are told.

use std::io;

use super::arguments::{FormatArgument, ShowArguments, TraceArguments};
use crate::capture::Hook;
use crate::capture::live::LiveOptions;
use crate::decode::DecodeOptions;
use crate::join::JoinOptions;
use crate::pipeline::PipelineOptions;
use crate::sink::{Filter, Format, Json, Layout, OutletOptions, Palette, Show, Text, TextOptions, WhenFull};

/// Five seconds of 6,000 queries a second without a response; some 2 KiB each, a quarter of our memory.
const OPEN_TRANSACTIONS_MAX: usize = 32_768;

/// What the kernel half is told.
pub(super) fn live(arguments: &TraceArguments) -> LiveOptions {
    let mut hooks: Vec<Hook> = arguments.hooks.iter().map(|&hook| hook.into()).collect();
    hooks.sort_unstable();
    hooks.dedup();
    LiveOptions {
        hooks,
        ports: ports(&arguments.show),
        interfaces: arguments.interface.clone(),
        cgroup: arguments.cgroup.clone(),
        ring_bytes: arguments.ring_size,
        snaplen: arguments.snaplen,
    }
}

/// What the stages are told.
pub(super) fn pipeline(arguments: &ShowArguments) -> PipelineOptions {
    PipelineOptions {
        decode: DecodeOptions { ports: ports(arguments) },
        join: JoinOptions { query_timeout: arguments.timeout, open_max: OPEN_TRANSACTIONS_MAX },
        run_for: None,
    }
}

/// What is shown.
pub(super) fn outlet(arguments: &ShowArguments, when_full: WhenFull) -> OutletOptions {
    OutletOptions {
        show: if arguments.observations { Show::Observations } else { Show::Transactions },
        filter: Filter {
            names: arguments.name.clone(),
            types: arguments.record_type.clone(),
            rcodes: arguments.rcode.clone(),
            slower_than: arguments.slower_than,
        },
        count: arguments.count,
        when_full,
    }
}

/// How it is written.
pub(super) fn format(arguments: &ShowArguments) -> Format {
    match arguments.format {
        FormatArgument::Json => Format::Json(Json { path: arguments.path }),
        FormatArgument::Text => Format::Text(Box::new(Text::new(TextOptions {
            path: arguments.path,
            palette: palette(&io::stdout()),
            query_timeout: arguments.timeout,
            layout: Layout::fitting(columns()),
        }))),
    }
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
