//! One message at many points, whatever NAT does to it.

use super::scenario::check;

#[test]
fn dnat_of_a_service_and_back() {
    check(
        "
        0     q @cli>  10.244.0.10:4000 > 10.96.0.10:53   hop=9
        0.01  q vcli<  10.244.0.10:4000 > 10.96.0.10:53   hop=9
        0.02  q cni0<  10.244.0.10:4000 > 10.96.0.10:53   hop=9
        0.03  q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        0.04  q @dns<  10.244.0.10:4000 > 10.244.0.53:53
        1.04  r @dns>  10.244.0.53:53 > 10.244.0.10:4000
        1.05  r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        1.06  r cni0>  10.96.0.10:53 > 10.244.0.10:4000
        1.07  r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        1.08  r @cli<  10.96.0.10:53 > 10.244.0.10:4000
        11.07 expire
        11.08 expire
        20    r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
         path=q:@cli>,q:vcli<,q:cni0<,q:vdns>,q:@dns<,r:@dns>,r:vdns<,r:cni0>,r:vcli>,r:@cli< rt=1.08 srt=1
        absorbed=1",
    );
}

#[test]
fn masquerade_keeps_the_port() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        0.01  q eth0>  192.0.2.2:4000 > 8.8.8.8:53
        9     r eth0<  8.8.8.8:53 > 192.0.2.2:4000
        9.01  r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<,q:eth0>,r:eth0<,r:vcli> rt=9.01",
    );
}

#[test]
fn masquerade_changes_the_port() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        0.01  q eth0>  192.0.2.2:61000 > 8.8.8.8:53
        9     r eth0<  8.8.8.8:53 > 192.0.2.2:61000
        9.01  r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<,q:eth0>,r:eth0<,r:vcli> rt=9.01",
    );
}

#[test]
fn masquerade_of_the_same_bytes_from_two_pods_goes_by_buffer() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 8.8.8.8:53 hop=1
        0.01  q vnew<  10.244.0.11:4000 > 8.8.8.8:53 hop=2
        0.02  q eth0>  192.0.2.2:61000 > 8.8.8.8:53 hop=2
        0.03  q eth0>  192.0.2.2:61001 > 8.8.8.8:53 hop=1
        9     r eth0<  8.8.8.8:53 > 192.0.2.2:61001
        9.01  r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<,q:eth0>,r:eth0<,r:vcli> rt=9.01
        #2 outstanding 10.244.0.11:4000 > 8.8.8.8:53 path=q:vnew<,q:eth0>",
    );
}

#[test]
fn masquerade_of_the_same_bytes_from_two_pods_stays_apart_without_buffer() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        0.01  q vnew<  10.244.0.11:4001 > 8.8.8.8:53
        0.02  q eth0>  192.0.2.2:61000 > 8.8.8.8:53
        ",
        "#1 outstanding 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<
        #2 outstanding 10.244.0.11:4001 > 8.8.8.8:53 path=q:vnew<
        #3 outstanding 192.0.2.2:61000 > 8.8.8.8:53 path=q:eth0>
        ambiguous=1",
    );
}

#[test]
fn masquerade_after_a_transit_is_another_query() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        51    q eth0>  192.0.2.2:61000 > 8.8.8.8:53
        ",
        "#1 outstanding 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<
        #2 outstanding 192.0.2.2:61000 > 8.8.8.8:53 path=q:eth0>",
    );
}

/// The node's own socket hook comes after masquerading, the bridge's after it is undone: bridge netfilter.
#[test]
fn masquerade_of_the_nodes_own_query_changes_the_port() {
    check(
        "
        0     q @node> 10.244.0.1:61000 > 10.244.0.53:53
        0.01  q cni0>  10.244.0.1:61000 > 10.244.0.53:53
        0.02  q vdns>  10.244.0.1:61000 > 10.244.0.53:53
        0.03  q @dns<  10.244.0.1:61000 > 10.244.0.53:53
        1.03  r @dns>  10.244.0.53:53 > 10.244.0.1:61000
        1.04  r vdns<  10.244.0.53:53 > 10.244.0.1:61000
        1.05  r cni0<  10.244.0.53:53 > 192.0.2.2:4000
        1.06  r @node< 10.96.0.10:53 > 192.0.2.2:4000
        ",
        "#1 answered 192.0.2.2:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
         path=q:@node>,q:cni0>,q:vdns>,q:@dns<,r:@dns>,r:vdns<,r:cni0<,r:@node< rt=1.06 srt=1",
    );
}

