//! systemd-resolved as the node's resolver: nothing is wrong.

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
    host.set_resolv_conf(STUB)?;
    Ok((scene, host))
}
