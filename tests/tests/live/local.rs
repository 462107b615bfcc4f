//! A stub in the pod itself: what goes over the pod's own loopback, only its sockets see.

use anyhow::{Context, Result, ensure};
use dnstrace_tests::command;
use dnstrace_tests::node::SERVICE_V4;

use crate::cast::{Cast, can_run};
use crate::path::steps;
use crate::watch::Watch;
use dnstrace_tests::servers::{Program, Server};

#[test]
fn query_to_a_stub_on_loopback_is_seen_at_both_sockets_and_causes_the_stubs_own() {
    if can_run("loopback", &["bind9-dnsutils", "dnsmasq-base", "tcpdump"]) {
        loopback().unwrap();
    }
}

const OVER_LOOPBACK: [&str; 4] =
    ["query socket - out", "query socket - in", "response socket - out", "response socket - in"];

fn loopback() -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let _stub = Server::asking(Program::Dnsmasq, &cast.client, &format!("{SERVICE_V4}:53"))?;
    let watch = Watch::start(&cast.node)?;
    let dig = ["+tries=1", "+time=10", "+noedns", "@127.0.0.1", "local.example"];
    command::of(cast.client.command("dig")?.args(dig))?;
    let seen = watch.end()?;
    let to = |server: &str| {
        let records = seen.named("local.example");
        let record = records.into_iter().find(|record| record["dest"] == server || record["dest_orig"] == server);
        record.with_context(|| format!("nothing asked {server}: {:#?}", seen.transactions))
    };
    let (asked, forwarded) = (to("127.0.0.1")?, to(&SERVICE_V4.to_string())?);
    ensure!(seen.transactions.len() == 2, "{:#?}", seen.transactions);
    ensure!(steps(asked) == OVER_LOOPBACK, "{:#?}", steps(asked));
    ensure!(asked["process"]["comm"] == "dig" && asked["process_dest"]["comm"] == "dnsmasq", "{asked:#}");
    ensure!(asked["outcome"] == "answered" && forwarded["outcome"] == "answered", "{asked:#}{forwarded:#}");
    ensure!(forwarded["process"]["comm"] == "dnsmasq" && forwarded["cause"] == asked["id"], "{forwarded:#}");
    Ok(())
}
