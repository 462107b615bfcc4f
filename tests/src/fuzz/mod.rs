//! What is true of any bytes: each target reads some and asserts what must hold, whatever they are. `cargo xtask fuzz`
//! looks for bytes that break it, `tests/tests/corpus.rs` tries those kept in `tests/fuzz/corpus`.

mod choices;
mod dns;
mod file;
mod fragments;
mod packet;
mod reading;
mod tcp;

/// A target: its name, and what is tried.
pub type Target = (&'static str, fn(&[u8]));

/// Every target; each has a program in `tests/fuzz/fuzz_targets` and a corpus of its name.
pub const TARGETS: &[Target] = &[
    ("compressed", file::compressed),
    ("dns", dns::run),
    ("dnstap", file::dnstap),
    ("fragments", fragments::run),
    ("packet", packet::run),
    ("pcap", file::pcap),
    ("pcapng", file::pcapng),
    ("tcp", tcp::run),
];

/// Runs the target with this name on `bytes`.
///
/// # Panics
/// When there is no such target, or the bytes break what the target asserts.
pub fn run(name: &str, bytes: &[u8]) {
    let targets = TARGETS.iter().filter(|(known, _)| *known == name);
    let ran = targets.map(|(_, run)| run(bytes)).count();
    assert_eq!(ran, 1, "fuzz targets named {name}");
}
