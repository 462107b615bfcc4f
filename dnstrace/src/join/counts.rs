//! What became of observations and transactions.

/// What became of observations and transactions. Every observation ends in exactly one counter of the first group, every
/// transaction that was given out in exactly one of the second, every
/// sign in exactly one of the third; the fourth says how well the join could do its work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinCounts {
    /// Observations looked at.
    pub observations: u64,
    /// Of them: the first sighting of a query.
    pub queries: u64,
    /// Of them: a query seen before at another point.
    pub query_sightings: u64,
    /// Of them: the first sighting of a query that was sent again.
    pub retransmissions: u64,
    /// Of them: the first sighting of a response to an open query.
    pub responses: u64,
    /// Of them: a response seen before at another point.
    pub response_sightings: u64,
    /// Of them: the first sighting of a further response to an answered query.
    pub duplicate_responses: u64,
    /// Of them: a further response seen before at another point.
    pub duplicate_sightings: u64,
    /// Of them: the first sighting of a response that no query is known for, or not yet.
    pub unmatched_responses: u64,
    /// Of them: such a response seen before at another point.
    pub unmatched_sightings: u64,
    /// Of them: the first sighting of a response to a query that was given up.
    pub late_responses: u64,
    /// Of them: a response to a transaction that was given out with a response.
    pub absorbed: u64,

    /// Transactions given out.
    pub transactions: u64,
    /// Of them: with a response.
    pub answered: u64,
    /// Of them: given up after the query timeout.
    pub no_response: u64,
    /// Of them: a response without a query.
    pub unsolicited: u64,
    /// Of them: still waiting when the run ended, or evicted while waiting.
    pub outstanding: u64,

    /// Drops and ICMP errors looked at: the sum of the next three.
    pub signs: u64,
    /// Of them: belong to an open transaction.
    pub signs_joined: u64,
    /// Of them: left out of a transaction's signs because of their bound.
    pub signs_cut: u64,
    /// Of them: belong to no open transaction.
    pub signs_unmatched: u64,

    /// Responses seen before their query.
    pub reordered: u64,
    /// Messages that more than one open transaction could claim; each stayed apart.
    pub ambiguous: u64,
    /// Queries that more than one open transaction could have caused; none was named.
    pub cause_ambiguous: u64,
    /// Transactions given out early because too many were open.
    pub evicted: u64,
    /// Sightings left out of a path because of its bound.
    pub path_cut: u64,
    /// Sendings left out of a transaction's attempts because of their bound.
    pub attempts_cut: u64,
    /// Messages of which a transaction keeps less than was captured.
    pub messages_cut: u64,
    /// Entries of open transactions that made room for newer ones with the same message ID and port.
    pub index_crowded: u64,
}

impl JoinCounts {
    /// Each counter with its name.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.observation_entries()
            .into_iter()
            .chain(self.transaction_entries())
            .chain(self.sign_entries())
            .chain(self.quality_entries())
    }

    /// Whether every observation, transaction and sign is in exactly one counter.
    #[must_use]
    pub fn sums_agree(&self) -> bool {
        let rest = |entries: &[(&str, u64)]| entries[1..].iter().map(|entry| entry.1).sum::<u64>();
        rest(&self.observation_entries()) == self.observations
            && rest(&self.transaction_entries()) == self.transactions
            && rest(&self.sign_entries()) == self.signs
    }

    fn observation_entries(&self) -> [(&'static str, u64); 12] {
        [
            ("observations", self.observations),
            ("queries", self.queries),
            ("query_sightings", self.query_sightings),
            ("retransmissions", self.retransmissions),
            ("responses", self.responses),
            ("response_sightings", self.response_sightings),
            ("duplicate_responses", self.duplicate_responses),
            ("duplicate_sightings", self.duplicate_sightings),
            ("unmatched_responses", self.unmatched_responses),
            ("unmatched_sightings", self.unmatched_sightings),
            ("late_responses", self.late_responses),
            ("absorbed", self.absorbed),
        ]
    }

    fn transaction_entries(&self) -> [(&'static str, u64); 5] {
        [
            ("transactions", self.transactions),
            ("answered", self.answered),
            ("no_response", self.no_response),
            ("unsolicited", self.unsolicited),
            ("outstanding", self.outstanding),
        ]
    }

    fn sign_entries(&self) -> [(&'static str, u64); 4] {
        [
            ("signs", self.signs),
            ("signs_joined", self.signs_joined),
            ("signs_cut", self.signs_cut),
            ("signs_unmatched", self.signs_unmatched),
        ]
    }

    fn quality_entries(&self) -> [(&'static str, u64); 8] {
        [
            ("reordered", self.reordered),
            ("ambiguous", self.ambiguous),
            ("cause_ambiguous", self.cause_ambiguous),
            ("evicted", self.evicted),
            ("path_cut", self.path_cut),
            ("attempts_cut", self.attempts_cut),
            ("messages_cut", self.messages_cut),
            ("index_crowded", self.index_crowded),
        ]
    }
}
