//! Netlink messages: attributes in, the kernel's verdict out. What needs `ip` and `nft` elsewhere works here on a machine
//! that has neither.

use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, sendto, socket,
};

/// A netlink message under construction: header, the family's fixed part, attributes (netlink(7)).
pub(super) struct Message(Vec<u8>);

/// Length, type, flags, sequence number and port of a message.
const HEADER_LEN: usize = 16;
/// The kernel's largest dump page; our answers are acknowledgements of a few dozen bytes.
const ANSWER_LEN: usize = 32 * 1024;

impl Message {
    /// `kind` and `flags` as in the header; `fixed` is the family's own struct.
    pub(super) fn new(kind: u16, flags: i32, fixed: &[u8]) -> Self {
        let flags = u16::try_from(flags).unwrap_or(0) | REQUEST;
        let mut bytes = vec![0; HEADER_LEN];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(fixed);
        Self(bytes).padded()
    }

    /// Adds an attribute.
    pub(super) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        push_attribute(&mut self.0, kind, value);
        self.padded()
    }

    /// The message with its length and sequence number filled in.
    fn finished(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }

    fn padded(mut self) -> Self {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
}

const REQUEST: u16 = 1;

/// One attribute as bytes, for nesting.
pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_attribute(&mut bytes, kind, value);
    bytes
}

/// An attribute that holds attributes.
pub(super) fn nested(kind: u16, inner: &[Vec<u8>]) -> Vec<u8> {
    attribute(kind | NESTED, &inner.concat())
}

/// `NLA_F_NESTED`: `nf_tables` insists on it, the older families take either.
const NESTED: u16 = 1 << 15;

/// A string attribute's value, with its closing zero.
pub(super) fn text(value: &str) -> Vec<u8> {
    [value.as_bytes(), &[0]].concat()
}

fn push_attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// A netlink socket of the netns it was opened in.
pub(super) struct Netlink(OwnedFd);

impl Netlink {
    /// `protocol`: route or netfilter.
    pub(super) fn open(protocol: SockProtocol) -> Result<Self> {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        Ok(Self(fd))
    }

    /// Sends messages in one go and waits until each that asked for it is acknowledged; the first refusal is the error.
    pub(super) fn send(&self, messages: Vec<Message>) -> Result<()> {
        let asks = |message: &Message| message.0[6] & ACKNOWLEDGE != 0;
        let mut expected = messages.iter().filter(|message| asks(message)).count();
        let bytes: Vec<u8> = (1..).zip(messages).flat_map(|(sequence, message)| message.finished(sequence)).collect();
        sendto(self.0.as_raw_fd(), &bytes, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
        let mut buffer = vec![0; ANSWER_LEN];
        while expected > 0 {
            let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            expected = expected.saturating_sub(acknowledgements(&buffer[..length])?);
        }
        Ok(())
    }
}

/// `NLM_F_ACK`.
pub(super) const ACK: i32 = 4;
const ACKNOWLEDGE: u8 = 4;

fn acknowledgements(mut answer: &[u8]) -> Result<usize> {
    let mut count = 0;
    while let Some(header) = answer.first_chunk::<HEADER_LEN>() {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        ensure!((HEADER_LEN..=answer.len()).contains(&length), "netlink answer of {length} bytes");
        if u16::from_ne_bytes([header[4], header[5]]) == ERROR {
            verdict(&answer[HEADER_LEN..length]).with_context(|| format!("netlink message {}", header[8]))?;
            count += 1;
        }
        answer = answer.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(count)
}

/// `NLMSG_ERROR`: also the positive answer, with code 0.
const ERROR: u16 = 2;

fn verdict(body: &[u8]) -> Result<()> {
    let code = body.first_chunk::<4>().context("netlink error without a code")?;
    match i32::from_ne_bytes(*code) {
        0 => Ok(()),
        code => bail!(std::io::Error::from_raw_os_error(-code)),
    }
}
