//! Nothing is wrong: nothing is found.

use anyhow::Result;
use dnstrace_tests::servers::{Program, Server};
use tempfile::TempDir;

use crate::scene::{Scene, can_run, lookup_programs};

/// A Corefile as clusters have it, with a zone in the place of the API server.
pub(crate) fn corefile(upstream: &str) -> String {
    format!(
        "cluster.local {{\n hosts {{\n  10.96.0.1 kubernetes.default.svc.cluster.local\n  fd00:10:96::1 \
         kubernetes.default.svc.cluster.local\n  10.96.0.7 web.shop.svc.cluster.local\n }}\n}}\n. {{\n cache 30\n forward . \
         {upstream}\n loop\n}}\n"
    )
}

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
    let _dns = Server::configured(Program::CoreDns, &scene.dns[0], &corefile("192.0.2.53"))?;
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
        scene.dig("-x", &["192.0.2.53"])?;
    }
    let verdict = watch.end()?;
    verdict.is(&[] as &[&str]);
    Ok(())
}
