//! What rules read of a response.

use std::net::IpAddr;

use smallvec::SmallVec;

use super::name::Name;
use crate::decode::records::{Record, Records};
use crate::join::MessageCopy;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const ANY: u16 = 255;
/// Addresses that are kept: enough to compare two responses by, and a response to a stub resolver seldom has more.
const ADDRESSES_MAX: usize = 8;

/// A response, without its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// With the bits of EDNS.
    pub rcode: u16,
    /// AA.
    pub authoritative: bool,
    /// TC.
    pub truncated: bool,
    /// RA.
    pub recursion_available: bool,
    /// Length on the wire, in bytes.
    pub len: u32,
    /// Records of the answer section, as its header says.
    pub records: u16,
    /// Types in the answer section, each once, in their order.
    pub types: SmallVec<[u16; 4]>,
    /// The first addresses of the answer section, sorted.
    pub addresses: SmallVec<[IpAddr; 1]>,
    /// Owners and targets of CNAME records, in their order.
    pub cnames: Vec<(Name, Name)>,
    /// The least time to live of the answer section, in seconds.
    pub ttl: Option<u32>,
    /// The owner of the SOA record in the authority section: the zone that says no (RFC 2308).
    pub(super) zone: Option<Zone>,
    /// How long the negative response may be kept, in seconds (RFC 2308, 5).
    pub negative_ttl: Option<u32>,
}

/// The owner of a SOA record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// The name that was asked for, from this byte on: nearly always.
    Asked(usize),
    /// Another one.
    Other(Box<Name>),
}

impl Answer {
    /// Reads the response to a question for `name`.
    #[must_use]
    pub(super) fn read(response: &MessageCopy, name: Option<&Name>) -> Self {
        let header = &response.header;
        let mut answer = Self {
            authoritative: header.authoritative(),
            truncated: header.truncated(),
            recursion_available: header.recursion_available(),
            len: response.wire_len,
            records: header.counts[1],
            ..Self::default()
        };
        let records = Records::read_each(&response.bytes, |record| answer.read_answer(&record)).unwrap_or_default();
        answer.rcode = records.rcode(header);
        answer.addresses.sort_unstable();
        if !answer.has(A) && !answer.has(AAAA) && header.counts[2] != 0 {
            answer.read_authority(&records, name);
        }
        answer
    }

    /// Whether the answer section has records of a type, any for ANY.
    #[must_use]
    pub fn has(&self, rtype: u16) -> bool {
        self.types.contains(&rtype) || (rtype == ANY && !self.types.is_empty())
    }

    fn read_answer(&mut self, record: &Record<'_>) {
        if !self.types.contains(&record.rtype) {
            self.types.push(record.rtype);
        }
        self.ttl = Some(self.ttl.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
        if let Some(address) = record.address()
            && self.addresses.len() < ADDRESSES_MAX
        {
            self.addresses.push(address);
        }
        if record.rtype == CNAME
            && let Some(target) = record.target()
        {
            self.cnames.push((Name::from_labels(record.owner()), Name::from_labels(target)));
        }
    }

    fn read_authority(&mut self, records: &Records<'_>, name: Option<&Name>) {
        let Some(soa) = records.soa() else { return };
        let is_suffix = |at: &usize| name.is_some_and(|name| name.ends_from(*at, soa.owner()));
        let asked = soa.owner_in_question().filter(is_suffix).map(Zone::Asked);
        self.zone = Some(asked.unwrap_or_else(|| Zone::Other(Name::from_labels(soa.owner()).into())));
        // RFC 2308, 5: the smaller of the record's own time to live and its MINIMUM.
        self.negative_ttl = soa.minimum().map(|minimum| minimum.min(soa.ttl));
    }
}
