//! The kernel's hooks to packets: load, attach, drain the ring buffer.

mod attach;
mod btf;
mod clock;
mod drops;
mod error;
mod globals;
#[cfg(feature = "log")]
mod log;
mod record;
mod ring;
mod symbols;

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::thread;

use aya::maps::{Array, Map, MapData, MapError, PerCpuArray};
use aya::{Ebpf, EbpfLoader};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::prerequisites::{REMEDY_BTF, REMEDY_SYMBOLS};
use super::{BootTime, Counter, Hook, Packet};
use globals::Globals;
use symbols::Symbols;

pub use attach::load_hook;
pub use clock::{boot_time, boot_time_of, wall_time_of};
pub use drops::Drops;
pub use error::{StartError, name};
pub use ring::{DRAIN_MAX, Ring};

/// The committed object of the kernel half.
pub static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/../dnstrace-ebpf/dnstrace.bpf.o"));

/// The smallest size class of the kernel half; queries and most responses are of it.
const USUAL_RECORD: usize = 256;

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Which hooks to attach.
    pub hooks: Vec<Hook>,
    /// Ports that DNS is spoken on.
    pub ports: Vec<u16>,
    /// Interfaces the `device` hook looks at; empty is all of this netns.
    pub interfaces: Vec<String>,
    /// cgroup v2 folder whose sockets the `socket` hook sees; `None` is the root of the hierarchy.
    pub cgroup: Option<PathBuf>,
    /// Size of the ring buffer, a power of two.
    pub ring_bytes: u32,
    /// How many bytes of a packet are captured at most.
    pub snaplen: u32,
}

/// What became of one hook.
#[derive(Debug)]
pub struct Attachment {
    /// The hook.
    pub hook: Hook,
    /// Where it is attached, or why it is not, with the remedy.
    pub result: Result<String, String>,
}

/// What each hook counted since the start, summed over CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookCounts(pub [[u64; Counter::COUNT as usize]; Hook::ALL.len()]);

impl HookCounts {
    /// One counter of one hook.
    #[must_use]
    pub fn get(&self, hook: Hook, counter: Counter) -> u64 {
        self.0[hook as usize][counter as usize]
    }

    /// Packets that all hooks put into the ring buffer.
    #[must_use]
    pub fn emitted(&self) -> u64 {
        Hook::ALL.iter().map(|&hook| self.get(hook, Counter::Emitted)).sum()
    }
}

/// Attached hooks and their ring buffer. Dropping it detaches everything.
pub struct Live {
    attached: Vec<Attachment>,
    unknown: Vec<&'static str>,
    ring: Ring,
    room: usize,
    counters: PerCpuArray<MapData, u64>,
    sockets: Vec<OwnedFd>,
    begun: BootTime,
    #[cfg(feature = "log")]
    log: log::KernelLog,
    // Links, programs, and the arrays that let programs call each other.
    ebpf: Option<Ebpf>,
}

impl Live {
    /// Loads the kernel half and attaches what can be attached; an error when nothing can.
    pub fn start(options: &LiveOptions) -> Result<Self, StartError> {
        let begun = clock::boot_time();
        let interfaces = checked(options)?;
        // Takes as long as loading does, and needs nothing of it.
        let symbols = options.hooks.contains(&Hook::Drop).then(|| thread::spawn(Symbols::read));
        let Loaded { mut ebpf, mut unknown, drops } = load(options)?;
        let maps = Ring::take(&mut ebpf, drops).and_then(|ring| Ok((ring, taken(&mut ebpf, "COUNTERS")?.try_into()?)));
        let (mut ring, counters) = maps.map_err(|error: MapError| StartError::Load(error.to_string()))?;
        let (attached, sockets) = attach(&mut ebpf, options, &interfaces, &unknown);
        if attached.iter().all(|attachment| attachment.result.is_err()) {
            let why = |attachment: Attachment| Some((attachment.hook, attachment.result.err()?));
            return Err(StartError::NothingAttached(attached.into_iter().filter_map(why).collect()));
        }
        if let Some(symbols) = symbols.and_then(|reading| reading.join().ok()) {
            ring.locate_drops_by(symbols);
        }
        // The attachment says it.
        unknown.retain(|feature| *feature != globals::DROPS);
        let room = usize::try_from(options.ring_bytes).unwrap_or(usize::MAX) / USUAL_RECORD;
        Ok(Self {
            attached,
            unknown,
            ring,
            room,
            counters,
            sockets,
            begun,
            #[cfg(feature = "log")]
            log: log::KernelLog::of(&mut ebpf),
            ebpf: Some(ebpf),
        })
    }

    /// What became of each hook that was asked for.
    #[must_use]
    pub fn attached(&self) -> &[Attachment] {
        &self.attached
    }

    /// What cannot be known on this kernel, with the remedy.
    #[must_use]
    pub fn limits(&self) -> Option<String> {
        let unknown = self.unknown.join(", ");
        let types = (!unknown.is_empty()).then(|| format!("the kernel does not tell {unknown}: {REMEDY_BTF}"));
        let drops = self.attached.iter().any(|attachment| attachment.hook == Hook::Drop && attachment.result.is_ok());
        let hidden = drops && !symbols::are_told();
        let symbols = hidden.then(|| format!("the kernel does not tell where packets are dropped: {REMEDY_SYMBOLS}"));
        let limits: Vec<String> = types.into_iter().chain(symbols).collect();
        (!limits.is_empty()).then(|| limits.join("; "))
    }

