//! Addresses as keys of tables that are asked for with each transaction.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

/// An address that is hashed in one step, or two. The standard library takes five, which shows where there are a hundred
/// thousand transactions a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<A>(pub(super) A);

impl Hash for Key<IpAddr> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            IpAddr::V4(address) => state.write_u32(address.to_bits()),
            IpAddr::V6(address) => state.write_u128(address.to_bits()),
        }
    }
}

impl Hash for Key<SocketAddr> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            SocketAddr::V4(address) => {
                state.write_u64(u64::from(address.ip().to_bits()) << 16 | u64::from(address.port()));
            }
            SocketAddr::V6(address) => {
                state.write_u128(address.ip().to_bits());
                state.write_u16(address.port());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use foldhash::fast::FixedState;

    use super::*;

    #[test]
    fn addresses_and_ports_are_told_apart() {
        let hash = |address: &str| FixedState::default().hash_one(Key(address.parse::<SocketAddr>().unwrap()));
        let all = ["10.0.0.1:53", "10.0.0.2:53", "10.0.0.1:54", "[fd00::1]:53", "[fd00::2]:53", "[fd00::1]:54"];
        let mut hashes: Vec<_> = all.map(hash).to_vec();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!((hashes.len(), hash(all[0])), (all.len(), hash(all[0])));
    }
}
