//! Names of addresses, in blocks of their own before the first packet that has the address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::block::Block;

const NAME_RESOLUTION: u32 = 4;
/// Record types (draft-ietf-opsawg-pcapng, 4.5).
const END: u16 = 0;
const IPV4: u16 = 1;
const IPV6: u16 = 2;

/// Names that are not written yet.
pub(super) struct Names(BTreeMap<IpAddr, String>);

impl Names {
    pub(super) fn new(addresses: &[(IpAddr, String)]) -> Self {
        Self(addresses.iter().cloned().collect())
    }

    /// Writes the names of those of `addresses` that have one, the first time.
    pub(super) fn tell(&mut self, addresses: [IpAddr; 2], out: &mut Vec<u8>) {
        for address in addresses {
            if let Some(name) = self.0.remove(&address) {
                write(address, &name, out);
            }
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
