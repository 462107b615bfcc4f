//! One transaction, made by hand.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RData, Record, RecordType, rdata};

use crate::capture::{BootTime, Direction, Hook, Point, WallTime};
use crate::decode::{Header, Transport};
use crate::join::{Attempt, Event, Hop, MessageCopy, MessageKind, Outcome, Sign, Transaction, TransactionId};

/// The query timeout with its grace: see `join`.
const GIVEN_UP_MS: u64 = 5_250;

/// A transaction, told step by step. Times are milliseconds.
#[derive(Clone)]
pub(in crate::rules) struct Ask {
    transaction: Transaction,
    name: String,
    qtype: RecordType,
    message_id: u16,
    edns: Option<u16>,
    response: Option<Message>,
    end: Option<u64>,
    last: fn(&mut Transaction),
}

impl Ask {
    /// `client` (with port) asks `server` at `at`: no response yet.
    pub(in crate::rules) fn new(at: u64, client: &str, server: &str, name: &str, qtype: RecordType) -> Self {
        let mut transaction = Transaction::between(client.parse().unwrap(), server.parse().unwrap());
        (transaction.time, transaction.wall) = (ms(at), WallTime(at * 1_000_000));
        transaction.attempts = vec![Attempt { time: ms(at) }];
        transaction.outcome = Outcome::NoResponse;
        let id = crate_hash(&(at, client, server, name, u16::from(qtype)));
        transaction.id = TransactionId(id);
        let message_id = u16::try_from(id & 0xffff).unwrap();
        Self {
            transaction,
            name: name.to_owned(),
            qtype,
            message_id,
            edns: None,
            response: None,
            end: None,
            last: |_| (),
        }
    }

    /// Over TCP.
    pub(in crate::rules) fn tcp(mut self) -> Self {
        self.transaction.transport = Transport::Tcp;
        self
    }

    /// With this message ID.
    pub(in crate::rules) fn message_id(mut self, id: u16) -> Self {
        self.message_id = id;
        self
    }

    /// The query has EDNS with this UDP payload size.
    pub(in crate::rules) fn edns(mut self, size: u16) -> Self {
        self.edns = Some(size);
        self
    }

    /// The query went on to this address.
    pub(in crate::rules) fn behind(mut self, server: &str) -> Self {
        self.transaction.server_after_nat = Some(server.parse().unwrap());
        self
    }

    /// The query was sent again at this time.
    pub(in crate::rules) fn again(mut self, at: u64) -> Self {
        self.transaction.attempts.push(Attempt { time: ms(at) });
        self
    }

    /// Because of another transaction.
    pub(in crate::rules) fn because(mut self, cause: &Ask) -> Self {
        self.transaction.cause = Some(cause.transaction.id);
        self
    }

    /// A response `after` milliseconds, with this rcode (0 is NOERROR) and no records.
    pub(in crate::rules) fn rcode(mut self, after: u64, rcode: u16) -> Self {
        let mut response = Message::new(self.message_id, MessageType::Response, OpCode::Query);
        response.metadata.response_code = rcode.into();
        response.metadata.recursion_desired = true;
        response.metadata.recursion_available = true;
        self.response = Some(response);
        self.transaction.outcome = Outcome::Answered;
        self.transaction.response_time = Some(Duration::from_millis(after));
        self.end = Some(self.transaction.time.0 / 1_000_000 + after);
        self
    }

    /// A response after a millisecond, with this address.
    pub(in crate::rules) fn found(self, address: &str) -> Self {
        self.rcode(1, 0).address(address)
    }

    /// NXDOMAIN after a millisecond; `zone` says so with authority.
    pub(in crate::rules) fn nxdomain(self, zone: &str) -> Self {
        self.rcode(1, 3).authoritative().soa(zone)
    }

    /// NODATA after a millisecond; `zone` says so with authority.
    pub(in crate::rules) fn nodata(self, zone: &str) -> Self {
        self.rcode(1, 0).authoritative().soa(zone)
    }

    /// Its response has this address.
    pub(in crate::rules) fn address(self, address: &str) -> Self {
        let data = match address.parse().unwrap() {
            IpAddr::V4(address) => RData::A(address.into()),
            IpAddr::V6(address) => RData::AAAA(address.into()),
        };
        let name = self.name.clone();
        self.record(&name, data)
    }

    /// The records of its answer are valid for so many seconds.
    pub(in crate::rules) fn ttl(self, seconds: u32) -> Self {
        self.with_response(|response| response.answers.iter_mut().for_each(|record| record.ttl = seconds))
    }

