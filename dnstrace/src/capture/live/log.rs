//! Log lines of the kernel half on standard error, for developing: `cargo xtask build-ebpf --log`, then build with
//! `--features log`.

use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{Log, Metadata, Record};

/// Reads the kernel half's log.
pub(super) struct KernelLog(Option<EbpfLogger<ToStderr>>);

struct ToStderr;

impl KernelLog {
    /// Of a loaded object; one that was built without log lines gives none.
    pub(super) fn of(ebpf: &mut Ebpf) -> Self {
        Self(EbpfLogger::init_with_logger(ebpf, ToStderr).ok())
    }

    /// Writes what was logged since the last time.
    pub(super) fn write(&mut self) {
        if let Some(logger) = &mut self.0 {
            logger.flush();
        }
    }
}

impl Log for ToStderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    #[expect(clippy::print_stderr, reason = "that is where a developer looks")]
    fn log(&self, record: &Record<'_>) {
        eprintln!("kernel: {}", record.args());
    }

    fn flush(&self) {}
}
