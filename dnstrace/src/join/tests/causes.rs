//! The query that made a resolver ask.

use super::scenario::check;

#[test]
fn forwarder_behind_a_service_by_address() {
    check(
        "
        0    q vcli<  10.244.0.10:4000 > 10.96.0.10:53 id=1
        0.1  q vdns>  10.244.0.10:4000 > 10.244.0.53:53 id=1
        0.2  q vdns<  10.244.0.53:5000 > 8.8.8.8:53 id=2
        9    r vdns>  8.8.8.8:53 > 10.244.0.53:5000 id=2
        9.1  r vdns<  10.244.0.53:53 > 10.244.0.10:4000 id=1
        9.2  r vcli>  10.96.0.10:53 > 10.244.0.10:4000 id=1
        ",
        "#2 answered 10.244.0.53:5000 > 8.8.8.8:53 path=q:vdns<,r:vdns> rt=8.8 cause=#1
        #1 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 \
         path=q:vcli<,q:vdns>,r:vdns<,r:vcli> rt=9.2",
    );
}

#[test]
fn forwarder_by_cgroup() {
    check(
        "
        0    q @app>   127.0.0.1:4000 > 127.0.0.53:53 id=1 cgroup=70
        0.1  q @app<   127.0.0.1:4000 > 127.0.0.53:53 id=1 cgroup=80
        0.2  q @app>   192.0.2.2:5000 > 8.8.8.8:53 id=2 cgroup=80
        0.3  q @app>   192.0.2.2:5001 > 8.8.8.8:53 id=3 cgroup=70
        ",
        "#1 outstanding 127.0.0.1:4000 > 127.0.0.53:53 path=q:@app>,q:@app<
        #2 outstanding 192.0.2.2:5000 > 8.8.8.8:53 path=q:@app> cause=#1
        #3 outstanding 192.0.2.2:5001 > 8.8.8.8:53 path=q:@app>",
    );
}

#[test]
fn forwarder_by_netns() {
    check(
        "
        0    q @cli>  10.244.0.10:4000 > 10.96.0.10:53 id=1 netns=5
        0.1  q @dns<  10.244.0.10:4000 > 10.244.0.53:53 id=1 netns=6
        0.2  q @dns>  10.9.9.9:5000 > 8.8.8.8:53 id=2 netns=6
        ",
        "#1 outstanding 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 path=q:@cli>,q:@dns<
        #2 outstanding 10.9.9.9:5000 > 8.8.8.8:53 path=q:@dns> cause=#1",
    );
}

/// Servers of one host that forward over loopback: address, netns and cgroup say nothing, the process does.
#[test]
fn forwarder_by_process() {
    check(
        "
        0    q @host>  127.0.0.1:4000 > 127.0.0.53:53 id=1 netns=5 cgroup=1 tgid=70
        0.1  q @host<  127.0.0.1:4000 > 127.0.0.53:53 id=1 netns=5 cgroup=1 tgid=80
        0.2  q @host>  127.0.0.1:5000 > 127.0.0.2:53 id=2 netns=5 cgroup=1 tgid=80
        0.3  q @host>  127.0.0.1:5001 > 127.0.0.2:53 id=3 netns=5 cgroup=1 tgid=90
        ",
        "#1 outstanding 127.0.0.1:4000 > 127.0.0.53:53 path=q:@host>,q:@host<
        #2 outstanding 127.0.0.1:5000 > 127.0.0.2:53 path=q:@host> cause=#1
        #3 outstanding 127.0.0.1:5001 > 127.0.0.2:53 path=q:@host>",
    );
}

/// A stub in the pod itself: the pod's cgroup is the initiator's and the responder's.
#[test]
fn initiator_that_asks_another_server_is_not_its_own_cause() {
    check(
        "
        0    q @pod>  127.0.0.1:4000 > 127.0.0.1:53 id=1 netns=5 cgroup=70 tgid=10
        0.1  q @pod<  127.0.0.1:4000 > 127.0.0.1:53 id=1 netns=5 cgroup=70
        0.2  q @pod>  10.244.0.10:5000 > 10.96.0.10:53 id=2 netns=5 cgroup=70 tgid=20
        0.3  q @pod>  10.244.0.10:5001 > 10.96.0.11:53 id=3 netns=5 cgroup=70 tgid=10
        ",
        "#1 outstanding 127.0.0.1:4000 > 127.0.0.1:53 path=q:@pod>,q:@pod<
        #2 outstanding 10.244.0.10:5000 > 10.96.0.10:53 path=q:@pod> cause=#1
        #3 outstanding 10.244.0.10:5001 > 10.96.0.11:53 path=q:@pod>",
    );
}

#[test]
fn netns_that_many_share_and_the_root_cgroup_are_no_sign() {
    check(
        "
        0    q @host>  127.0.0.1:4000 > 127.0.0.53:53 id=1 netns=5 cgroup=1
        0.1  q @host<  127.0.0.1:4000 > 127.0.0.53:53 id=1 netns=5 cgroup=1
        0.2  q @host>  192.0.2.2:5000 > 8.8.8.8:53 id=2 netns=5 cgroup=1
        ",
        "#1 outstanding 127.0.0.1:4000 > 127.0.0.53:53 path=q:@host>,q:@host<
        #2 outstanding 192.0.2.2:5000 > 8.8.8.8:53 path=q:@host>",
    );
}

