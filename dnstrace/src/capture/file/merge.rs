//! Several capture files to one, in the order of time.
//!
//! What two files call `eth0` need not be one interface: each file's interfaces are observation points of their own, named
//! for the file. Recordings of dnstrace tell which machine they are from, and since which start of it: those of the same
//! one (a recording in several files) share their interfaces, which keep their names.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::hash::BuildHasher;
use std::io::Read;

use foldhash::fast::FixedState;

use super::{CaptureFile, FileError, FileInterface, FileItem, Origin};
use crate::capture::{BootTime, Dropped, Packet};

/// Interface indices of a machine stay far below; above them the machines are told apart.
const MACHINE_SHIFT: u32 = 24;
/// How many files are read as one at most: so many machines have room above the shift, and so many files can be open.
pub const FILES_MAX: usize = 250;
/// So much of a boot id tells a node's starts apart.
const BOOT_SHOWN: usize = 8;
/// A node has some hundred interfaces; what a file has more stays a number.
const NAMED_MAX: usize = 4096;

/// A file, and what it is called in messages and in the names of its interfaces.
pub struct NamedFile<R> {
    /// As the user wrote it.
    pub path: String,
    /// What to call its interfaces by.
    pub stem: String,
    /// The file.
    pub file: CaptureFile<R>,
}

/// Why a file was not read to its end.
#[derive(Debug)]
pub struct Unread {
    /// As the user wrote it.
    pub path: String,
    /// Why.
    pub error: FileError,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.error)
    }
}

/// Files that are read as one.
pub struct Captures<R> {
    sources: Vec<Source<R>>,
    unread: Vec<Unread>,
}

struct Source<R> {
    path: String,
    file: CaptureFile<R>,
    machine: Machine,
    /// Indices of the interfaces that have a name.
    named: BTreeSet<u32>,
    /// What comes next; empty is not read yet. One event of dnstap may be two packets.
    next: VecDeque<Next>,
    ended: bool,
}

/// Which observation points are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Machine {
    number: u32,
    /// Added to the names of its interfaces.
    name: MachineName,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum MachineName {
    /// There is only one.
    None,
    /// `client:eth0`, or `client` for a file that names no interfaces; of files with the same name, `b/client.pcap`.
    Before(String),
    /// `eth0@node-b`; of two starts of it, `eth0@node-b#c1213f51`.
    After(String),
}

/// An item that outlives the buffer of its file.
#[expect(clippy::large_enum_variant, reason = "nearly all are packets")]
enum Next {
    /// Its bytes are in `bytes`.
    Packet {
        packet: Packet<'static>,
        bytes: Vec<u8>,
        dropped: Option<Dropped>,
    },
    Until(BootTime),
    Owner(String),
}

impl<R: Read> Captures<R> {
    /// Files that were opened, at least one.
    #[must_use]
    pub fn new(files: Vec<NamedFile<R>>) -> Self {
        let machines = machines(&files);
        let source = |(NamedFile { path, file, .. }, machine)| Source {
            path,
            file,
            machine,
            named: BTreeSet::new(),
            next: VecDeque::new(),
            ended: false,
        };
        Self { sources: files.into_iter().zip(machines).map(source).collect(), unread: Vec::new() }
    }

    /// Gives the next item of all; `false` at the end of the last file. What is wrong with one file ends that one only.
    pub fn next(&mut self, mut each: impl FnMut(FileItem<'_>)) -> bool {
        if let [only] = &mut self.sources[..] {
            let given = only.file.next(each);
            return only.is_going_on(given, &mut self.unread);
        }
        for source in &mut self.sources {
            source.read_ahead(&mut each, &mut self.unread);
        }
        let ready = self.sources.iter_mut().filter(|source| !source.next.is_empty());
        let Some(first) = ready.min_by_key(|source| source.time()) else { return false };
        first.give(each);
        true
    }

    /// From how many machines, or how many starts of one, they are.
    #[must_use]
    pub fn machines(&self) -> usize {
        self.sources.iter().map(|source| source.machine.number).collect::<BTreeSet<_>>().len()
    }

    /// Whether everything that was read was given: the next item may have to be waited for.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.sources.iter().any(|source| !source.ended && source.next.is_empty() && source.file.is_drained())
    }

    /// The files that were not read to their end, so far.
    pub fn take_unread(&mut self) -> Vec<Unread> {
        std::mem::take(&mut self.unread)
    }

    /// The machine that all of them were recorded on.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        let first = self.sources.first()?.file.origin()?;
        let same = |source: &Source<R>| source.file.origin().is_some_and(|origin| origin.boot == first.boot);
        self.sources.iter().all(same).then_some(first)
    }

    /// Packets left out, as the link types of their interfaces are not read, and events without a message.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.sources.iter().map(|source| source.file.skipped()).sum()
    }

    /// Packets that were lost when the files were made, as far as they say.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sources.iter().map(|source| source.file.lost()).sum()
    }
}

