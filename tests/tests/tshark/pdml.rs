//! What tshark prints with `-T pdml`: every field with its bytes and their place, one element a line.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::{command, debian};

/// A protocol or a field.
#[derive(Debug, Default)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// Its value as text.
    pub(crate) show: String,
    /// Its bytes; empty where it is a part of some.
    pub(crate) bytes: Vec<u8>,
    pub(crate) pos: usize,
    pub(crate) children: Vec<Field>,
}

/// A packet's protocols.
pub(crate) type Packet = Vec<Field>;

impl Field {
    /// This field and all below, in their order.
    pub(crate) fn walk(&self) -> impl Iterator<Item = &Field> {
        let below = self.children.iter().flat_map(|child| Box::new(child.walk()) as Box<dyn Iterator<Item = _>>);
        std::iter::once(self).chain(below)
    }

    /// The first field with this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Field> {
        self.walk().find(|field| field.name == name)
    }

    /// All fields with this name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &Field> {
        self.walk().filter(move |field| field.name == name)
    }

    /// The number that its bytes are.
    pub(crate) fn number(&self) -> u64 {
        self.bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// Installs tshark; whether it is there, and why not.
pub(crate) fn available() -> Result<()> {
    if command::exists("tshark") {
        return Ok(());
    }
    ensure!(dnstrace_tests::skip::is_root(), "no tshark, and installing it needs root");
    debian::install(&["tshark"])
}

/// What tshark says of a file's DNS messages and of what is around them.
pub(crate) fn read(file: &Path) -> Result<Vec<Packet>> {
    run(file, &[])
}

/// The same, with each fragment by itself: of datagrams that do not become whole, tshark does not read the first.
pub(crate) fn read_fragments(file: &Path) -> Result<Vec<Packet>> {
    run(file, &["ip.defragment:FALSE", "ipv6.defragment:FALSE"])
}

fn run(file: &Path, settings: &[&str]) -> Result<Vec<Packet>> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-T", "pdml", "-J", "frame sll eth vlan ieee8021ad ip ipv6 icmp icmpv6 udp tcp dns"]);
    tshark.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
    // Linux' old port of VXLAN, which flannel has.
    tshark.args(["-d", "udp.port==8472,vxlan"]);
    tshark.args(settings.iter().flat_map(|setting| ["-o", setting]));
    parse(&command::of(tshark.arg("-r").arg(file))?)
}

/// Writes the frames of a file that a display filter passes into another file.
pub(crate) fn filter(file: &Path, filter: &str, out: &Path) -> Result<()> {
    command::of(Command::new("tshark").args(["-n", "-Y", filter, "-r"]).arg(file).arg("-w").arg(out)).map(drop)
}

fn parse(text: &str) -> Result<Vec<Packet>> {
    let mut packets = Vec::new();
    // Elements that are open; the packet itself stands at the bottom.
    let mut open: Vec<Field> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line == "<packet>" {
            open = vec![Field::default()];
        } else if line == "</packet>" {
            ensure!(open.len() == 1, "an element is open at a packet's end");
            packets.extend(open.pop().map(|packet| packet.children));
        } else if line == "</field>" || line == "</proto>" {
            let field = open.pop().context("closed and not opened")?;
            open.last_mut().context("no packet")?.children.push(field);
        } else if line.starts_with("<field ") || line.starts_with("<proto ") {
            let field = element(line)?;
            if line.ends_with("/>") {
                open.last_mut().context("no packet")?.children.push(field);
            } else {
                open.push(field);
            }
        }
    }
    Ok(packets)
}

fn element(line: &str) -> Result<Field> {
    let attribute = |name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| unescape(value))
    };
    let size: usize = attribute("size").map_or(Ok(0), |size| size.parse())?;
    // A part of a byte has the byte as `unmaskedvalue`.
    let bytes = attribute("value").filter(|value| value.len() == 2 * size && attribute("unmaskedvalue").is_none());
    Ok(Field {
        name: attribute("name").context("an element without a name")?,
        show: attribute("show").unwrap_or_default(),
        bytes: hex(&bytes.unwrap_or_default()).with_context(|| line.to_owned())?,
        pos: attribute("pos").map_or(Ok(0), |pos| pos.parse())?,
        children: Vec::new(),
    })
}

fn hex(text: &str) -> Result<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair)?, 16).map_err(Into::into));
    pairs.collect()
}

fn unescape(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}
