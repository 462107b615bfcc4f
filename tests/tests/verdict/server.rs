//! What cluster DNS itself does wrong.

use std::io::Read;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{SERVICE_V4, Scripted, wire};
use dnstrace_tests::servers::{Program, Server};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on cluster DNS") {
        scene().unwrap();
    }
}

#[test]
fn nobody_listens() {
    check(|| {
        let scene = Scene::new()?;
        let watch = scene.watch()?;
        scene.look_up(&["kubernetes.default"])?;
        watch.end()?.is(&[format!("server-not-listening certain {}", scene.dns[0].v4)]);
        Ok(())
    });
}

#[test]
fn it_has_no_services_from_the_api_server() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let kubernetes = "kubernetes cluster.local {\n endpoint http://127.0.0.1:1\n startup_timeout 10ms\n }";
        let corefile = format!(". {{\n {kubernetes}\n forward . 192.0.2.53\n cache 30\n}}\n");
        let _dns = Server::configured(Program::CoreDns, &scene.dns[0], &corefile)?;
        let watch = scene.watch()?;
        scene.look_up(&["kubernetes.default", "api.example.com."])?;
        watch.end()?.is(&[format!("kubernetes-plugin-unsynced certain {}", scene.dns[0].v4)]);
        Ok(())
    });
}

#[test]
fn it_waits_for_as_many_responses_as_it_may() {
    check(|| {
        let scene = Scene::new()?;
        let (asked, asks) = mpsc::sync_channel(8);
        let _upstream = Scripted::start(scene.upstream.netns(), scene.upstream.v4, move |query, _| {
            let _ = asked.try_send(wire::name(query));
            Vec::new()
        })?;
        let _dns = scene.forwarding("192.0.2.53 {\n max_concurrent 2\n }")?;
        let watch = scene.watch()?;
        let server = format!("@{SERVICE_V4}");
        let waiting = ["drop1.example.", "drop2.example."].map(|name| {
            let mut dig = scene.client.command("dig")?;
            Ok(dig.args([name, &server, "+tries=1", "+time=10"]).stdout(std::process::Stdio::null()).spawn()?)
        });
        let waiting: Vec<_> = waiting.into_iter().collect::<Result<_>>()?;
        for _ in &waiting {
            asks.recv().context("upstream was not asked")?;
        }
        scene.dig("ok1.example.", &[])?;
        for mut dig in waiting {
            dig.wait()?;
        }
        watch.until(|record| record["outcome"] == "no-response")?;
        let refused = format!("max-concurrent-refused likely {}", scene.dns[0].v4);
        watch.end()?.is(&[&refused, "upstream-timeout certain 192.0.2.53"]);
        Ok(())
    });
}

#[test]
fn it_does_not_read_its_queries() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.dig("kubernetes.default.svc.cluster.local.", &[])?;
        dns.halt()?;
        scene.client.netns().run(|| {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            for id in 0..MORE_THAN_FIT {
                socket
                    .send_to(&wire::query(id, &format!("web{id}.shop.svc.cluster.local"), wire::A), (SERVICE_V4, 53))?;
            }
            Ok(())
        })?;
        watch.until_found("server-overload", "certain")?;
        let verdict = watch.end()?;
        verdict.is(&[format!("server-overload certain {}", scene.dns[0].v4)]);
        ensure!(verdict.count("server-overload") == u64::from(MORE_THAN_FIT), "{verdict:?}");
        Ok(())
    });
}

/// The usual receive buffer (`net.core.rmem_default`, 208 KiB) has room for some 270 small packets.
const MORE_THAN_FIT: u16 = 600;

#[test]
fn it_gets_no_cpu_now_and_then() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        let sockets = scene.client.netns().run(|| {
            let sockets = (0..8).map(|_| UdpSocket::bind("0.0.0.0:0"));
            Ok(sockets.collect::<Result<Vec<_>, _>>()?)
        })?;
        dns.halt()?;
        for (id, socket) in (0..).zip(&sockets) {
            socket.send_to(&wire::query(id, "web.shop.svc.cluster.local", wire::A), (SERVICE_V4, 53))?;
        }
        let answered = |socket: &UdpSocket, within| {
            socket.set_read_timeout(Some(within))?;
            anyhow::Ok(socket.recv_from(&mut [0; 512]).is_ok())
        };
        ensure!(!answered(&sockets[0], Duration::from_millis(300))?, "it is not stopped");
        dns.go_on()?;
        for socket in &sockets {
            ensure!(answered(socket, Duration::from_secs(10))?, "it does not go on");
        }
        watch.end()?.is(&[format!("server-slow certain {}", scene.dns[0].v4)]);
        Ok(())
    });
}

#[test]
fn a_proxy_of_the_node_refuses_names_in_its_place() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let host = scene.node.host()?;
        let _proxy = Scripted::start(scene.node.netns(), host.v4, |query, _| vec![wire::refusal(query, REFUSED)])?;
        let watch = scene.watch()?;
        // A pod to which the policy does not apply.
        let other = scene.dns[1].command("dig")?.args(["web.shop.svc.cluster.local.", "@10.96.0.10"]).output()?;
        ensure!(other.status.success(), "{other:?}");
        let chain = "add chain inet scene proxy { type nat hook prerouting priority -110 ; }";
        let rule = format!("ip saddr {} udp dport 53 redirect", scene.client.v4);
        scene.nft(&format!("add table inet scene ; {chain} ; add rule inet scene proxy {rule}"))?;
        scene.dig("forbidden.example.", &[])?;
        watch.end()?.is(&[format!("policy-proxy-refused likely {}", scene.client.v4)]);
        Ok(())
    });
}

const REFUSED: u8 = 5;

#[test]
fn it_ends_a_connection_that_is_still_used() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let corefile =
            format!("{}\n", scene.corefile()?.replace("cache 30", "cache 30\n timeouts {\n idle 1s\n read 1s\n }"));
        let _dns = Server::configured(Program::CoreDns, &scene.dns[0], &corefile)?;
        let watch = scene.watch()?;
        scene.client.netns().run(|| {
            let mut connection = TcpStream::connect((SERVICE_V4, 53))?;
            let query = |id| wire::framed(&wire::query(id, "web.shop.svc.cluster.local", wire::A));
            connection.write_all(&query(1))?;
            // Until the server ends its side.
            connection.read_to_end(&mut Vec::new())?;
            connection.write_all(&query(2))?;
            // The reset has come when this fails.
            let _ = connection.read(&mut [0]);
            Ok(())
        })?;
        watch.until_found("dns-tcp-idle-reset", "certain")?;
        watch.end()?.is(&[format!("dns-tcp-idle-reset certain {}", scene.client.v4)]);
        Ok(())
    });
}