#[test]
fn response_of_the_same_bytes_to_two_of_the_nodes_queries_goes_by_address() {
    check(
        "
        0     q @node> 10.244.0.1:61000 > 10.244.0.53:53
        0.01  q @node> 10.244.0.1:61001 > 10.244.0.54:53
        1     r vdns<  10.244.0.53:53 > 10.244.0.1:61000
        1.01  r vnew<  10.244.0.54:53 > 10.244.0.1:61001
        1.02  r cni0<  10.244.0.54:53 > 192.0.2.2:4001
        1.03  r cni0<  10.244.0.53:53 > 192.0.2.2:4000
        ",
        "#2 answered 10.244.0.1:61001 > 10.244.0.54:53 path=q:@node>,r:vnew<,r:cni0<
        #1 answered 10.244.0.1:61000 > 10.244.0.53:53 path=q:@node>,r:vdns<,r:cni0<",
    );
}

#[test]
fn hairpin_to_the_pod_itself() {
    check(
        "
        0     q @dns>  10.244.0.53:4000 > 10.96.0.10:53   hop=5
        0.01  q vdns<  10.244.0.53:4000 > 10.96.0.10:53   hop=5
        0.02  q vdns>  10.244.0.1:61000 > 10.244.0.53:53  hop=5
        0.03  q @dns<  10.244.0.1:61000 > 10.244.0.53:53  hop=5
        0.5   r @dns>  10.244.0.53:53 > 10.244.0.1:61000
        0.51  r vdns<  10.244.0.53:53 > 10.244.0.1:61000
        0.52  r vdns>  10.96.0.10:53 > 10.244.0.53:4000
        0.53  r @dns<  10.96.0.10:53 > 10.244.0.53:4000
        ",
        "#1 answered 10.244.0.53:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
         path=q:@dns>,q:vdns<,q:vdns>,q:@dns<,r:@dns>,r:vdns<,r:vdns>,r:@dns< rt=0.53 srt=0.47",
    );
}

#[test]
fn forwarder_that_asks_on_with_the_same_bytes() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 10.244.0.53:53
        0.01  q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        0.2   q vdns<  10.244.0.53:4000 > 8.8.8.8:53
        0.21  q eth0>  192.0.2.2:61000 > 8.8.8.8:53
        8     r eth0<  8.8.8.8:53 > 192.0.2.2:61000
        8.01  r vdns>  8.8.8.8:53 > 10.244.0.53:4000
        8.2   r vdns<  10.244.0.53:53 > 10.244.0.10:4000
        8.21  r vcli>  10.244.0.53:53 > 10.244.0.10:4000
        ",
        "#2 answered 10.244.0.53:4000 > 8.8.8.8:53 path=q:vdns<,q:eth0>,r:eth0<,r:vdns> rt=7.81 cause=#1
        #1 answered 10.244.0.10:4000 > 10.244.0.53:53 path=q:vcli<,q:vdns>,r:vdns<,r:vcli> rt=8.21",
    );
}

#[test]
fn two_initiators_with_the_same_bytes() {
    check(
        "
        0     q @cli>  10.244.0.10:4000 > 8.8.8.8:53
        0.01  q @new>  10.244.0.11:4001 > 8.8.8.8:53
        0.02  q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        0.03  q vnew<  10.244.0.11:4001 > 8.8.8.8:53
        3     r vnew>  8.8.8.8:53 > 10.244.0.11:4001
        4     r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        ",
        "#2 answered 10.244.0.11:4001 > 8.8.8.8:53 path=q:@new>,q:vnew<,r:vnew> rt=2.97
        #1 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:@cli>,q:vcli<,r:vcli> rt=3.98",
    );
}

#[test]
fn two_initiators_with_the_same_bytes_and_port() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        0.01  q vnew<  10.244.0.11:4000 > 8.8.8.8:53
        4     r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        5     r vnew>  8.8.8.8:53 > 10.244.0.11:4000
        ",
        "#1 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:vcli<,r:vcli> rt=4
        #2 answered 10.244.0.11:4000 > 8.8.8.8:53 path=q:vnew<,r:vnew> rt=4.99",
    );
}