impl<R: Read> Source<R> {
    /// Reads until it is known what comes next; names are given at once.
    fn read_ahead(&mut self, each: &mut impl FnMut(FileItem<'_>), unread: &mut Vec<Unread>) {
        while self.next.is_empty() && !self.ended {
            let Self { file, machine, named, next, .. } = self;
            let given = file.next(|item| match item {
                FileItem::Packet(packet) => {
                    if let Some(interface) = machine.unnamed(packet.point.ifindex, named) {
                        each(FileItem::Interface(&interface));
                    }
                    next.push_back(Next::packet(packet, machine));
                }
                FileItem::Until(time) => next.push_back(Next::Until(time)),
                FileItem::Owner(fact) => next.push_back(Next::Owner(fact.to_owned())),
                FileItem::Interface(interface) => {
                    named.insert(interface.ifindex);
                    each(FileItem::Interface(&machine.interface(interface)));
                }
            });
            self.is_going_on(given, unread);
        }
    }

    fn is_going_on(&mut self, given: Result<bool, FileError>, unread: &mut Vec<Unread>) -> bool {
        self.ended = !matches!(given, Ok(true));
        unread.extend(given.err().map(|error| Unread { path: self.path.clone(), error }));
        !self.ended
    }

    fn time(&self) -> BootTime {
        match self.next.front() {
            Some(Next::Packet { packet, .. }) => packet.time,
            Some(Next::Until(time)) => *time,
            // It is of the time of what was before it.
            Some(Next::Owner(_)) => BootTime(0),
            None => BootTime(u64::MAX),
        }
    }

    fn give(&mut self, mut each: impl FnMut(FileItem<'_>)) {
        match self.next.pop_front() {
            Some(Next::Packet { packet, bytes, dropped }) => {
                each(FileItem::Packet(&Packet { dropped: dropped.as_ref(), ..packet.with_bytes(&bytes) }));
            }
            Some(Next::Until(time)) => each(FileItem::Until(time)),
            Some(Next::Owner(fact)) => each(FileItem::Owner(&fact)),
            None => {}
        }
    }
}

impl Next {
    fn packet(packet: &Packet<'_>, machine: &Machine) -> Self {
        let mut copy = packet.with_bytes(&[]);
        copy.point.ifindex = machine.ifindex(copy.point.ifindex);
        Self::Packet { packet: copy, bytes: packet.bytes.to_vec(), dropped: packet.dropped.cloned() }
    }
}

impl Machine {
    fn ifindex(&self, ifindex: u32) -> u32 {
        let is_of_one = ifindex >> MACHINE_SHIFT == 0 || self.number == 0;
        if is_of_one { ifindex | self.number << MACHINE_SHIFT } else { again(self.number, ifindex) }
    }

    /// What to call an interface that its file does not name, the first time: it is not that of another file.
    fn unnamed(&self, ifindex: u32, named: &mut BTreeSet<u32>) -> Option<FileInterface> {
        let is_new = named.len() < NAMED_MAX && named.insert(ifindex);
        let MachineName::Before(file) = &self.name else { return None };
        let name = if ifindex == 0 { file.clone() } else { format!("{file}:if{ifindex}") };
        is_new.then(|| FileInterface { netns: 0, ifindex: self.ifindex(ifindex), name })
    }

    fn interface(&self, interface: &FileInterface) -> FileInterface {
        let name = &interface.name;
        let name = match &self.name {
            MachineName::None => name.clone(),
            MachineName::Before(file) => format!("{file}:{name}"),
            MachineName::After(node) => format!("{name}@{node}"),
        };
        FileInterface { ifindex: self.ifindex(interface.ifindex), name, ..*interface }
    }
}

/// The node, and what tells its starts apart where there are several.
fn start_name(origin: &Origin, starts: &[&Origin]) -> String {
    let Origin { node, boot } = origin;
    let is_alone = starts.iter().filter(|start| start.node == *node).count() == 1;
    if is_alone { node.clone() } else { format!("{node}#{}", boot.chars().take(BOOT_SHOWN).collect::<String>()) }
}

/// A recording of several files has told their machines apart already: there is no room for another number.
fn again(number: u32, ifindex: u32) -> u32 {
    let hash = FixedState::default().hash_one((number, ifindex));
    u32::try_from(hash >> u32::BITS).unwrap_or(u32::MAX)
}

/// The machine of each file.
fn machines<R: Read>(files: &[NamedFile<R>]) -> Vec<Machine> {
    let mut starts: Vec<&Origin> = files.iter().filter_map(|named| named.file.origin()).collect();
    starts.sort_by(|a, b| a.boot.cmp(&b.boot));
    starts.dedup_by(|a, b| a.boot == b.boot);
    let is_one = starts.len() == 1;
    let mut foreign = u32::try_from(starts.len()).unwrap_or(u32::MAX);
    let mut machine = |named: &NamedFile<R>| {
        let known = named.file.origin().and_then(|origin| starts.iter().position(|start| start.boot == origin.boot));
        if let (Some(number), Some(origin)) = (known, named.file.origin()) {
            let name = if is_one { MachineName::None } else { MachineName::After(start_name(origin, &starts)) };
            return Machine { number: u32::try_from(number).unwrap_or(u32::MAX), name };
        }
        foreign += 1;
        let is_alone = files.iter().filter(|other| other.stem == named.stem).count() == 1;
        let name = if is_alone { &named.stem } else { &named.path };
        Machine { number: foreign, name: MachineName::Before(name.clone()) }
    };
    files.iter().map(&mut machine).collect()
}
