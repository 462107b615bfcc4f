//! Frames sent as they are, on `lo`: forms that no socket of ours would send by itself.

use std::os::fd::AsRawFd;

use anyhow::{Result, ensure};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const VLAN: u16 = 0x8100;
pub(crate) const SERVICE_VLAN: u16 = 0x88a8;

/// No address: loopback's own.
const ADDRESSES: [u8; 12] = [0; 12];

/// Sends `payload` behind an Ethernet header with these tags, outermost first, each an EtherType and a VLAN ID.
pub(crate) fn send(tags: &[(u16, u16)], payload: &[u8]) -> Result<()> {
    let mut frame = ADDRESSES.to_vec();
    for (ethertype, id) in tags {
        frame.extend(ethertype.to_be_bytes());
        frame.extend(id.to_be_bytes());
    }
    frame.extend(IPV4.to_be_bytes());
    frame.extend_from_slice(payload);
    send_frame(&frame, tags.first().map_or(IPV4, |(ethertype, _)| *ethertype))
}

/// An IPv4 packet with UDP to port 53. Nobody checks its checksums: it is not delivered.
pub(crate) fn udp(message: &[u8]) -> Result<Vec<u8>> {
    const HEADERS: usize = 28;
    let total = u16::try_from(HEADERS + message.len())?;
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    // Identification, fragment, time to live 64, UDP, checksum, addresses of documentation (RFC 5737).
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    packet.extend(40_000_u16.to_be_bytes());
    packet.extend(53_u16.to_be_bytes());
    packet.extend((total - 20).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend_from_slice(message);
    Ok(packet)
}

fn send_frame(frame: &[u8], ethertype: u16) -> Result<()> {
    let sender = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET)?,
        sll_protocol: ethertype.to_be(),
        sll_ifindex: i32::try_from(nix::net::if_::if_nametoindex("lo")?)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of_val(&address))?;
    // SAFETY: frame and address live over the call, with these lengths, and are only read.
    let sent = unsafe {
        libc::sendto(sender.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0, (&raw const address).cast(), length)
    };
    ensure!(usize::try_from(sent) == Ok(frame.len()), "cannot send a frame: {}", std::io::Error::last_os_error());
    Ok(())
}
