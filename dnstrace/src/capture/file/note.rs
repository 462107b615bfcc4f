//! What a recording of dnstrace says beside what pcapng has a place for.
//!
//! It stands in comments, as `dnstrace name=value ...`: every reader of pcapng shows them, and this one reads them back,
//! so that a recording gives the transactions that were there when it was made. What is not known is left out. A file may
//! say anything: what makes no sense is passed over.

use std::fmt::{self, Display};
use std::str::FromStr;

use crate::capture::{Dropped, Hook, Process, Socket};

/// What a comment begins with that is such a note.
const MARK: &str = "dnstrace ";
/// What follows it where the rest is a fact of the owner stage, in JSON.
const OWNER: &str = "owner=";

/// In a section header: which machine this was, since which start of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The machine's name.
    pub node: String,
    /// Changes each time the machine starts: indices and inodes of one start mean nothing in another.
    pub boot: String,
}

/// In an interface description: what the kernel calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceNote {
    /// Hook that saw its packets.
    pub hook: Hook,
    /// Inode of its netns; 0 is unknown, or one for each packet.
    pub netns: u32,
    /// Its index there; 0 is unknown, or one for each packet.
    pub ifindex: u32,
    /// Whether later fragments are recorded, too: so it is with what other programs captured.
    pub later_fragments: bool,
    /// Whether IP, UDP and TCP headers are made up: dnstap tells messages without them.
    pub made_up: bool,
}

/// Value of `fragments` where later ones are recorded, too.
const ALL: &str = "all";
/// Value of `headers` where they are made up.
const MADE_UP: &str = "made-up";

/// In a packet, and in an interface's statistics as far as it concerns time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketNote {
    /// The local socket; its process has a comment of its own.
    pub socket: Socket,
    /// Interface in the socket's netns, at the `socket` hook.
    pub ifindex: u32,
    /// The same for one buffer on its way.
    pub hop_id: Option<u64>,
    /// Segment size of a super-packet, 0 for a plain packet.
    pub gso_size: u16,
    /// By how much the wall clock was stepped since the first packet, nanoseconds.
    pub step_ns: i64,
    /// Why and where the kernel threw it away.
    pub dropped: Option<Dropped>,
}

/// Values by name of a comment that is a note; nothing of other comments.
fn values(comment: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = comment.strip_prefix(MARK).into_iter().flat_map(|rest| rest.split(' '));
    words.filter_map(|word| word.split_once('='))
}

/// A comment that is a fact of the owner stage, which alone can read it.
#[must_use]
pub fn owner_comment(fact: &str) -> String {
    format!("{MARK}{OWNER}{fact}")
}

/// The fact in a comment; `None` when the comment is something else.
pub(super) fn owner_fact(comment: &str) -> Option<&str> {
    comment.strip_prefix(MARK)?.strip_prefix(OWNER)
}

/// Whether a comment is such a note.
pub(super) fn is_note(comment: &str) -> bool {
    comment.starts_with(MARK)
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}node={} boot={}", word(&self.node), word(&self.boot))
    }
}

impl Origin {
    /// Reads it; `None` when the comment is something else.
    pub(super) fn read(comment: &str) -> Option<Self> {
        let mut origin = Self::default();
        for (name, value) in values(comment) {
            match name {
                "node" => value.clone_into(&mut origin.node),
                "boot" => value.clone_into(&mut origin.boot),
                _ => {}
            }
        }
        (!origin.boot.is_empty()).then_some(origin)
    }
}

/// Names of machines have neither blanks nor control characters; if one has, it must not end the word.
fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

impl Display for InterfaceNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}hook={}", hook_name(self.hook))?;
        write_known(f, "netns", self.netns)?;
        write_known(f, "ifindex", self.ifindex)?;
        if self.later_fragments {
            write!(f, " fragments={ALL}")?;
        }
        if self.made_up { write!(f, " headers={MADE_UP}") } else { Ok(()) }
    }
}

impl InterfaceNote {
    /// Reads it; `None` when the comment is something else.
    pub(super) fn read(comment: &str) -> Option<Self> {
        let value = |wanted: &str| values(comment).find(|(name, _)| *name == wanted).map(|(_, value)| value);
        let hook = value("hook")?;
        Some(Self {
            hook: Hook::ALL.into_iter().find(|known| hook_name(*known) == hook)?,
            netns: number(value("netns")),
            ifindex: number(value("ifindex")),
            later_fragments: value("fragments") == Some(ALL),
            made_up: value("headers") == Some(MADE_UP),
        })
    }
}

fn hook_name(hook: Hook) -> &'static str {
    match hook {
        Hook::Socket => "socket",
        Hook::Device => "device",
        Hook::Drop => "drop",
    }
}

fn number<N: FromStr + Default>(value: Option<&str>) -> N {
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}

fn write_known<N: Copy + Display + Default + PartialEq>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: N,
) -> fmt::Result {
    if value == N::default() { Ok(()) } else { write!(f, " {name}={value}") }
}

