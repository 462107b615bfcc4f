//! The small language of the scenarios: lines to observations, transactions to lines.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::capture::{Direction, Dropped, Hook};

use crate::capture::{BootTime, Point, Process, Socket, WallTime};
use crate::decode::{
    Header, IcmpError, Message, Observation, Question, QuestionName, Segment, Signal, SignalEvent, Subject,
    SubjectMessage, Transport,
};
use crate::join::{
    Connection, Event, Hop, Join, JoinCounts, JoinOptions, MessageKind, Outcome, Sign, Transaction, TransactionId,
};

/// Runs a scenario with the usual options; the transactions in the order they are given out must be `expected`, one a
/// line, and after them the counters of what could not be done, where they are not 0.
pub(super) fn check(scenario: &str, expected: &str) {
    check_with(&JoinOptions::default(), scenario, expected);
}

/// The same with other options.
pub(super) fn check_with(options: &JoinOptions, scenario: &str, expected: &str) {
    let trim = |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
    let mut run = Run::new(options);
    scenario.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| run.line(line));
    assert_eq!(run.end(), trim(expected), "in scenario\n{scenario}");
}

/// What a scenario's observations and transactions are counted as.
pub(super) fn counts_of(scenario: &str) -> JoinCounts {
    let mut run = Run::new(&JoinOptions::default());
    scenario.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| run.line(line));
    run.join.finish(|_| {});
    assert!(run.join.counts().sums_agree(), "{:?}", run.join.counts());
    run.join.counts().clone()
}

/// What a scenario gives out.
pub(super) fn transactions_of(scenario: &str) -> Vec<Transaction> {
    let mut run = Run::new(&JoinOptions::default());
    scenario.lines().for_each(|line| run.line(line));
    run.join.finish(|transaction| run.out.push(transaction));
    run.out
}

/// A join with the names that a scenario uses.
struct Run {
    join: Join,
    names: Names,
    out: Vec<Transaction>,
}

#[derive(Default)]
struct Names {
    places: Vec<String>,
    ids: HashMap<TransactionId, usize>,
}

impl Run {
    fn new(options: &JoinOptions) -> Self {
        Self { join: Join::new(options), names: Names::default(), out: Vec::new() }
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let time = millis(words[0]);
        if words[1] == "expire" {
            return self.join.expire(time, |transaction| self.out.push(transaction));
        }
        let place = self.names.place(&words[2][..words[2].len() - 1]);
        let sighting = Sighting::parse(&words, place);
        if words[1].starts_with("icmp") {
            self.join.sign(&sighting.rejected(time, &words), |transaction| self.out.push(transaction));
            return;
        }
        if words[1].starts_with("drop") {
            self.join.sign(&sighting.dropped(time, &words), |transaction| self.out.push(transaction));
            return;
        }
        if let Some(signal) = sighting.segment(time, &words) {
            self.join.sign(&signal, |transaction| self.out.push(transaction));
            return;
        }
        let id = sighting.observe(time, |o| self.join.add(o, |transaction| self.out.push(transaction)));
        let next = self.names.ids.len() + 1;
        self.names.ids.entry(id).or_insert(next);
    }

    fn end(mut self) -> String {
        self.join.finish(|transaction| self.out.push(transaction));
        assert!(self.join.counts().sums_agree(), "{:?}", self.join.counts());
        let mut lines: Vec<String> = self.out.iter().map(|transaction| self.names.line(transaction)).collect();
        let interesting = |name: &str| {
            ["reordered", "evicted", "absorbed", "signs_unmatched"].contains(&name)
                || name.contains("ambiguous")
                || name.ends_with("_cut")
        };
        let names = &self.names;
        lines.extend(self.join.take_connections().iter().map(|connection| names.connection(connection)));
        let counts = self.join.counts().entries().filter(|(name, value)| interesting(name) && *value > 0);
        let counts: Vec<String> = counts.map(|(name, value)| format!("{name}={value}")).collect();
        if !counts.is_empty() {
            lines.push(counts.join(" "));
        }
        lines.join("\n")
    }
}

