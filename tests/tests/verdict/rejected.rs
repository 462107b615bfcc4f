//! Who rejects a query is told by the ICMP error: the server's host, or the node.

use anyhow::Result;
use dnstrace_tests::node::SERVICE_V4;

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on rejected queries") {
        scene().unwrap();
    }
}

#[test]
fn server_does_not_listen() {
    check(|| {
        let scene = Scene::new()?;
        let watch = scene.watch()?;
        scene.dig("ok.example.", &[])?;
        watch.end()?.is(&[format!("server-not-listening certain {}", scene.dns[0].v4)]);
        Ok(())
    });
}

#[test]
fn service_has_no_endpoint() {
    check(|| {
        let scene = Scene::without_endpoints()?;
        scene.node.reject_dns()?;
        let watch = scene.watch()?;
        scene.dig("ok.example.", &[])?;
        // The API, which knows for certain, is not asked.
        watch.end()?.is(&[format!("no-dns-endpoints likely {SERVICE_V4}")]);
        Ok(())
    });
}
