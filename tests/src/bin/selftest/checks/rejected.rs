//! ICMP errors that quote what went to a watched port.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};

use anyhow::{Context, Result, ensure};
use dnstrace::capture::{Direction, Hook};

use super::Ground;
use crate::traffic::PATIENCE;
use crate::watch::{Sighting, options, watch};
use crate::{V4, V6};

const MESSAGE: &[u8] = b"to a port that nobody listens at, and told so";
const ETHERNET_LEN: usize = 14;

/// Where an IP header has its protocol number, and ICMP's (IANA).
const PROTOCOLS: [(IpAddr, usize, u8); 2] = [(V4, 9, 1), (V6, 6, 58)];

/// The error for a datagram to a watched port is seen sent and received; that for another port is not.
pub(super) fn icmp_error(ground: &Ground) -> Result<()> {
    for (address, protocol_at, icmp) in PROTOCOLS {
        let ((), watched) = watch(&options(&ground.machine), || {
            refused(address, 54)?;
            refused(address, 53)
        })?;
        let is_error = |sighting: &&Sighting| {
            sighting.hook == Hook::Device && sighting.bytes.get(ETHERNET_LEN + protocol_at) == Some(&icmp)
        };
        let errors: Vec<&Sighting> = watched.sightings.iter().filter(is_error).collect();
        let directions: Vec<Direction> = errors.iter().map(|error| error.direction).collect();
        ensure!(directions == [Direction::Out, Direction::In], "{address}: errors seen {directions:?}");
        ensure!(errors.iter().all(|error| error.carries(MESSAGE)), "{address}: an error does not quote the datagram");
    }
    Ok(())
}

/// Sends a datagram to a closed port and waits until its socket is told.
fn refused(address: IpAddr, port: u16) -> Result<()> {
    let socket = UdpSocket::bind((address, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect((address, port))?;
    socket.send(MESSAGE)?;
    let error = socket.recv(&mut [0]).err().context("somebody answers")?;
    ensure!(error.kind() == ErrorKind::ConnectionRefused, "{address} port {port}: {error}");
    Ok(())
}
