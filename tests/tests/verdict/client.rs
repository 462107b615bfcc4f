//! What clients do wrong, or are told to do, and what names are.

use std::process::Stdio;

use anyhow::{Result, ensure};
use dnstrace_tests::clients;
use dnstrace_tests::node::{SERVICE_V4, UPSTREAM_V4};

use crate::scene::{Scene, can_run};

fn check(scene: fn() -> Result<()>) {
    if can_run("verdict on clients") {
        scene().unwrap();
    }
}

#[test]
fn musl_takes_a_truncated_response_as_it_is() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let musl = clients::musl(scene.folder.path())?;
        let watch = scene.watch()?;
        let mut again = scene.client.command(musl)?;
        let mut again = again.args(["-every", "1", "big1.example"]).stdout(Stdio::null()).spawn()?;
        let is_truncated = |record: &serde_json::Value| record["truncated"] == true && record["record_type"] == "A";
        let seen = (0..3).try_for_each(|_| watch.until(is_truncated));
        again.kill()?;
        again.wait()?;
        seen?;
        watch.end()?.is(&[format!("truncated-no-tcp certain {}", scene.client.v4)]);
        Ok(())
    });
}

#[test]
fn newer_musl_asks_again_over_tcp() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let musl = clients::new_musl(scene.folder.path())?;
        let watch = scene.watch()?;
        for _ in 0..3 {
            let said = scene.run(&musl, &["big1.example."])?;
            // It takes 48 addresses at most; the truncated response has none.
            ensure!(said.trim() == "big1.example. 48", "not all addresses: {said}");
            watch.until(|record| record["proto"] == "tcp" && record["record_type"] == "AAAA")?;
        }
        watch.end()?.is(&[] as &[&str]);
        Ok(())
    });
}

#[test]
fn a_service_is_asked_for_where_it_is_not() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.look_up(&["web.shop", "web"])?;
        watch.end()?.is(&[format!("wrong-namespace likely {}", scene.client.v4)]);
        Ok(())
    });
}

#[test]
fn the_search_list_is_tried_first() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.look_up(&["api.example.com"; 12])?;
        let verdict = watch.end()?;
        verdict.is(&[] as &[&str]);
        assert_eq!(verdict.advice(), [format!("ndots-search-amplification certain {}", scene.client.v4)]);
        Ok(())
    });
}

#[test]
fn musl_asks_two_servers_that_contradict_each_other() {
    check(|| {
        let mut scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        scene.client.set_resolv_conf(&format!("nameserver {SERVICE_V4}\nnameserver {UPSTREAM_V4}\n"));
        let musl = clients::musl(scene.folder.path())?;
        let watch = scene.watch()?;
        scene.run(musl, &["web.shop.svc.cluster.local"])?;
        watch.end()?.is(&[format!("musl-parallel-nameservers certain {}", scene.client.v4)]);
        Ok(())
    });
}

#[test]
fn an_alias_leads_nowhere() {
    check(|| {
        let scene = Scene::new()?;
        let _upstream = scene.answering()?;
        let _dns = scene.cluster_dns()?;
        let watch = scene.watch()?;
        scene.look_up(&["outside.shop.svc.cluster.local."])?;
        watch.end()?.is(&["cname-problem certain outside.shop.svc.cluster.local"]);
        Ok(())
    });
}
