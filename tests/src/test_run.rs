//! `BPF_PROG_TEST_RUN`: one packet through one program of the kernel half, attached to nothing.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray};
use aya::programs::{CgroupSkb, Program, SocketFilter, TestRun, TestRunOptions};
use dnstrace::capture::live::{self, LiveOptions, Loaded, Ring};
use dnstrace::capture::{Counter, Hook, Packet};

/// The kernel half, loaded.
pub struct KernelHalf {
    ebpf: Ebpf,
    ring: Ring,
    counters: PerCpuArray<MapData, u64>,
}

/// What one run did.
#[derive(Debug)]
pub struct Ran {
    /// What the program returned.
    pub value: u32,
    /// What it captured.
    pub packets: Vec<Captured>,
    /// What its hook's counters grew by, in the order of [`Counter`].
    pub counted: [u64; Counter::COUNT as usize],
}

/// What a test looks at of a packet.
#[derive(Debug)]
pub struct Captured {
    /// Everything but the bytes.
    pub packet: Packet<'static>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl KernelHalf {
    /// Loads every program, for the ports 53 and 5353.
    pub fn load(ring_bytes: u32, snaplen: u32) -> Result<Self> {
        let options = LiveOptions {
            hooks: Hook::ALL.to_vec(),
            ports: vec![53, 5353],
            interfaces: Vec::new(),
            cgroup: None,
            ring_bytes,
            snaplen,
        };
        let Loaded { mut ebpf, drops, .. } = live::load(&options)?;
        let ring = Ring::take(&mut ebpf, drops)?;
        let counters = PerCpuArray::try_from(ebpf.take_map("COUNTERS").context("no map COUNTERS")?)?;
        for hook in Hook::ALL {
            live::load_hook(&mut ebpf, hook).map_err(|why| anyhow!(why))?;
        }
        Ok(Self { ebpf, ring, counters })
    }

    /// Gives `frame`, which starts with an Ethernet header, to a program once. A `device` program is given it whole, by
    /// a second Ethernet header before it: the kernel takes one off for programs that do not write.
    pub fn run(&mut self, program: &str, frame: &[u8]) -> Result<Ran> {
        let hook = if program.starts_with("device") { Hook::Device } else { Hook::Socket };
        let before = self.counts(hook)?;
        let (value, _) = self.repeat(program, frame, 1)?;
        let mut counted = self.counts(hook)?;
        counted.iter_mut().zip(before).for_each(|(now, before)| *now -= before);
        let mut packets = Vec::new();
        let keep = |packet: &Packet<'_>| {
            packets.push(Captured { bytes: packet.bytes.to_vec(), packet: packet.with_bytes(&[]) });
        };
        self.ring.drain(keep);
        Ok(Ran { value, packets, counted })
    }

    /// Runs a program `times` times on the same frame; returns its value and the mean time of one run.
    pub fn repeat(&mut self, program: &str, frame: &[u8], times: u32) -> Result<(u32, Duration)> {
        let whole = if program.starts_with("device") { [&frame[..14], frame].concat() } else { frame.to_vec() };
        let options = TestRunOptions { data_in: Some(&whole), repeat: times, ..TestRunOptions::default() };
        let ran = match self.ebpf.program(program).with_context(|| format!("no program {program}"))? {
            Program::SocketFilter(filter) => SocketFilter::test_run(filter, options)?,
            Program::CgroupSkb(filter) => CgroupSkb::test_run(filter, options)?,
            _ => anyhow::bail!("{program} is no packet program"),
        };
        Ok((ran.return_value, ran.duration))
    }

    /// Gives what lies in the ring buffer to `each`, all of it; returns how many packets there were.
    pub fn drain(&mut self, mut each: impl FnMut(&Packet<'_>)) -> usize {
        let mut drained = 0;
        loop {
            match self.ring.drain(&mut each) {
                0 => return drained,
                more => drained += more,
            }
        }
    }

    /// Counters of a hook, over all CPUs.
    pub fn counts(&self, hook: Hook) -> Result<[u64; Counter::COUNT as usize]> {
        let mut counts = [0; Counter::COUNT as usize];
        for (index, count) in (hook as u32 * Counter::COUNT..).zip(&mut counts) {
            *count = self.counters.get(&index, 0)?.iter().sum();
        }
        Ok(counts)
    }

    /// How many instructions the verifier went through, by program; kernels before 5.16 do not say.
    pub fn verified_instructions(&self) -> Result<Vec<(String, Option<u32>)>> {
        let each =
            |(name, program): (&str, &Program)| Ok((name.to_owned(), program.info()?.verified_instruction_count()));
        self.ebpf.programs().map(each).collect()
    }
}
