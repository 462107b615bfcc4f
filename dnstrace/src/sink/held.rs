//! Queries that the run's end left open, until it is known whether they are a problem: what rules find last may name them.

use std::collections::BTreeMap;

use super::Names;
use crate::join::{Transaction, TransactionId};
use crate::rules::finding::Finding;

/// The first ones: findings name these, and they have some 2 KiB each.
const HELD_MAX: usize = 1_024;

/// What is not shown unless a finding names it.
#[derive(Debug, Default)]
pub(super) struct Held {
    transactions: BTreeMap<TransactionId, (Transaction, Names)>,
}

impl Held {
    pub(super) fn add(&mut self, transaction: Transaction, names: Names) {
        if self.transactions.len() < HELD_MAX {
            self.transactions.insert(transaction.id, (transaction, names));
        }
    }

    /// Those that `finding` names, which they are marked with.
    pub(super) fn take(&mut self, finding: &Finding) -> Vec<(Transaction, Names)> {
        let named = finding.evidence.iter().filter_map(|evidence| self.transactions.remove(&evidence.transaction));
        let mut named: Vec<_> = named.collect();
        for (_, names) in &mut named {
            names.verdict.findings.push(finding.rule.id);
        }
        named
    }
}
