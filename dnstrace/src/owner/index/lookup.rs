//! Who a socket or an address belongs to, in the order of trust: netns, cgroup, interface, address.

use std::net::IpAddr;
use std::sync::Arc;

use super::Index;
use super::claims::Key;
use crate::capture::{BootTime, Socket};
use crate::owner::fact::{CgroupOf, Text};
use crate::owner::named::{Container, KnownBy, Party, Pod};
use crate::owner::sources::Ask;

/// One end of a transaction, as far as it was seen.
#[derive(Clone, Copy, Debug)]
pub(in crate::owner) struct Seen<'a> {
    /// Its socket.
    pub(in crate::owner) socket: &'a Socket,
    /// The node's interface nearest to it.
    pub(in crate::owner) interface: Option<Nearest>,
    /// Its address.
    pub(in crate::owner) address: IpAddr,
    /// When.
    pub(in crate::owner) time: BootTime,
}

/// An interface of the node, by index.
#[derive(Clone, Copy, Debug)]
pub(in crate::owner) enum Nearest {
    /// What it sent came in by it.
    Entered(u32),
    /// What was sent to it went out by it. A bridge that does not know where somebody is sends it to others, too.
    Left(u32),
}

/// What is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::owner) struct Found {
    /// Who it is.
    pub(in crate::owner) party: Option<Party>,
    /// What would have to be known to say it, or to say more.
    pub(in crate::owner) lack: Option<Lack>,
    /// Whether what was seen belongs to two pods at once.
    pub(in crate::owner) is_disputed: bool,
}

/// What is not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::owner) enum Lack {
    /// It can be asked for.
    Ask(Ask),
    /// The name of a pod of which only the UID is known.
    Name(Text),
}

/// What a cgroup id says.
enum OfCgroup<'a> {
    Pod {
        uid: Text,
        container: Option<Arc<Container>>,
    },
    Host(&'a Text),
    /// Nobody could say, or the packet came without one.
    Unknown,
    /// Nobody was asked.
    Lacking(Lack),
}

impl Index {
    /// Who it is.
    pub(in crate::owner) fn party(&self, seen: &Seen<'_>) -> Found {
        let netns = seen.socket.netns;
        let of_cgroup = self.of_cgroup(seen.socket);
        if let Some((pod, is_disputed)) = netns.and_then(|netns| self.holder(Key::Netns(netns), seen.time)) {
            let found = in_netns(pod, of_cgroup);
            return Found { is_disputed: is_disputed || found.is_disputed, ..found };
        }
        match of_cgroup {
            OfCgroup::Pod { uid, container } => self.of_pod(&uid, container),
            OfCgroup::Host(unit) => {
                // The root of the tree is no unit.
                let unit = Some(unit.clone()).filter(|unit| !unit.is_empty() && **unit != *"/");
                Found { party: Some(Party::Node { unit, by: KnownBy::Cgroup }), ..Found::default() }
            }
            OfCgroup::Lacking(lack) => Found { lack: Some(lack), ..self.by_place(seen) },
            OfCgroup::Unknown => {
                let foreign = netns.filter(|netns| self.node_netns().is_some_and(|nodes| nodes != *netns));
                Found { lack: foreign.map(|netns| Lack::Ask(Ask::Netns(netns))), ..self.by_place(seen) }
            }
        }
    }

    /// Whether something is known of a socket, without saying what.
    pub(in crate::owner) fn knows(&self, socket: &Socket, time: BootTime) -> bool {
        match (socket.cgroup_id, socket.netns) {
            (Some(id), _) => self.cgroups.contains_key(&id),
            (None, Some(netns)) => {
                self.node_netns() == Some(netns) || self.claims.holder(Key::Netns(netns), time).is_some()
            }
            (None, None) => true,
        }
    }

    /// Who has an address, as far as it is known for what was sent to it from elsewhere.
    pub(in crate::owner) fn at_address(&self, address: IpAddr, time: BootTime) -> Found {
        self.by_place(&Seen { socket: &Socket::default(), interface: None, address, time })
    }

    /// The pod that an interface of the node leads to.
    pub(in crate::owner) fn behind_interface(&self, ifindex: u32, time: BootTime) -> Option<Arc<Pod>> {
        Some(self.holder(Key::Interface(ifindex), time)?.0)
    }

