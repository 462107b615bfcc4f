//! The rules: one file each, one line of the table each.

mod error_response;
mod kubernetes_plugin_unsynced;
mod max_concurrent_refused;
mod negative_cache_stale;
mod no_response;
mod nodelocal_down;
mod nodelocal_upstream_timeout;
mod oversize_upstream_reply;
mod ptr_leak;
mod server_overload;
mod server_slow;
mod snat_port_exhaustion;
mod split_upstreams;
mod upstream_error;
mod upstream_rate_limited;
mod upstream_timeout;

use super::case::Case;
use super::finding::Explanation;
use super::findings::Found;
use super::lookup::Lookup;
use super::stage::Ended;
use super::world::World;
use crate::join::Connection;
use crate::owner::Who;

/// A rule. It looks at what it needs; it keeps as little as it can, in bounded tables.
pub trait Rule: Send {
    /// At a transaction that just ended. What it caused, and what was sent with it, may still be open.
    fn ended(&mut self, _ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {}

    /// At a transaction when what it caused has ended, too.
    fn settled(&mut self, _case: &Case, _world: &World<'_>, _found: &mut Found<'_>) {}

    /// At a lookup to which nothing more is to come.
    fn lookup(&mut self, _lookup: &Lookup, _world: &World<'_>, _found: &mut Found<'_>) {}

    /// At a TCP connection that was accepted, refused, not answered, or reset.
    fn connection(&mut self, _connection: &Connection, _who: &Who, _world: &World<'_>, _found: &mut Found<'_>) {}

    /// About once a second, and at the end.
    fn tick(&mut self, _world: &World<'_>, _found: &mut Found<'_>) {}

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
    Entry::new::<server_overload::ServerOverload>(&server_overload::EXPLANATION),
    Entry::new::<nodelocal_down::NodelocalDown>(&nodelocal_down::EXPLANATION),
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
    Entry::new::<no_response::NoResponse>(&no_response::EXPLANATION),
    Entry::new::<error_response::ErrorResponse>(&error_response::EXPLANATION),
];

/// What a rule means, by its id.
#[must_use]
pub fn explain(id: &str) -> Option<&'static Explanation> {
    RULES.iter().map(|entry| entry.explanation).find(|explanation| explanation.id == id)
}
