//! A cache on the node, as NodeLocal DNSCache is one: its address is link-local, and every pod asks it.

use anyhow::Result;
use dnstrace_tests::command;
use dnstrace_tests::node::{Pod, Scripted, wire};
use dnstrace_tests::servers::{Program, Server};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on a cache of the node") {
        scene().unwrap();
    }
}

const CACHE: &str = "169.254.20.10";

#[test]
fn cache_is_gone_and_its_address_is_not() {
    check(|| {
        let (scene, _host) = with_cache()?;
        let watch = scene.watch()?;
        scene.look_up(&["kubernetes.default"])?;
        watch.until(|record| record["outcome"] == "no-response")?;
        watch.end()?.is(&["nodelocal-down certain 169.254.20.10"]);
        Ok(())
    });
}

#[test]
fn cluster_dns_does_not_answer_the_cache() {
    check(|| {
        let (scene, host) = with_cache()?;
        let dns = scene.dns[0].v4;
        let _silent = Scripted::start(scene.dns[0].netns(), dns, |query, _| {
            if wire::name(query).starts_with("web") { vec![wire::response(query, 1)] } else { Vec::new() }
        })?;
        let _cache = cache(&host)?;
        let watch = scene.watch()?;
        // A pod that asks the Service itself shows who is behind it: what the node sends is translated before it is seen.
        scene.dig("web.shop.svc.cluster.local.", &[])?;
        ask(&scene, "kubernetes.default.svc.cluster.local.")?;
        watch.until_found("nodelocal-upstream-timeout", "certain")?;
        watch.end()?.is(&[format!("nodelocal-upstream-timeout certain {dns}")]);
        Ok(())
    });
}

#[test]
fn cache_that_works_is_healthy() {
    check(|| {
        let (scene, host) = with_cache()?;
        let dns = Scripted::start(scene.dns[0].netns(), scene.dns[0].v4, |query, _| vec![wire::response(query, 1)])?;
        let _cache = cache(&host)?;
        let watch = scene.watch()?;
        for _ in 0..2 {
            ask(&scene, "kubernetes.default.svc.cluster.local.")?;
            scene.look_up(&["api.example.com", "kubernetes.default"])?;
        }
        drop(dns);
        watch.end()?.is(&[] as &[&str]);
        Ok(())
    });
}

/// A node with the address of a cache that pods ask, and what runs on the node itself.
fn with_cache() -> Result<(Scene, Pod)> {
    let mut scene = Scene::new()?;
    let add = ["address", "add", "169.254.20.10/32", "dev", "lo"];
    command::of(scene.node.command("ip").args(add))?;
    let search = "search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";
    scene.client.set_resolv_conf(&format!("nameserver {CACHE}\n{search}"));
    let host = scene.node.host()?;
    Ok((scene, host))
}

fn cache(host: &Pod) -> Result<Server> {
    let corefile = format!(". {{\n bind {CACHE}\n cache 30\n forward . 10.96.0.10\n}}\n");
    Server::configured(Program::CoreDns, host, &corefile)
}

fn ask(scene: &Scene, name: &str) -> Result<()> {
    scene.run("dig", &[name, &format!("@{CACHE}"), "+tries=1", "+time=10"]).map(drop)
}
