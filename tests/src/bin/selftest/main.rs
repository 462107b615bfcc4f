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
mod watch;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;

use checks::CHECKS;
use machine::Machine;

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
    let machine = match Machine::prepare(init) {
        Ok(machine) => machine,
        Err(error) => return report::check("machine", Err(error)),
    };
    // All of them run, whatever fails: what fails together tells why.
    CHECKS.iter().filter(|(name, check)| !report::check(name, check(&machine))).count() == 0
}