#[test]
fn musl_asks_all_name_servers_with_one_message() {
    check(
        "
        0     q @cli>  10.244.0.10:4000 > 10.96.0.10:53
        0.01  q @cli>  10.244.0.10:4000 > 8.8.8.8:53
        0.02  q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        0.03  q vcli<  10.244.0.10:4000 > 8.8.8.8:53
        0.04  q eth0>  10.244.0.10:4000 > 8.8.8.8:53
        2     r vcli>  10.96.0.10:53 > 10.244.0.10:4000
        3     r vcli>  8.8.8.8:53 > 10.244.0.10:4000
        ",
        "#1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:@cli>,q:vcli<,r:vcli> rt=1.98
        #2 answered 10.244.0.10:4000 > 8.8.8.8:53 path=q:@cli>,q:vcli<,q:eth0>,r:vcli> rt=2.97",
    );
}

#[test]
fn musl_through_a_service_goes_by_buffer() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 10.96.0.10:53  hop=1
        0.01  q vcli<  10.244.0.10:4000 > 10.96.0.11:53  hop=2
        0.02  q vdns>  10.244.0.10:4000 > 10.244.0.53:53 hop=2
        0.03  q vdns>  10.244.0.10:4000 > 10.244.0.53:53 hop=1
        ",
        "#1 outstanding 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 path=q:vcli<,q:vdns>
        #2 outstanding 10.244.0.10:4000 > 10.96.0.11:53 nat=10.244.0.53:53 path=q:vcli<,q:vdns>",
    );
}

#[test]
fn musl_through_a_service_stays_apart_without_buffer() {
    check(
        "
        0     q vcli<  10.244.0.10:4000 > 10.96.0.10:53
        0.01  q vcli<  10.244.0.10:4000 > 10.96.0.11:53
        0.02  q vdns>  10.244.0.10:4000 > 10.244.0.53:53
        0.03  q @dns<  10.244.0.10:4000 > 10.244.0.53:53
        1     r @dns>  10.244.0.53:53 > 10.244.0.10:4000
        1.01  r vcli>  10.96.0.11:53 > 10.244.0.10:4000
        ",
        "#2 answered 10.244.0.10:4000 > 10.96.0.11:53 path=q:vcli<,r:vcli> rt=1
        #3 answered 10.244.0.10:4000 > 10.244.0.53:53 path=q:vdns>,q:@dns<,r:@dns> rt=0.97 srt=0.97
        #1 outstanding 10.244.0.10:4000 > 10.96.0.10:53 path=q:vcli<
        ambiguous=1",
    );
}

#[test]
fn ipv6_through_a_service() {
    check(
        "
        0     q vcli<  [fd00::10]:4000 > [fd00:96::a]:53
        0.03  q vdns>  [fd00::10]:4000 > [fd00::53]:53
        1.05  r vdns<  [fd00::53]:53 > [fd00::10]:4000
        1.07  r vcli>  [fd00:96::a]:53 > [fd00::10]:4000
        ",
        "#1 answered [fd00::10]:4000 > [fd00:96::a]:53 nat=[fd00::53]:53 path=q:vcli<,q:vdns>,r:vdns<,r:vcli> rt=1.07",
    );
}

#[test]
fn loopback_of_two_netns_is_not_one() {
    check(
        "
        0     q @one>  127.0.0.1:4000 > 127.0.0.53:53
        0.01  q @one<  127.0.0.1:4000 > 127.0.0.53:53
        0.02  q @two>  127.0.0.1:4000 > 127.0.0.53:53
        0.03  q @two<  127.0.0.1:4000 > 127.0.0.53:53
        ",
        "#1 outstanding 127.0.0.1:4000 > 127.0.0.53:53 path=q:@one>,q:@one<
        #2 outstanding 127.0.0.1:4000 > 127.0.0.53:53 path=q:@two>,q:@two<",
    );
}

#[test]
fn loopback_is_seen_sent_and_received() {
    check(
        "
        0     q @host> 127.0.0.1:4000 > 127.0.0.53:53
        0.01  q lo>    127.0.0.1:4000 > 127.0.0.53:53
        0.02  q lo<    127.0.0.1:4000 > 127.0.0.53:53
        0.03  q @host< 127.0.0.1:4000 > 127.0.0.53:53
        1     r @host> 127.0.0.53:53 > 127.0.0.1:4000
        1.01  r lo>    127.0.0.53:53 > 127.0.0.1:4000
        1.02  r lo<    127.0.0.53:53 > 127.0.0.1:4000
        1.03  r @host< 127.0.0.53:53 > 127.0.0.1:4000
        ",
        "#1 answered 127.0.0.1:4000 > 127.0.0.53:53 \
         path=q:@host>,q:lo>,q:lo<,q:@host<,r:@host>,r:lo>,r:lo<,r:@host< rt=1.03 srt=0.97",
    );
}
