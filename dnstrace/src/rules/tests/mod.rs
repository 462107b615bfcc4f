//! Transactions made by hand, and what the rules say of them.
//!
//! A test is a [`Scene`]: facts, then transactions in the order in which they end, then what was found.

mod aaaa_broken;
mod answer_mismatch;
mod asks;
mod bypass_cluster_dns;
mod cname_problem;
mod connections;
mod conntrack_full;
mod dns_tcp_idle_reset;
mod fragment_lost;
mod framework;
mod heard;
mod kept;
mod kubernetes_plugin_unsynced;
mod loops;
mod max_concurrent_refused;
mod musl_parallel_nameservers;
mod name_not_found;
mod ndots_search_amplification;
mod negative_cache_stale;
mod no_dns_endpoints;
mod node_path_broken;
mod nodelocal;
mod oversize_upstream_reply;
mod pair_race_lost;
mod path;
mod policy_drop;
mod policy_proxy_refused;
mod ptr_leak;
mod query_storm;
mod reply_unexpected_source;
mod resolv_conf_limits;
mod response_lost;
mod rpfilter_drop;
mod search_wildcard_hit;
mod server_not_listening;
mod server_overload;
mod server_slow;
mod snat_port_exhaustion;
mod spent;
mod split_upstreams;
mod stale_conntrack_endpoint;
mod truncated_no_tcp;
mod truncated_tcp_blocked;
mod upstream_error;
mod upstream_rate_limited;
mod upstream_timeout;
mod vip_not_translated;
mod walks;
mod ways;
mod wrong_nameserver;
mod wrong_namespace;

pub(in crate::rules) use asks::{Ask, asked_because, asked_on, at_device, at_socket, dropped, rejected, to_coredns};
pub(in crate::rules) use heard::Heard;
pub(in crate::rules) use walks::{missed, pair};

use std::time::Duration;

use super::catalogue::RULES;
use super::finding::{About, Finding};
use super::{Given, RuleOptions, Rules};
use crate::capture::BootTime;
use crate::join::Connection;
use crate::owner::fact::{ClusterDnsFact, Endpoint, Fact, PodFact, ServiceFact, Source};
use crate::owner::{Owner, Party, Role, Who};

/// What is known, what happens, and what is found.
pub(in crate::rules) struct Scene {
    rules: Rules,
    owner: Owner,
    now: BootTime,
    pub(in crate::rules) heard: Heard,
}

/// The cluster of the tests: its Service, its endpoints.
pub(in crate::rules) const SERVICE: &str = "10.96.0.10:53";
pub(in crate::rules) const SERVICE_V6: &str = "[fd00:96::a]:53";
pub(in crate::rules) const COREDNS: &str = "10.244.0.53:53";
pub(in crate::rules) const COREDNS_2: &str = "10.244.0.54:53";
/// A second upstream server.
pub(in crate::rules) const UPSTREAM_2: &str = "192.0.2.54:53";
/// Its upstream server, and two pods' addresses.
pub(in crate::rules) const UPSTREAM: &str = "192.0.2.53:53";
pub(in crate::rules) const WEB: &str = "10.244.0.10";
pub(in crate::rules) const DB: &str = "10.244.0.11";

impl Scene {
    /// Nothing is known but what traffic shows.
    pub(in crate::rules) fn unknown() -> Self {
        Self { rules: Rules::default(), owner: Owner::files(1), now: BootTime(0), heard: Heard::default() }
    }

    /// A cluster with the Service kube-system/kube-dns, two CoreDNS pods, and the pods shop/web and shop/db, as the API
    /// says.
    pub(in crate::rules) fn cluster() -> Self {
        let endpoint = |address: &str, ready| Endpoint { address: address.parse().unwrap(), pod: None, ready };
        let dns = ClusterDnsFact {
            servers: vec![SERVICE.parse().unwrap()],
            endpoints: vec![endpoint(COREDNS, true), endpoint(COREDNS_2, true)],
            domain: Some("cluster.local".into()),
        };
        Self::unknown()
            .fact(Fact::ClusterDns(dns))
            .pod("kube-system", "coredns-1", "10.244.0.53")
            .pod("kube-system", "coredns-2", "10.244.0.54")
            .pod("shop", "web", WEB)
            .pod("shop", "db", DB)
            .service("kube-system", "kube-dns", "10.96.0.10")
            .service("default", "kubernetes", "10.96.0.1")
    }

    /// What the API says.
    pub(in crate::rules) fn fact(self, fact: Fact) -> Self {
        self.said(Source::Api, fact)
    }

    /// What another source says.
    pub(in crate::rules) fn said(mut self, source: Source, fact: Fact) -> Self {
        self.owner.apply(source, fact, BootTime(0));
        self
    }

    /// The same, where the API says that no endpoint of cluster DNS is ready.
    pub(in crate::rules) fn without_endpoints() -> Self {
        let servers = vec![SERVICE.parse().unwrap()];
        Self::cluster().fact(Fact::ClusterDns(ClusterDnsFact { servers, ..ClusterDnsFact::default() }))
    }

    /// The same, where nobody asked the API: the user says where cluster DNS is asked.
    pub(in crate::rules) fn with_service_only() -> Self {
        let mut scene = Self::unknown();
        let servers = vec![SERVICE.parse().unwrap(), SERVICE_V6.parse().unwrap()];
        let fact = Fact::ClusterDns(ClusterDnsFact { servers, ..ClusterDnsFact::default() });
        scene.owner.apply(Source::User, fact, BootTime(0));
        scene
    }