impl Names {
    fn place(&mut self, name: &str) -> u32 {
        if name == "?" {
            return 0;
        }
        let known = self.places.iter().position(|place| place == name);
        let place = known.unwrap_or_else(|| {
            self.places.push(name.to_owned());
            self.places.len() - 1
        });
        u32::try_from(place).unwrap() + 1
    }

    fn id(&self, id: TransactionId) -> String {
        self.ids.get(&id).map_or_else(|| "unknown".to_owned(), |number| format!("#{number}"))
    }

    fn line(&self, t: &Transaction) -> String {
        let mut line = format!("{} {} {} > {}", self.id(t.id), outcome(t.outcome), t.client, t.server);
        let mut add = |name: &str, value: String| write!(line, " {name}={value}").unwrap();
        if let Some(dst) = t.server_after_nat {
            add("nat", dst.to_string());
        }
        add("path", t.path.iter().map(|hop| self.hop(hop)).collect::<Vec<_>>().join(","));
        if !t.signs.is_empty() {
            add("signs", t.signs.iter().map(|sign| self.sign(sign)).collect::<Vec<_>>().join(","));
        }
        if t.attempts.len() > 1 {
            add("attempts", t.attempts.iter().map(|a| show(a.time.0)).collect::<Vec<_>>().join(","));
        }
        if t.duplicate_responses > 0 {
            add("duplicates", t.duplicate_responses.to_string());
        }
        if let Some(time) = t.response_time {
            add("rt", show(u64::try_from(time.as_nanos()).unwrap()));
        }
        if let Some(time) = t.server_response_time {
            add("srt", show(u64::try_from(time.as_nanos()).unwrap()));
        }
        if let Some(id) = t.late_for {
            add("late_for", self.id(id));
        }
        if let Some(id) = t.cause {
            add("cause", self.id(id));
        }
        line
    }

    fn connection(&self, c: &Connection) -> String {
        let mut line = format!("{:?} {} > {}", c.outcome, c.client, c.server).to_lowercase();
        let mut add = |name: &str, value: String| write!(line, " {name}={value}").unwrap();
        if let Some(dst) = c.server_after_nat {
            add("nat", dst.to_string());
        }
        add("path", c.path.iter().map(|hop| self.hop(hop)).collect::<Vec<_>>().join(","));
        if !c.signs.is_empty() {
            add("signs", c.signs.iter().map(|sign| self.sign(sign)).collect::<Vec<_>>().join(","));
        }
        if c.attempts.len() > 1 {
            add("attempts", c.attempts.iter().map(|a| show(a.time.0)).collect::<Vec<_>>().join(","));
        }
        if let Some(time) = c.closed_by_server {
            add("closed", show(time.0));
        }
        line
    }

    fn sign(&self, sign: &Sign) -> String {
        let Sign { time, point, message, attempt, src, dst, ref event } = *sign;
        let hop = self.hop(&Hop { time, point, message, attempt, src, dst, vlan: None });
        match event {
            Event::Dropped { reason, location } => format!("{hop}:{reason}@{location}"),
            Event::Rejected { by, .. } => format!("{hop}:{by}"),
        }
    }

    fn hop(&self, hop: &Hop) -> String {
        let kind = if hop.message == MessageKind::Query { "q" } else { "r" };
        let place = match (hop.point.hook, hop.point.ifindex, hop.point.netns) {
            (Hook::Device | Hook::Drop, 0, _) => "?",
            (Hook::Device | Hook::Drop, place, _) | (Hook::Socket, _, place) => &self.places[place as usize - 1],
        };
        let direction = match hop.point.direction {
            Direction::In => "<",
            Direction::Out => ">",
            Direction::Unknown => "",
        };
        let attempt = if hop.attempt > 0 { format!("/{}", hop.attempt) } else { String::new() };
        format!("{kind}:{place}{direction}{attempt}")
    }
}

