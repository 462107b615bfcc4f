//! The self-test of every hook: init of a throw-away machine, or a plain program of root.
//!
//! Each line it writes is one of `kernel RELEASE`, `check NAME ok`, `check NAME FAIL reason`, `insns PROGRAM N`,
//! `end SECONDS`, after a mark that tells it from the kernel's own lines.

#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

mod machine;
mod report;

fn main() {
    let init = std::process::id() == 1;
    report::kernel();
    report::check("machine", machine::prepare(init));
    if init {
        report::end();
        machine::power_off();
    }
}
