//! Who is at a socket, behind an interface, at an address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::Owner;
use crate::capture::{BootTime, Direction, Hook, Packet, Point, Socket};
use crate::decode::Observation;
use crate::join::{Connection, Hop, MessageKind, Transaction};
use crate::owner::index::{Found, Nearest, Seen};
use crate::owner::named::{Party, Pod, Who};

impl Owner {
    /// Who a sighting is between: its socket is the sender's, or the receiver's.
    #[must_use]
    pub fn who_at(&self, observation: &Observation<'_>) -> Who {
        let party = |address: SocketAddr, is_local: bool| {
            let nobody = Socket::default();
            let socket = if is_local { &observation.socket } else { &nobody };
            self.party(socket, None, address.ip(), observation.time).party
        };
        let at_socket = observation.point.hook == Hook::Socket;
        let sent = !at_socket || observation.point.direction == Direction::Out;
        let (source, destination) = (party(observation.src, sent), party(observation.dst, !sent));
        let is_response = observation.message.header.is_response();
        let (client, server) = if is_response { (destination, source) } else { (source, destination) };
        let asked = if is_response { observation.src } else { observation.dst };
        Who { client, service: self.index.service(asked.ip()).cloned(), server, ..Who::default() }
    }

    /// Who a connection is between, as far as that is known by now.
    #[must_use]
    pub fn who_connects(&self, connection: &Connection) -> Who {
        let Connection { client, server, server_after_nat, client_socket, server_socket, path, time, .. } = connection;
        let behind = server_after_nat.unwrap_or(*server).ip();
        let from = self.party(client_socket, entered(path), client.ip(), *time).party;
        let to = self.party(server_socket, left(path), behind, *time).party;
        let who = Who { client: from, service: self.index.service(server.ip()).cloned(), server: to, ..Who::default() };
        let like = Transaction {
            server_after_nat: *server_after_nat,
            client_socket: *client_socket,
            ..Transaction::between(*client, *server)
        };
        Who { role: self.cluster_dns.role(&like, &who), ..who }
    }

    /// Whose socket a packet was seen at, with the socket's own word only.
    #[must_use]
    pub fn socket_of(&self, packet: &Packet<'_>) -> Option<Party> {
        let socket = &packet.socket;
        if self.by_address_only || (socket.cgroup_id.is_none() && socket.netns.is_none()) {
            return None;
        }
        let nowhere = Ipv4Addr::UNSPECIFIED.into();
        self.index.party(&Seen { socket, interface: None, address: nowhere, time: packet.time }).party
    }

    /// Who has an address at a time, as far as that is known for what is seen from elsewhere.
    #[must_use]
    pub fn at_address(&self, address: IpAddr, time: BootTime) -> Option<Party> {
        if self.has_sources { self.index.at_address(address, time).party } else { None }
    }

    /// A name for an address: of its pod, or of its Service.
    #[must_use]
    pub fn address_name(&self, address: IpAddr, time: BootTime) -> Option<String> {
        if let Some(service) = self.index.service(address) {
            return Some(format!("{}.{}.svc", service.name, service.namespace));
        }
        match self.at_address(address, time)? {
            Party::Pod { pod, .. } => Some(format!("{}/{}", pod.namespace.as_ref()?, pod.name.as_ref()?)),
            Party::Remote(pod) => Some(format!("{}/{}", pod.namespace, pod.name)),
            Party::Node { .. } | Party::Resolver => None,
        }
    }

    /// The pod that the interface leads to at which a packet was seen.
    #[must_use]
    pub fn pod_behind(&self, point: Point, time: BootTime) -> Option<Arc<Pod>> {
        let is_here = point.hook == Hook::Device && point.ifindex != 0 && !self.by_address_only;
        if is_here { self.index.behind_interface(point.ifindex, time) } else { None }
    }

    pub(super) fn party(&self, socket: &Socket, interface: Option<Nearest>, address: IpAddr, time: BootTime) -> Found {
        if self.by_address_only {
            return self.index.at_address(address, time);
        }
        self.index.party(&Seen { socket, interface, address, time })
    }
}

/// The interface by which a query came from its client.
pub(super) fn entered(path: &[Hop]) -> Option<Nearest> {
    let hop = path.iter().find(|hop| hop.message == MessageKind::Query && hop.point.hook == Hook::Device)?;
    (hop.point.direction == Direction::In && hop.point.ifindex != 0).then_some(Nearest::Entered(hop.point.ifindex))
}

/// The interface by which a query went to its server.
pub(super) fn left(path: &[Hop]) -> Option<Nearest> {
    let hop = path.iter().rfind(|hop| hop.message == MessageKind::Query && hop.point.hook == Hook::Device)?;
    (hop.point.direction == Direction::Out && hop.point.ifindex != 0).then_some(Nearest::Left(hop.point.ifindex))
}
