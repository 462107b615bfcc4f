//! glibc asks again from the same socket with the same message ID, after SERVFAIL at once; the node masquerades it.

use super::scenario::{check, counts_of};

const FIRST: &str = "
    0        q @node>  10.244.0.1:61000 > 10.244.0.53:53
    0.01     q cni0>   10.244.0.1:61000 > 10.244.0.53:53
    0.02     q vdns>   10.244.0.1:61000 > 10.244.0.53:53
    0.03     q @dns<   10.244.0.1:61000 > 10.244.0.53:53
    2000     r @dns>   10.244.0.53:53 > 10.244.0.1:61000
    2000.01  r vdns<   10.244.0.53:53 > 10.244.0.1:61000
    2000.02  r cni0<   10.244.0.53:53 > 192.0.2.2:4000
    2000.03  r @node<  10.96.0.10:53 > 192.0.2.2:4000
    ";
const FIRST_ANSWERED: &str = "#1 answered 192.0.2.2:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
    path=q:@node>,q:cni0>,q:vdns>,q:@dns<,r:@dns>,r:vdns<,r:cni0<,r:@node< rt=2000.03 srt=1999.97";

#[test]
fn same_server_is_asked_again() {
    check(
        &format!(
            "{FIRST}
            2000.1   q @node>  10.244.0.1:61000 > 10.244.0.53:53
            2000.11  q cni0>   10.244.0.1:61000 > 10.244.0.53:53
            2000.12  q vdns>   10.244.0.1:61000 > 10.244.0.53:53
            2000.13  q @dns<   10.244.0.1:61000 > 10.244.0.53:53
            2000.2   r @dns>   10.244.0.53:53 > 10.244.0.1:61000
            2000.21  r vdns<   10.244.0.53:53 > 10.244.0.1:61000
            2000.22  r cni0<   10.244.0.53:53 > 192.0.2.2:4000
            2000.23  r @node<  10.96.0.10:53 > 192.0.2.2:4000
            "
        ),
        &format!(
            "{FIRST_ANSWERED}
            #2 answered 192.0.2.2:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
            path=q:@node>,q:cni0>,q:vdns>,q:@dns<,r:@dns>,r:vdns<,r:cni0<,r:@node< rt=0.13 srt=0.07"
        ),
    );
}

#[test]
fn next_nameserver_has_the_same_pod_behind_it() {
    check(
        &format!(
            "{FIRST}
            2000.1   q @node>  10.244.0.1:61001 > 10.244.0.53:53
            2000.11  q cni0>   10.244.0.1:61001 > 10.244.0.53:53
            2000.12  q vdns>   10.244.0.1:61001 > 10.244.0.53:53
            2000.13  q @dns<   10.244.0.1:61001 > 10.244.0.53:53
            2000.2   r @dns>   10.244.0.53:53 > 10.244.0.1:61001
            2000.21  r vdns<   10.244.0.53:53 > 10.244.0.1:61001
            2000.22  r cni0<   10.244.0.53:53 > 192.0.2.2:4000
            2000.23  r @node<  10.96.0.11:53 > 192.0.2.2:4000
            "
        ),
        &format!(
            "{FIRST_ANSWERED}
            #2 answered 192.0.2.2:4000 > 10.96.0.11:53 nat=10.244.0.53:53 \
            path=q:@node>,q:cni0>,q:vdns>,q:@dns<,r:@dns>,r:vdns<,r:cni0<,r:@node< rt=0.13 srt=0.07"
        ),
    );
}

#[test]
fn three_times() {
    let again = "
            q @node>  10.244.0.1:61000 > 10.244.0.53:53
            q @dns<   10.244.0.1:61000 > 10.244.0.53:53
            r @dns>   10.244.0.53:53 > 10.244.0.1:61000
            r cni0<   10.244.0.53:53 > 192.0.2.2:4000
            r @node<  10.96.0.10:53 > 192.0.2.2:4000";
    let lines = again.lines().map(str::trim).filter(|line| !line.is_empty()).cycle().take(15).enumerate();
    let scenario: Vec<_> = lines.map(|(at, line)| format!("0.{:02} {line}", at + 10)).collect();
    let path = "path=q:@node>,q:@dns<,r:@dns>,r:cni0<,r:@node< rt=0.04 srt=0.01";
    let answered = |number| format!("#{number} answered 192.0.2.2:4000 > 10.96.0.10:53 nat=10.244.0.53:53 {path}\n");
    check(&scenario.join("\n"), &[1, 2, 3].map(answered).concat());
}

#[test]
fn same_response_once_more_is_a_duplicate() {
    let counts = counts_of(&format!(
        "{FIRST}
        2000.1   r @dns>   10.244.0.53:53 > 10.244.0.1:61000
        2000.11  r vdns<   10.244.0.53:53 > 10.244.0.1:61000
        2000.12  r cni0<   10.244.0.53:53 > 192.0.2.2:4000
        "
    ));
    assert_eq!((counts.duplicate_responses, counts.duplicate_sightings, counts.ambiguous), (1, 2, 0));
}

/// Two sockets have the same message ID and were answered by the same server; their responses are back at one time.
#[test]
fn responses_that_are_back_at_one_time_stay_apart() {
    check(
        &format!(
            "{FIRST}
            2000.1   q @node>  10.244.0.1:61001 > 10.244.0.53:53
            2000.11  q @node>  10.244.0.1:61002 > 10.244.0.53:53
            2000.2   r @dns>   10.244.0.53:53 > 10.244.0.1:61001
            2000.21  r @dns>   10.244.0.53:53 > 10.244.0.1:61002
            2000.22  r cni0<   10.244.0.53:53 > 192.0.2.2:4000
            "
        ),
        &format!(
            "{FIRST_ANSWERED}
            #2 answered 10.244.0.1:61001 > 10.244.0.53:53 path=q:@node>,r:@dns>
            #3 answered 10.244.0.1:61002 > 10.244.0.53:53 path=q:@node>,r:@dns>
            #4 unsolicited 192.0.2.2:4000 > 10.244.0.53:53 path=r:cni0<
            ambiguous=1"
        ),
    );
}

#[test]
fn next_nameserver_without_masquerading() {
    let to = |service: &str, at: u32| {
        format!(
            "{at}.1  q @cli>  10.244.0.10:4000 > {service}:53
            {at}.11  q vcli<  10.244.0.10:4000 > {service}:53
            {at}.12  q vdns>  10.244.0.10:4000 > 10.244.0.53:53
            {at}.13  q @dns<  10.244.0.10:4000 > 10.244.0.53:53
            {at}.2   r @dns>  10.244.0.53:53 > 10.244.0.10:4000
            {at}.21  r vdns<  10.244.0.53:53 > 10.244.0.10:4000
            {at}.22  r vcli>  {service}:53 > 10.244.0.10:4000
            {at}.23  r @cli<  {service}:53 > 10.244.0.10:4000\n"
        )
    };
    let path = "path=q:@cli>,q:vcli<,q:vdns>,q:@dns<,r:@dns>,r:vdns<,r:vcli>,r:@cli< rt=0.13 srt=0.07";
    check(
        &[to("10.96.0.10", 0), to("10.96.0.11", 1)].concat(),
        &format!(
            "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 {path}
            #2 answered 10.244.0.10:4000 > 10.96.0.11:53 nat=10.244.0.53:53 {path}"
        ),
    );
}
