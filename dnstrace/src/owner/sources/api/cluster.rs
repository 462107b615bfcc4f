//! Services and cluster DNS, listed again and again → facts on them.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::dns;
use super::failure::{Cause, Failure};
use super::list::Listed;
use super::pace::BackOff;
use super::progress::{Desk, Part, count};
use super::server::{Call, Line, Server};
use super::services::{self, Service, Services};
use crate::owner::fact::{ClusterDnsFact, Fact};
use crate::owner::sources::teller::NobodyListens;

/// Lists Services and the endpoints of those that are cluster DNS, for ever.
pub(super) struct Cluster<'a> {
    server: &'a Server,
    desk: &'a Desk,
    /// Addresses of Services, for who asks for addresses.
    known: watch::Sender<Arc<HashSet<IpAddr>>>,
    /// Somebody asked for an address that none had.
    wanted: Arc<Notify>,
    services: Services,
    dns: ClusterDnsFact,
    /// When there is to be the next list of each.
    next_services: Turn,
    next_endpoints: Turn,
}

/// When something is done again.
struct Turn {
    line: Line,
    /// Until something else is known; then `at` counts.
    is_waiting: bool,
    at: Instant,
    last: Instant,
    /// Asking sooner would not help.
    is_refused: bool,
    back_off: BackOff,
}

impl Turn {
    fn new(server: &Server, call: Call) -> Self {
        let now = Instant::now();
        let (line, back_off) = (server.line(call), BackOff::new(&server.pace));
        Self { line, is_waiting: false, at: now, last: now, is_refused: false, back_off }
    }

    fn is_due(&self) -> bool {
        !self.is_waiting && self.at <= Instant::now()
    }

    fn now(&mut self) {
        self.is_waiting = false;
        self.at = Instant::now();
    }

    fn done(&mut self, every: Duration) {
        self.back_off.reset();
        self.is_refused = false;
        self.last = Instant::now();
        self.at = self.last + every;
    }

    /// Who may not ask may be allowed to some day; who cannot be reached is asked sooner.
    fn failed(&mut self, cause: Cause, every: Duration) {
        self.is_refused = cause == Cause::Forbidden;
        let delay = if self.is_refused { every } else { self.back_off.next() };
        self.last = Instant::now();
        self.at = self.last + delay;
    }
}

impl<'a> Cluster<'a> {
    pub(super) fn new(desk: &'a Desk, known: watch::Sender<Arc<HashSet<IpAddr>>>, wanted: Arc<Notify>) -> Self {
        let server = &desk.server;
        let next_services = Turn::new(server, Call::Services);
        let next_endpoints = Turn { is_waiting: true, ..Turn::new(server, Call::EndpointSlices) };
        Self {
            server,
            desk,
            known,
            wanted,
            services: Services::default(),
            dns: ClusterDnsFact::default(),
            next_services,
            next_endpoints,
        }
    }

    pub(super) async fn follow(mut self) -> Result<(), NobodyListens> {
        loop {
            if self.next_services.is_due() {
                self.list_services().await?;
            }
            if self.next_endpoints.is_due() {
                self.list_endpoints().await?;
            }
            tokio::select! {
                () = sleep_until(self.next_services.at) => {}
                () = sleep_until(self.next_endpoints.at), if !self.next_endpoints.is_waiting => {}
                () = self.wanted.notified() => self.hasten(),
            }
        }
    }

    fn hasten(&mut self) {
        let Turn { at, last, is_refused, .. } = &mut self.next_services;
        if !*is_refused {
            *at = (*at).min(*last + self.server.pace.services_asked);
        }
    }

    async fn list_services(&mut self) -> Result<(), NobodyListens> {
        match services::list(&self.next_services.line).await {
            Ok(listed) => self.replace(listed).await,
            Err(error) => {
                let failure = Failure::of(&error, Call::Services, self.server);
                self.next_services.failed(failure.cause, self.server.pace.services);
                if self.next_endpoints.is_waiting {
                    // Which of them are cluster DNS is not known either.
                    self.desk.bad(Part::ClusterDns, failure.clone(), 0).await?;
                }
                self.desk.bad(Part::Services, failure, self.services.skipped).await
            }
        }
    }

    async fn replace(&mut self, listed: Listed<Service>) -> Result<(), NobodyListens> {
        let before = self.services.dns.clone();
        self.desk.tell(self.services.replace(listed)).await?;
        self.known.send_replace(self.services.addresses());
        self.next_services.done(self.server.pace.services);
        self.desk.good(Part::Services, self.services.found(), self.services.skipped).await?;
        if self.services.dns != before {
            self.next_endpoints.now();
        } else if self.services.dns.is_empty() {
            self.desk.good(Part::ClusterDns, "no Service that is cluster DNS".into(), 0).await?;
        }
        Ok(())
    }

    async fn list_endpoints(&mut self) -> Result<(), NobodyListens> {
        match dns::slices(&self.next_endpoints.line, &self.services.dns).await {
            Ok(slices) => {
                self.next_endpoints.done(self.server.pace.endpoints);
                self.tell(dns::fact(&self.services.dns, &slices)).await?;
                self.desk.good(Part::ClusterDns, self.found(), 0).await
            }
            Err(error) => {
                let failure = Failure::of(&error, Call::EndpointSlices, self.server);
                self.next_endpoints.failed(failure.cause, self.server.pace.services);
                if self.dns == ClusterDnsFact::default() {
                    // The Services' addresses alone say where pods send their queries.
                    self.tell(dns::fact(&self.services.dns, &[])).await?;
                }
                self.desk.bad(Part::ClusterDns, failure, 0).await
            }
        }
    }

    async fn tell(&mut self, fact: ClusterDnsFact) -> Result<(), NobodyListens> {
        if self.dns == fact {
            return Ok(());
        }
        self.dns = fact.clone();
        self.desk.tell([Fact::ClusterDns(fact)]).await
    }

    fn found(&self) -> String {
        let ClusterDnsFact { servers, endpoints, .. } = &self.dns;
        format!("cluster DNS with {} and {}", count(servers.len(), "server"), count(endpoints.len(), "endpoint"))
    }
}