    /// Most pods' files name a server, of which nobody else says that it is cluster DNS.
    pub(in crate::rules) fn named_by_pods(self, server: &str) -> Self {
        let fact = ClusterDnsFact { servers: vec![server.parse().unwrap()], ..ClusterDnsFact::default() };
        self.said(Source::ResolvConf, Fact::ClusterDns(fact))
    }

    /// A pod; its UID is `uid-NAME`.
    pub(in crate::rules) fn pod(self, namespace: &str, name: &str, address: &str) -> Self {
        let addresses = vec![address.parse().unwrap()];
        let uid = format!("uid-{name}").into();
        self.fact(Fact::Pod(PodFact {
            uid,
            namespace: Some(namespace.into()),
            name: Some(name.into()),
            addresses,
            ..PodFact::default()
        }))
    }

    /// A Service.
    pub(in crate::rules) fn service(self, namespace: &str, name: &str, address: &str) -> Self {
        let addresses = vec![address.parse().unwrap()];
        self.fact(Fact::Service(ServiceFact { namespace: namespace.into(), name: name.into(), addresses }))
    }

    /// People say what is slow.
    pub(in crate::rules) fn slow_from(self, slow: Duration) -> Self {
        Self { rules: Rules::with(RuleOptions { slow }), ..self }
    }

    /// Packets were lost.
    pub(in crate::rules) fn lossy(mut self) -> Self {
        self.rules.findings_mut().lose();
        self
    }

    /// A transaction ends.
    pub(in crate::rules) fn ask(mut self, ask: Ask) -> Self {
        let end = ask.end();
        let transaction = ask.into_transaction();
        self.now = self.now.max(end);
        let Self { rules, owner, now, heard } = &mut self;
        let mut ended = Vec::new();
        owner.take(transaction, *now, |_, transaction, who| ended.push((transaction, who)));
        owner.finish(*now, |_, transaction, who| ended.push((transaction, who)));
        rules.expire(owner, *now, heard);
        for (transaction, who) in ended {
            rules.add(&transaction, Given { who: &who, owner }, heard);
        }
        self
    }

    /// Several.
    pub(in crate::rules) fn asks(self, asks: impl IntoIterator<Item = Ask>) -> Self {
        asks.into_iter().fold(self, Self::ask)
    }

    /// A connection was accepted, refused, not answered, or reset.
    pub(in crate::rules) fn connect(mut self, connection: &Connection) -> Self {
        let Self { rules, owner, .. } = &mut self;
        let party = |address: std::net::IpAddr| owner.at_address(address, connection.time);
        let server = connection.server_after_nat.unwrap_or(connection.server);
        let who = Who {
            client: party(connection.client.ip()),
            server: party(server.ip()),
            role: Role::Client,
            ..Who::default()
        };
        rules.add_connection(connection, Given { who: &who, owner });
        self
    }

    /// Nothing more comes.
    pub(in crate::rules) fn finish(mut self) -> Self {
        let Self { rules, owner, now, heard } = &mut self;
        rules.finish(owner, *now, heard);
        self
    }

    /// What was found: `id certainty subject: sentence`, the worst first.
    pub(in crate::rules) fn found(&self) -> Vec<String> {
        self.findings().iter().map(shown).collect()
    }

    /// The same without sentences: `id certainty subject count`.
    pub(in crate::rules) fn ids(&self) -> Vec<String> {
        self.findings().iter().map(brief).collect()
    }

    /// What is told meanwhile: `id certainty subject count`.
    pub(in crate::rules) fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        self.rules.findings_mut().take_new(|finding| told.push(brief(&finding)));
        told
    }

    /// What was found.
    pub(in crate::rules) fn findings(&self) -> Vec<Finding> {
        self.rules.findings().sorted()
    }
}

/// Asserts what is found of a finished scene: `id certainty subject count` each.
#[track_caller]
pub(in crate::rules) fn check(scene: Scene, expected: &[&str]) {
    let scene = scene.finish();
    assert_eq!(scene.ids(), expected, "{:#?}", scene.found());
}

fn brief(finding: &Finding) -> String {
    format!("{} {} {} {}", finding.rule.id, finding.certainty.name(), subject(finding), finding.count)
}

fn shown(finding: &Finding) -> String {
    format!("{} {} {}: {}", finding.rule.id, finding.certainty.name(), subject(finding), finding.sentence)
}

fn subject(finding: &Finding) -> String {
    if let Some(pod) = finding.subject.party.as_ref().and_then(Party::pod) {
        return format!("{}/{}", pod.namespace.as_deref().unwrap_or_default(), pod.name.as_deref().unwrap_or_default());
    }
    match &finding.subject.about {
        About::Pod(uid) => uid.to_string(),
        About::Address(address) => address.to_string(),
        About::Server(address) => address.to_string(),
        About::Name(name) => name.to_string(),
        About::Node => "node".to_owned(),
    }
}

#[test]
fn ids_are_unique_and_whole() {
    let mut ids: Vec<_> = RULES.iter().map(|entry| entry.explanation.id).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for explanation in RULES.iter().map(|entry| entry.explanation) {
        let texts =
            [explanation.title, explanation.meaning, explanation.signature, explanation.remedy, explanation.surer];
        assert!(texts.iter().all(|text| !text.is_empty()), "{}", explanation.id);
        assert!(explanation.link.starts_with("https://"), "{}", explanation.id);
        assert!(!explanation.title.ends_with('.'), "{}", explanation.id);
    }
}
