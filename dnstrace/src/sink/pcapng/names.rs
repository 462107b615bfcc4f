//! Names of addresses, in blocks of their own before the first packet that has the address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::block::Block;
use crate::capture::BootTime;
use crate::owner::Owner;

const NAME_RESOLUTION: u32 = 4;
/// Record types (draft-ietf-opsawg-pcapng, 4.5).
const END: u16 = 0;
const IPV4: u16 = 1;
const IPV6: u16 = 2;

/// Addresses whose names are remembered as written: as many as a large cluster has pods. Beyond it they are written anew.
const WRITTEN_MAX: usize = 65_536;

/// Names of addresses, and those that were written.
pub(super) struct Names {
    own: BTreeMap<IpAddr, String>,
    written: BTreeMap<IpAddr, Written>,
}

struct Written {
    name: Option<String>,
    /// Of the names when it was looked up.
    version: u64,
}

impl Names {
    /// With names of the node's own addresses.
    pub(super) fn new(addresses: &[(IpAddr, String)]) -> Self {
        Self { own: addresses.iter().cloned().collect(), written: BTreeMap::new() }
    }

    /// Writes the names that addresses have for a packet, unless they are written already: an address may get another pod.
    pub(super) fn tell(&mut self, addresses: [IpAddr; 2], owner: &Owner, time: BootTime, out: &mut Vec<u8>) {
        for address in addresses {
            let known = self.written.get(&address);
            if known.is_some_and(|known| known.version == owner.version()) {
                continue;
            }
            let name = self.own.get(&address).cloned().or_else(|| owner.address_name(address, time));
            if let Some(name) = name.as_ref().filter(|name| known.and_then(|known| known.name.as_ref()) != Some(name)) {
                write(address, name, out);
            }
            if self.written.len() >= WRITTEN_MAX {
                self.written.clear();
            }
            self.written.insert(address, Written { name, version: owner.version() });
        }
    }
}

fn write(address: IpAddr, name: &str, out: &mut Vec<u8>) {
    let (kind, octets) = match address {
        IpAddr::V4(address) => (IPV4, address.octets().to_vec()),
        IpAddr::V6(address) => (IPV6, address.octets().to_vec()),
    };
    // The name ends with a zero.
    let value = [&octets[..], name.as_bytes(), &[0]].concat();
    let Ok(length) = u16::try_from(value.len()) else { return };
    let block = Block::begin(out, NAME_RESOLUTION).u16(kind).u16(length).bytes(&value).pad();
    block.u16(END).u16(0).end();
}