    /// The same, so many milliseconds later.
    pub(in crate::rules) fn later(self, by: u64) -> Self {
        let at = self.transaction.time.0 / 1_000_000 + by;
        let response = self.transaction.response_time.map(|_| at + 1);
        self.with(|transaction| {
            transaction.time = ms(at);
            transaction.attempts.iter_mut().for_each(|attempt| attempt.time = ms(at));
        })
        .ends(response)
    }

    fn ends(self, end: Option<u64>) -> Self {
        Self { end, ..self }
    }

    /// Its response has this CNAME record.
    pub(in crate::rules) fn cname(self, owner: &str, target: &str) -> Self {
        self.record(owner, RData::CNAME(rdata::CNAME(domain(target))))
    }

    fn record(self, owner: &str, data: RData) -> Self {
        self.with_response(|response| {
            response.add_answer(Record::from_rdata(domain(owner), 30, data));
        })
    }

    /// Its response has AA.
    pub(in crate::rules) fn authoritative(self) -> Self {
        self.with_response(|response| response.metadata.authoritative = true)
    }

    /// Its response has no RA.
    pub(in crate::rules) fn no_recursion(self) -> Self {
        self.with_response(|response| response.metadata.recursion_available = false)
    }

    /// Its response has TC.
    pub(in crate::rules) fn truncated(self) -> Self {
        self.with_response(|response| response.metadata.truncation = true)
    }

    /// Its response has the SOA record of a zone in the authority section.
    pub(in crate::rules) fn soa(self, zone: &str) -> Self {
        let soa = rdata::SOA::new(domain("ns.dns"), domain("hostmaster"), 1, 7_200, 1_800, 86_400, 30);
        let record = Record::from_rdata(domain(zone), 30, RData::SOA(soa));
        self.with_response(|response| {
            response.add_authority(record);
        })
    }

    /// Its SOA record may be kept for so many seconds.
    pub(in crate::rules) fn negative_ttl(self, seconds: u32) -> Self {
        self.with_response(|response| response.authorities.iter_mut().for_each(|record| record.ttl = seconds))
    }

    /// Its server had it for so many milliseconds.
    pub(in crate::rules) fn at_server(mut self, time: u64) -> Self {
        self.transaction.server_response_time = Some(Duration::from_millis(time));
        self
    }

    /// Its query or response was seen there: see [`at_socket`] and [`at_device`].
    pub(in crate::rules) fn hop(mut self, hop: impl FnOnce(&Transaction) -> Hop) -> Self {
        let hop = hop(&self.transaction);
        self.transaction.path.push(hop);
        self
    }

    /// Something happened to its packet: see [`dropped`] and [`rejected`].
    pub(in crate::rules) fn sign(mut self, sign: impl FnOnce(&Transaction) -> Sign) -> Self {
        let sign = sign(&self.transaction);
        self.transaction.signs.push(sign);
        self
    }

    /// Anything else.
    pub(in crate::rules) fn with(mut self, change: impl FnOnce(&mut Transaction)) -> Self {
        change(&mut self.transaction);
        self
    }

    /// Anything else, with its messages.
    pub(in crate::rules) fn last(mut self, change: fn(&mut Transaction)) -> Self {
        self.last = change;
        self
    }

    fn with_response(mut self, change: impl FnOnce(&mut Message)) -> Self {
        change(self.response.as_mut().expect("a response comes first"));
        self
    }

    /// When it is given out.
    pub(in crate::rules) fn end(&self) -> BootTime {
        let last = self.transaction.attempts.last().map_or(self.transaction.time, |attempt| attempt.time);
        ms(self.end.unwrap_or(last.0 / 1_000_000 + GIVEN_UP_MS))
    }

    /// It.
    pub(super) fn into_transaction(self) -> Transaction {
        let mut transaction = self.transaction;
        let question = Query::query(domain(&self.name), self.qtype);
        let mut query = Message::new(self.message_id, MessageType::Query, OpCode::Query);
        query.metadata.recursion_desired = true;
        query.add_query(question.clone());
        if let Some(size) = self.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(size);
            query.set_edns(edns);
        }
        transaction.query = Some(copy(&query));
        transaction.response = self.response.map(|mut response| {
            response.add_query(question);
            response.metadata.id = self.message_id;
            copy(&response)
        });
        (self.last)(&mut transaction);
        transaction.settle_signs();
        transaction
    }
}

