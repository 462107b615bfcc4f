//! The kernel's numbers for drops to names: reasons from its types, locations from its symbols.

use std::collections::HashMap;
use std::sync::Arc;

use dnstrace_ebpf::DropRecord;

use super::symbols::Symbols;
use crate::capture::Dropped;

/// Pairs of reason and location that are kept: a kernel has some hundred places that drop, nearly all with one reason.
const KNOWN_MAX: usize = 4096;

/// Names of drop reasons, of locations, and of both together once they were seen.
pub struct Drops {
    reasons: HashMap<u32, Arc<str>>,
    symbols: Symbols,
    known: HashMap<(u32, u64), Dropped>,
}

impl Drops {
    /// With the reasons that the running kernel knows, by number.
    pub(super) fn new(reasons: HashMap<u32, Arc<str>>) -> Self {
        Self { reasons, symbols: Symbols::default(), known: HashMap::new() }
    }

    /// Names locations by these symbols.
    pub(super) fn locate_by(&mut self, symbols: Symbols) {
        self.symbols = symbols;
    }

    /// Why and where the packet of a record was dropped.
    pub(super) fn of(&mut self, record: &DropRecord) -> &Dropped {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        let Self { reasons, symbols, known, .. } = self;
        known.entry((record.reason, record.location)).or_insert_with(|| {
            let unknown = Dropped::unknown();
            let reason = match (reasons.get(&record.reason), record.reason) {
                (Some(name), _) => Arc::clone(name),
                (None, 0) => unknown.reason,
                // Of a subsystem, in the upper half: its names are no types.
                (None, number) => number.to_string().into(),
            };
            Dropped { reason, location: symbols.function(record.location).unwrap_or_default().into() }
        })
    }
}
