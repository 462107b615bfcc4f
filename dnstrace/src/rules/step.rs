//! One name of a lookup.

use std::sync::{Arc, LazyLock};

use smallvec::{SmallVec, smallvec};

use super::case::Case;
use super::name::Name;
use crate::join::Outcome;

const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;
const A: u16 = 1;
const AAAA: u16 = 28;

/// One name of a lookup, with all its queries.
#[derive(Clone, Debug)]
pub struct Step {
    cases: SmallVec<[Arc<Case>; 2]>,
    name_hash: u64,
    /// Bytes of the name without the root, and how many of them the application asked for: behind them is the search domain.
    stem: usize,
    base: usize,
    sum: Sum,
}

/// What its queries come to, so that nobody need look at each again when the lookup is over: they left the processor's
/// cache long ago.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sendings: u64,
    /// Of those below, what some query is.
    some: u8,
}

const ASKS_A: u8 = 1;
const ASKS_AAAA: u8 = 1 << 1;
const FOUND: u8 = 1 << 2;
const FAILED: u8 = 1 << 3;
const DENIED: u8 = 1 << 4;
const OPEN: u8 = 1 << 5;
const NOT_NEGATIVE: u8 = 1 << 6;
const NOT_WHOLE: u8 = 1 << 7;

impl Step {
    /// The first query of a name of which the application asked for so many bytes.
    pub(super) fn begin(case: &Arc<Case>, base: usize) -> Self {
        let stem = case.name().map_or(0, |name| name.stem().len());
        let mut sum = Sum::default();
        sum.add(case);
        Self { cases: smallvec![Arc::clone(case)], name_hash: case.name_hash, stem, base, sum }
    }

    /// Another one.
    pub(super) fn add(&mut self, case: &Arc<Case>) {
        self.sum.add(case);
        self.cases.push(Arc::clone(case));
    }

    /// The application turned out to ask for so many bytes of it.
    pub(super) fn rebase(&mut self, base: usize) {
        self.base = base;
    }

    /// Whether a transaction is for its name.
    pub(super) fn is_for(&self, case: &Case) -> bool {
        self.name_hash == case.name_hash && case.name() == Some(self.name())
    }

    /// Its queries, of each type, retransmission on other ports and transport, in the order they ended; never none.
    #[must_use]
    pub fn cases(&self) -> &[Arc<Case>] {
        &self.cases
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &Name {
        static NONE: LazyLock<Name> = LazyLock::new(|| Name::from_text(""));
        self.cases.first().and_then(|case| case.name()).unwrap_or(&NONE)
    }

    /// What of it the application asked for.
    #[must_use]
    pub fn base(&self) -> Name {
        self.name().up_to(self.base)
    }

    /// The same as bytes, without the root.
    pub(super) fn base_stem(&self) -> &[u8] {
        self.name().wire().get(..self.base).unwrap_or_default()
    }

    /// The search domain that was appended; `None` for the name as it is.
    #[must_use]
    pub fn suffix(&self) -> Option<Name> {
        self.has_suffix().then(|| self.name().from(self.base))
    }

    /// Whether one was.
    #[must_use]
    pub fn has_suffix(&self) -> bool {
        self.base < self.stem
    }

    /// Whether it was found, and nothing that was asked with it is open: an address of one family is asked for with one of
    /// the other, which may be lost.
    #[must_use]
    pub fn seems_complete(&self) -> bool {
        self.sum.has(ASKS_A) == self.sum.has(ASKS_AAAA) && self.is_found() && !self.sum.has(NOT_WHOLE)
    }

    /// Some query was answered with what it asked for.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.sum.has(FOUND)
    }

    /// Every query was answered, with NXDOMAIN or NODATA.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        !self.sum.has(NOT_NEGATIVE)
    }

    /// Some query was answered with NXDOMAIN.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.sum.has(DENIED)
    }

    /// Some query had no response, or an error.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.sum.has(FAILED)
    }

    /// Some query had no response when the run ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sum.has(OPEN)
    }

    /// Sendings of its queries.
    #[must_use]
    pub fn sendings(&self) -> u64 {
        self.sum.sendings
    }
}

impl Sum {
    fn add(&mut self, case: &Case) {
        // What was lost on its way back says nothing to who asked.
        let rcode = case.rcode().filter(|_| !case.is_response_lost());
        let (is_truncated, failed) = (case.is_truncated(), case.failed());
        let is = [
            (ASKS_A, case.qtype() == Some(A)),
            (ASKS_AAAA, case.qtype() == Some(AAAA)),
            (FOUND, rcode == Some(NOERROR) && (is_truncated || case.is_found())),
            (FAILED, failed),
            (DENIED, rcode == Some(NXDOMAIN)),
            (OPEN, case.outcome == Outcome::Outstanding),
            (NOT_NEGATIVE, case.is_response_lost() || !case.is_negative()),
            (NOT_WHOLE, rcode.is_none() || failed || is_truncated),
        ];
        self.some |= is.iter().filter(|(_, is)| *is).fold(0, |some, (bit, _)| some | bit);
        self.sendings += case.attempts.len().max(1) as u64;
    }

    fn has(self, bit: u8) -> bool {
        self.some & bit != 0
    }
}