/// Seen at a socket, `after` milliseconds: out of the client's, into the server's, and back.
pub(in crate::rules) fn at_socket(
    after: u64,
    direction: Direction,
    message: MessageKind,
) -> impl FnOnce(&Transaction) -> Hop {
    move |transaction| {
        let is_behind = (direction == Direction::In) == (message == MessageKind::Query);
        hop(transaction, after, Point { hook: Hook::Socket, direction, ifindex: 2, netns: 7 }, message, is_behind)
    }
}

/// Seen at an interface, `after` milliseconds; after NAT where it is sent.
pub(in crate::rules) fn at_device(
    after: u64,
    direction: Direction,
    ifindex: u32,
    message: MessageKind,
) -> impl FnOnce(&Transaction) -> Hop {
    move |transaction| {
        let is_behind = (direction == Direction::Out) == (message == MessageKind::Query);
        hop(transaction, after, Point { hook: Hook::Device, direction, ifindex, netns: 0 }, message, is_behind)
    }
}

fn hop(transaction: &Transaction, after: u64, point: Point, message: MessageKind, is_behind: bool) -> Hop {
    let behind = transaction.server_after_nat.filter(|_| is_behind);
    let (client, server) = (transaction.client, behind.unwrap_or(transaction.server));
    let (src, dst) = if message == MessageKind::Query { (client, server) } else { (server, client) };
    Hop { time: transaction.time.after(Duration::from_millis(after)), point, message, attempt: 0, src, dst, vlan: None }
}

/// Its query was dropped, `after` milliseconds.
pub(in crate::rules) fn dropped(
    after: u64,
    reason: &'static str,
    location: &'static str,
) -> impl FnOnce(&Transaction) -> Sign {
    move |transaction| sign(transaction, after, Event::Dropped { reason: reason.into(), location: location.into() })
}

/// Its query was rejected as its port is closed, `after` milliseconds, by this address.
pub(in crate::rules) fn rejected(after: u64, by: &'static str) -> impl FnOnce(&Transaction) -> Sign {
    move |transaction| {
        let by: IpAddr = by.parse().unwrap();
        let (kind, code) = if by.is_ipv4() { (3, 3) } else { (1, 4) };
        sign(transaction, after, Event::Rejected { by, kind, code })
    }
}

fn sign(transaction: &Transaction, after: u64, event: Event) -> Sign {
    Sign {
        time: transaction.time.after(Duration::from_millis(after)),
        point: Point { hook: Hook::Device, direction: Direction::In, ifindex: 3, netns: 0 },
        message: MessageKind::Query,
        attempt: 0,
        src: transaction.client,
        dst: transaction.server_after_nat.unwrap_or(transaction.server),
        event,
    }
}

fn copy(message: &Message) -> MessageCopy {
    let bytes = Bytes::from(message.to_vec().unwrap());
    MessageCopy { wire_len: u32::try_from(bytes.len()).unwrap(), header: Header::read(&bytes).unwrap(), bytes }
}

fn domain(text: &str) -> Name {
    Name::from_ascii(format!("{}.", text.trim_end_matches('.'))).unwrap()
}

fn ms(at: u64) -> BootTime {
    BootTime(at * 1_000_000)
}

/// The same for the same, so that tests are.
fn crate_hash(what: &impl std::hash::Hash) -> u64 {
    use std::hash::BuildHasher;
    foldhash::fast::FixedState::with_seed(1).hash_one(what)
}

/// A pod's query of the Service that goes to a CoreDNS pod, and reaches its socket.
pub(in crate::rules) fn to_coredns(at: u64, client: &str, name: &str) -> Ask {
    let ask = Ask::new(at, client, super::SERVICE, name, RecordType::A).behind(super::COREDNS);
    let hop = at_socket(0, Direction::In, MessageKind::Query)(&ask.transaction);
    ask.hop(|_| hop)
}

/// CoreDNS asks on because of a query, so many milliseconds later, and that is seen entering the node's network and
/// leaving it by its uplink.
pub(in crate::rules) fn asked_on(cause: &Ask, after: u64, server: &str) -> Ask {
    asked_because(cause, after, server).hop(at_device(0, Direction::Out, 6, MessageKind::Query))
}

/// The same, of which nothing is seen beyond the pod's own interface.
pub(in crate::rules) fn asked_because(cause: &Ask, after: u64, server: &str) -> Ask {
    let at = cause.transaction.time.0 / 1_000_000 + after;
    let from = cause.transaction.server_after_nat.unwrap_or(cause.transaction.server).ip();
    let client = std::net::SocketAddr::new(from, u16::try_from(30_000 + at % 10_000).unwrap()).to_string();
    let ask = Ask::new(at, &client, server, &cause.name, cause.qtype).because(cause);
    ask.hop(at_device(0, Direction::In, 4, MessageKind::Query))
}
