//! Responses: to which query, how often, too early, too late, to none.

use super::scenario::check;

#[test]
fn response_without_a_query() {
    check(
        "
        0      r eth0<  8.8.8.8:53 > 192.0.2.2:4000
        0.1    r vcli>  8.8.8.8:53 > 192.0.2.2:4000
        100.09 expire
        100.1  expire
        101    r eth0<  8.8.8.8:53 > 192.0.2.2:4000
        ",
        "#1 unsolicited 192.0.2.2:4000 > 8.8.8.8:53 path=r:eth0<,r:vcli>
        absorbed=1",
    );
}

#[test]
fn response_before_its_query() {
    check(
        "
        0.2  r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        0    q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        0.1  q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        0.15 r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 path=q:vcli<,q:vdns>,r:vdns<,r:vcli> rt=0.2
        reordered=1",
    );
}

#[test]
fn query_after_a_response_is_not_its_query() {
    check(
        "
        0  r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        1  q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        ",
        "#1 unsolicited 10.244.0.10:4000 > 10.96.0.10:53 path=r:vcli>
        #2 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<",
    );
}

#[test]
fn late_response() {
    check(
        "
        0       q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        0.1     q eth0>  192.0.2.2:61000 > 8.8.8.8:53
        5251    r eth0<  8.8.8.8:53 > 192.0.2.2:61000
        5251.1  r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        5400    r eth0<  8.8.8.8:53 > 192.0.2.2:61000
        ",
        "#1 no-response 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<,q:eth0>
        #2 unsolicited 10.244.0.10:4000 > 8.8.8.8:53 path=r:eth0<,r:vcli> late_for=#1
        absorbed=1",
    );
}

#[test]
fn response_thirty_seconds_late_belongs_to_nothing() {
    check(
        "
        0      q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        5250   expire
        35252  r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        ",
        "#1 no-response 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<
        #2 unsolicited 10.244.0.10:4000 > 8.8.8.8:53 path=r:vcli>",
    );
}

#[test]
fn response_to_each_retransmission() {
    check(
        "
        0      q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        1000   q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        1001   r eth0<  8.8.8.8:53 > 10.244.0.10:4000
        1001.1 r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        1002   r eth0<  8.8.8.8:53 > 10.244.0.10:4000
        1002.1 r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<,q:vcli</1,r:eth0</1,r:vcli>/1 attempts=0,1000 \
         duplicates=1 rt=1001.1",
    );
}

#[test]
fn forged_response_before_the_real_one() {
    check(
        "
        0   q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        1   r eth0<  8.8.8.8:53 > 10.244.0.10:4000 more=forged
        1.1 r vcli>  8.8.8.8:53 > 10.244.0.10:4000 more=forged
        2   r eth0<  8.8.8.8:53 > 10.244.0.10:4000 more=real
        2.1 r vcli>  8.8.8.8:53 > 10.244.0.10:4000 more=real
        ",
        "#1 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<,r:eth0<,r:vcli> duplicates=1 rt=1.1",
    );
}

#[test]
fn response_to_another_question_is_none() {
    check(
        "
        0   q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        1   r vcli>  8.8.8.8:53 > 10.244.0.10:4000 name=b.example
        2   r vcli>  8.8.8.8:53 > 10.244.0.10:4000 type=28
        ",
        "#2 unsolicited 10.244.0.10:4000 > 8.8.8.8:53 path=r:vcli>
        #3 unsolicited 10.244.0.10:4000 > 8.8.8.8:53 path=r:vcli>
        #1 outstanding 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<",
    );
}

#[test]
fn response_from_elsewhere_to_elsewhere_is_none() {
    check(
        "
        0   q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        1   r vcli>  9.9.9.9:53 > 10.244.0.11:4000
        ",
        "#2 unsolicited 10.244.0.11:4000 > 9.9.9.9:53 path=r:vcli>
        #1 outstanding 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<",
    );
}

#[test]
fn response_in_other_case() {
    check(
        "
        0   q vcli<  10.244.0.10:4000 > 8.8.8.8:53 name=wWw.ExAmple
        1   r vcli>  8.8.8.8:53 > 10.244.0.10:4000 name=www.example
        ",
        "#1 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<,r:vcli> rt=1",
    );
}

#[test]
fn response_without_a_question() {
    check(
        "
        0   q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        1   r vcli>  8.8.8.8:53 > 10.244.0.10:4000 noquestion
        ",
        "#1 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<,r:vcli> rt=1",
    );
}

#[test]
fn response_from_an_address_the_query_was_not_seen_going_to() {
    check(
        "
        0   q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        1   r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        1.1 r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<,r:vdns<,r:vcli> rt=1.1",
    );
}

#[test]
fn response_that_two_queries_could_claim() {
    check(
        "
        0    q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        0.01 q vcli<  10.244.0.10:4000 > 10.96.0.11:53
        1    r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        1.1  r vcli>  10.96.0.11:53 > 10.244.0.10:4000
        ",
        "#2 answered 10.244.0.10:4000 > 10.96.0.11:53 path=q:vcli<,r:vcli> rt=1.09
        #3 unsolicited 10.244.0.10:4000 > 10.244.0.53:53 path=r:vdns<
        #1 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<
        ambiguous=1",
    );
}

#[test]
fn multicast_query_and_announcement() {
    check(
        "
        0   q eth0<  192.0.2.7:5353 > 224.0.0.251:5353 id=0
        1   r eth0<  192.0.2.8:5353 > 224.0.0.251:5353 id=0 noquestion
        ",
        "#2 unsolicited 224.0.0.251:5353 > 192.0.2.8:5353 path=r:eth0<
        #1 outstanding 192.0.2.7:5353 > 224.0.0.251:5353 path=q:eth0<",
    );
}
