//! Questions and what is answered, as messages.

use super::Random;

pub(super) const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
pub(super) const AAAA: u16 = 28;
const SRV: u16 = 33;

/// RD in a query; QR, RD, RA in a response.
const QUERY_FLAGS: u16 = 0x0100;
const RESPONSE_FLAGS: u16 = 0x8180;
const NXDOMAIN: u16 = 3;

/// Bytes before the question (RFC 1035, 4.1.1): where its name begins, for pointers to it (4.1.4).
const HEADER_LEN: usize = 12;
/// What a pointer begins with, and where it leads.
const POINTER: u16 = 0xc000;
const OFFSET: u16 = !POINTER;
/// An OPT record that offers 1,232 bytes (RFC 6891, 6.1.2).
const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
const TTL: u32 = 30;

/// Different first labels.
const NAMES: u64 = 1 << 20;

#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// No such name: an entry of a search list.
    NoName,
    /// The name has other records.
    NoData,
    /// So many aliases, and so many addresses of the last.
    Addresses { aliases: u16, count: u16 },
    /// A port of a name.
    Target,
    /// The name of an address.
    Name,
    /// No response.
    Nothing,
}

/// Parts of a hundred of all questions: type, what the name ends with, answer.
const MIX: [(u64, u16, &str, Answer); 9] = [
    (23, A, "shop.svc.cluster.local", Answer::NoName),
    (23, AAAA, "shop.svc.cluster.local", Answer::NoName),
    (16, A, "default.svc.cluster.local", Answer::Addresses { aliases: 0, count: 1 }),
    (8, AAAA, "default.svc.cluster.local", Answer::NoData),
    (12, A, "cdn.example.com", Answer::Addresses { aliases: 2, count: 4 }),
    (8, AAAA, "cdn.example.com", Answer::Addresses { aliases: 1, count: 2 }),
    (5, SRV, "_tcp.default.svc.cluster.local", Answer::Target),
    (4, PTR, "0.244.10.in-addr.arpa", Answer::Name),
    (1, A, "gone.example", Answer::Nothing),
];

/// A query, and its response if it gets one.
pub(super) struct Asked {
    pub(super) query: Vec<u8>,
    pub(super) response: Option<Vec<u8>>,
}

impl Asked {
    /// Any of the mix, which has to do with no other.
    pub(super) fn any(random: &mut Random) -> Self {
        let &(_, qtype, suffix, answer) = random.one_of(&MIX, |(parts, ..)| *parts);
        let (name, edns) = (format!("api-{:05x}.{suffix}", random.below(NAMES)), random.below(3) == 0);
        Self::new(&name, qtype, answer, edns, random)
    }

    /// A query for `name`, with a message ID of its own.
    pub(super) fn new(name: &str, qtype: u16, answer: Answer, edns: bool, random: &mut Random) -> Self {
        let id = u16::try_from(random.below(1 << 16)).unwrap_or(0);
        let question = question(name, qtype);
        let query = message(id, QUERY_FLAGS, &question, &Sections::default(), edns);
        let response = answer
            .sections(&question, qtype, random)
            .map(|(rcode, sections)| message(id, RESPONSE_FLAGS | rcode, &question, &sections, edns));
        Self { query, response }
    }
}

/// Records, and how many of them belong to answer and authority section.
#[derive(Default)]
struct Sections {
    answers: u16,
    authority: u16,
    bytes: Vec<u8>,
}

impl Answer {
    /// The rcode and the records; `None` for no response.
    fn sections(self, question: &[u8], qtype: u16, random: &mut Random) -> Option<(u16, Sections)> {
        let (records, zone) = (HEADER_LEN + question.len(), pointer_to_zone(question));
        let mut sections = Sections::default();
        match self {
            Self::Nothing => return None,
            Self::NoName | Self::NoData => sections.add_authority(zone),
            Self::Addresses { aliases, count } => {
                let owner = sections.add_aliases(aliases, records, zone);
                for _ in 0..count {
                    let address: [u8; 16] = std::array::from_fn(|_| random.below(256).to_le_bytes()[0]);
                    sections.add(owner, qtype, if qtype == A { &address[..4] } else { &address });
                }
            }
            Self::Target => sections.add(HEADER_LEN, qtype, b"\0\0\0\x64\x1f\x90\x05pod-0\x07default\x03svc\0"),
            Self::Name => sections.add(HEADER_LEN, qtype, b"\x0a10-244-0-7\x07default\x03pod\0"),
        }
        Some((if matches!(self, Self::NoName) { NXDOMAIN } else { 0 }, sections))
    }
}

