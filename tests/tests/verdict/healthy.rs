//! Nothing is wrong: nothing is found.

use std::fs;
use std::path::Path;

use anyhow::Result;
use dnstrace_tests::servers::{Program, Server};
use tempfile::TempDir;

use crate::scene::{Scene, can_run, lookup_programs};

/// A Corefile as clusters have it, with a zone file in the place of the API server.
pub(crate) fn corefile(folder: &Path, upstream: &str) -> Result<String> {
    let zone = folder.join("cluster.local");
    fs::write(&zone, ZONE)?;
    let zone = zone.display();
    Ok(format!("cluster.local {{\n file {zone}\n}}\n. {{\n cache 30\n forward . {upstream}\n loop\n}}\n"))
}

const ZONE: &str = "\
$ORIGIN cluster.local.
@ 30 IN SOA ns.dns hostmaster 1 7200 1800 86400 5
kubernetes.default.svc 5 IN A 10.96.0.1
kubernetes.default.svc 5 IN AAAA fd00:10:96::1
web.shop.svc 5 IN A 10.96.0.7
web.prod.svc 5 IN A 10.96.0.8
";

#[test]
fn clients_of_every_kind_find_what_they_look_for() {
    if can_run("verdict on healthy traffic") {
        healthy().unwrap();
    }
}

fn healthy() -> Result<()> {
    let folder = TempDir::new()?;
    let scene = Scene::new()?;
    let _upstream = scene.answering()?;
    let _dns = Server::configured(Program::CoreDns, &scene.dns[0], &corefile(folder.path(), "192.0.2.53")?)?;
    let watch = scene.watch()?;
    // Cold, then warm; names of the cluster and others, some that do not exist.
    for _ in 0..2 {
        for program in lookup_programs(folder.path())? {
            scene
                .run(program, &["kubernetes.default", "web.shop", "api.example.com", "nx1.example", "nothing.here"])?;
        }
        scene.dig("api.example.com.", &["+bufsize=1232"])?;
        scene.dig("big1.example.", &[])?;
        scene.dig("kubernetes.default.svc.cluster.local.", &["+tcp"])?;
        scene.dig("1.0.96.10.in-addr.arpa.", &["-t", "PTR"])?;
    }
    let verdict = watch.end()?;
    verdict.is(&[] as &[&str]);
    Ok(())
}
