//! The same names from what a recording was told.

use std::net::IpAddr;

use super::{NODE, SECOND, asks, given, ip, node, owner, shown, socket};
use crate::capture::{BootTime, Socket};
use crate::join::Transaction;
use crate::owner::fact::{Conntrack, ContainerFact, Fact, PodFact, ResolvConf, Source};
use crate::owner::{Note, Owner, Told, Used, WallClock, Who};

/// Applies what is told to an owner of a file.
fn retell(from: &Owner, told: &mut Told, used: &Used<'_>, to: &mut Owner) {
    from.tell(used, told, WallClock::default(), |note| {
        let note = Note::read(&note.line()).unwrap();
        let time = note.time(BootTime(0));
        to.apply(note.source, note.fact, time);
    });
}

#[test]
fn recording_has_what_was_used_and_gives_the_same_names() {
    let (mut live, _asks) = owner(node());
    let mut file = Owner::files(1);
    let mut told = Told::default();
    let dual_stack =
        Transaction { server: "[fd00::a]:53".parse().unwrap(), ..asks("[fd00::7]", socket(Some(7), Some(77))) };
    let all = [
        asks("10.244.0.7", socket(Some(7), Some(77))),
        dual_stack,
        asks("192.0.2.2", socket(Some(NODE), Some(88))),
        asks("192.0.2.2", socket(Some(NODE), Some(99))),
        asks("10.244.9.9", Socket::default()),
        // The first again: what was told later must not have changed it.
        asks("10.244.0.7", socket(Some(7), Some(77))),
    ];
    for transaction in all {
        let who = given(&mut live, transaction.clone(), SECOND).unwrap();
        let used = Used {
            parties: [who.client.as_ref(), who.server.as_ref(), None],
            cgroups: [transaction.client_socket.cgroup_id, None],
            addresses: [transaction.client.ip(), transaction.server.ip()],
        };
        retell(&live, &mut told, &used, &mut file);
        let mut again = 0;
        live.tell(&used, &mut told, WallClock::default(), |_| again += 1);
        assert_eq!(again, 0, "told twice");
        assert_eq!(given(&mut file, transaction, SECOND), Some(who));
    }
    assert!(file.index().pods().iter().all(|pod| pod.name.as_deref() != Some("coredns")), "who was not used");
}

#[test]
fn recording_has_the_resolv_conf_of_pods_it_knows() {
    let (mut live, _asks) = owner(node());
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let search = |domain: &str, pod: &str| {
        Fact::ResolvConf(ResolvConf { pod: pod.into(), search: vec![domain.into()], ..ResolvConf::default() })
    };
    let who = given(&mut live, asks("10.244.0.7", Socket::default()), SECOND).unwrap();
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = Used { parties: [who.client.as_ref(), None, None], cgroups: [None; 2], addresses: [nobody; 2] };
    for domain in ["old.example", "new.example"] {
        live.apply(Source::ResolvConf, search(domain, "u-web"), BootTime(SECOND));
        live.apply(Source::ResolvConf, search(domain, "u-other"), BootTime(SECOND));
        retell(&live, &mut told, &used, &mut file);
        let known = file.index().resolv_conf("u-web").map(|file| file.search.clone());
        assert_eq!(known, Some(vec![domain.into()]));
    }
    assert_eq!(file.index().resolv_conf("u-other"), None, "whose name was not used");
}

#[test]
fn recording_has_the_netns_that_nobody_knows() {
    let (mut live, _asks) = owner(node());
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = Used { parties: [None; 3], cgroups: [None; 2], addresses: [nobody; 2] };
    let clock = WallClock { time: BootTime(0), wall: crate::capture::WallTime(0) };
    let mut told = Told::default();
    let mut unknown = |live: &Owner| {
        let mut unknown = Vec::new();
        live.tell(&used, &mut told, clock, |note| {
            if let Fact::NetnsUnknown { netns } = note.fact {
                unknown.push((netns, note.at));
            }
        });
        unknown
    };
    for netns in [7, 8] {
        live.apply(Source::Kernel, Fact::NetnsUnknown { netns }, BootTime(SECOND));
        assert_eq!(unknown(&live), [(netns, Some(SECOND))], "each is told once");
    }
}

#[test]
fn recording_has_what_connection_tracking_said_last() {
    let (mut live, _asks) = owner(node());
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = Used { parties: [None; 3], cgroups: [None; 2], addresses: [nobody; 2] };
    for count in [10, 99] {
        let said = Conntrack { count, max: 100, ..Conntrack::default() };
        live.apply(Source::Kernel, Fact::Conntrack(said), BootTime(SECOND));
        retell(&live, &mut told, &used, &mut file);
        assert_eq!(file.index().conntrack(), Some(&said));
    }
}

