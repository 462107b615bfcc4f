//! What upstream servers do wrong.

use anyhow::Result;
use dnstrace_tests::servers::{Program, Server};
use tempfile::TempDir;

use super::healthy::corefile;
use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on upstream servers") {
        scene().unwrap();
    }
}

#[test]
fn upstream_is_silent() {
    check(|| {
        for program in [Program::CoreDns, Program::OldCoreDns] {
            let (scene, folder) = (Scene::new()?, TempDir::new()?);
            let _dns = Server::configured(program, &scene.dns[0], &corefile(folder.path(), "192.0.2.53")?)?;
            let watch = scene.watch()?;
            scene.dig("drop1.example.", &[])?;
            watch.until(|record| record["outcome"] == "no_response")?;
            watch.end()?.is(&["upstream-timeout certain 192.0.2.53"]);
        }
        Ok(())
    });
}

#[test]
fn upstream_refuses() {
    check(|| {
        let (scene, folder) = (Scene::new()?, TempDir::new()?);
        let _upstream = scene.answering()?;
        let _dns = Server::configured(Program::CoreDns, &scene.dns[0], &corefile(folder.path(), "192.0.2.53")?)?;
        let watch = scene.watch()?;
        for name in ["servfail1.example.", "refused1.example."] {
            scene.dig(name, &[])?;
        }
        watch.end()?.is(&["upstream-error certain 192.0.2.53"]);
        Ok(())
    });
}