    fn of_cgroup(&self, socket: &Socket) -> OfCgroup<'_> {
        let Some(id) = socket.cgroup_id else { return OfCgroup::Unknown };
        match self.cgroups.get(&id).map(|cgroup| &cgroup.of) {
            None => {
                let tgid = socket.process.map(|process| process.tgid);
                OfCgroup::Lacking(Lack::Ask(Ask::Cgroup { id, tgid }))
            }
            Some(CgroupOf::Unknown) => OfCgroup::Unknown,
            Some(CgroupOf::Host { unit }) => OfCgroup::Host(unit),
            Some(CgroupOf::Pod { uid }) => OfCgroup::Pod { uid: uid.clone(), container: None },
            Some(CgroupOf::Container { id, pod }) => self.of_container(id, pod.as_ref()),
        }
    }

    /// What the runtime says of a container's pod counts more than its path, which may have been chosen by anybody.
    fn of_container(&self, id: &Text, pod: Option<&Text>) -> OfCgroup<'_> {
        let container = self.containers.get(id).map(|entry| Arc::clone(&entry.given));
        match container.as_ref().and_then(|container| container.pod.as_ref()).or(pod) {
            Some(uid) => OfCgroup::Pod { uid: uid.clone(), container },
            // A container of no pod: Docker's, or a runtime's without Kubernetes. It is the node's own.
            None => OfCgroup::Unknown,
        }
    }

    fn of_pod(&self, uid: &Text, container: Option<Arc<Container>>) -> Found {
        let unnamed = || Pod::unnamed(uid.clone());
        let pod = self.pods.get(uid).map_or_else(|| Arc::new(unnamed()), |entry| Arc::clone(&entry.given));
        let lack = lack_of_name(&pod);
        Found { party: Some(Party::Pod { pod, container, by: KnownBy::Cgroup }), lack, is_disputed: false }
    }

    fn by_place(&self, seen: &Seen<'_>) -> Found {
        let address = seen.address.to_canonical();
        let by_interface = || {
            let (ifindex, is_sender) = match seen.interface? {
                Nearest::Entered(ifindex) => (ifindex, true),
                Nearest::Left(ifindex) => (ifindex, false),
            };
            let held = self.holder(Key::Interface(ifindex), seen.time)?;
            (is_sender || may_have(&held.0, address)).then_some((KnownBy::Interface, held))
        };
        let by_address = || Some((KnownBy::Address, self.holder(Key::Address(address), seen.time)?));
        if let Some((by, (pod, is_disputed))) = by_interface().or_else(by_address) {
            let lack = lack_of_name(&pod);
            return Found { party: Some(Party::Pod { pod, container: None, by }), lack, is_disputed };
        }
        Found { party: self.elsewhere(address), ..Found::default() }
    }

    /// Who has an address that is no pod's of this node.
    fn elsewhere(&self, address: IpAddr) -> Option<Party> {
        let is_nodes = |list: fn(&crate::owner::fact::NodeFact) -> &[IpAddr]| {
            self.node.iter().any(|said| list(&said.1).contains(&address))
        };
        if is_nodes(|node| &node.addresses) {
            return Some(Party::Node { unit: None, by: KnownBy::Address });
        }
        if let Some(pod) = self.remote.get(&address) {
            return Some(Party::Remote(Arc::clone(pod)));
        }
        is_nodes(|node| &node.resolvers).then_some(Party::Resolver)
    }

    fn holder(&self, key: Key, time: BootTime) -> Option<(Arc<Pod>, bool)> {
        let held = self.claims.holder(key, time)?;
        Some((Arc::clone(&self.pods.get(held.uid)?.given), held.is_disputed))
    }
}

/// A socket in a pod's netns is the pod's. Its cgroup tells the container; of what only entered the netns, as a debugger
/// does, it tells nothing.
fn in_netns(pod: Arc<Pod>, of_cgroup: OfCgroup<'_>) -> Found {
    let (container, lack, is_disputed) = match of_cgroup {
        OfCgroup::Pod { uid, container } if uid == pod.uid => (container, None, false),
        OfCgroup::Pod { .. } => (None, None, true),
        OfCgroup::Lacking(lack) => (None, Some(lack), false),
        OfCgroup::Host(_) | OfCgroup::Unknown => (None, None, false),
    };
    let lack = lack.or_else(|| lack_of_name(&pod));
    Found { party: Some(Party::Pod { pod, container, by: KnownBy::Netns }), lack, is_disputed }
}

/// Of addresses of one family, a pod's are all known, or none.
fn may_have(pod: &Pod, address: IpAddr) -> bool {
    let mut of_family = pod.addresses.iter().map(IpAddr::to_canonical).filter(|own| own.is_ipv4() == address.is_ipv4());
    of_family.next().is_none_or(|first| first == address || of_family.any(|own| own == address))
}

fn lack_of_name(pod: &Pod) -> Option<Lack> {
    pod.name.is_none().then(|| Lack::Name(pod.uid.clone()))
}
