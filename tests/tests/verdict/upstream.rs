//! What upstream servers do wrong.

use std::net::UdpSocket;
use std::sync::Mutex;

use anyhow::Result;
use dnstrace_tests::node::{SERVICE_V4, Scripted, link, wire};
use dnstrace_tests::servers::{Program, Server};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

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

#[test]
fn upstream_answers_so_many_queries_a_second() {
    check(|| {
        let scene = Scene::new()?;
        let limit = Limit::default();
        let _upstream = Scripted::start(scene.upstream.netns(), scene.upstream.v4, move |query, _| {
            if limit.allows() { vec![wire::response(query, 1)] } else { Vec::new() }
        })?;
        // It asks once only: what it asked again would count in another second.
        let _dns = Server::start(Program::Dnsmasq, &scene.dns[0])?;
        let watch = scene.watch()?;
        for second in 0..8 {
            ask_in_this_second(&scene, if second % 2 == 0 { ANSWERED / 2 } else { ANSWERED + 20 })?;
        }
        watch.until_found("upstream-rate-limited", "suspected")?;
        watch.end()?.is(&["upstream-rate-limited suspected 192.0.2.53"]);
        Ok(())
    });
}

/// Queries a second.
const ANSWERED: u16 = 60;

/// Queries that were answered in the second of boot time that lasts.
#[derive(Default)]
struct Limit(Mutex<(i64, u16)>);

impl Limit {
    fn allows(&self) -> bool {
        let now = boot_time().tv_sec();
        let mut answered = self.0.lock().unwrap();
        *answered = if answered.0 == now { (now, answered.1 + 1) } else { (now, 1) };
        answered.1 <= ANSWERED
    }
}

fn boot_time() -> TimeSpec {
    clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap()
}

/// Waits for the next second, and asks for so many names in it.
fn ask_in_this_second(scene: &Scene, names: u16) -> Result<()> {
    let second = boot_time().tv_sec() + 1;
    clock_nanosleep(ClockId::CLOCK_BOOTTIME, ClockNanosleepFlags::TIMER_ABSTIME, &TimeSpec::new(second, 50_000_000))?;
    scene.client.netns().run(|| {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        for id in 0..names {
            socket.send_to(&wire::query(id, &format!("a{second}-{id}.example"), wire::A), (SERVICE_V4, 53))?;
        }
        Ok(())
    })
}

#[test]
fn server_outside_is_silent_or_cannot_answer() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let watch = scene.watch()?;
        for name in ["servfail1.example.", "drop1.example."] {
            scene.run("dig", &[name, "@192.0.2.53", "+tries=1", "+time=1"])?;
        }
        watch.until(|record| record["outcome"] == "no-response")?;
        watch.end()?.is(&["error-response certain 192.0.2.53", "no-response certain 192.0.2.53"]);
        Ok(())
    });
}

#[test]
fn server_repeats_questions_in_other_letters() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = Scripted::start(scene.upstream.netns(), scene.upstream.v4, |query, _| {
            vec![wire::response(&query.to_ascii_lowercase(), 1)]
        })?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.dig("WwW.eXaMpLe.", &[])?;
        watch.end()?.is(&["answer-mismatch certain 192.0.2.53"]);
        Ok(())
    });
}

#[test]
fn somebody_answers_in_the_servers_place() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = Scripted::start(scene.upstream.netns(), scene.upstream.v4, |query, _| {
            [1, 2].map(|count| wire::response(query, count)).to_vec()
        })?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        for number in 1..5 {
            scene.dig(&format!("a{number}.example."), &[])?;
        }
        watch.end()?.is(&["answer-mismatch likely 192.0.2.53"]);
        Ok(())
    });
}
