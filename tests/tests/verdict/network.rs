//! What the node's network does to packets.

use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Result, ensure};
use dnstrace_tests::command;
use dnstrace_tests::node::{BRIDGE, SERVICE_V4, link, wire};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on the node's network") {
        scene().unwrap();
    }
}

#[test]
fn a_policy_drops_the_queries_of_a_pod() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let client = scene.client.v4;
        scene.forward_rule(&format!("ip saddr {client} udp dport 53 drop"))?;
        let watch = scene.watch()?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+time=1"])?;
        watch.until(|record| record["outcome"] == "no-response")?;
        watch.end()?.is(&[format!("policy-drop likely {client}")]);
        Ok(())
    });
}

#[test]
fn a_policy_forgets_dns_over_tcp() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let client = scene.client.v4;
        scene.forward_rule(&format!("ip saddr {client} tcp dport 53 drop"))?;
        let watch = scene.watch()?;
        scene.dig("big1.example.", &["+time=2"])?;
        watch.until_found("truncated-tcp-blocked", "certain")?;
        watch.end()?.is(&[format!("truncated-tcp-blocked certain {client}")]);
        Ok(())
    });
}

#[test]
fn the_service_has_nobody_behind_it() {
    check(|| {
        let scene = Scene::new()?;
        scene.nft("flush chain inet dnstrace-node pre")?;
        scene.forward_rule(&format!("ip daddr {SERVICE_V4} reject"))?;
        let watch = scene.watch()?;
        scene.look_up(&["kubernetes.default"])?;
        watch.end()?.is(&["no-dns-endpoints likely 10.96.0.10"]);
        Ok(())
    });
}

#[test]
fn nobody_has_the_gateways_mac_address_any_more() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+time=1"])?;
        let gateway = ["10.244.0.1", "lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", "eth0"];
        command::of(scene.client.netns().command("ip").args(["neigh", "replace"]).args(gateway))?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+time=1"])?;
        watch.until_found("no-response", "certain")?;
        watch.end()?.is(&["no-response certain 10.96.0.10"]);
        Ok(())
    });
}

/// As after a pod whose address another one had a moment ago.
#[test]
fn the_node_has_an_old_mac_address_of_the_client() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let client = scene.client.v4;
        let watch = scene.watch()?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+time=1"])?;
        let neighbor = [&client.to_string(), "lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", BRIDGE];
        command::of(scene.node.command("ip").args(["neigh", "replace"]).args(neighbor))?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+time=1", "+tries=2"])?;
        watch.until_found("response-lost", "certain")?;
        watch.end()?.is(&[format!("response-lost certain {client}")]);
        Ok(())
    });
}

#[test]
fn responses_go_past_the_nat() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        // The endpoint takes the client for a neighbour, and the bridge does not show netfilter what it carries.
        let client = scene.client.v4;
        scene.dns[0].netns().run(|| link::route_on_link(client, 32, "eth0"))?;
        let watch = scene.watch()?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+time=1"])?;
        let found = watch.end()?;
        found.is(&["reply-unexpected-source certain this node"]);
        Ok(())
    });
}

#[test]
fn an_endpoint_goes_and_its_entry_stays() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let first = scene.cluster_dns()?;
        let _second = scene.cluster_dns_in(&scene.dns[1])?;
        // However slow the machine is: the usual 30 s are for a client that goes on at once.
        scene.node.netns().sysctl("netfilter/nf_conntrack_udp_timeout", "600")?;
        let watch = scene.watch()?;
        let kept = scene.client.netns().run(|| Ok(UdpSocket::bind("0.0.0.0:0")?))?;
        ask(&kept, 1, Some(ANSWERED))?;
        scene.nft("flush chain inet dnstrace-node pre")?;
        scene.node.service(&[&scene.dns[1]])?;
        drop(first);
        command::of(scene.node.command("ip").args(["link", "delete", &scene.dns[0].interface]))?;
        for id in 2..5 {
            ask(&kept, id, None)?;
            let said = scene.dig("kubernetes.default.svc.cluster.local.", &[])?;
            ensure!(said.contains("10.96.0.1"), "a new socket is not sent to the other endpoint: {said}");
        }
        watch.until_found("stale-conntrack-endpoint", "likely")?;
        watch.end()?.is(&[format!("stale-conntrack-endpoint likely {}", scene.client.v4)]);
        Ok(())
    });
}

/// Asks the Service, and waits for the response, or as long as makes it clear that there is none.
fn ask(socket: &UdpSocket, id: u16, expected: Option<Duration>) -> Result<()> {
    socket.send_to(&wire::query(id, "kubernetes.default.svc.cluster.local", wire::A), (SERVICE_V4, 53))?;
    socket.set_read_timeout(Some(expected.unwrap_or(SILENT)))?;
    let received = socket.recv_from(&mut [0; 512]);
    ensure!(received.is_ok() == expected.is_some(), "query {id}: {received:?}");
    Ok(())
}

/// Far more than a response takes.
const ANSWERED: Duration = Duration::from_secs(10);
/// Three of them are more than two seconds, in which a stub resolver is done with a lookup's queries.
const SILENT: Duration = Duration::from_millis(1_100);
