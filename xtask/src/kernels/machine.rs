//! One boot of one kernel in QEMU: the self-test is its init, the serial console its output.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// Prefix of the lines that the self-test writes; everything else on the console is the kernel's.
pub(super) const MARK: &str = "selftest: ";

/// Boots take 10 s on an idle machine, and a minute beside two builds on two processors; emulation is given far more before
/// it counts as hanging.
const BOOT_SECONDS: &str = "300";

/// Not `max`: under emulation 6.12 then oopses at random. Without the features that emulation lacks and warns of.
const PROCESSOR: &str = "Haswell-noTSX,-pcid,-x2apic,-tsc-deadline,-invpcid";

/// What one boot wrote.
pub(super) struct Console {
    /// Lines of the self-test, without their mark.
    pub(super) report: Vec<String>,
    /// Last lines of the kernel, to be shown when it died.
    pub(super) kernel: Vec<String>,
}

/// How many lines of the kernel are kept: an oops with its stack fits.
const KERNEL_LINES: usize = 60;

/// Boots `image` with `initramfs` and reads the console until the machine is off. Emulated (`tcg`), so that it works
/// inside virtual machines too; `timeout` ends a boot that hangs, also when we are gone.
pub(super) fn boot(image: &Path, initramfs: &Path) -> Result<Console> {
    let mut qemu = Command::new("timeout");
    qemu.args(["--foreground", "--kill-after=5", BOOT_SECONDS, "qemu-system-x86_64"]);
    qemu.args(["-accel", "tcg", "-cpu", PROCESSOR, "-m", "1G", "-smp", "2", "-no-reboot"]);
    qemu.args(["-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none"]);
    qemu.arg("-kernel").arg(image).arg("-initrd").arg(initramfs);
    // The kernel's notices would cut into the self-test's lines on the shared console: errors only.
    qemu.args(["-append", "console=ttyS0 loglevel=3 panic=-1"]);
    let mut child = qemu.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run timeout")?;
    let output = child.stdout.take().context("no stdout")?;
    let console = read(BufReader::new(output));
    child.wait()?;
    Ok(console)
}

fn read(mut output: impl BufRead) -> Console {
    let mut console = Console { report: Vec::new(), kernel: Vec::new() };
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        console.add(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    console
}

impl Console {
    /// Whether the self-test came to say anything: what dies before is the emulator's or the kernel's doing.
    pub(super) fn started(&self) -> bool {
        !self.report.is_empty()
    }

    fn add(&mut self, line: &str) {
        // The boot loader leaves escape sequences before the first line: look for the mark anywhere.
        if let Some((_, report)) = line.split_once(MARK) {
            self.report.push(report.to_owned());
            return;
        }
        if self.kernel.len() == KERNEL_LINES {
            self.kernel.remove(0);
        }
        self.kernel.push(line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_self_test_are_told_from_the_kernels() {
        let console = read(&b"\x1b[2JSeaBIOS\r\n\x1b[Hselftest: kernel 6.1\r\n[ 1.0] oops\r\nselftest: end"[..]);
        assert_eq!(console.report, ["kernel 6.1", "end"]);
        assert_eq!(console.kernel, ["\x1b[2JSeaBIOS", "[ 1.0] oops"]);
    }
}