#[test]
fn two_queries_that_could_be_the_cause() {
    check(
        "
        0    q vdns>  10.244.0.10:4000 > 10.244.0.53:53 id=1
        0.1  q vdns>  10.244.0.11:4000 > 10.244.0.53:53 id=1
        0.2  q vdns<  10.244.0.53:5000 > 8.8.8.8:53 id=2
        ",
        "#1 outstanding 10.244.0.10:4000 > 10.244.0.53:53 path=q:vdns>
        #2 outstanding 10.244.0.11:4000 > 10.244.0.53:53 path=q:vdns>
        #3 outstanding 10.244.0.53:5000 > 8.8.8.8:53 path=q:vdns<
        cause_ambiguous=1",
    );
}

#[test]
fn type_and_name_in_any_case_must_agree() {
    check(
        "
        0    q vdns>  10.244.0.10:4000 > 10.244.0.53:53 id=1 name=a.example type=1
        0.1  q vdns>  10.244.0.10:4000 > 10.244.0.53:53 id=2 name=a.example type=28
        0.2  q vdns<  10.244.0.53:5000 > 8.8.8.8:53 id=3 name=A.eXample type=28
        0.3  q vdns<  10.244.0.53:5001 > 8.8.8.8:53 id=4 name=b.example type=1
        ",
        "#1 outstanding 10.244.0.10:4000 > 10.244.0.53:53 path=q:vdns>
        #2 outstanding 10.244.0.10:4000 > 10.244.0.53:53 path=q:vdns>
        #3 outstanding 10.244.0.53:5000 > 8.8.8.8:53 path=q:vdns< cause=#2
        #4 outstanding 10.244.0.53:5001 > 8.8.8.8:53 path=q:vdns<",
    );
}

#[test]
fn answered_query_causes_nothing() {
    check(
        "
        0    q vdns>  10.244.0.10:4000 > 10.244.0.53:53 id=1
        1    r vdns<  10.244.0.53:53 > 10.244.0.10:4000 id=1
        1.2  q vdns<  10.244.0.53:5000 > 8.8.8.8:53 id=2
        ",
        "#1 answered 10.244.0.10:4000 > 10.244.0.53:53 path=q:vdns>,r:vdns< rt=1
        #2 outstanding 10.244.0.53:5000 > 8.8.8.8:53 path=q:vdns<",
    );
}

#[test]
fn loop_is_a_chain() {
    check(
        "
        0    q @dns>  127.0.0.1:4000 > 127.0.0.53:53 id=1 cgroup=80
        0.1  q @dns<  127.0.0.1:4000 > 127.0.0.53:53 id=1 cgroup=80
        0.2  q @dns>  127.0.0.1:4001 > 127.0.0.53:53 id=2 cgroup=80
        0.3  q @dns<  127.0.0.1:4001 > 127.0.0.53:53 id=2 cgroup=80
        0.4  q @dns>  127.0.0.1:4002 > 127.0.0.53:53 id=3 cgroup=80
        0.5  q @dns<  127.0.0.1:4002 > 127.0.0.53:53 id=3 cgroup=80
        ",
        "#1 outstanding 127.0.0.1:4000 > 127.0.0.53:53 path=q:@dns>,q:@dns<
        #2 outstanding 127.0.0.1:4001 > 127.0.0.53:53 path=q:@dns>,q:@dns< cause=#1
        #3 outstanding 127.0.0.1:4002 > 127.0.0.53:53 path=q:@dns>,q:@dns< cause=#2",
    );
}

#[test]
fn transparent_proxy_asks_on_with_the_same_addresses() {
    check(
        "
        0    q @cli>   10.244.0.10:4000 > 10.96.0.10:53 cgroup=70
        0.01 q vcli<   10.244.0.10:4000 > 10.96.0.10:53
        0.02 q @proxy< 10.244.0.10:4000 > 10.96.0.10:53 cgroup=90
        0.1  q @proxy> 10.244.0.10:4000 > 10.96.0.10:53 cgroup=90
        0.11 q vdns>   10.244.0.10:4000 > 10.244.0.53:53
        1    r vdns<   10.244.0.53:53 > 10.244.0.10:4000
        1.1  r @proxy< 10.96.0.10:53 > 10.244.0.10:4000
        1.2  r @proxy> 10.96.0.10:53 > 10.244.0.10:4000
        1.3  r vcli>   10.96.0.10:53 > 10.244.0.10:4000
        1.4  r @cli<   10.96.0.10:53 > 10.244.0.10:4000
        ",
        "#2 answered 10.244.0.10:4000 > 10.96.0.10:53 nat=10.244.0.53:53 path=q:@proxy>,q:vdns>,r:vdns<,r:@proxy< rt=1 cause=#1
        #1 answered 10.244.0.10:4000 > 10.96.0.10:53 path=q:@cli>,q:vcli<,q:@proxy<,r:@proxy>,r:vcli>,r:@cli< rt=1.4 srt=1.18",
    );
}
