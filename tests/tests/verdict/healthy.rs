//! Nothing is wrong: nothing is found.

use anyhow::Result;
use dnstrace_tests::command;
use dnstrace_tests::node::{SERVICE_V4, SERVICE_V6};

use crate::scene::{Scene, can_run, lookup_programs};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on healthy traffic") {
        scene().unwrap();
    }
}

#[test]
fn clients_of_every_kind_find_what_they_look_for() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        // Cold, then warm; names of the cluster and others, some that do not exist.
        let names = ["kubernetes.default", "web.shop", "api.example.com", "nx1.example", "nothing.here"];
        for _ in 0..2 {
            for program in lookup_programs(scene.folder.path())? {
                scene.run(program, &names)?;
            }
            scene.dig("api.example.com.", &["+bufsize=1232"])?;
            scene.dig("big1.example.", &[])?;
            scene.dig("kubernetes.default.svc.cluster.local.", &["+tcp"])?;
            scene.dig("1.0.96.10.in-addr.arpa.", &["-t", "PTR"])?;
        }
        watch.end()?.is(&[] as &[&str]);
        Ok(())
    });
}

/// As after each five minutes in which a pod was silent: a bridge that does not know where somebody is asks all its ports.
#[test]
fn bridge_gives_frames_to_everybody() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let file = format!("nameserver {SERVICE_V4}\n{SEARCH}");
        scene.host.has_pod(&scene.client, "shop", "web", &file)?;
        scene.host.has_pod(&scene.dns[0], "kube-system", "coredns-1", &file)?;
        scene.host.has_pod(&scene.dns[1], "kube-system", "coredns-2", &file)?;
        for pod in [&scene.client, &scene.dns[0], &scene.dns[1]] {
            let slave = ["link", "set", &pod.interface, "type", "bridge_slave", "learning", "off", "fdb_flush"];
            command::of(scene.node.command("ip").args(slave))?;
        }
        let watch = scene.watch()?;
        scene.look_up(&["kubernetes.default", "api.example.com"])?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+tcp"])?;
        watch.until(|record| {
            let has_signs = record["signs"].as_array().is_some_and(|signs| !signs.is_empty());
            assert!(!has_signs && record["k8s_dest"]["pod"] != "coredns-2", "{record:#}");
            record["proto"] == "tcp" && record["role"] == "client"
        })?;
        watch.end()?.is(&[] as &[&str]);
        Ok(())
    });
}

/// By both of the Service's addresses; two endpoints take turns, so that A and AAAA of one lookup go to either.
#[test]
fn ten_thousand_lookups() {
    check(|| {
        let mut scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = [scene.cluster_dns_in(&scene.dns[0])?, scene.cluster_dns_in(&scene.dns[1])?];
        scene.nft("flush chain inet dnstrace-node pre")?;
        scene.node.service(&[&scene.dns[0], &scene.dns[1]])?;
        let programs = lookup_programs(scene.folder.path())?;
        let watch = scene.watch_for("600s")?;
        for (number, service) in (0..RUNS).zip([SERVICE_V4, SERVICE_V6].iter().cycle()) {
            scene.client.set_resolv_conf(&format!("nameserver {service}\n{SEARCH}"));
            let last = format!("last-{number}.example.net");
            let names: Vec<_> = names(number).chain([last.clone() + "."]).collect();
            let program = &programs[number / 2 % programs.len()];
            scene.run(program, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
            watch.until(|record| record["query"] == last.as_str())?;
        }
        watch.end()?.is(&[] as &[&str]);
        Ok(())
    });
}

const SEARCH: &str = "search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";
/// Three of each of the four programs by either address,
const RUNS: usize = 24;
/// each with so many names.
const NAMES: usize = 420;

/// Mostly names of the cluster, whole and with the search list, of which some are not there; others are asked outside,
/// the first time they come.
fn names(run: usize) -> impl Iterator<Item = String> {
    (0..NAMES).map(move |number| match number % 10 {
        0 => "kubernetes.default".to_owned(),
        1 => format!("a{run}-{number}.example.com."),
        2 => "web.shop".to_owned(),
        // The same name again and again would be one that somebody misses.
        3 => format!("nothing-{run}-{number}.here.svc.cluster.local."),
        4 => "api.example.com.".to_owned(),
        5 => "nx1.example.org.".to_owned(),
        _ => "kubernetes.default.svc.cluster.local.".to_owned(),
    })
}
