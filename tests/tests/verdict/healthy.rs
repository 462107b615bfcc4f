//! Nothing is wrong: nothing is found.

use anyhow::Result;

use crate::scene::{Scene, can_run, lookup_programs};

#[test]
fn clients_of_every_kind_find_what_they_look_for() {
    if can_run("verdict on healthy traffic") {
        healthy().unwrap();
    }
}

fn healthy() -> Result<()> {
    let scene = Scene::new()?;
    let _upstream = scene.answering()?;
    let _dns = scene.cluster_dns()?;
    let watch = scene.watch()?;
    // Cold, then warm; names of the cluster and others, some that do not exist.
    for _ in 0..2 {
        for program in lookup_programs(scene.folder.path())? {
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
