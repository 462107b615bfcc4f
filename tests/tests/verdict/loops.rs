//! Loops of every kind: each is found as what it is, whoever merges queries on the way.

use anyhow::{Result, ensure};
use dnstrace_tests::node::SERVICE_V4;
use dnstrace_tests::servers::{Program, Server};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on loops") {
        scene().unwrap();
    }
}

#[test]
fn coredns_asks_itself_by_a_stubs_address() {
    check(|| {
        let scene = Scene::new()?;
        let _dns = Server::asking(Program::CoreDns, &scene.dns[0], "127.0.0.53")?;
        let verdict = scene.report(|| scene.dig("ok.example.", &["+time=2"]).map(drop))?;
        verdict.is(&["loop-self-stub certain 127.0.0.1"]);
        ensure!(verdict.count("loop-self-stub") > 10, "{verdict:?}");
        Ok(())
    });
}

#[test]
fn its_loop_plugin_ends_it_after_three_queries() {
    check(|| {
        let scene = Scene::new()?;
        let watch = scene.watch()?;
        let started = Server::configured(Program::CoreDns, &scene.dns[0], ". {\n forward . 127.0.0.53\n loop\n}\n")?;
        watch.until(|record| record["record_type"] == "HINFO" && record["dest"] == "127.0.0.53")?;
        drop(started);
        watch.end()?.is(&["loop-self-stub certain 127.0.0.1"]);
        Ok(())
    });
}

#[test]
fn two_coredns_ask_each_other() {
    check(|| {
        let scene = Scene::new()?;
        let _dns = [
            Server::asking(Program::CoreDns, &scene.dns[0], &scene.dns[1].v4.to_string())?,
            Server::asking(Program::CoreDns, &scene.dns[1], &scene.dns[0].v4.to_string())?,
        ];
        let verdict = scene.report(|| scene.dig("ok.example.", &["+time=2"]).map(drop))?;
        verdict.is(&[format!("loop-mutual certain {}", scene.dns[0].v4)]);
        Ok(())
    });
}

#[test]
fn coredns_asks_its_own_service() {
    check(|| {
        let scene = Scene::new()?;
        scene.node.service(&[&scene.dns[1]])?;
        let _dns = [
            Server::asking(Program::CoreDns, &scene.dns[0], &SERVICE_V4.to_string())?,
            Server::asking(Program::CoreDns, &scene.dns[1], &SERVICE_V4.to_string())?,
        ];
        let found = scene.report(|| scene.dig("ok.example.", &["+time=2"]).map(drop))?.found();
        ensure!(found.iter().any(|each| each.starts_with("loop-service-ip certain")), "{found:?}");
        ensure!(found.iter().all(|each| each.starts_with("loop-service-ip")), "{found:?}");
        Ok(())
    });
}

#[test]
fn coredns_asks_the_nodes_dnsmasq_which_asks_cluster_dns() {
    check(|| by_way_of_the_node(Program::Dnsmasq));
}

#[test]
fn coredns_asks_the_nodes_unbound_which_asks_cluster_dns() {
    check(|| by_way_of_the_node(Program::Unbound));
}

#[test]
fn coredns_asks_the_nodes_systemd_resolved_which_asks_cluster_dns() {
    check(|| by_way_of_the_node(Program::Resolved));
}

#[test]
fn coredns_on_the_nodes_network_asks_systemd_resolved_which_asks_cluster_dns() {
    check(|| {
        let scene = Scene::new()?;
        scene.host.has_node(scene.node.netns())?;
        let [host, resolver] = ["coredns", "systemd-resolved.service"].map(|name| scene.node.on_host(name));
        let (host, resolver) = (host?, resolver?);
        scene.nft("flush chain inet dnstrace-node pre ; flush chain inet dnstrace-node out")?;
        scene.node.service(&[&host])?;
        // It listens at the node's address otherwise, as CoreDNS does here.
        let conf = format!("[Resolve]\nDNS={SERVICE_V4}\nDNSSEC=no\nLLMNR=no\nDNSStubListenerExtra=127.0.0.55\n");
        let _resolved = Server::configured(Program::Resolved, &resolver, &conf)?;
        let corefile = format!(". {{\n bind {}\n forward . 127.0.0.53\n}}\n", host.v4);
        let _dns = Server::configured(Program::CoreDns, &host, &corefile)?;
        let watch = scene.watch()?;
        scene.dig("ok.example.", &["+time=5"])?;
        watch.until_found("loop-node-forwarder", "certain")?;
        watch.end()?.is(&["loop-node-forwarder certain this node"]);
        Ok(())
    });
}

/// The forwarder merges equal questions: it makes a lap only when somebody asks again.
fn by_way_of_the_node(program: Program) -> Result<()> {
    let scene = Scene::new()?;
    scene.host.has_node(scene.node.netns())?;
    let host = scene.node.host()?;
    let _forwarder = Server::asking(program, &host, &SERVICE_V4.to_string())?;
    let _dns = Server::asking(Program::CoreDns, &scene.dns[0], &host.v4.to_string())?;
    let watch = scene.watch()?;
    scene.dig("ok.example.", &["+time=5"])?;
    watch.until_found("loop-node-forwarder", "certain")?;
    watch.end()?.is(&["loop-node-forwarder certain this node"]);
    Ok(())
}
