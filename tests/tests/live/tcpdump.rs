//! tcpdump on every interface of a node, beside the product: the second witness.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dnstrace::capture::Direction;
use dnstrace::capture::file::{CaptureFile, FileItem};
use dnstrace::decode::{DecodeOptions, Decoder, Observation, Transport};
use dnstrace_tests::node::Node;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::sighting::Sighting;

/// A busy machine may need long to write a packet that was seen.
const PATIENCE: Duration = Duration::from_secs(20);
const PIECE_LEN: usize = 1 << 16;
/// Pieces that may wait to be read: more than any test makes.
const PIECES: usize = 1 << 14;

/// A running tcpdump, killed when dropped.
pub(crate) struct Tcpdump {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pieces: Receiver<Vec<u8>>,
    file: Vec<u8>,
}

impl Tcpdump {
    /// Starts it; it captures from when this returns.
    pub(crate) fn start(node: &Node) -> Result<Self> {
        let mut command = node.command("tcpdump");
        // The second form of cooked headers tells the interface of each packet; ports are for the product's reader. The
        // buffer is cut into pieces of the longest packet: without these sizes there are eight, and packets are lost.
        let sizes = ["-s", "16384", "-B", "65536"];
        command.args(["-i", "any", "-y", "LINUX_SLL2", "-n", "-U", "--immediate-mode", "-w", "-"]).args(sizes);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pieces = pieces(child.stdout.take().context("no stdout")?);
        let mut stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            ensure!(stderr.read_line(&mut line)? > 0, "tcpdump does not listen");
        }
        Ok(Self { child, stderr, pieces, file: Vec::new() })
    }

    /// Ends it once it has written a packet with these bytes; the file that it wrote.
    pub(crate) fn end(mut self, last: &[u8]) -> Result<Vec<u8>> {
        while !self.file.windows(last.len()).any(|bytes| bytes == last) {
            self.file.extend(self.pieces.recv_timeout(PATIENCE).context("tcpdump does not write the last packet")?);
        }
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT)?;
        while let Ok(piece) = self.pieces.recv_timeout(PATIENCE) {
            self.file.extend(piece);
        }
        let mut said = String::new();
        self.stderr.read_to_string(&mut said)?;
        ensure!(said.contains("\n0 packets dropped by kernel"), "{said}");
        Ok(std::mem::take(&mut self.file))
    }
}

impl Drop for Tcpdump {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pieces(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(PIECES);
    thread::spawn(move || {
        let mut buffer = vec![0; PIECE_LEN];
        while let Ok(length @ 1..) = pipe.read(&mut buffer)
            && sender.send(buffer[..length].to_vec()).is_ok()
        {}
    });
    receiver
}

/// The DNS messages of a capture file, read by the product's own stages.
pub(crate) fn sightings(file: &[u8]) -> Result<Vec<Sighting>> {
    let mut file = CaptureFile::open(file)?;
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53, 5353], tunnels: true });
    let mut sightings = Vec::new();
    let mut read = |item: FileItem<'_>| {
        if let FileItem::Packet(packet) = item {
            decoder.add(packet, |observation| sightings.push(sighting(observation)));
        }
    };
    while file.next(&mut read)? {}
    decoder.finish(|observation| sightings.push(sighting(observation)));
    Ok(sightings)
}

fn sighting(observation: &Observation<'_>) -> Sighting {
    let message = &observation.message;
    Sighting {
        ifindex: observation.point.ifindex.into(),
        direction: if observation.point.direction == Direction::In { "in" } else { "out" }.to_owned(),
        proto: if observation.transport == Transport::Udp { "udp" } else { "tcp" }.to_owned(),
        src: observation.src,
        dst: observation.dst,
        vlan: observation.vlan.map(u64::from),
        is_response: message.header.is_response(),
        id: message.header.id.into(),
        name: message.question.map(|question| question.name.to_string().to_ascii_lowercase()).unwrap_or_default(),
        len: message.wire_len.into(),
    }
}
