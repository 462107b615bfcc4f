//! TCP connections: how they begin and end.

use super::scenario::check;

#[test]
fn connection_that_is_answered_is_accepted() {
    check(
        "0    syn @pod> 10.0.0.1:4000 > 10.96.0.10:53 seq=100
         0.1  syn veth< 10.0.0.1:4000 > 10.96.0.10:53 seq=100
         0.2  syn eth0> 192.0.2.2:7000 > 10.0.1.53:53 seq=100
         1    syn eth0< 10.0.1.53:53 > 192.0.2.2:7000 seq=900 ack=101
         1.1  syn veth> 10.96.0.10:53 > 10.0.0.1:4000 seq=900 ack=101
         1000 expire
         2000 fin veth> 10.96.0.10:53 > 10.0.0.1:4000 seq=901 ack=101",
        "accepted 10.0.0.1:4000 > 10.96.0.10:53 nat=10.0.1.53:53 path=q:@pod>,q:veth<,q:eth0>,r:eth0<,r:veth>",
    );
}

#[test]
fn reset_in_answer_to_a_syn_is_a_refusal() {
    check(
        "0   syn veth< 10.0.0.1:4000 > 10.0.1.53:53 seq=100
         0.1 rst veth> 10.0.1.53:53 > 10.0.0.1:4000 seq=0 ack=101
         9   expire",
        "refused 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth>",
    );
}

#[test]
fn icmp_error_in_answer_to_a_syn_is_a_refusal() {
    check(
        "0   syn  veth< 10.0.0.1:4000 > 10.96.0.10:53 seq=100
         0.1 icmp veth> 10.0.0.1:4000 > 10.96.0.10:53 seq=100 quoted=0 tcp by=10.0.0.254",
        "refused 10.0.0.1:4000 > 10.96.0.10:53 path=q:veth< signs=q:veth>:10.0.0.254",
    );
}

#[test]
fn syn_without_answer_is_given_up_after_its_last_sending() {
    check(
        "0     syn veth< 10.0.0.1:4000 > 10.0.1.53:53 seq=100
         1000  syn veth< 10.0.0.1:4000 > 10.0.1.53:53 seq=100
         3000  syn veth< 10.0.0.1:4000 > 10.0.1.53:53 seq=100
         7999  expire
         8000  expire
         15000 syn veth< 10.0.0.1:4000 > 10.0.1.53:53 seq=100",
        "noanswer 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,q:veth</1,q:veth</2 attempts=0,1000,3000",
    );
}

#[test]
fn not_decided_at_the_end_of_a_run() {
    check(
        "0     syn veth< 10.0.0.1:4000 > 10.0.1.53:53 seq=100",
        "outstanding 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<",
    );
}

const ACCEPTED: &str = "0   syn veth< 10.0.0.1:4000 > 10.0.1.53:53 seq=100
                        0.1 syn veth> 10.0.1.53:53 > 10.0.0.1:4000 seq=900 ack=101
                        500 expire\n";

#[test]
fn reset_with_a_query_on_it() {
    check(
        &format!(
            "{ACCEPTED} 600 q   veth< 10.0.0.1:4000 > 10.0.1.53:53 tcp
             601 rst veth> 10.0.1.53:53 > 10.0.0.1:4000 seq=901 ack=150"
        ),
        "#1 outstanding 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<
         accepted 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth>
         reset 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth>",
    );
}

#[test]
fn reset_with_everything_answered_is_none() {
    check(
        &format!(
            "{ACCEPTED} 600 q   veth< 10.0.0.1:4000 > 10.0.1.53:53 tcp
             601 r   veth> 10.0.1.53:53 > 10.0.0.1:4000 tcp
             602 rst veth> 10.0.1.53:53 > 10.0.0.1:4000 seq=951 ack=150"
        ),
        "#1 answered 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth> rt=1
         accepted 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth>",
    );
}

#[test]
fn query_to_a_server_that_has_closed() {
    check(
        &format!(
            "{ACCEPTED} 600 fin veth> 10.0.1.53:53 > 10.0.0.1:4000 seq=901 ack=101
             601 q   veth< 10.0.0.1:4000 > 10.0.1.53:53 tcp"
        ),
        "#1 outstanding 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<
         accepted 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth>
         reset 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth> closed=600",
    );
}

#[test]
fn same_ports_again_are_another_connection() {
    check(
        "0    syn veth< 10.0.0.1:4000 > 10.0.1.53:53 seq=100
         0.1  rst veth> 10.0.1.53:53 > 10.0.0.1:4000 seq=0 ack=101
         0.2  syn veth< 10.0.0.1:4000 > 10.0.1.53:53 seq=7777
         0.3  syn veth> 10.0.1.53:53 > 10.0.0.1:4000 seq=1 ack=7778",
        "refused 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth>
         accepted 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth>",
    );
}
