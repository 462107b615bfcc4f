//! The record of a finding: `"kind":"finding"`.

use serde::Serialize;

use super::who::PartyRecord;
use crate::rules::finding::{About, Evidence, Finding, Subject};
use crate::sink::message::id;
use crate::sink::{finding, iana, time};

/// A finding; in a report without `schema` and `kind`.
#[derive(Debug, Serialize)]
pub(in crate::sink) struct FindingRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// The rule.
    finding: &'static str,
    severity: &'static str,
    certainty: &'static str,
    /// Lowered, as packets were lost in capture.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    certainty_lowered: bool,
    subject: SubjectRecord<'a>,
    message: String,
    count: u64,
    first: String,
    last: String,
    evidence: Vec<EvidenceRecord>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    facts: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    affected: Vec<SubjectRecord<'a>>,
    affected_count: u64,
    remedy: &'static str,
    link: &'static str,
    surer: &'static str,
}

/// Whom it is about: one of these, with its pod.
#[derive(Debug, Default, Serialize)]
struct SubjectRecord<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<std::net::IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k8s: Option<PartyRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct EvidenceRecord {
    id: String,
    ts: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_type: Option<String>,
    fate: String,
}

impl<'a> FindingRecord<'a> {
    /// Among records of other kinds.
    pub(super) fn line(told: &'a Finding) -> Self {
        let ts = Some(time::rfc3339(told.last.1));
        Self { ts, schema: Some(super::SCHEMA), kind: Some("finding"), ..Self::new(told) }
    }

    /// Among findings.
    pub(in crate::sink) fn new(told: &'a Finding) -> Self {
        Self {
            ts: None,
            schema: None,
            kind: None,
            finding: told.rule.id,
            severity: told.severity.name(),
            certainty: told.certainty.name(),
            certainty_lowered: told.is_lowered,
            subject: SubjectRecord::new(&told.subject),
            message: finding::sentence(told),
            count: told.count,
            first: time::rfc3339(told.first.1),
            last: time::rfc3339(told.last.1),
            evidence: told.evidence.iter().map(EvidenceRecord::new).collect(),
            facts: &told.facts,
            affected: told.affected.iter().map(SubjectRecord::new).collect(),
            affected_count: told.affected_count,
            remedy: told.rule.remedy,
            link: told.rule.link,
            surer: told.rule.surer,
        }
    }
}

impl<'a> SubjectRecord<'a> {
    fn new(subject: &'a Subject) -> Self {
        let mut record = Self {
            name: finding::subject(subject),
            k8s: PartyRecord::new(subject.party.as_ref(), subject.service.as_deref()),
            ..Self::default()
        };
        match &subject.about {
            About::Address(address) => record.address = Some(*address),
            About::Server(server) => (record.address, record.port) = (Some(server.ip()), Some(server.port())),
            About::Name(name) => record.query = Some(name.to_string()),
            About::Pod(_) | About::Node => {}
        }
        record
    }
}

impl EvidenceRecord {
    fn new(evidence: &Evidence) -> Self {
        let question = evidence.question.as_ref();
        Self {
            id: id(evidence.transaction),
            ts: time::rfc3339(evidence.wall),
            query: question.map(|(name, _)| name.to_string()),
            record_type: question.map(|(_, qtype)| iana::record_type(*qtype).into_owned()),
            fate: evidence.fate.clone(),
        }
    }
}