impl Sections {
    fn add(&mut self, owner: usize, rtype: u16, data: &[u8]) {
        self.answers += 1;
        self.bytes.extend((POINTER | u16::try_from(owner).unwrap_or(0)).to_be_bytes());
        self.bytes.extend([rtype, 1].map(u16::to_be_bytes).concat());
        self.bytes.extend(TTL.to_be_bytes());
        self.bytes.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
        self.bytes.extend(data);
    }

    /// Each alias of the one before; returns where the last one's target stands. Records begin at `records`.
    fn add_aliases(&mut self, aliases: u16, records: usize, zone: [u8; 2]) -> usize {
        let mut owner = HEADER_LEN;
        for number in 0..aliases {
            let target = [b"\x06edge-", &[b'a' + number.to_le_bytes()[0]][..], &zone].concat();
            self.add(owner, CNAME, &target);
            owner = records + self.bytes.len() - target.len();
        }
        owner
    }

    fn add_authority(&mut self, zone: [u8; 2]) {
        let numbers = [1_u32, 7_200, 1_800, 86_400, TTL].map(u32::to_be_bytes).concat();
        let names = [b"\x02ns\x03dns", &zone[..], b"\x0ahostmaster", &zone].concat();
        self.add(usize::from(u16::from_be_bytes(zone) & OFFSET), SOA, &[names, numbers].concat());
        (self.answers, self.authority) = (0, 1);
    }
}

/// To the last two labels of a question's name, as `cluster.local` and `example.com` are.
fn pointer_to_zone(question: &[u8]) -> [u8; 2] {
    let label = |at: &usize| Some(at + 1 + usize::from(*question.get(*at)?));
    let labels: Vec<_> = std::iter::successors(Some(0), label).take_while(|at| question[*at] != 0).collect();
    let zone = HEADER_LEN + labels[labels.len().saturating_sub(2)];
    (POINTER | u16::try_from(zone).unwrap_or(0)).to_be_bytes()
}

fn question(name: &str, qtype: u16) -> Vec<u8> {
    let labels = name.split('.').map(|label| [&[label.len().to_le_bytes()[0]], label.as_bytes()].concat());
    [&labels.collect::<Vec<_>>().concat()[..], &[0], &qtype.to_be_bytes(), &[0, 1]].concat()
}

fn message(id: u16, flags: u16, question: &[u8], sections: &Sections, edns: bool) -> Vec<u8> {
    let counts = [1, sections.answers, sections.authority, edns.into()];
    let header = [id, flags, counts[0], counts[1], counts[2], counts[3]].map(u16::to_be_bytes).concat();
    [&header[..], question, &sections.bytes, if edns { OPT } else { b"" }].concat()
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Message;

    use super::super::walk;
    use super::*;

    #[test]
    fn responses_are_whole_messages() {
        let mut random = Random(1);
        let any: Vec<_> = (0..200).map(|_| Asked::any(&mut random)).collect();
        let walks: Vec<_> = (0..200).flat_map(|_| walk::any(&mut random)).flatten().collect();
        let mut aliases = 0;
        for asked in any.into_iter().chain(walks) {
            Message::from_vec(&asked.query).unwrap();
            let Some(response) = asked.response else { continue };
            let response = Message::from_vec(&response).unwrap();
            let zones = response.authorities.iter().map(|soa| soa.name.to_ascii());
            assert!(zones.into_iter().all(|zone| ["cluster.local.", "site.example."].contains(&zone.as_str())));
            aliases += response.answers.iter().filter(|record| record.name.to_ascii() == "edge-a.example.com.").count();
        }
        assert!(aliases > 100, "{aliases}");
    }
}
