//! What works, and costs more than it has to.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{Netns, SERVICE_V4, Scripted, wire};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on what could be cheaper") {
        scene().unwrap();
    }
}

/// The upstream does not know private networks.
#[test]
fn addresses_of_pods_are_looked_up_outside() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = Scripted::start(scene.upstream.netns(), scene.upstream.v4, |query, _| {
            vec![wire::refusal(query, SERVFAIL)]
        })?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        ensure!(scene.client.v4.to_string() == "10.244.0.10", "the client has another address");
        scene.dig("10.0.244.10.in-addr.arpa.", &["-t", "PTR"])?;
        let verdict = watch.end()?;
        verdict.is(&[] as &[&str]);
        assert_eq!(verdict.advice(), [format!("ptr-leak certain {}", scene.dns[0].v4)]);
        Ok(())
    });
}

const SERVFAIL: u8 = 2;

/// A lookup for each request, as of a program that keeps neither connections nor answers.
#[test]
fn client_asks_the_same_all_the_time() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        let (client, is_over) = (scene.client.netns(), AtomicBool::new(false));
        let (found, asked) = thread::scope(|scope| {
            let asking = scope.spawn(|| ask_until(client, &is_over));
            let found = watch.until_found("query-storm", "certain");
            is_over.store(true, Ordering::Relaxed);
            (found, asking.join())
        });
        asked.ok().context("who asks panicked")??;
        found?;
        let verdict = watch.end()?;
        verdict.is(&[] as &[&str]);
        assert_eq!(verdict.advice(), [format!("query-storm certain {}", scene.client.v4)]);
        Ok(())
    });
}

fn ask_until(client: &Netns, is_over: &AtomicBool) -> Result<()> {
    client.run(|| {
        for id in 0..QUERIES_MAX {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.set_read_timeout(Some(Duration::from_secs(10)))?;
            socket.send_to(&wire::query(id, "kubernetes.default.svc.cluster.local", wire::A), (SERVICE_V4, 53))?;
            socket.recv_from(&mut [0; 512]).context("no response")?;
            // What it does with the address: this is the load, and nothing is waited for.
            thread::sleep(REQUEST);
        }
        Ok(())
    })
}

const REQUEST: Duration = Duration::from_millis(20);
/// More than a minute.
const QUERIES_MAX: u16 = 5_000;
