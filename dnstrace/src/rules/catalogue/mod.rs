//! The rules: one file each, one line of the table each.

mod aaaa_broken;
mod answer_mismatch;
mod bypass_cluster_dns;
mod cname_problem;
mod conntrack_full;
mod dns_tcp_idle_reset;
mod error_response;
mod fragment_lost;
mod kubernetes_plugin_unsynced;
mod loop_mutual;
mod loop_node_forwarder;
mod loop_self_stub;
mod loop_service_ip;
mod max_concurrent_refused;
mod musl_parallel_nameservers;
mod name_not_found;
mod ndots_search_amplification;
mod negative_cache_stale;
mod no_dns_endpoints;
mod no_response;
mod node_path_broken;
mod nodelocal_down;
mod nodelocal_upstream_timeout;
mod oversize_upstream_reply;
mod pair_race_lost;
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
mod split_upstreams;
mod stale_conntrack_endpoint;
mod truncated_no_tcp;
mod truncated_tcp_blocked;
mod upstream_error;
mod upstream_rate_limited;
mod upstream_timeout;
mod vip_not_translated;
mod wrong_nameserver;
mod wrong_namespace;

use super::case::Case;
use super::finding::Explanation;
use super::found::Found;
use super::lookup::Lookup;
use super::loops::Cycle;
use super::stage::Ended;
use super::world::World;
use crate::join::Connection;
use crate::owner::Who;

/// A rule. It looks at what it needs; it keeps as little as it can, in bounded tables. What it has no method for it is
/// asked once: there are a hundred thousand transactions a second, and few rules look at all of them.
pub trait Rule: Send {
    /// At a transaction that just ended, and did not go well. What it caused, and what was sent with it, may still be open.
    fn ended(&mut self, _ended: &Ended<'_>, _world: &World<'_>, found: &mut Found<'_>) {
        found.ask_no_more();
    }

    /// At one that went well, as nearly all do.
    fn ended_well(&mut self, _ended: &Ended<'_>, _world: &World<'_>, found: &mut Found<'_>) {
        found.ask_no_more();
    }

    /// At a transaction that did not go well, or was asked because of another, when what it caused has ended, too.
    fn settled(&mut self, _case: &Case, _world: &World<'_>, found: &mut Found<'_>) {
        found.ask_no_more();
    }

    /// At a lookup to which nothing more is to come, and that did not find what it was for.
    fn lookup(&mut self, _lookup: &Lookup, _world: &World<'_>, found: &mut Found<'_>) {
        found.ask_no_more();
    }

    /// At one that did.
    fn lookup_found(&mut self, _lookup: &Lookup, _world: &World<'_>, found: &mut Found<'_>) {
        found.ask_no_more();
    }

    /// At a transaction that just ended, and is part of a loop.
    fn cycle(&mut self, _cycle: &Cycle, _case: &Case, _world: &World<'_>, found: &mut Found<'_>) {
        found.ask_no_more();
    }

    /// At a TCP connection that was accepted, refused, not answered, or reset.
    fn connection(&mut self, _connection: &Connection, _who: &Who, _world: &World<'_>, found: &mut Found<'_>) {
        found.ask_no_more();
    }

    /// After the first transaction, then about once a second, and at the end.
    fn tick(&mut self, _world: &World<'_>, found: &mut Found<'_>) {
        found.ask_no_more();
    }

    /// At the end: for what waits for something that did not come.
    fn finish(&mut self, _world: &World<'_>, found: &mut Found<'_>) {
        found.ask_no_more();
    }

    /// Entries of its tables that went for want of room.
    fn evicted(&self) -> u64 {
        0
    }
}

/// A line of the table.
pub struct Entry {
    /// What it means.
    pub explanation: &'static Explanation,
    /// Makes it, with nothing seen.
    pub make: fn() -> Box<dyn Rule>,
}

impl Entry {
    /// The line of a rule.
    const fn new<R: Rule + Default + 'static>(explanation: &'static Explanation) -> Self {
        Self { explanation, make: || Box::new(R::default()) }
    }
}

