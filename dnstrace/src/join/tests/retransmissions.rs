//! The same message again: before its response a retransmission, after it another query.

use super::scenario::check;

#[test]
fn query_is_sent_again_before_its_response() {
    check(
        "
        0        q @cli>  10.244.0.10:4000 > 10.96.0.10:53
        0.01     q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        5000     q @cli>  10.244.0.10:4000 > 10.96.0.10:53
        5000.01  q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        5000.02  q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        5001     r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        5001.1   r @cli<  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
         path=q:@cli>,q:vcli<,q:@cli>/1,q:vcli</1,q:vdns>/1,r:vdns</1,r:@cli</1 attempts=0,5000 rt=5001.1",
    );
}

#[test]
fn each_sending_extends_the_query_timeout() {
    check(
        "
        0      q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        5000   q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        10249  expire
        10250  expire
        10251  q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        ",
        "#1 no-response 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,q:vcli</1 attempts=0,5000
        #2 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<",
    );
}

#[test]
fn dnsperf_uses_an_id_again_after_the_response() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        0.1   q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        1     r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        1.1   r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        2     q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        2.1   q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        3     r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        3.1   r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 path=q:vcli<,q:vdns>,r:vdns<,r:vcli> rt=1.1
        #2 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 path=q:vcli<,q:vdns>,r:vdns<,r:vcli> rt=1.1",
    );
}

#[test]
fn dnsperf_uses_an_id_again_where_the_first_response_was_seen_half_way() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        0.1   q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        1     r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        2     q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        2.1   q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        3     r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        3.1   r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#2 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 path=q:vcli<,q:vdns>,r:vdns<,r:vcli> rt=1.1
        #1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 path=q:vcli<,q:vdns>,r:vdns< rt=0.9",
    );
}

#[test]
fn same_id_and_port_with_another_question() {
    check(
        "
        0   q vcli<  10.244.0.10:4000 > 10.96.0.10:53 type=1
        0.1 q vcli<  10.244.0.10:4000 > 10.96.0.10:53 type=28
        1   r vcli>  10.96.0.10:53 > 10.244.0.10:4000 type=28
        2   r vcli>  10.96.0.10:53 > 10.244.0.10:4000 type=1
        ",
        "#2 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,r:vcli> rt=0.9
        #1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,r:vcli> rt=2",
    );
}

#[test]
fn pipelined_over_one_tcp_connection() {
    check(
        "
        0   q vcli<  10.244.0.10:4000 > 10.96.0.10:53 tcp id=1
        0   q vcli<  10.244.0.10:4000 > 10.96.0.10:53 tcp id=2
        0.1 q vcli<  10.244.0.10:4000 > 10.96.0.10:53 id=2
        1   r vcli>  10.96.0.10:53 > 10.244.0.10:4000 tcp id=2
        2   r vcli>  10.96.0.10:53 > 10.244.0.10:4000 tcp id=1
        ",
        "#2 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,r:vcli> rt=1
        #1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,r:vcli> rt=2
        #3 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<",
    );
}

#[test]
fn capture_of_all_interfaces_without_their_names() {
    check(
        "
        0       q ?<  10.244.0.10:4000 > 10.96.0.10:53
        0.01    q ?<  10.244.0.10:4000 > 10.96.0.10:53
        0.02    q ?>  10.244.0.10:4000 > 10.244.0.53:53
        5000    q ?<  10.244.0.10:4000 > 10.96.0.10:53
        5000.01 q ?<  10.244.0.10:4000 > 10.96.0.10:53
        5001    r ?>  10.96.0.10:53 > 10.244.0.10:4000
        5002    q ?<  10.244.0.10:4000 > 10.96.0.10:53
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
         path=q:?<,q:?<,q:?>,q:?</1,q:?</1,r:?>/1 attempts=0,5000 rt=5001
        #2 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:?<",
    );
}

#[test]
fn capture_without_directions() {
    check(
        "
        0   q ?<  10.244.0.10:4000 > 10.96.0.10:53
        1   r ?<  10.96.0.10:53 > 10.244.0.10:4000
        1.1 q ?<  10.244.0.10:4000 > 10.96.0.10:53
        2   r ?<  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:?<,r:?< rt=1
        #2 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:?<,r:?< rt=0.9",
    );
}

#[test]
fn retransmission_crosses_the_response() {
    check(
        "
        0       q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        0.1     q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        5000    r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        5000.1  q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        5000.2  r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        5000.3  q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        5001    r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        5001.1  r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
         path=q:vcli<,q:vdns>,r:vdns<,q:vcli</1,r:vcli>/1,q:vdns>/1 attempts=0,5000.1 duplicates=1 rt=5000.2",
    );
}
