//! The node's connection tracking: how full it is, and what it dropped.

use crate::owner::fact::Conntrack;
use crate::owner::sources::host::HostRoot;

/// From here on, how full it is matters: bursts fill the rest.
const NEARLY_FULL_PERCENT: u64 = 80;

/// A line of some 150 bytes for each CPU, of which the largest machines have some 1,000.
const FILE_MAX: usize = 1024 * 1024;

/// What was told of it.
#[derive(Debug, Default)]
pub(super) struct Tracking(Option<Conntrack>);

impl Tracking {
    /// Reads it, by the netns of `pid` and our own, which are the same; gives what is worth telling: the first time, when
    /// packets were dropped, and when there is little room, or room again.
    pub(super) fn look(&mut self, host: &HostRoot, pid: u32) -> Option<Conntrack> {
        let now = read(host, pid)?;
        let is_new = self.0.is_none_or(|told| differs(told, now));
        is_new.then(|| *self.0.insert(now))
    }
}

fn differs(told: Conntrack, now: Conntrack) -> bool {
    let counters = |of: Conntrack| (of.dropped, of.insert_failed, of.max);
    let is_tight = is_nearly_full(now);
    counters(told) != counters(now) || is_tight != is_nearly_full(told) || (is_tight && told.count != now.count)
}

fn is_nearly_full(of: Conntrack) -> bool {
    of.count.saturating_mul(100) >= of.max.saturating_mul(NEARLY_FULL_PERCENT)
}

fn read(host: &HostRoot, pid: u32) -> Option<Conntrack> {
    let number = |name: &str| {
        host.read_text(format!("proc/sys/net/netfilter/nf_conntrack_{name}"), 64).ok()?.trim().parse().ok()
    };
    // Kernels without CONFIG_NF_CONNTRACK_PROCFS have no such file.
    let table = host.read_text(format!("proc/{pid}/net/stat/nf_conntrack"), FILE_MAX).unwrap_or_default();
    let (dropped, insert_failed) = (sum(&table, "drop"), sum(&table, "insert_failed"));
    Some(Conntrack { count: number("count")?, max: number("max")?, dropped, insert_failed })
}

/// The sum of a column: names in the first line, then hexadecimal numbers, a line for each CPU.
fn sum(table: &str, column: &str) -> u64 {
    let mut lines = table.lines();
    let at = lines.next().and_then(|names| names.split_ascii_whitespace().position(|name| name == column));
    let cell = |line: &str| u64::from_str_radix(line.split_ascii_whitespace().nth(at?)?, 16).ok();
    lines.filter_map(cell).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn node(count: u64, drop: &str) -> (tempfile::TempDir, HostRoot) {
        let folder = tempfile::tempdir().unwrap();
        let host = HostRoot::open(folder.path()).unwrap();
        write(&folder, count, drop);
        (folder, host)
    }

    fn write(folder: &tempfile::TempDir, count: u64, drop: &str) {
        let table = format!("entries insert_failed  drop early_drop\n00ff 1 {drop} 9\n00ff 2 1 9\n");
        let files = [
            ("proc/sys/net/netfilter/nf_conntrack_count", format!("{count}\n")),
            ("proc/sys/net/netfilter/nf_conntrack_max", "1000\n".to_owned()),
            ("proc/1/net/stat/nf_conntrack", table),
        ];
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn columns_are_found_by_name_and_added_up() {
        let (_folder, host) = node(5, "1f");
        let expected = Conntrack { count: 5, max: 1_000, dropped: 32, insert_failed: 3 };
        assert_eq!(read(&host, 1), Some(expected));
    }

    #[test]
    fn only_what_matters_is_told_again() {
        let (folder, host) = node(5, "0");
        let mut tracking = Tracking::default();
        let mut told = |count, drop| {
            write(&folder, count, drop);
            tracking.look(&host, 1).is_some()
        };
        let steps = [(5, "0"), (700, "0"), (800, "0"), (801, "0"), (801, "0"), (10, "0"), (11, "0"), (11, "1")];
        let expected = [true, false, true, true, false, true, false, true];
        assert_eq!(steps.map(|(count, drop)| told(count, drop)), expected);
    }

    #[test]
    fn node_without_connection_tracking_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Tracking::default().look(&HostRoot::open(folder.path()).unwrap(), 1), None);
    }
}
