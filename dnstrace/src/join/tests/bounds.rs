//! Nothing grows without a bound, and what a bound takes is counted.

use std::fmt::Write as _;

use super::scenario::{check, check_with, counts_of};
use crate::join::JoinOptions;
use crate::join::index::PER_KEY_MAX;
use crate::join::open::{ATTEMPTS_MAX, MESSAGE_MAX, PATH_MAX};

#[test]
fn oldest_transaction_is_evicted() {
    let options = JoinOptions { open_max: 2, ..JoinOptions::default() };
    check_with(
        &options,
        "
        0  q vcli<  10.244.0.10:4000 > 10.96.0.10:53 id=1
        1  q vcli<  10.244.0.10:4000 > 10.96.0.10:53 id=2
        2  r vdns<  10.96.0.10:53 > 10.244.0.10:4000 id=1
        3  q vcli<  10.244.0.10:4000 > 10.96.0.10:53 id=3
        4  q vcli<  10.244.0.10:4000 > 10.96.0.10:53 id=4
        5  r vcli>  10.96.0.10:53 > 10.244.0.10:4000 id=1
        6  r vcli>  10.96.0.10:53 > 10.244.0.10:4000 id=2
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,r:vdns<
        #2 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<
        #3 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<
        #5 unsolicited 10.244.0.10:4000 > 10.96.0.10:53 path=r:vcli> late_for=#2
        #4 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<
        absorbed=1 evicted=3",
    );
}

#[test]
fn path_of_a_query_that_goes_round_in_circles() {
    let mut scenario = String::new();
    for lap in 0..PATH_MAX + 3 {
        writeln!(scenario, "0.{lap:03} q eth{lap}< 10.244.0.10:4000 > 10.96.0.10:53").unwrap();
    }
    let path: Vec<String> = (0..PATH_MAX).map(|lap| format!("q:eth{lap}<")).collect();
    let path = path.join(",");
    check(&scenario, &format!("#1 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path={path}\npath_cut=3"));
}

#[test]
fn query_sent_again_without_an_end_is_given_out() {
    let mut scenario = String::new();
    for second in 0..u64::try_from(ATTEMPTS_MAX).unwrap() + 10 {
        writeln!(scenario, "{second}000 q vcli< 10.244.0.10:4000 > 10.96.0.10:53").unwrap();
    }
    let counts = counts_of(&scenario);
    assert_eq!((counts.no_response, counts.outstanding), (1, 1));
    // The deadline is that of the last sending that was kept: 5.25 s after it four more have come and been counted.
    assert_eq!((counts.queries, counts.retransmissions, counts.attempts_cut), (2, 24, 6));
}

#[test]
fn long_message_is_kept_in_part() {
    let more = "x".repeat(MESSAGE_MAX);
    let counts = counts_of(&format!("0 q vcli< 10.244.0.10:4000 > 10.96.0.10:53 tcp more={more}"));
    assert_eq!(counts.messages_cut, 1);
}

#[test]
fn many_queries_with_one_id_and_port() {
    let mut scenario = String::new();
    for second in 0..PER_KEY_MAX + 5 {
        writeln!(scenario, "{second} q eth0< 192.0.2.{second}:5353 > 224.0.0.251:5353 id=0").unwrap();
    }
    let counts = counts_of(&scenario);
    assert_eq!((counts.outstanding, counts.index_crowded), (37, 5));
}

#[test]
fn forwarding_loop_of_new_queries() {
    let mut scenario = String::new();
    for lap in 0..2000 {
        let (port, id) = (4000 + lap, lap);
        writeln!(scenario, "{lap} q @dns> 127.0.0.1:{port} > 127.0.0.53:53 id={id} cgroup=80").unwrap();
        writeln!(scenario, "{lap} q @dns< 127.0.0.1:{port} > 127.0.0.53:53 id={id} cgroup=80").unwrap();
    }
    let counts = counts_of(&scenario);
    assert_eq!((counts.queries, counts.query_sightings, counts.cause_ambiguous), (2000, 2000, 0));
}

#[test]
fn forwarding_loop_of_one_query() {
    let mut scenario = String::new();
    for lap in 0..200 {
        writeln!(scenario, "{lap} q lo> 127.0.0.1:4000 > 127.0.0.53:53\n{lap} q lo< 127.0.0.1:4000 > 127.0.0.53:53")
            .unwrap();
    }
    let counts = counts_of(&scenario);
    assert_eq!((counts.queries, counts.transactions), (1, 1));
    assert_eq!(counts.query_sightings + counts.retransmissions, 399);
}
