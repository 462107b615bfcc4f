//! One UDP datagram in IP fragments, which come in any order, twice, or not at all. What is not
//! lost is given whole; what is given was sent.

use dnstrace::capture::Layer;

use super::choices::Choices;
use super::reading::{self, Reading};
use crate::frame;
use crate::node::wire;

/// IPv4's and IPv6's mark that more fragments follow, when they do.
const MORE_IPV4: [u16; 2] = [0, 0x2000];
const MORE_IPV6: [u16; 2] = [0, 1];

const FRAGMENTS_MAX: usize = 32;

/// Some bytes of the datagram, by their place in it, which is a multiple of eight.
#[derive(Clone, Copy)]
struct Fragment {
    start: usize,
    end: usize,
}

/// A byte for each: IP version, the message's size; places of the cuts; then what happens to the fragments on their way.
pub(super) fn run(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let ipv6 = choices.byte() & 1 != 0;
    let sent = wire::response(&wire::query(7, "a.example", wire::AAAA), choices.byte());
    let datagram = frame::udp(53, 40_000, &sent);
    let mut fragments = cut(datagram.len(), &mut choices);
    let lossy = disturb(&mut fragments, &mut choices);
    let mut reading = Reading::new();
    for fragment in fragments {
        let bytes = packet(ipv6, &datagram, fragment);
        reading.add(&reading::packet(Layer::Ip, &bytes));
    }
    reading.end();
    // Of fragments that come twice, those behind the whole datagram begin another one.
    assert!(lossy || reading.messages.first() == Some(&sent), "{:02x?}", reading.messages);
    for message in &reading.messages {
        assert!(sent.starts_with(message), "nobody sent {message:02x?}");
    }
}

fn cut(length: usize, choices: &mut Choices<'_>) -> Vec<Fragment> {
    let mut fragments = Vec::new();
    let mut start = 0;
    while start < length {
        let size = (usize::from(choices.byte()) + 1) * 8;
        let end = if fragments.len() + 1 < FRAGMENTS_MAX / 2 { length.min(start + size) } else { length };
        fragments.push(Fragment { start, end });
        start = end;
    }
    fragments
}

/// What happens on the way; whether something is lost.
fn disturb(fragments: &mut Vec<Fragment>, choices: &mut Choices<'_>) -> bool {
    let mut lossy = false;
    while !choices.is_empty() && fragments.len() < FRAGMENTS_MAX {
        let (what, at) = (choices.byte(), choices.below(fragments.len()));
        let fragment = fragments[at];
        match what % 4 {
            0 => fragments.swap(at, 0),
            1 => fragments.push(fragment),
            2 => fragments.reverse(),
            _ if fragments.len() > 1 => {
                fragments.remove(at);
                lossy = true;
            }
            _ => {}
        }
    }
    lossy
}

fn packet(ipv6: bool, datagram: &[u8], fragment: Fragment) -> Vec<u8> {
    let payload = &datagram[fragment.start..fragment.end];
    let more = usize::from(fragment.end < datagram.len());
    let offset = u16::try_from(fragment.start).unwrap_or_default();
    if ipv6 {
        frame::ipv6(44, &frame::fragment(frame::UDP, offset | MORE_IPV6[more], payload))
    } else {
        frame::ipv4(frame::UDP, &[], (offset / 8) | MORE_IPV4[more], payload)
    }
}
