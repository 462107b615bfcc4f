//! Numbers of DNS to their names and back, as in IANA's registry "Domain Name System (DNS) Parameters".

use std::borrow::Cow;

type Names = &'static [(u16, &'static str)];

const TYPES: Names = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (10, "NULL"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (24, "SIG"),
    (25, "KEY"),
    (28, "AAAA"),
    (29, "LOC"),
    (33, "SRV"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (39, "DNAME"),
    (41, "OPT"),
    (42, "APL"),
    (43, "DS"),
    (44, "SSHFP"),
    (45, "IPSECKEY"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (49, "DHCID"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (53, "SMIMEA"),
    (55, "HIP"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (62, "CSYNC"),
    (63, "ZONEMD"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (108, "EUI48"),
    (109, "EUI64"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (256, "URI"),
    (257, "CAA"),
];

const CLASSES: Names = &[(1, "IN"), (3, "CH"), (4, "HS"), (254, "NONE"), (255, "ANY")];

const OPCODES: Names = &[(0, "QUERY"), (1, "IQUERY"), (2, "STATUS"), (4, "NOTIFY"), (5, "UPDATE"), (6, "DSO")];

const RCODES: Names = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (11, "DSOTYPENI"),
    // 16 is BADSIG inside TSIG; in a message's extended rcode it is BADVERS (RFC 6891).
    (16, "BADVERS"),
    (17, "BADKEY"),
    (18, "BADTIME"),
    (19, "BADMODE"),
    (20, "BADNAME"),
    (21, "BADALG"),
    (22, "BADTRUNC"),
    (23, "BADCOOKIE"),
];

/// A record type's name, `TYPE123` when it has none (RFC 3597).
pub(crate) fn record_type(number: u16) -> Cow<'static, str> {
    name(TYPES, number, "TYPE")
}

/// A class's name, `CLASS123` when it has none (RFC 3597).
pub(crate) fn class(number: u16) -> Cow<'static, str> {
    name(CLASSES, number, "CLASS")
}

/// An opcode's name, `OPCODE7` when it has none.
pub(crate) fn opcode(number: u16) -> Cow<'static, str> {
    name(OPCODES, number, "OPCODE")
}

/// An rcode's name, `RCODE12` when it has none.
pub(crate) fn rcode(number: u16) -> Cow<'static, str> {
    name(RCODES, number, "RCODE")
}

/// The number of a record type given by name or number.
pub(crate) fn record_type_number(text: &str) -> Option<u16> {
    number(TYPES, text, "TYPE")
}

/// The number of an rcode given by name or number.
pub(crate) fn rcode_number(text: &str) -> Option<u16> {
    number(RCODES, text, "RCODE")
}

fn name(names: Names, number: u16, prefix: &str) -> Cow<'static, str> {
    match names.binary_search_by_key(&number, |&(number, _)| number) {
        Ok(at) => Cow::Borrowed(names[at].1),
        Err(_) => Cow::Owned(format!("{prefix}{number}")),
    }
}

fn number(names: Names, text: &str, prefix: &str) -> Option<u16> {
    let known = names.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|&(number, _)| number);
    known.or_else(|| {
        let digits = match text.split_at_checked(prefix.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest,
            _ => text,
        };
        // `parse` alone would take a sign.
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        for names in [TYPES, CLASSES, OPCODES, RCODES] {
            assert!(names.is_sorted_by_key(|&(number, _)| number));
        }
    }

    #[test]
    fn every_type_and_rcode_goes_both_ways() {
        for number in 0..=u16::MAX {
            assert_eq!(record_type_number(&record_type(number)), Some(number));
            assert_eq!(rcode_number(&rcode(number)), Some(number));
        }
    }

    #[test]
    fn names_and_numbers_as_people_type_them() {
        assert_eq!(record_type_number("aaaa"), Some(28));
        assert_eq!(record_type_number("65"), Some(65));
        assert_eq!(record_type_number("type65"), Some(65));
        assert_eq!(rcode_number("NxDomain"), Some(3));
        assert_eq!((opcode(5), class(3), class(9)), ("UPDATE".into(), "CH".into(), "CLASS9".into()));
        for nonsense in ["", "AAAAA", "+1", "-1", "65536", "TYPE", "TYPEx", "é"] {
            assert_eq!(record_type_number(nonsense), None, "{nonsense}");
        }
    }
}