/// One line of a scenario.
pub(super) struct Sighting {
    pub(super) bytes: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) question: Option<(u16, u16)>,
    pub(super) point: Point,
    pub(super) src: String,
    pub(super) dst: String,
    pub(super) transport: Transport,
    pub(super) hop_id: Option<u64>,
    pub(super) socket: Socket,
    pub(super) vlan: Option<u16>,
}

impl Sighting {
    fn parse(words: &[&str], place: u32) -> Self {
        let value = |name: &str| {
            let mut values = words[6..].iter().filter_map(|word| word.split_once('='));
            values.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let number = |name: &str| value(name).map(|text| text.parse::<u64>().unwrap());
        let flag = |name: &str| words[6..].contains(&name);
        assert_eq!(words[4], ">", "{words:?}");
        let id = u16::try_from(number("id").unwrap_or(1)).unwrap();
        let qtype = u16::try_from(number("type").unwrap_or(1)).unwrap();
        let name = wire_name(value("name").unwrap_or("a.example"));
        let question = (!flag("noquestion")).then_some((qtype, 1));
        let bytes = message(id, words[1].ends_with('r'), question.map(|q| (&name[..], q)), value("more").unwrap_or(""));
        Self {
            bytes,
            name,
            question,
            point: point(words[2], place),
            src: words[3].to_owned(),
            dst: words[5].to_owned(),
            transport: if flag("tcp") { Transport::Tcp } else { Transport::Udp },
            hop_id: number("hop"),
            socket: Socket {
                cookie: number("cookie"),
                cgroup_id: number("cgroup"),
                netns: number("netns").map(|netns| u32::try_from(netns).unwrap()),
                process: number("tgid").map(process),
            },
            vlan: None,
        }
    }

    /// A firewall's drop of it, or of its copy for everybody by those it was not for.
    fn dropped(&self, time: BootTime, words: &[&str]) -> Signal {
        let is_by_firewall = !words[1].contains("copy");
        let (reason, location) =
            if is_by_firewall { ("NETFILTER_DROP", "nft_do_chain") } else { ("OTHERHOST", "ip_rcv_core") };
        let dropped = Dropped { reason: reason.into(), location: location.into() };
        let point = Point { hook: Hook::Drop, direction: Direction::Unknown, ..self.point };
        Signal { event: SignalEvent::Dropped(dropped), point, ..self.rejected(time, words) }
    }

    /// A TCP segment that begins or ends a connection, if the line says so.
    fn segment(&self, time: BootTime, words: &[&str]) -> Option<Signal> {
        let number = |name: &str| {
            let value = words[6..].iter().find_map(|word| word.strip_prefix(name));
            value.map(|value| value.parse().unwrap())
        };
        let kind = words[1];
        let segment = Segment {
            seq: number("seq=").unwrap_or(0),
            acknowledged: number("ack="),
            syn: kind == "syn",
            fin: kind == "fin",
            rst: kind == "rst",
        };
        (segment.syn || segment.fin || segment.rst).then(|| Signal {
            event: SignalEvent::Segment,
            subject: Subject {
                src: self.src.parse().unwrap(),
                dst: self.dst.parse().unwrap(),
                transport: Transport::Tcp,
                segment: Some(segment),
                message: None,
            },
            ..self.rejected(time, words)
        })
    }

    /// An ICMP error that quotes it, of the usual kind: port unreachable.
    fn rejected(&self, time: BootTime, words: &[&str]) -> Signal {
        let by = words[6..].iter().find_map(|word| word.strip_prefix("by=")).unwrap_or("10.0.0.254");
        let (from, to) = (by.parse().unwrap(), self.src.parse::<SocketAddr>().unwrap().ip());
        let cut = words[6..].iter().find_map(|word| word.strip_prefix("quoted=")).map(|bytes| bytes.parse().unwrap());
        let wire_len = u32::try_from(self.bytes.len()).unwrap();
        let mut bytes = self.bytes.clone();
        bytes.truncate(cut.unwrap_or(bytes.len()));
        let message = Header::read(&bytes).map(|header| SubjectMessage { header, bytes, wire_len });
        let (src, dst) = (self.src.parse().unwrap(), self.dst.parse().unwrap());
        let seq = words[6..].iter().find_map(|word| word.strip_prefix("seq=")).map(|seq| seq.parse().unwrap());
        let segment = seq.map(|seq| Segment { seq, acknowledged: None, syn: true, fin: false, rst: false });
        Signal {
            time,
            wall: WallTime(time.0 + 1_700_000_000_000_000_000),
            point: self.point,
            socket: self.socket,
            event: SignalEvent::Rejected(IcmpError { from, to, kind: 3, code: 3 }),
            subject: Subject { src, dst, transport: self.transport, segment, message },
        }
    }

    pub(super) fn observe<T>(&self, time: BootTime, see: impl FnOnce(&Observation<'_>) -> T) -> T {
        let word = |place: usize| u16::from_be_bytes([self.bytes[place], self.bytes[place + 1]]);
        let counts = [word(4), word(6), word(8), word(10)];
        let question = self.question.map(|(qtype, qclass)| Question { name: QuestionName(&self.name), qtype, qclass });
        let message = Message {
            bytes: &self.bytes,
            wire_len: u32::try_from(self.bytes.len()).unwrap(),
            header: Header { id: word(0), flags: word(2), counts },
            question,
        };
        see(&Observation {
            time,
            wall: WallTime(time.0 + 1_700_000_000_000_000_000),
            point: self.point,
            transport: self.transport,
            src: self.src.parse().unwrap(),
            dst: self.dst.parse().unwrap(),
            vlan: self.vlan,
            hop_id: self.hop_id,
            socket: self.socket,
            fragment: false,
            message,
        })
    }
}

fn process(tgid: u64) -> Process {
    Process { tgid: u32::try_from(tgid).unwrap(), uid: None, comm: [0; 16] }
}

/// A DNS message with at most one question, and `more` after it.
pub(super) fn message(id: u16, response: bool, question: Option<(&[u8], (u16, u16))>, more: &str) -> Vec<u8> {
    let flags: u16 = if response { 0x8180 } else { 0x0100 };
    let mut bytes = [id, flags, u16::from(question.is_some()), 0, 0, 0].map(u16::to_be_bytes).concat();
    if let Some((name, (qtype, qclass))) = question {
        bytes.extend_from_slice(name);
        bytes.extend([qtype, qclass].map(u16::to_be_bytes).concat());
    }
    bytes.extend_from_slice(more.as_bytes());
    bytes
}

/// A name in wire format.
pub(super) fn wire_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat());
    labels.chain([vec![0]]).flatten().collect()
}

/// The point that a scenario writes so, in the place with this number.
pub(super) fn point(text: &str, place: u32) -> Point {
    let direction = if text.ends_with('<') { Direction::In } else { Direction::Out };
    match text.strip_prefix('@') {
        Some(_) => Point { hook: Hook::Socket, direction, ifindex: 0, netns: place },
        None => Point { hook: Hook::Device, direction, ifindex: place, netns: 0 },
    }
}

fn millis(text: &str) -> BootTime {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    BootTime(whole.parse::<u64>().unwrap() * 1_000_000 + format!("{part:0<6}").parse::<u64>().unwrap())
}

fn show(nanos: u64) -> String {
    let text = format!("{}.{:06}", nanos / 1_000_000, nanos % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::NoResponse => "no-response",
        Outcome::Unsolicited => "unsolicited",
        Outcome::Outstanding => "outstanding",
    }
}
