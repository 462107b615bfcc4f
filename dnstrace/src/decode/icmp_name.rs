//! Names of ICMP errors (IANA, ICMP and `ICMPv6` parameters), as `ping` and `tcpdump` say them.

use std::borrow::Cow;
use std::net::IpAddr;

/// `port unreachable`: what an error of this type and code says; `by` tells whether it is ICMP or `ICMPv6`.
pub(crate) fn error(by: IpAddr, kind: u8, code: u8) -> Cow<'static, str> {
    let name = match by {
        IpAddr::V4(_) => v4(kind, code),
        IpAddr::V6(_) => v6(kind, code),
    };
    name.map_or_else(|| format!("type {kind} code {code}").into(), Cow::Borrowed)
}

fn v4(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (3, 0 | 6) => "net unreachable",
        (3, 1 | 7) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "fragmentation needed",
        (3, 9) => "net prohibited",
        (3, 10) => "host prohibited",
        (3, 13) => "administratively prohibited",
        (11, 0) => "TTL exceeded",
        (11, 1) => "reassembly timed out",
        (12, _) => "parameter problem",
        _ => return None,
    })
}

/// RFC 4443, 3.
fn v6(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (1, 0) => "no route",
        (1, 1) => "administratively prohibited",
        (1, 3) => "address unreachable",
        (1, 4) => "port unreachable",
        (1, 5) => "source address refused",
        (1, 6) => "route rejected",
        (2, _) => "packet too big",
        (3, 0) => "hop limit exceeded",
        (3, 1) => "reassembly timed out",
        (4, _) => "parameter problem",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_the_ip_version() {
        let (v4, v6) = ("10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap());
        assert_eq!(error(v4, 3, 3), "port unreachable");
        assert_eq!(error(v6, 1, 4), "port unreachable");
        assert_eq!(error(v6, 2, 0), "packet too big");
        assert_eq!(error(v4, 3, 99), "type 3 code 99");
    }
}
