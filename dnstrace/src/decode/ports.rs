//! Which ports DNS is spoken on.

/// A set of ports, one bit each.
pub(super) struct PortSet(Box<[u64; 1024]>);

impl PortSet {
    pub(super) fn new(ports: &[u16]) -> Self {
        let mut words = Box::new([0; 1024]);
        for port in ports {
            words[usize::from(port >> 6)] |= 1 << (port & 63);
        }
        Self(words)
    }

    pub(super) fn contains(&self, port: u16) -> bool {
        self.0[usize::from(port >> 6)] >> (port & 63) & 1 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_what_was_put_in() {
        let ports = PortSet::new(&[0, 53, 5353, 65535]);
        let contained: Vec<u16> = (0..=u16::MAX).filter(|port| ports.contains(*port)).collect();
        assert_eq!(contained, [0, 53, 5353, 65535]);
    }
}
