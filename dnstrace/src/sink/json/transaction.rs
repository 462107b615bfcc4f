//! The record of one transaction: `"kind":"transaction"`.

use std::borrow::Cow;

use serde::Serialize;

use super::header::{Flags, Question, Reply};
use super::hop::{Addresses, HopRecord, family, micros, transport};
use super::records::Sections;
use super::sign::SignRecord;
use super::who::{WhoRecord, role};
use super::{is_false, is_zero};
use crate::capture::Socket;
use crate::join::{Hop, Outcome, Transaction};
use crate::rules::path::Leg;
use crate::sink::message::{asked, id, is_cut, records};
use crate::sink::{Numbered, escape, iana, time};

#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    ts: String,
    id: String,
    seq: u64,
    schema: &'static str,
    kind: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    proto: &'static str,
    family: u8,
    #[serde(flatten)]
    addresses: Addresses,
    #[serde(flatten)]
    service: Option<Service>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<u16>,
    #[serde(flatten)]
    question: Question,
    #[serde(skip_serializing_if = "Option::is_none")]
    opcode: Option<Cow<'static, str>>,
    #[serde(flatten)]
    reply: Option<Reply>,
    flags: Flags,
    #[serde(flatten)]
    sections: Sections<'a>,
    #[serde(flatten)]
    times: Times,
    #[serde(flatten)]
    lengths: Lengths,
    #[serde(skip_serializing_if = "is_zero")]
    retransmits: u64,
    #[serde(skip_serializing_if = "is_zero")]
    duplicate_responses: u64,
    #[serde(flatten)]
    client: Client,
    #[serde(flatten)]
    who: WhoRecord<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_dest: Option<Process>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// The same for all transactions of one lookup.
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    late_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<HopRecord>,
    /// Where it is lost, by what has ended until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    leg: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signs: Vec<SignRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Vec<HopRecord>>,
    #[serde(skip_serializing_if = "is_zero")]
    path_cut: u64,
    /// Ids of rules that say something of it.
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    findings: &'a [&'static str],
}

/// Whom the client asked, where NAT sent the query to another address.
#[derive(Debug, Serialize)]
struct Service {
    dest_orig: std::net::IpAddr,
    dest_orig_port: u16,
}

#[derive(Debug, Serialize)]
struct Times {
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_latency_us: Option<u64>,
    timeout: bool,
}

#[derive(Debug, Serialize)]
struct Lengths {
    #[serde(skip_serializing_if = "Option::is_none")]
    query_len: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_len: Option<u32>,
    truncated: bool,
    #[serde(skip_serializing_if = "is_false")]
    capture_truncated: bool,
}

#[derive(Debug, Serialize)]
struct Client {
    #[serde(skip_serializing_if = "Option::is_none")]
    netns: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
}

#[derive(Debug, Serialize)]
struct Process {
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
}

impl<'a> Record<'a> {
    pub(super) fn new(numbered: &'a Numbered<Transaction>) -> Self {
        let transaction = &*numbered.record;
        let header = transaction.response.as_ref().or(transaction.query.as_ref()).map(|message| message.header);
        let hop = |hop: &Hop| HopRecord::new(hop, transaction, &numbered.names.interfaces);
        let sign = |sign| SignRecord::new(sign, transaction, &numbered.names.interfaces);
        let verdict = &numbered.names.verdict;
        let unanswered = transaction.response.is_none();
        let query = transaction.query.as_ref().map(records);
        let response = transaction.response.as_ref().map(|response| (response, records(response)));
        Self {
            ts: time::rfc3339(transaction.wall),
            id: id(transaction.id),
            seq: numbered.seq,
            schema: super::SCHEMA,
            kind: "transaction",
            outcome: outcome(transaction.outcome),
            role: role(&numbered.names.who),
            proto: transport(transaction.transport),
            family: family(transaction.client),
            addresses: Addresses::new(transaction.client, transaction.server_after_nat.unwrap_or(transaction.server)),
            service: Service::new(transaction),
            transaction_id: header.map(|header| header.id),
            question: Question::new(asked(transaction)),
            opcode: header.map(|header| iana::opcode(header.opcode().into())),
            reply: response.map(|(response, records)| Reply::new(records.rcode(&response.header))),
            flags: Flags(header),
            sections: Sections::new(response, query),
            times: Times::new(transaction),
            lengths: Lengths::new(transaction),
            retransmits: transaction.attempts.len().saturating_sub(1) as u64,
            duplicate_responses: transaction.duplicate_responses.into(),
            client: Client::new(&transaction.client_socket),
            who: WhoRecord::new(&numbered.names.who),
            process_dest: Process::new(&transaction.server_socket),
            cause: transaction.cause.map(id),
            lookup: verdict.lookup.map(id),
            late_for: transaction.late_for.map(id),
            last_seen: transaction.path.last().filter(|_| unanswered).map(hop),
            leg: verdict.leg.map(Leg::name),
            signs: transaction.signs.iter().map(sign).collect(),
            path: None,
            path_cut: transaction.path_cut.into(),
            findings: &verdict.findings,
        }
    }

    /// The same with every hop.
    pub(super) fn with_path(self, numbered: &Numbered<Transaction>) -> Self {
        let transaction = &*numbered.record;
        let hops = transaction.path.iter();
        Self {
            path: Some(hops.map(|hop| HopRecord::new(hop, transaction, &numbered.names.interfaces)).collect()),
            ..self
        }
    }
}

impl Service {
    fn new(transaction: &Transaction) -> Option<Self> {
        transaction.server_after_nat?;
        Some(Self { dest_orig: transaction.server.ip(), dest_orig_port: transaction.server.port() })
    }
}

impl Times {
    fn new(transaction: &Transaction) -> Self {
        Self {
            latency_us: transaction.response_time.map(micros),
            server_latency_us: transaction.server_response_time.map(micros),
            timeout: transaction.outcome == Outcome::NoResponse,
        }
    }
}

impl Lengths {
    fn new(transaction: &Transaction) -> Self {
        let (query, response) = (transaction.query.as_ref(), transaction.response.as_ref());
        Self {
            query_len: query.map(|query| query.wire_len),
            response_len: response.map(|response| response.wire_len),
            truncated: response.is_some_and(|response| response.header.truncated()),
            capture_truncated: query.into_iter().chain(response).any(is_cut),
        }
    }
}

impl Client {
    fn new(socket: &Socket) -> Self {
        Self { netns: socket.netns, cgroup_id: socket.cgroup_id, process: Process::new(socket) }
    }
}

impl Process {
    fn new(socket: &Socket) -> Option<Self> {
        let process = socket.process?;
        Some(Self { pid: process.tgid, comm: escape::comm(&process.comm), uid: process.uid })
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::NoResponse => "no-response",
        Outcome::Unsolicited => "unsolicited",
        Outcome::Outstanding => "outstanding",
    }
}
