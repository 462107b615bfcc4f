//! `rpfilter-drop`.

use super::ways::*;
use super::*;
use crate::join::MessageKind::Response;

#[test]
fn query_is_dropped() {
    let ask = stuck(0, "10.244.0.10:40000").sign(dropped(0, "IP_RPFILTER", "br_nf_pre_routing_finish"));
    check(Scene::cluster().ask(ask), &["rpfilter-drop certain node 1"]);
}

#[test]
fn response_is_dropped() {
    let ask = sent_on(0, "10.244.0.11:40000").sign(|transaction| {
        let mut sign = dropped(1, "IP_RPFILTER", "ip_route_input_slow")(transaction);
        (sign.message, sign.src, sign.dst) = (Response, sign.dst, sign.src);
        sign
    });
    check(Scene::unknown().ask(ask), &["rpfilter-drop certain node 1"]);
}

#[test]
fn drop_for_another_reason_is_not_by_reverse_path() {
    let ask = stuck(0, "10.244.0.10:40000").sign(dropped(0, "IP_INNOROUTES", "ip_route_input_slow"));
    check(Scene::cluster().ask(ask), &["no-response certain 10.96.0.10:53 1"]);
}
