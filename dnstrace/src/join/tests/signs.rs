//! What happens to the packets of a transaction.

use super::scenario::{check, counts_of, transactions_of};
use crate::capture::Hook;
use crate::join::signs::SIGNS_MAX;

#[test]
fn rejected_query_has_a_sign_at_each_point() {
    check(
        "0     q    @pod> 10.0.0.1:4000 > 10.96.0.10:53
         0.01  q    veth< 10.0.0.1:4000 > 10.96.0.10:53
         0.02  icmp veth> 10.0.0.1:4000 > 10.96.0.10:53 by=10.0.0.254
         0.03  icmp @pod< 10.0.0.1:4000 > 10.96.0.10:53 by=10.0.0.254
         6000  expire",
        "#1 no-response 10.0.0.1:4000 > 10.96.0.10:53 path=q:@pod>,q:veth< \
         signs=q:veth>:10.0.0.254,q:@pod<:10.0.0.254",
    );
}

#[test]
fn retransmission_is_rejected_by_itself() {
    check(
        "0     q    veth< 10.0.0.1:4000 > 10.96.0.10:53
         1     icmp veth> 10.0.0.1:4000 > 10.96.0.10:53
         2500  q    veth< 10.0.0.1:4000 > 10.96.0.10:53
         2501  icmp veth> 10.0.0.1:4000 > 10.96.0.10:53
         9000  expire",
        "#1 no-response 10.0.0.1:4000 > 10.96.0.10:53 path=q:veth<,q:veth</1 \
         signs=q:veth>:10.0.0.254,q:veth>/1:10.0.0.254 attempts=0,2500",
    );
}

#[test]
fn error_that_quotes_an_address_behind_nat_belongs_to_its_query() {
    check(
        "0     q    veth< 10.0.0.1:4000 > 10.96.0.10:53
         0.1   q    eth0> 10.0.0.1:4000 > 10.0.1.53:53
         0.5   icmp eth0< 10.0.0.1:4000 > 10.0.1.53:53 by=10.0.1.53
         0.6   icmp veth> 10.0.0.1:4000 > 10.96.0.10:53 by=10.96.0.10
         6000  expire",
        "#1 no-response 10.0.0.1:4000 > 10.96.0.10:53 nat=10.0.1.53:53 path=q:veth<,q:eth0> \
         signs=q:eth0<:10.0.1.53,q:veth>:10.96.0.10",
    );
}

#[test]
fn bytes_tell_where_an_address_was_seen_nowhere() {
    check(
        "0     q    veth< 10.0.0.1:4000 > 10.96.0.10:53
         0.5   icmp eth0< 10.0.0.1:4000 > 10.0.1.53:53
         6000  expire",
        "#1 no-response 10.0.0.1:4000 > 10.96.0.10:53 path=q:veth< signs=q:eth0<:10.0.0.254",
    );
}

#[test]
fn rejected_response_belongs_to_its_transaction() {
    check(
        "0     q     veth< 10.0.0.1:4000 > 10.0.1.53:53
         1     r     veth> 10.0.1.53:53 > 10.0.0.1:4000
         1.1   icmpr veth< 10.0.1.53:53 > 10.0.0.1:4000 by=10.0.0.1",
        "#1 answered 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth> signs=r:veth<:10.0.0.1 rt=1",
    );
}

#[test]
fn errors_of_others_stay_apart() {
    check(
        "0     q    veth< 10.0.0.1:4000 > 10.96.0.10:53
         0.1   icmp veth> 10.0.0.2:4000 > 10.96.0.11:53
         0.2   icmp veth> 10.0.0.1:4000 > 10.96.0.10:53 id=2
         0.3   icmp veth> 10.0.0.1:4000 > 10.96.0.10:53 quoted=0
         6000  expire
         6001  icmp veth> 10.0.0.1:4000 > 10.96.0.10:53",
        "#1 no-response 10.0.0.1:4000 > 10.96.0.10:53 path=q:veth<
         signs_unmatched=4",
    );
}

#[test]
fn signs_are_bounded_and_counted() {
    let errors = "1 icmp veth> 10.0.0.1:4000 > 10.96.0.10:53\n".repeat(SIGNS_MAX + 3);
    let counts = counts_of(&format!("0 q veth< 10.0.0.1:4000 > 10.96.0.10:53\n{errors}"));
    assert_eq!((counts.signs_joined, counts.signs_cut), (SIGNS_MAX as u64, 3));
}

