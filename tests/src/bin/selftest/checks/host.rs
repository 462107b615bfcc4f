//! What the programs cost the verifier, and what the doctor says of this kernel.

use anyhow::{Context, Result, ensure};
use aya::programs::loaded_programs;
use dnstrace::capture::prerequisites::{self, State};
use nix::sched::{CloneFlags, unshare};

use super::Ground;
use crate::report;
use crate::watch::{all_hooks, attach};

/// The programs of the kernel half.
const PROGRAMS: [&str; 7] =
    ["socket_in", "socket_out", "device", "socket_in_slow", "socket_out_slow", "device_slow", "drop"];

/// Far below the verifier's million: room for its younger and older relatives to count otherwise.
const INSTRUCTIONS_MAX: u32 = 50_000;

/// Tells how many instructions the verifier went through.
pub(super) fn instructions(ground: &Ground) -> Result<()> {
    let _live = attach(&all_hooks(&ground.machine))?;
    for name in PROGRAMS {
        // The newest of a name is ours: ids only grow.
        let loaded = loaded_programs().filter_map(Result::ok).filter(|program| program.name_as_str() == Some(name));
        let program = loaded.max_by_key(aya::programs::ProgramInfo::id).with_context(|| format!("no {name} loaded"))?;
        // Kernels before 5.16 do not tell.
        if let Some(count) = program.verified_instruction_count() {
            report::instructions(name, count);
            ensure!(count < INSTRUCTIONS_MAX, "{name}: the verifier went through {count} instructions");
        }
    }
    Ok(())
}

/// The doctor misses nothing where everything works, and tells a netns that is not the host's.
pub(super) fn doctor(ground: &Ground) -> Result<()> {
    let host = prerequisites::this_host();
    for row in prerequisites::look(&host) {
        ensure!(row.state != State::Missing, "{} is said to be missing: {}", row.subject, row.found);
        // Kernels before 5.17 have no drop reasons, and nothing is to be done about that.
        let ok = row.state == State::Ok || row.subject == "drops" && host.version() < Some((5, 17));
        ensure!(!ground.machine.init || ok, "{} is said to be limited: {}", row.subject, row.found);
    }
    ensure!(host.host_netns == ground.machine.init, "the netns is taken for the wrong one");
    unshare(CloneFlags::CLONE_NEWNET)?;
    ensure!(!prerequisites::this_host().host_netns, "a new netns is taken for the host's");
    Ok(())
}