#[test]
fn recording_says_when_each_fact_became_known() {
    let (mut live, _asks) = owner(node());
    let clock = WallClock { time: BootTime(0), wall: crate::capture::WallTime(1_000) };
    let (mut told, nobody) = (Told::default(), IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
    let mut times = |live: &Owner, who: &Who| {
        let parties = [who.client.as_ref(), None, None];
        let used = Used { parties, cgroups: [None; 2], addresses: [nobody; 2] };
        let mut times = Vec::new();
        live.tell(&used, &mut told, clock, |note| {
            if matches!(&note.fact, Fact::Pod(_)) {
                times.push((note.source, note.at));
            }
        });
        times
    };
    let who = given(&mut live, asks("10.244.0.7", Socket::default()), SECOND).unwrap();
    assert!(times(&live, &who).iter().all(|(_, at)| at.is_none()), "what was there at first");
    let fact = PodFact { uid: "u-web".into(), labels: vec![("app".into(), "web".into())], ..PodFact::default() };
    live.apply(Source::Api, Fact::Pod(fact.clone()), BootTime(2 * SECOND));
    // The same again is nothing new.
    live.apply(Source::Api, Fact::Pod(fact), BootTime(3 * SECOND));
    assert_eq!(times(&live, &who).last(), Some(&(Source::Api, Some(2 * SECOND + 1_000))));
}

#[test]
fn recording_is_told_what_became_of_those_it_knows() {
    let (mut live, _asks) = owner(node());
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let transaction = || asks("10.244.0.7", Socket::default());
    let who = given(&mut live, transaction(), SECOND).unwrap();
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = |party| Used { parties: [party, None, None], cgroups: [None; 2], addresses: [nobody, ip("10.96.0.10")] };
    retell(&live, &mut told, &used(who.client.as_ref()), &mut file);
    live.apply(Source::Cni, Fact::PodGone { uid: "u-web".into(), sandbox: None }, BootTime(SECOND));
    let gone = Fact::ServiceGone { namespace: "kube-system".into(), name: "kube-dns".into() };
    live.apply(Source::Api, gone, BootTime(SECOND));
    retell(&live, &mut told, &used(None), &mut file);
    let late = Transaction { time: BootTime(SECOND + 1), ..transaction() };
    let at_the_time = given(&mut file, transaction(), SECOND).unwrap();
    let after = given(&mut file, late, SECOND + 1).unwrap();
    assert_eq!([&at_the_time, &after].map(|who| shown(who.client.as_ref())), ["shop/web - by address", "nobody"]);
    assert_eq!(after.service, None);
}

#[test]
fn recording_waits_for_names_before_it_has_any() {
    let mut live = Owner::live(0, Some(Box::new(|_| {})));
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = Used { parties: [None; 3], cgroups: [None; 2], addresses: [nobody; 2] };
    retell(&live, &mut told, &used, &mut file);
    let transaction = asks("10.244.0.7", socket(Some(7), Some(77)));
    let waits = |owner: &mut Owner| given(owner, transaction.clone(), SECOND).is_none();
    assert_eq!([waits(&mut live), waits(&mut file)], [true; 2]);
}

#[test]
fn recording_has_what_a_source_said_of_a_container_that_ended() {
    let (mut live, _asks) = owner(node());
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let fact = |image: &str| {
        let (id, name, pod) = ("c-web".into(), Some("nginx".into()), Some("u-web".into()));
        Fact::Container(ContainerFact { id, name, pod, image: Some(image.into()), ..ContainerFact::default() })
    };
    live.apply(Source::Cri, fact("nginx:1"), BootTime(0));
    live.apply(Source::Api, fact("sha256:00"), BootTime(0));
    live.apply(Source::Cri, Fact::ContainerGone { id: "c-web".into() }, BootTime(SECOND));
    let asked = || asks("10.244.0.7", socket(Some(7), Some(77)));
    let who = given(&mut live, asked(), SECOND).unwrap();
    let parties = [who.client.as_ref(), who.server.as_ref(), None];
    let used = Used { parties, cgroups: [Some(77), None], addresses: [ip("10.244.0.7"), ip("10.96.0.10")] };
    retell(&live, &mut told, &used, &mut file);
    assert_eq!(given(&mut file, asked(), SECOND), Some(who));
}