/// Every rule. Those that explain a failure by its cause stand before those that say only that there was one.
pub const RULES: &[Entry] = &[
    Entry::new::<loop_self_stub::LoopSelfStub>(&loop_self_stub::EXPLANATION),
    Entry::new::<loop_service_ip::LoopServiceIp>(&loop_service_ip::EXPLANATION),
    Entry::new::<loop_node_forwarder::LoopNodeForwarder>(&loop_node_forwarder::EXPLANATION),
    Entry::new::<loop_mutual::LoopMutual>(&loop_mutual::EXPLANATION),
    Entry::new::<wrong_nameserver::WrongNameserver>(&wrong_nameserver::EXPLANATION),
    Entry::new::<nodelocal_down::NodelocalDown>(&nodelocal_down::EXPLANATION),
    Entry::new::<no_dns_endpoints::NoDnsEndpoints>(&no_dns_endpoints::EXPLANATION),
    Entry::new::<server_not_listening::ServerNotListening>(&server_not_listening::EXPLANATION),
    Entry::new::<vip_not_translated::VipNotTranslated>(&vip_not_translated::EXPLANATION),
    Entry::new::<rpfilter_drop::RpfilterDrop>(&rpfilter_drop::EXPLANATION),
    Entry::new::<conntrack_full::ConntrackFull>(&conntrack_full::EXPLANATION),
    Entry::new::<pair_race_lost::PairRaceLost>(&pair_race_lost::EXPLANATION),
    Entry::new::<policy_drop::PolicyDrop>(&policy_drop::EXPLANATION),
    Entry::new::<policy_proxy_refused::PolicyProxyRefused>(&policy_proxy_refused::EXPLANATION),
    Entry::new::<reply_unexpected_source::ReplyUnexpectedSource>(&reply_unexpected_source::EXPLANATION),
    Entry::new::<stale_conntrack_endpoint::StaleConntrackEndpoint>(&stale_conntrack_endpoint::EXPLANATION),
    Entry::new::<node_path_broken::NodePathBroken>(&node_path_broken::EXPLANATION),
    Entry::new::<fragment_lost::FragmentLost>(&fragment_lost::EXPLANATION),
    Entry::new::<truncated_tcp_blocked::TruncatedTcpBlocked>(&truncated_tcp_blocked::EXPLANATION),
    Entry::new::<dns_tcp_idle_reset::DnsTcpIdleReset>(&dns_tcp_idle_reset::EXPLANATION),
    Entry::new::<answer_mismatch::AnswerMismatch>(&answer_mismatch::EXPLANATION),
    Entry::new::<server_overload::ServerOverload>(&server_overload::EXPLANATION),
    Entry::new::<kubernetes_plugin_unsynced::KubernetesPluginUnsynced>(&kubernetes_plugin_unsynced::EXPLANATION),
    Entry::new::<oversize_upstream_reply::OversizeUpstreamReply>(&oversize_upstream_reply::EXPLANATION),
    Entry::new::<max_concurrent_refused::MaxConcurrentRefused>(&max_concurrent_refused::EXPLANATION),
    Entry::new::<nodelocal_upstream_timeout::NodelocalUpstreamTimeout>(&nodelocal_upstream_timeout::EXPLANATION),
    Entry::new::<snat_port_exhaustion::SnatPortExhaustion>(&snat_port_exhaustion::EXPLANATION),
    Entry::new::<split_upstreams::SplitUpstreams>(&split_upstreams::EXPLANATION),
    Entry::new::<negative_cache_stale::NegativeCacheStale>(&negative_cache_stale::EXPLANATION),
    Entry::new::<server_slow::ServerSlow>(&server_slow::EXPLANATION),
    Entry::new::<ptr_leak::PtrLeak>(&ptr_leak::EXPLANATION),
    Entry::new::<upstream_rate_limited::UpstreamRateLimited>(&upstream_rate_limited::EXPLANATION),
    Entry::new::<upstream_timeout::UpstreamTimeout>(&upstream_timeout::EXPLANATION),
    Entry::new::<upstream_error::UpstreamError>(&upstream_error::EXPLANATION),
    Entry::new::<truncated_no_tcp::TruncatedNoTcp>(&truncated_no_tcp::EXPLANATION),
    Entry::new::<wrong_namespace::WrongNamespace>(&wrong_namespace::EXPLANATION),
    Entry::new::<name_not_found::NameNotFound>(&name_not_found::EXPLANATION),
    Entry::new::<ndots_search_amplification::NdotsSearchAmplification>(&ndots_search_amplification::EXPLANATION),
    Entry::new::<bypass_cluster_dns::BypassClusterDns>(&bypass_cluster_dns::EXPLANATION),
    Entry::new::<resolv_conf_limits::ResolvConfLimits>(&resolv_conf_limits::EXPLANATION),
    Entry::new::<aaaa_broken::AaaaBroken>(&aaaa_broken::EXPLANATION),
    Entry::new::<musl_parallel_nameservers::MuslParallelNameservers>(&musl_parallel_nameservers::EXPLANATION),
    Entry::new::<search_wildcard_hit::SearchWildcardHit>(&search_wildcard_hit::EXPLANATION),
    Entry::new::<cname_problem::CnameProblem>(&cname_problem::EXPLANATION),
    Entry::new::<query_storm::QueryStorm>(&query_storm::EXPLANATION),
    Entry::new::<response_lost::ResponseLost>(&response_lost::EXPLANATION),
    Entry::new::<no_response::NoResponse>(&no_response::EXPLANATION),
    Entry::new::<error_response::ErrorResponse>(&error_response::EXPLANATION),
];

/// What a rule means, by its id.
#[must_use]
pub fn explain(id: &str) -> Option<&'static Explanation> {
    RULES.iter().map(|entry| entry.explanation).find(|explanation| explanation.id == id)
}
