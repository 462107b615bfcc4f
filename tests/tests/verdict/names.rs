//! What names pods ask for, and whom: search lists, Services that are not there, servers that do not know the cluster.

use anyhow::{Context, Result};
use dnstrace_tests::clients;
use dnstrace_tests::node::UPSTREAM_V4;
use dnstrace_tests::servers::{Program, Server};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on names") {
        scene().unwrap();
    }
}

/// What the kubelet makes of a node whose `resolv.conf` has a search domain.
const WITH_SITE: &str = "search default.svc.cluster.local svc.cluster.local cluster.local corp.test\noptions ndots:5\n";

#[test]
fn search_domain_has_a_wildcard() {
    check(|| {
        wildcard(|scene, file| {
            scene.client.set_resolv_conf(file);
            Ok(())
        })
    });
}

#[test]
fn search_domain_that_is_known_has_a_wildcard() {
    check(|| {
        wildcard(|scene, file| {
            scene.host.has_pod(&scene.client, "shop", "web", file)?;
            scene.client.set_resolv_conf(file);
            Ok(())
        })
    });
}

/// The upstream has every name, those below `corp.test`, too.
fn wildcard(prepare: fn(&mut Scene, &str) -> Result<()>) -> Result<()> {
    let mut scene = Scene::new()?;
    let _upstream = scene.answering()?;
    let _dns = scene.cluster_dns()?;
    prepare(&mut scene, &format!("nameserver 10.96.0.10\n{WITH_SITE}"))?;
    let watch = scene.watch()?;
    scene.look_up(&["api.example.com", "www.example.net", "example.org", "web.shop"])?;
    watch.end()?.is(&["search-wildcard-hit certain corp.test"]);
    Ok(())
}

#[test]
fn parts_of_a_services_name_are_in_the_wrong_order() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        // Nobody outside has it either.
        scene.look_up(&["nx1.svc.shop"])?;
        watch.end()?.is(&[format!("name-not-found likely {}", scene.client.v4)]);
        Ok(())
    });
}

#[test]
fn musl_leaves_out_a_search_line_that_is_too_long() {
    check(|| {
        let mut scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let sites = ["research", "development", "production", "administration", "human-resources"]
            .map(|department| format!("{department}.site-with-a-rather-long-name.corp.test"))
            .join(" ");
        let search = format!("search default.svc.cluster.local svc.cluster.local cluster.local {sites}");
        let file = format!("nameserver 10.96.0.10\n{search}\noptions ndots:5\n");
        scene.host.has_pod(&scene.client, "default", "web", &file)?;
        scene.client.set_resolv_conf(&file);
        let watch = scene.watch()?;
        scene.run(clients::musl(scene.folder.path())?, &["kubernetes"])?;
        watch.end()?.is(&["resolv-conf-limits certain default/web"]);
        Ok(())
    });
}

#[test]
fn the_fourth_nameserver_would_know_it() {
    check(|| {
        let mut scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let gone = scene.dns[1].v4;
        let file =
            format!("nameserver {gone}\nnameserver {gone}\nnameserver {gone}\nnameserver 10.96.0.10\n{WITH_SITE}");
        scene.host.has_pod(&scene.client, "default", "web", &file)?;
        scene.client.set_resolv_conf(&file);
        let watch = scene.watch()?;
        scene.look_up(&["kubernetes.default"])?;
        watch
            .end()?
            .is(&["resolv-conf-limits likely default/web".to_owned(), format!("server-not-listening likely {gone}")]);
        Ok(())
    });
}

#[test]
fn pod_asks_a_server_that_does_not_know_the_cluster() {
    check(|| {
        let mut scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let file =
            format!("nameserver {UPSTREAM_V4}\nsearch default.svc.cluster.local svc.cluster.local cluster.local\n");
        scene.client.set_resolv_conf(&format!("{file}options ndots:5\n"));
        let watch = scene.watch()?;
        scene.look_up(&["kubernetes", "web"])?;
        watch.end()?.is(&[format!("bypass-cluster-dns likely {}", scene.client.v4)]);
        Ok(())
    });
}

#[test]
fn one_endpoint_keeps_a_denial_of_what_exists_by_now() {
    check(|| {
        let scene = Scene::new()?;
        let zone = scene.folder.path().join("new");
        let soa = "$ORIGIN cluster.local.\n@ 30 IN SOA ns.dns hostmaster 1 7200 1800 86400 30\n";
        std::fs::write(&zone, soa)?;
        let start = |pod| {
            let corefile = format!("cluster.local {{\n file {}\n cache 30\n}}\n", zone.display());
            Server::configured(Program::CoreDns, pod, &corefile)
        };
        let _old = start(&scene.dns[0])?;
        std::fs::write(&zone, format!("{soa}web.shop.svc 30 IN A 10.96.0.7\n"))?;
        let _new = start(&scene.dns[1])?;
        let watch = scene.watch()?;
        let ask = |pod: usize, name: &str| {
            let server = format!("@{}", scene.dns[pod].v4);
            scene.run("dig", &[&format!("{name}.shop.svc.cluster.local."), &server, "+tries=1", "+time=10"])
        };
        ask(0, "web")?;
        ask(0, "clock")?;
        ask(1, "web")?;
        // Another denial of that time tells when two seconds have passed for CoreDNS's cache.
        until_older(|| ask(0, "clock"))?;
        ask(0, "web")?;
        watch.end()?.is(&["negative-cache-stale likely web.shop.svc.cluster.local"]);
        Ok(())
    });
}

/// Asks until the denial's time to live has gone down from 30 by more than two seconds.
fn until_older(mut ask: impl FnMut() -> Result<String>) -> Result<()> {
    for _ in 0..ASKS_MAX {
        let said = ask()?;
        let soa = said.lines().find(|line| line.contains("SOA")).with_context(|| said.clone())?;
        let ttl: u32 = soa.split_whitespace().nth(1).context("no TTL")?.parse()?;
        if ttl <= 27 {
            return Ok(());
        }
    }
    anyhow::bail!("nothing in the cache grows older")
}

/// A dig takes ten milliseconds at least.
const ASKS_MAX: usize = 1_000;
