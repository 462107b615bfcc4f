//! What gets lost on the node, or behind it.

use std::net::UdpSocket;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{SERVICE_V4, Scripted, UPLINK, link, wire};
use dnstrace_tests::servers::{Program, Server};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on what gets lost") {
        scene().unwrap();
    }
}

#[test]
fn fragments_of_an_upstreams_response() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        drop_fragments(&scene, UPLINK)?;
        let watch = scene.watch()?;
        scene.dig("huge1.example.", &["+bufsize=4096"])?;
        watch.end()?.is(&["fragment-lost likely 192.0.2.53"]);
        Ok(())
    });
}

#[test]
fn fragments_of_cluster_dns_responses() {
    check(|| {
        let scene = Scene::new()?;
        let _dns = Scripted::start(scene.dns[0].netns(), scene.dns[0].v4, |query, _| {
            vec![wire::response(query, if wire::name(query).starts_with("huge") { 200 } else { 1 })]
        })?;
        drop_fragments(&scene, &scene.dns[0].interface)?;
        let watch = scene.watch()?;
        // What arrives shows that it is watched there.
        scene.dig("web.shop.svc.cluster.local.", &[])?;
        scene.dig("huge.shop.svc.cluster.local.", &["+bufsize=4096", "+time=1", "+tries=2"])?;
        watch.end()?.is(&[format!("fragment-lost likely {}", scene.dns[0].v4)]);
        Ok(())
    });
}

/// Before conntrack puts them together.
fn drop_fragments(scene: &Scene, interface: &str) -> Result<()> {
    let chain = "add chain inet scene early { type filter hook prerouting priority -450 ; }";
    let rule = format!("iifname {{ {interface}, cni0 }} ip frag-off & 0x1fff != 0 drop");
    scene.nft(&format!("add table inet scene ; {chain} ; add rule inet scene early {rule}"))
}

#[test]
fn queries_that_come_in_by_another_way_than_back() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        // The neighbours know each other by then: strict nodes do not answer ARP from the wrong side either.
        scene.dig("kubernetes.default.svc.cluster.local.", &[])?;
        scene.node.netns().sysctl("ipv4/conf/all/rp_filter", "1")?;
        scene.node.netns().run(|| link::route_on_link(scene.client.v4, 32, UPLINK))?;
        let watch = scene.watch()?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+time=1"])?;
        watch.until(|record| record["outcome"] == "no-response")?;
        watch.end()?.is(&["rpfilter-drop certain this node"]);
        Ok(())
    });
}

#[test]
fn service_is_not_translated_any_more() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.dig("kubernetes.default.svc.cluster.local.", &[])?;
        scene.nft("flush chain inet dnstrace-node pre")?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+time=1"])?;
        watch.until(|record| record["outcome"] == "no-response")?;
        watch.end()?.is(&["vip-not-translated certain 10.96.0.10"]);
        Ok(())
    });
}

/// Kernels of today do not lose one of a pair any more: a rule does it in their place, once for each query, and the drop
/// hook, which would tell the rule, does not look.
#[test]
fn one_of_two_queries_that_are_sent_at_once() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch_by("socket,device")?;
        scene.look_up(&["kubernetes.default.svc.cluster.local."])?;
        // On a busy machine a stub resolver may lose the processor between its two queries: they are no pair then.
        for _ in 0..3 {
            // Its type is AAAA: 12 bytes of header and 38 of the name come before that, behind 8 bytes of UDP.
            scene.forward_rule("udp dport 53 @th,464,16 28 limit rate 1/day burst 1 packets drop")?;
            scene.look_up(&["kubernetes.default.svc.cluster.local."])?;
        }
        watch.until_found("pair-race-lost", "suspected")?;
        watch.end()?.is(&["pair-race-lost suspected this node"]);
        Ok(())
    });
}

#[test]
fn what_goes_to_an_endpoint_of_another_node() {
    check(|| {
        let scene = Scene::new()?;
        for (pod, name) in [(&scene.client, "web"), (&scene.dns[1], "api")] {
            scene.host.has_pod(pod, "shop", name, "nameserver 10.96.0.10\n")?;
        }
        scene.host.has_pod(&scene.dns[0], "kube-system", "coredns-1", "nameserver 192.0.2.53\n")?;
        scene.host.has_node(scene.node.netns())?;
        // What is dropped over there this node's kernel does not tell.
        let _other_node = Scripted::start(scene.upstream.netns(), scene.upstream.v4, |_, _| Vec::new())?;
        let zone = scene.corefile()?;
        let zone = zone.split_once("\n. {").context("no zone")?.0.to_owned() + "\n";
        let _dns = Server::configured(Program::CoreDns, &scene.dns[0], &zone)?;
        scene.nft("flush chain inet dnstrace-node pre")?;
        scene.node.service(&[&scene.dns[0], &scene.upstream])?;
        let watch = scene.watch()?;
        for pod in [&scene.client, &scene.dns[1]] {
            pod.netns().run(|| {
                let sockets: Vec<_> = (0..8).map(|_| UdpSocket::bind("0.0.0.0:0")).collect::<Result<_, _>>()?;
                for (id, socket) in (0..).zip(sockets) {
                    socket.send_to(&wire::query(id, "web.shop.svc.cluster.local", wire::A), (SERVICE_V4, 53))?;
                }
                Ok(())
            })?;
        }
        let lost = "node-path-broken suspected 192.0.2.53";
        watch.until_found("node-path-broken", "suspected")?;
        watch.end()?.is(&[lost]);
        Ok(())
    });
}

#[test]
fn what_the_table_of_connections_has_no_room_for() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        scene.dig("kubernetes.default.svc.cluster.local.", &[])?;
        scene.node.fill_tracking()?;
        scene.host.has_node(scene.node.netns())?;
        scene.host.has_tracking(scene.node.netns())?;
        let watch = scene.watch()?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+time=1"])?;
        watch.until(|record| record["outcome"] == "no-response")?;
        watch.end()?.is(&["conntrack-full certain this node"]);
        Ok(())
    });
}

#[test]
fn what_finds_no_free_port_to_be_translated_to() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        // It asks for each query from another port, once.
        let _dns = Server::start(Program::Dnsmasq, &scene.dns[0])?;
        scene.host.has_node(scene.node.netns())?;
        scene.dig("ok1.example.", &[])?;
        scene.host.has_tracking(scene.node.netns())?;
        // Ports are free again after that.
        scene.node.netns().sysctl("netfilter/nf_conntrack_udp_timeout", "3")?;
        let chain = "add chain inet scene leave { type nat hook postrouting priority 90 ; }";
        let rule = format!("oifname {UPLINK} udp dport 53 masquerade to :40000-40003");
        scene.nft(&format!("add table inet scene ; {chain} ; add rule inet scene leave {rule}"))?;
        let watch = scene.watch()?;
        let answered = |name: &str| anyhow::Ok(scene.dig(name, &["+time=1"])?.contains("NOERROR"));
        let mut answers = Vec::new();
        for number in 0..=PORTS {
            answers.push(answered(&format!("ok{number}.example."))?);
        }
        ensure!(answers == [true, true, true, true, false], "{answers:?}");
        let again = (0..TRIES).map(|number| answered(&format!("again{number}.example.")));
        ensure!(again.into_iter().any(|answered| answered.unwrap_or(false)), "no port is free again");
        watch.until_found("snat-port-exhaustion", "suspected")?;
        watch.end()?.is(&["snat-port-exhaustion suspected 192.0.2.53"]);
        Ok(())
    });
}

/// Of the node, to be translated to.
const PORTS: usize = 4;
/// A second each.
const TRIES: usize = 60;