    /// Gives the packets that lie in the ring buffer to `each`, up to a bound; returns how many there were.
    pub fn drain(&mut self, each: impl FnMut(&Packet<'_>)) -> usize {
        #[cfg(feature = "log")]
        self.log.write();
        self.ring.drain(each)
    }

    /// The clock that packets are stamped with.
    #[must_use]
    pub fn now(&self) -> BootTime {
        clock::boot_time()
    }

    /// When it was started: no packet is older.
    #[must_use]
    pub fn begun(&self) -> BootTime {
        self.begun
    }

    /// What each hook counted since the start.
    #[must_use]
    pub fn counts(&self) -> HookCounts {
        let mut counts = HookCounts::default();
        let all = (0..).zip(counts.0.iter_mut().flatten());
        for (index, count) in all {
            *count = self.counters.get(&index, 0).map_or(0, |cpus| cpus.iter().sum());
        }
        counts
    }

    /// How many packets of the usual size the ring buffer has room for.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room
    }

    /// Detaches every hook, where messages end first: what is seen there was seen on its way, too. What lies in the
    /// ring buffer can still be drained, and the counters stand still.
    pub fn detach(&mut self) {
        if let Some(ebpf) = &mut self.ebpf {
            attach::detach_ends(ebpf);
        }
        self.sockets.clear();
        self.ebpf = None;
    }

    /// Ring buffer records that were no packet record: only an object of another version writes them.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.ring.unreadable()
    }

    /// Inode of the netns the `device` hook watches.
    #[must_use]
    pub fn netns(&self) -> u32 {
        self.ring.netns()
    }
}

/// Interfaces by name and index; refuses what no kernel would take.
fn checked(options: &LiveOptions) -> Result<Vec<(String, u32)>, StartError> {
    if options.hooks.is_empty() {
        return Err(StartError::NoHook);
    }
    if !options.ring_bytes.is_power_of_two() || u64::from(options.ring_bytes) < page_size() {
        return Err(StartError::RingSize(options.ring_bytes));
    }
    let index = |name: &String| {
        let index = nix::net::if_::if_nametoindex(name.as_str());
        index.map(|index| (name.clone(), index)).or(Err(StartError::NoInterface(name.clone())))
    };
    options.interfaces.iter().map(index).collect()
}

fn page_size() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    size.ok().flatten().and_then(|size| u64::try_from(size).ok()).unwrap_or(4096)
}

/// The object, its maps created, its programs not loaded yet.
pub struct Loaded {
    /// Maps and programs.
    pub ebpf: Ebpf,
    /// What cannot be known, as the kernel does not describe its types.
    pub unknown: Vec<&'static str>,
    /// Names of what the `drop` hook tells.
    pub drops: Drops,
}

/// Creates the maps and sets them up; the programs are for [`load_hook`] to load.
pub fn load(options: &LiveOptions) -> Result<Loaded, StartError> {
    // Kernels before 5.11 count maps as locked memory. Where the limit may not be raised, it may still suffice.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    let globals = Globals::read(options.snaplen);
    let mut loader = EbpfLoader::new();
    loader.map_max_entries("PACKETS", options.ring_bytes);
    globals.set(&mut loader);
    let mut ebpf = loader.load(OBJECT).map_err(|error| error::load_error(&error, options.ring_bytes))?;
    watch(&mut ebpf, &options.ports).map_err(|error| StartError::Load(error.to_string()))?;
    Ok(Loaded { ebpf, unknown: globals.unknown, drops: Drops::new(globals.reasons) })
}

fn watch(ebpf: &mut Ebpf, ports: &[u16]) -> Result<(), MapError> {
    let map = ebpf.map_mut("PORTS").ok_or_else(|| missing("PORTS"))?;
    let mut set = Array::<_, u64>::try_from(map)?;
    (0..).zip(port_set(ports)).filter(|(_, word)| *word != 0).try_for_each(|(index, word)| set.set(index, word, 0))
}

fn taken(ebpf: &mut Ebpf, name: &str) -> Result<Map, MapError> {
    ebpf.take_map(name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> MapError {
    MapError::InvalidName { name: name.to_owned() }
}

/// One bit per port.
fn port_set(ports: &[u16]) -> Vec<u64> {
    let mut words = vec![0; 65_536 / 64];
    for port in ports {
        words[usize::from(port / 64)] |= 1 << (port % 64);
    }
    words
}

fn attach(
    ebpf: &mut Ebpf,
    options: &LiveOptions,
    interfaces: &[(String, u32)],
    unknown: &[&str],
) -> (Vec<Attachment>, Vec<OwnedFd>) {
    let mut sockets = Vec::new();
    let mut attach_hook = |hook| match hook {
        Hook::Socket => attach::socket_hook(ebpf, options.cgroup.as_deref()),
        Hook::Device => attach::device_hook(ebpf, interfaces).map(|(place, opened)| {
            sockets = opened;
            place
        }),
        Hook::Drop if unknown.contains(&globals::DROPS) => {
            Err(format!("the kernel does not tell its types: {REMEDY_BTF}"))
        }
        Hook::Drop => attach::drop_hook(ebpf),
    };
    let attached = options.hooks.iter().map(|&hook| Attachment { hook, result: attach_hook(hook) }).collect();
    (attached, sockets)
}
