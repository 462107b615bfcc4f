//! When transactions end, to the nanosecond.

use std::time::Duration;

use super::scenario::{check, check_with};
use crate::join::JoinOptions;

#[test]
fn query_without_response_ends_after_timeout_and_grace() {
    check(
        "
        0           q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        5249.999999 expire
        5249.999999 r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,r:vcli> rt=5249.999999",
    );
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        5250  expire
        ",
        "#1 no-response 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<",
    );
}

#[test]
fn query_timeout_is_an_option() {
    let options = JoinOptions { query_timeout: Duration::from_secs(1), ..JoinOptions::default() };
    check_with(
        &options,
        "
        0     q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        1250  r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 no-response 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<
        #2 unsolicited 10.244.0.10:4000 > 10.96.0.10:53 path=r:vcli> late_for=#1",
    );
}

#[test]
fn response_that_came_back_waits_for_stragglers_only() {
    check(
        "
        0          q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        1          r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        10.999999  r @cli<  10.96.0.10:53 > 10.244.0.10:4000
        20.999999  r @new<  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,r:vcli>,r:@cli< rt=1
        absorbed=1",
    );
}

#[test]
fn response_on_its_way_back_settles() {
    check(
        "
        0          q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        1          r vdns<  10.96.0.10:53 > 10.244.0.10:4000
        100.999999 r cni0>  10.96.0.10:53 > 10.244.0.10:4000
        200.999999 r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,r:vdns<,r:cni0>
        absorbed=1",
    );
}

#[test]
fn sightings_out_of_order_are_put_in_order() {
    check(
        "
        0.02  q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        0.01  q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        0     q @cli>  10.244.0.10:4000 > 10.96.0.10:53
        1.01  r @cli<  10.96.0.10:53 > 10.244.0.10:4000
        1     r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
         path=q:@cli>,q:vcli<,q:vdns>,r:vcli>,r:@cli< rt=1.01",
    );
}

#[test]
fn time_of_another_capture_gives_out_what_is_open() {
    check(
        "
        90000  q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        79999  q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        85249  expire
        ",
        "#1 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<
        #2 no-response 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<",
    );
}
