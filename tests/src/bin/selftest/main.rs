//! The self-test of every hook: init of a throw-away machine, or a plain program of root.
//!
//! Each line it writes is one of `kernel RELEASE`, `check NAME ok`, `check NAME FAIL reason`, `insns PROGRAM N`,
//! `end SECONDS`, after a mark that tells it from the kernel's own lines.

#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

mod checks;
mod frame;
mod machine;
mod report;
mod traffic;
mod usual;
mod watch;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;

use anyhow::Result;
use checks::{CHECKS, Ground};
use machine::Machine;
use usual::Usual;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn main() -> ExitCode {
    let init = std::process::id() == 1;
    report::kernel();
    let good = run(init);
    report::end();
    if init {
        machine::power_off();
    }
    ExitCode::from(u8::from(!good))
}

fn run(init: bool) -> bool {
    let ground = match prepare(init) {
        Ok(ground) => ground,
        Err(error) => return report::check("attach", &Err(error)),
    };
    report::check("attach", &Ok(()));
    // All of them run, whatever fails: what fails together tells why.
    CHECKS.iter().filter(|(name, check)| !report::check(name, &check(&ground))).count() == 0
}

fn prepare(init: bool) -> Result<Ground> {
    let machine = Machine::prepare(init)?;
    let usual = Usual::watch(&machine)?;
    Ok(Ground { machine, usual })
}