impl PacketNote {
    /// Whether there is anything to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        Self { socket: Socket { process: None, ..self.socket }, ..self.clone() } == Self::default()
    }

    /// Adds what a comment says.
    pub(super) fn read(&mut self, comment: &str) {
        for (name, value) in values(comment) {
            match name {
                "cookie" => self.socket.cookie = value.parse().ok(),
                "cgroup" => self.socket.cgroup_id = value.parse().ok(),
                "netns" => self.socket.netns = value.parse().ok(),
                "ifindex" => self.ifindex = value.parse().unwrap_or_default(),
                "hop" => self.hop_id = u64::from_str_radix(value, 16).ok(),
                "gso" => self.gso_size = value.parse().unwrap_or_default(),
                "drop" => self.dropped.get_or_insert_with(Dropped::unknown).reason = value.into(),
                "location" => self.dropped.get_or_insert_with(Dropped::unknown).location = value.into(),
                "step" => self.step_ns = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
    }
}

impl Display for PacketNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MARK.trim_end())?;
        write_known(f, "cookie", self.socket.cookie.unwrap_or_default())?;
        write_known(f, "cgroup", self.socket.cgroup_id.unwrap_or_default())?;
        write_known(f, "netns", self.socket.netns.unwrap_or_default())?;
        write_known(f, "ifindex", self.ifindex)?;
        if let Some(hop_id) = self.hop_id {
            write!(f, " hop={hop_id:x}")?;
        }
        write_known(f, "gso", self.gso_size)?;
        write_known(f, "step", self.step_ns)?;
        let Some(Dropped { reason, location }) = &self.dropped else { return Ok(()) };
        write!(f, " drop={}", word(reason))?;
        if location.is_empty() { Ok(()) } else { write!(f, " location={}", word(location)) }
    }
}

/// A process in a comment of its own, a line for each fact, in the words of ptcpdump: whoever reads its recordings reads
/// these, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessComment(pub Process);

impl Display for ProcessComment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Process { tgid, uid, comm } = self.0;
        write!(f, "PID: {tgid}\nCmd: ")?;
        for &byte in comm.split(|&byte| byte == 0).next().unwrap_or_default() {
            match byte {
                b' '..=b'[' | b']'..=b'~' => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\{byte:03}")?,
            }
        }
        if let Some(uid) = uid { write!(f, "\nUID: {uid}") } else { Ok(()) }
    }
}

impl ProcessComment {
    /// Reads it; `None` when the comment is something else.
    pub(super) fn read(comment: &str) -> Option<Process> {
        let mut lines = comment.lines();
        let tgid = lines.next()?.strip_prefix("PID: ")?.parse().ok()?;
        let mut process = Process { tgid, uid: None, comm: [0; 16] };
        for line in lines {
            match line.split_once(": ") {
                Some(("Cmd", name)) => process.comm = comm(name),
                Some(("UID", uid)) => process.uid = uid.parse().ok(),
                _ => {}
            }
        }
        Some(process)
    }
}

fn comm(text: &str) -> [u8; 16] {
    let mut comm = [0; 16];
    let mut rest = text.as_bytes();
    for place in &mut comm[..15] {
        let Some((&first, behind)) = rest.split_first() else { break };
        (*place, rest) = match escaped(behind).filter(|_| first == b'\\') {
            Some(byte) => (byte, &behind[3..]),
            None => (first, behind),
        };
    }
    comm
}

/// Three decimal digits.
fn escaped(digits: &[u8]) -> Option<u8> {
    std::str::from_utf8(digits.get(..3)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let origin = Origin { node: "node-a".into(), boot: "9fd0".into() };
        assert_eq!(Origin::read(&origin.to_string()), Some(origin));
        let ours = InterfaceNote {
            hook: Hook::Device,
            netns: 4_026_531_840,
            ifindex: 7,
            later_fragments: false,
            made_up: false,
        };
        assert_eq!(ours.to_string(), "dnstrace hook=device netns=4026531840 ifindex=7");
        let other = InterfaceNote { hook: Hook::Socket, netns: 0, ifindex: 0, later_fragments: true, made_up: true };
        for note in [ours, other] {
            assert_eq!(InterfaceNote::read(&note.to_string()), Some(note));
        }
        let socket = Socket { cookie: Some(4711), cgroup_id: Some(99), netns: Some(5), process: None };
        let note =
            PacketNote { socket, ifindex: 2, hop_id: Some(u64::MAX), gso_size: 1448, step_ns: -5, dropped: None };
        let dropped = Dropped { reason: "NETFILTER_DROP".into(), location: "nft_do_chain".into() };
        let note = PacketNote { dropped: Some(dropped), ..note };
        let mut read = PacketNote::default();
        read.read(&note.to_string());
        assert_eq!(read, note);
        assert!(PacketNote::default().is_empty() && !note.is_empty());
    }

    #[test]
    fn process_is_read_back_whatever_its_name() {
        for name in [&b"curl"[..], b"a b\\c\n\x1b", b"\\065", b"\xff\xfe", b"fifteen letters", b""] {
            let mut comm = [0; 16];
            comm[..name.len()].copy_from_slice(name);
            for uid in [None, Some(0)] {
                let process = Process { tgid: 2211, uid, comm };
                assert_eq!(ProcessComment::read(&ProcessComment(process).to_string()), Some(process));
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        let mut note = PacketNote::default();
        for comment in ["", "dnstrace", "dnstrace cookie=x hop=zz ifindex=-1 =5 netns", "a comment with cookie=5"] {
            note.read(comment);
            assert_eq!(InterfaceNote::read(comment), None);
            assert_eq!(Origin::read(comment), None);
            assert_eq!(ProcessComment::read(comment), None);
        }
        assert_eq!(note, PacketNote::default());
        assert_eq!(ProcessComment::read("PID: \nCmd: x"), None);
        assert_eq!(InterfaceNote::read("dnstrace hook=kprobe"), None);
    }
}