#[test]
fn dropped_query_is_seen_nowhere_after() {
    check(
        "0     q    veth< 10.0.0.1:4000 > 10.96.0.10:53
         0.1   drop veth< 10.0.0.1:4000 > 10.0.1.53:53
         6000  expire",
        "#1 no-response 10.0.0.1:4000 > 10.96.0.10:53 path=q:veth< signs=q:veth:NETFILTER_DROP@nft_do_chain",
    );
}

#[test]
fn dropped_response_belongs_to_its_transaction() {
    check(
        "0     q     veth< 10.0.0.1:4000 > 10.0.1.53:53
         1     r     eth0< 10.0.1.53:53 > 10.0.0.1:4000
         1.1   dropr eth0< 10.0.1.53:53 > 10.0.0.1:4000",
        "#1 answered 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:eth0< \
         signs=r:eth0:NETFILTER_DROP@nft_do_chain",
    );
}

#[test]
fn copies_that_others_drop_are_nothing_where_the_response_came() {
    check(
        "0     q        veth< 10.0.0.1:4000 > 10.0.1.53:53
         0.1   dropcopy veth2> 10.0.0.1:4000 > 10.0.1.53:53
         1     r        veth> 10.0.1.53:53 > 10.0.0.1:4000",
        "#1 answered 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth<,r:veth> rt=1",
    );
    // A client that asks by its own socket threw away the copy, and another one came.
    check(
        "0     q         @pod> 10.0.0.1:4000 > 10.0.1.53:53
         1     dropcopyr @pod> 10.0.1.53:53 > 10.0.0.1:4000
         2     r         @pod< 10.0.1.53:53 > 10.0.0.1:4000",
        "#1 answered 10.0.0.1:4000 > 10.0.1.53:53 path=q:@pod>,r:@pod< rt=2",
    );
    check(
        "0     q        veth< 10.0.0.1:4000 > 10.0.1.53:53
         0.1   dropcopy veth2> 10.0.0.1:4000 > 10.0.1.53:53
         6000  expire",
        "#1 no-response 10.0.0.1:4000 > 10.0.1.53:53 path=q:veth< signs=q:veth2:OTHERHOST@ip_rcv_core",
    );
}

#[test]
fn response_that_its_client_threw_away_is_no_copy() {
    check(
        "0     q         @pod> 10.0.0.1:4000 > 10.0.1.53:53
         0.1   q         veth< 10.0.0.1:4000 > 10.0.1.53:53
         1     r         veth> 10.0.1.53:53 > 10.0.0.1:4000
         1.1   dropcopyr veth2> 10.0.1.53:53 > 10.0.0.1:4000
         1.1   dropcopyr @pod> 10.0.1.53:53 > 10.0.0.1:4000",
        "#1 answered 10.0.0.1:4000 > 10.0.1.53:53 path=q:@pod>,q:veth<,r:veth> signs=r:?:OTHERHOST@ip_rcv_core",
    );
}

/// A bridge that gives a copy to each of a hundred pods, the client's the last.
fn flood(last: &str) -> String {
    let at_pods = |kind: &str| -> String {
        let lines = (0..100).map(|pod| format!("1 {kind} v{pod}> 10.0.1.53:53 > 10.0.0.1:4000\n"));
        lines.collect::<Vec<_>>().concat()
    };
    let query = "0 q @pod> 10.0.0.1:4000 > 10.0.1.53:53\n0.1 q veth< 10.0.0.1:4000 > 10.0.1.53:53\n";
    format!("{query}{}{}{last}", at_pods("r"), at_pods("dropcopyr"))
}

#[test]
fn copies_for_a_hundred_pods_leave_room_for_the_clients() {
    let ended = |last: &str| transactions_of(&flood(last)).pop().unwrap();
    let lost = ended("1.5 dropcopyr @pod> 10.0.1.53:53 > 10.0.0.1:4000\n");
    assert_eq!((lost.signs.len(), lost.lost_response().is_some()), (1, true));
    let came = ended("1.5 r @pod< 10.0.1.53:53 > 10.0.0.1:4000\n");
    assert_eq!((came.signs.len(), came.lost_response().is_some()), (0, false));
    assert_eq!(came.path.last().map(|hop| hop.point.hook), Some(Hook::Socket));
    assert!(came.path_cut > 0 && came.response_time.is_some(), "{came:?}");
}
