//! The node's own resolver and cluster DNS on the node's own network: nothing is wrong.

use anyhow::{Result, ensure};
use dnstrace_tests::clients;
use dnstrace_tests::node::Pod;
use dnstrace_tests::servers::{Program, Server};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on systemd-resolved") {
        scene().unwrap();
    }
}

/// The node's own `resolv.conf`, as systemd-resolved has it.
const STUB: &str = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n";

#[test]
fn it_answers_the_node_and_cluster_dns() {
    check(|| {
        let (scene, host) = with_node()?;
        let _upstream = scene.answering()?;
        let _resolved = Server::start(Program::Resolved, &host)?;
        let corefile = scene.corefile()?.replace("192.0.2.53", &host.v4.to_string());
        let _dns = Server::configured(Program::CoreDns, &scene.dns[0], &corefile)?;
        let glibc = clients::glibc(scene.folder.path())?;
        let watch = scene.watch()?;
        // Cold, then warm.
        for _ in 0..2 {
            let names = ["api.example.com", "nx1.example", "big1.example"];
            let said = host.command(&glibc)?.args(names).output()?;
            ensure!(said.stdout.starts_with(b"api.example.com 2"), "{said:?}");
            scene.look_up(&["api.example.com", "www.example.net", "kubernetes.default"])?;
        }
        watch.until(|record| record["query"] == "www.example.net" && record["dest"] == "192.0.2.53")?;
        watch.end()?.is(&[] as &[&str]);
        Ok(())
    });
}

fn with_node() -> Result<(Scene, Pod)> {
    let scene = Scene::new()?;
    scene.host.has_node(scene.node.netns())?;
    let mut host = scene.node.host()?;
    host.set_resolv_conf(STUB);
    Ok((scene, host))
}

/// Cluster DNS on the node's own network.
#[test]
fn the_node_asks_cluster_dns_that_has_its_network() {
    check(|| {
        let (scene, host) = with_node()?;
        let _upstream = scene.answering()?;
        scene.nft("flush chain inet dnstrace-node pre ; flush chain inet dnstrace-node out")?;
        scene.node.service(&[&host])?;
        let corefile = scene.corefile()?.replace("{\n cache", &format!("{{\n bind {}\n cache", host.v4));
        let corefile = corefile.replace("{\n file", &format!("{{\n bind {}\n file", host.v4));
        let _dns = Server::configured(Program::CoreDns, &host, &corefile)?;
        let watch = scene.watch()?;
        for name in ["kubernetes.default.svc.cluster.local.", "api.example.com."] {
            let said = host.command("dig")?.args([name, "@10.96.0.10", "+tries=1", "+time=10"]).output()?;
            ensure!(String::from_utf8_lossy(&said.stdout).contains("NOERROR"), "{said:?}");
            scene.dig(name, &[])?;
        }
        watch.end()?.is(&[] as &[&str]);
        Ok(())
    });
}
