//! `dnstrace record`: its files in the eyes of tshark, when they end, and what can go wrong with them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{Netns, wire};
use dnstrace_tests::product::{self, Run};
use dnstrace_tests::{command, debian, skip};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;
use tempfile::TempDir;

/// So often, so long: half a minute for a busy machine.
const ROUNDS: u32 = 600;
const BETWEEN: Duration = Duration::from_millis(50);

/// A netns of its own with nothing in it, and a folder.
struct Place {
    netns: Netns,
    folder: TempDir,
}

impl Place {
    /// `None` where this cannot run.
    fn new(part: &str) -> Option<Self> {
        if !skip::is_root() {
            skip::skip(part, "not root");
            return None;
        }
        debian::install(&["tshark"]).unwrap();
        Some(Self { netns: Netns::new().unwrap(), folder: tempfile::tempdir().unwrap() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A recording that has begun.
    fn record(&self, output: &Path, arguments: &[&str]) -> Result<Run> {
        let output = output.to_str().context("no text")?;
        let words = ["record", "--hooks", "device", "--interface", "lo", "--output", output];
        Run::start(&self.netns, &[&words[..], arguments].concat())
    }

    /// Queries over `lo` that nobody answers, each with an id of its own.
    fn ask(&self, count: u16) -> Result<()> {
        self.netns.run(|| {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            for id in 0..count {
                // Not connected: that nobody listens is no error then.
                socket.send_to(&wire::query(id, "a.example", wire::A), "127.0.0.1:53")?;
            }
            Ok(())
        })
    }

    /// Asks again and again until `child` has ended: it may watch when the first queries have passed.
    fn ask_until_it_ends(&self, child: Child) -> Result<Output> {
        let (ended, wait) = sync_channel::<()>(0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let goes_on = || wait.recv_timeout(BETWEEN) == Err(RecvTimeoutError::Timeout);
                // Where nobody can ask, nothing is recorded, and the test says so.
                (0..ROUNDS).take_while(|_| goes_on()).try_for_each(|_| self.ask(100))
            });
            let output = child.wait_with_output();
            drop(ended);
            Ok(output?)
        })
    }

    /// The files of this folder, by name.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.folder.path())?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        files.sort();
        Ok(files)
    }
}

/// Fields of each packet.
fn tshark(file: &Path, fields: &[&str]) -> Result<Vec<String>> {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(file).args(["-T", "fields", "-E", "separator=|"]);
    let text = command::of(tshark.args(fields.iter().flat_map(|field| ["-e", *field])))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// What capinfos says under this name, of the file or of each interface.
fn capinfos(file: &Path, name: &str) -> Result<Vec<String>> {
    let text = command::of(Command::new("capinfos").arg(file))?;
    let values = text.lines().filter_map(|line| line.trim().split_once(':').or_else(|| line.trim().split_once('=')));
    Ok(values.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned()).collect())
}

#[test]
fn tshark_reads_interfaces_directions_processes_and_ids() {
    if let Some(place) = Place::new("tshark reads a recording") {
        tshark_reads(&place).unwrap();
    }
}

fn tshark_reads(place: &Place) -> Result<()> {
    let file = place.path("dns.pcapng");
    let run = place.record(&file, &["--hooks", "socket,device", "--print", "--format", "json"])?;
    let own = std::process::id().to_string();
    place.ask(1)?;
    let ended = run.signal(Signal::SIGTERM)?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    let transaction = ended.json()?.into_iter().find(|record| record["kind"] == "transaction").context("none")?;
    let id = u64::from_str_radix(transaction["id"].as_str().context("no id")?, 16)?;
    let fields =
        ["frame.interface_name", "frame.packet_flags_direction", "frame.packet_id", "icmp.type", "dns.qry.name"];
    let seen = tshark(&file, &fields)?;
    // Nobody listens: no socket receives it, and it comes back in an ICMP error, destination unreachable.
    let way = [("socket", 2), ("lo", 2), ("lo", 1)];
    let expected = ["", "3"].map(|icmp_type| {
        way.map(|(interface, direction)| format!("{interface}|0x{direction:08x}|{id}|{icmp_type}|a.example"))
    });
    let expected = expected.as_flattened();
    ensure!(seen.iter().filter(|line| line.ends_with("a.example")).eq(expected), "{seen:#?} is not {expected:#?}");
    let comments = tshark(&file, &["frame.comment"])?;
    ensure!(comments[0].contains(&format!("PID: {own}")), "{comments:#?}");
    let ends = capinfos(&file, "Number of stat entries")?;
    let descriptions = capinfos(&file, "Description")?;
    ensure!(ends == ["1", "1"] && descriptions[0].starts_with("interface 1 of netns"), "{ends:?} {descriptions:?}");
    Ok(())
}

