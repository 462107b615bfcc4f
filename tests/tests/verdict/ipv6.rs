//! The Service's other address: the same, by IPv6.

use anyhow::Result;
use dnstrace_tests::node::SERVICE_V6;
use serde_json::Value;

use crate::scene::{Scene, can_run, lookup_programs};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on IPv6") {
        scene().unwrap();
    }
}

const NAME: &str = "kubernetes.default.svc.cluster.local.";

#[test]
fn clients_of_every_kind_find_what_they_look_for() {
    check(|| {
        let mut scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        by_ipv6(&mut scene);
        let (client, endpoint) = (scene.client.v6.to_string(), scene.dns[0].v6.to_string());
        let watch = scene.watch()?;
        scene.dig(NAME, &["-6", &format!("@{SERVICE_V6}")])?;
        watch.until(|record| is_whole(record, &client, &endpoint))?;
        for program in lookup_programs(scene.folder.path())? {
            scene.run(program, &["kubernetes.default", "web.shop", "api.example.com", "nx1.example"])?;
        }
        watch.end()?.is(&[] as &[&str]);
        Ok(())
    });
}

#[test]
fn a_policy_drops_the_queries_of_a_pod() {
    check(|| {
        let mut scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        by_ipv6(&mut scene);
        let client = scene.client.v6;
        scene.forward_rule(&format!("ip6 saddr {client} udp dport 53 drop"))?;
        let watch = scene.watch()?;
        scene.run("dig", &[NAME, &format!("@{SERVICE_V6}"), "+tries=1", "+time=1"])?;
        watch.until(|record| record["outcome"] == "no-response")?;
        watch.end()?.is(&[format!("policy-drop likely {client}")]);
        Ok(())
    });
}

#[test]
fn the_service_has_nobody_behind_it() {
    check(|| {
        let mut scene = Scene::new()?;
        by_ipv6(&mut scene);
        scene.nft("flush chain inet dnstrace-node pre")?;
        scene.forward_rule(&format!("ip6 daddr {SERVICE_V6} reject"))?;
        let watch = scene.watch()?;
        scene.look_up(&["kubernetes.default"])?;
        watch.end()?.is(&[format!("no-dns-endpoints likely {SERVICE_V6}")]);
        Ok(())
    });
}

fn by_ipv6(scene: &mut Scene) {
    let search = "search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";
    scene.client.set_resolv_conf(&format!("nameserver {SERVICE_V6}\n{search}"));
}

/// Seen at both sockets, as it came into the node with the Service's address, and as it left it with the endpoint's.
fn is_whole(record: &Value, client: &str, endpoint: &str) -> bool {
    let service = SERVICE_V6.to_string();
    let is_seen = |hook: &str, direction: &str, to: &str| {
        let mut hops = record["path"].as_array().into_iter().flatten();
        hops.any(|hop| {
            let is_there = hop["hook"] == hook && hop["direction"] == direction;
            is_there && hop["message"] == "query" && hop["src"] == client && hop["dest"] == to
        })
    };
    let is_translated = record["dest"] == endpoint && record["dest_orig"] == service.as_str();
    let is_sent = is_seen("socket", "out", &service) && is_seen("device", "in", &service);
    is_translated && is_sent && is_seen("device", "out", endpoint) && is_seen("socket", "in", endpoint)
}
