//! What upstream servers do wrong.

use anyhow::Result;
use dnstrace_tests::node::{Scripted, link, wire};
use dnstrace_tests::servers::{Program, Server};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on upstream servers") {
        scene().unwrap();
    }
}

#[test]
fn upstream_is_silent() {
    check(|| silent(Program::CoreDns));
}

#[test]
fn upstream_is_silent_to_a_coredns_that_tries_longer() {
    check(|| silent(Program::OldCoreDns));
}

fn silent(program: Program) -> Result<()> {
    let scene = Scene::new()?;
    let _upstream = Scripted::start(scene.upstream.netns(), scene.upstream.v4, |_, _| Vec::new())?;
    let _dns = Server::configured(program, &scene.dns[0], &scene.corefile()?)?;
    let watch = scene.watch()?;
    scene.dig("drop1.example.", &[])?;
    watch.until_found("upstream-timeout", "certain")?;
    watch.end()?.is(&["upstream-timeout certain 192.0.2.53"]);
    Ok(())
}

#[test]
fn upstream_refuses() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        for name in ["servfail1.example.", "refused1.example."] {
            scene.dig(name, &[])?;
        }
        watch.end()?.is(&["upstream-error certain 192.0.2.53"]);
        Ok(())
    });
}

#[test]
fn one_upstream_has_what_the_other_denies() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let other = "192.0.2.54".parse()?;
        scene.upstream.netns().run(|| link::address("eth0", other, 24))?;
        let _other = Scripted::start(scene.upstream.netns(), other, |query, _| vec![wire::response(query, 1)])?;
        let _dns = scene.forwarding("192.0.2.53 192.0.2.54 {\n policy round_robin\n }")?;
        let watch = scene.watch()?;
        for _ in 0..6 {
            scene.dig("nx1.corp.example.", &[])?;
        }
        watch.end()?.is(&["split-upstreams certain 192.0.2.53"]);
        Ok(())
    });
}

#[test]
fn somebody_else_answers_too() {
    check(|| {
        let scene = Scene::new()?;
        let answers = |query: &[u8], _: _| vec![wire::response(query, 1), wire::response(query, 2)];
        let _upstream = Scripted::start(scene.upstream.netns(), scene.upstream.v4, answers)?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.dig("api.example.com.", &[])?;
        watch.end()?.is(&["answer-mismatch likely 192.0.2.53"]);
        Ok(())
    });
}

#[test]
fn upstream_says_more_than_it_may() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.dig("over1.example.", &["+noedns"])?;
        watch.end()?.is(&["oversize-upstream-reply certain 192.0.2.53"]);
        Ok(())
    });
}

#[test]
fn upstream_denies_a_name_when_asked_for_its_ipv6_addresses() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.look_up(&["nxaaaa1.example."])?;
        watch.end()?.is(&["aaaa-broken likely nxaaaa1.example"]);
        Ok(())
    });
}

#[test]
fn upstream_does_not_listen() {
    check(|| {
        let scene = Scene::new()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.dig("ok1.example.", &["+time=10"])?;
        watch.end()?.is(&["server-not-listening certain 192.0.2.53"]);
        Ok(())
    });
}