#[test]
fn addresses_of_the_node_have_its_name() {
    if let Some(place) = Place::new("names of addresses") {
        names_of_addresses(&place).unwrap();
    }
}

fn names_of_addresses(place: &Place) -> Result<()> {
    let addresses = ["192.0.2.7", "2001:db8::7"];
    for address in addresses {
        command::of(place.netns.command("ip").args(["address", "add", address, "dev", "lo"]))?;
    }
    let file = place.path("dns.pcapng");
    let run = place.record(&file, &[])?;
    for address in addresses {
        place.netns.run(|| {
            let (address, message) = (address.parse::<IpAddr>()?, wire::query(1, "a.example", wire::A));
            UdpSocket::bind((address, 0))?.send_to(&message, (address, 53))?;
            Ok(())
        })?;
    }
    ensure!(run.stop()?.status.success());
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(&file).args([
        "-N",
        "n",
        "-Y",
        // Not what comes back in an ICMP error.
        "dns && !icmp && !icmpv6",
        "-T",
        "fields",
        "-e",
        "ip.src_host",
        "-e",
        "ipv6.src_host",
    ]);
    let text = command::of(&mut tshark)?;
    let node = command::output("uname", &["-n"])?;
    ensure!(text.split_whitespace().count() == 4, "two packets, each seen twice: {text}");
    ensure!(text.split_whitespace().all(|name| name == node.trim()), "not {node}: {text}");
    Ok(())
}

#[test]
fn standard_output_goes_into_another_program() {
    if let Some(place) = Place::new("recording into a pipe") {
        pipe(&place).unwrap();
    }
}

/// tshark ends with the first packet, which ends the recording.
fn pipe(place: &Place) -> Result<()> {
    let mut shell = place.netns.command("sh");
    let recording = "\"$0\" record -o - -i lo --hooks device -s 200";
    let script = format!("{{ {recording}; echo \"ended $?\" >&2; }} | tshark -i - -c 1 -T fields -e dns.qry.name");
    shell.args(["-c", &script]).arg(product::binary()?).stdin(Stdio::null());
    let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let output = place.ask_until_it_ends(child)?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(stdout == "a.example\n" && stderr.contains("ended 0"), "{stdout}\n{stderr}");
    Ok(())
}

#[test]
fn as_many_packets_as_asked_for_end_it() {
    let Some(place) = Place::new("recording with a count") else { return };
    let file = place.path("dns.pcapng");
    let run = place.record(&file, &["-c", "3"]).unwrap();
    place.ask(9).unwrap();
    let ended = run.end().unwrap();
    assert!(ended.stderr.iter().any(|line| line.starts_with("recorded 3 packets, ")), "{ended:?}");
    assert_eq!(tshark(&file, &["dns.id"]).unwrap().len(), 3);
}

#[test]
fn newest_files_are_kept_and_each_is_whole() {
    if let Some(place) = Place::new("recording in several files") {
        several_files(&place).unwrap();
    }
}

fn several_files(place: &Place) -> Result<()> {
    let run = place.record(&place.path("dns.pcapng"), &["--rotate-size", "8KiB", "--keep", "3"])?;
    place.ask(200)?;
    let ended = run.stop()?;
    let files = place.files()?;
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
    ensure!(files.len() == 3, "{names:?}");
    let last = ended.stderr.iter().find(|line| line.starts_with("recorded ")).context("nothing recorded")?;
    ensure!(
        last.contains(names[0]) && last.contains(names[2]) && last.contains(" files, the newest 3 kept: "),
        "{last}"
    );
    for file in &files {
        ensure!(fs::metadata(file)?.len() <= 8 << 10, "{}", file.display());
        ensure!(capinfos(file, "Number of stat entries")? == ["1"], "{} has no end", file.display());
    }
    // Together they are as one.
    let all: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let replayed = product::read_all(&all, &[])?;
    let packets: usize =
        files.iter().map(|file| tshark(file, &["dns.id"])).map(|lines| lines.map_or(0, |l| l.len())).sum();
    let summary = replayed.last().context("no summary")?;
    ensure!(summary["packets"] == packets && summary["adds_up"] == true, "{packets} packets: {summary:#}");
    let transactions: Vec<&Value> = replayed.iter().filter(|record| record["kind"] == "transaction").collect();
    let at_lo = transactions.iter().all(|transaction| transaction["last_seen"]["interface"] == "lo");
    ensure!(!transactions.is_empty() && at_lo, "{replayed:#?}");
    Ok(())
}

#[test]
fn full_disk_leaves_what_was_written() {
    if let Some(place) = Place::new("recording to a full disk") {
        full_disk(&place).unwrap();
    }
}

/// In a mount namespace of its own, which takes the small disk with it.
fn full_disk(place: &Place) -> Result<()> {
    let kept = place.path("kept.pcapng");
    let script = r#"
        mount -t tmpfs -o size=64k none "$1" || exit 99
        "$0" record -o "$1/dns.pcapng" -i lo --hooks device
        code=$?
        cp "$1/dns.pcapng" "$2"
        exit $code
    "#;
    let disk = place.path("disk");
    fs::create_dir(&disk)?;
    let mut shell = place.netns.command("unshare");
    shell.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(product::binary()?);
    let child = shell.arg(&disk).arg(&kept).stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let output = place.ask_until_it_ends(child)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(3), "{:?} {stderr}", output.status.signal());
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("dnstrace:")).collect();
    ensure!(errors.len() == 1 && errors[0].contains("No space left on device"), "{stderr}");
    let whole = tshark(&kept, &["dns.id"])?;
    ensure!(whole.len() > 100, "{} packets", whole.len());
    let replayed = product::read(&kept, &[])?;
    let summary = replayed.last().context("no summary")?;
    ensure!(summary["packets"] == whole.len() && summary.get("warnings").is_none(), "{summary:#}");
    Ok(())
}

#[test]
fn reader_that_stalls_takes_nothing_from_the_summary() {
    if let Some(place) = Place::new("recording to a reader that stalls") {
        stalled(&place).unwrap();
    }
}

fn stalled(place: &Place) -> Result<()> {
    let fifo = place.path("fifo");
    mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR)?;
    // Without a reader it could not be opened; this one reads nothing.
    let _reader = fs::File::options().read(true).write(true).open(&fifo)?;
    let run = place.record(&fifo, &["--print", "--format", "json", "--timeout", "100ms"])?;
    // More than there is room for on the way; each part was seen when the last of it has waited long enough.
    for _ in 0..8 {
        place.ask(4000)?;
        run.next(|record| record["transaction_id"] == 3999)?;
    }
    let ended = run.signal(Signal::SIGINT)?;
    let said = |text: &str| ended.stderr.iter().filter(|line| line.contains(text)).count();
    ensure!(said("what is recorded to is blocked: not everything was written") == 1, "{:#?}", ended.stderr);
    ensure!(said("standard output is blocked") == 0, "{:#?}", ended.stderr);
    let summary = ended.json()?.pop().context("no summary")?;
    ensure!(summary["kind"] == "summary" && summary["adds_up"] == true, "{summary:#}");
    let ledgers = summary["ledger"].as_array().context("no ledger")?;
    let recording = ledgers.iter().find(|ledger| ledger["what"] == "recording").context("no recording")?;
    ensure!(recording["parts"]["dropped"].as_u64() > Some(0), "{recording}");
    Ok(())
}
