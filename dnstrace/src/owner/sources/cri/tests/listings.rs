//! Listings to facts.

use super::super::known::{Known, Listing};
use super::super::list::List;
use super::super::message::{Container, ImageSpec, PodSandbox, PodSandboxMetadata, PodSandboxStatus};
use super::{container, id, labels, sandbox, shown, status, uid};
use crate::owner::fact::{ContainerFact, Fact, PodFact, WorkloadBy};

const POD: i32 = 0;
const NODE: i32 = 2;
const NOT_READY: i32 = 1;

fn listing(pods: &[(PodSandbox, Option<PodSandboxStatus>)], containers: &[Container]) -> Listing {
    let statuses = pods.iter().filter_map(|(pod, status)| Some((pod.id.clone(), status.clone()?)));
    Listing {
        statuses: statuses.collect(),
        sandboxes: List { items: pods.iter().map(|pod| pod.0.clone()).collect(), skipped: 0 },
        containers: List { items: containers.to_vec(), skipped: 0 },
    }
}

fn lines(known: &mut Known, listing: &Listing) -> Vec<String> {
    known.learn(listing).iter().map(shown).collect()
}

#[test]
fn pods_have_the_addresses_of_their_own_network() {
    for (network, addresses, expected) in [
        (POD, &["10.244.0.7", "fd00:10:244::7"][..], "shop/web own [10.244.0.7 fd00:10:244::7]"),
        (POD, &["::ffff:10.244.0.7", "10.244.0.7", "x", ""], "shop/web own [10.244.0.7]"),
        (POD, &["0.0.0.0", "::"], "shop/web own []"),
        (POD, &[], "shop/web own []"),
        (NODE, &[], "shop/web node []"),
        // As CRI-O says it.
        (NODE, &["192.0.2.2"], "shop/web node []"),
    ] {
        let mut known = Known::default();
        let facts = lines(&mut known, &listing(&[(sandbox(1, "web"), Some(status(network, addresses)))], &[]));
        assert_eq!(facts, [expected]);
    }
}

#[test]
fn whose_network_an_address_is_of_must_be_known() {
    let unknown = PodSandboxStatus { linux: None, ..status(POD, &["192.0.2.2"]) };
    let mut known = Known::default();
    assert_eq!(lines(&mut known, &listing(&[(sandbox(1, "web"), Some(unknown))], &[])), ["shop/web ? []"]);
}

#[test]
fn pod_with_its_labels_and_workload() {
    let all = [
        ("app", "web"),
        ("pod-template-hash", "66b6c48dd5"),
        ("io.kubernetes.pod.name", "web-66b6c48dd5-x7k2p"),
        ("secret", "x"),
        ("k8s-app", &"x".repeat(64)),
    ];
    let web = PodSandbox { labels: labels(&all), created_at: i64::MAX, ..sandbox(1, "web-66b6c48dd5-x7k2p") };
    let [Fact::Pod(pod)] = &Known::default().learn(&listing(&[(web, Some(status(POD, &["10.244.0.7"])))], &[]))[..]
    else {
        panic!("one pod");
    };
    let workload = pod.workload.clone().unwrap();
    assert_eq!((&*workload.kind, &*workload.name, workload.by), ("Deployment", "web", WorkloadBy::Labels));
    let expected = PodFact {
        uid: uid(1).into(),
        sandbox: Some(id(1).into()),
        namespace: Some("shop".into()),
        name: Some("web-66b6c48dd5-x7k2p".into()),
        host_network: Some(false),
        addresses: vec!["10.244.0.7".parse().unwrap()],
        labels: vec![("app".into(), "web".into())],
        workload: pod.workload.clone(),
        since: pod.since,
        ..PodFact::default()
    };
    assert_eq!(*pod, expected);
    assert!(pod.since.is_some());
}

#[test]
fn containers_name_their_pod_and_image() {
    let images = [
        (Some(ImageSpec { image: "sha256:1".into(), user_specified_image: "nginx:1".into() }), Some("nginx:1")),
        (Some(ImageSpec { image: "nginx:1".into(), ..ImageSpec::default() }), Some("nginx:1")),
        (Some(ImageSpec::default()), None),
        (Some(ImageSpec { image: "x".repeat(513), ..ImageSpec::default() }), None),
        (None, None),
    ];
    for (image, expected) in images {
        let nginx = Container { image, ..container(2, 1, "nginx") };
        let facts = Known::default().learn(&listing(&[(sandbox(1, "web"), None)], &[nginx]));
        let expected = ContainerFact {
            id: id(2).into(),
            name: Some("nginx".into()),
            image: expected.map(Into::into),
            pod: Some(uid(1).into()),
            sandbox: Some(id(1).into()),
        };
        assert_eq!(facts[1], Fact::Container(expected));
    }
}

#[test]
fn labels_of_kubelet_say_what_metadata_does_not() {
    let names = [
        ("io.kubernetes.pod.name", "web"),
        ("io.kubernetes.pod.namespace", "shop"),
        ("io.kubernetes.pod.uid", &*uid(1)),
        ("io.kubernetes.container.name", "nginx"),
    ];
    let web = PodSandbox { metadata: None, labels: labels(&names), ..sandbox(1, "") };
    let nginx =
        Container { metadata: None, labels: labels(&names), pod_sandbox_id: String::new(), ..container(2, 1, "") };
    let facts = lines(&mut Known::default(), &listing(&[(web, None)], &[nginx]));
    assert_eq!(facts, ["shop/web ? []".to_owned(), format!("nginx of {}", uid(1))]);
}

#[test]
fn what_makes_no_sense_is_counted_and_holds_up_nothing() {
    let named = |name: &str, uid: &str, namespace: &str| {
        let metadata = PodSandboxMetadata { name: name.into(), uid: uid.into(), namespace: namespace.into() };
        (PodSandbox { metadata: Some(metadata), ..sandbox(9, "") }, None)
    };
    let long = "x".repeat(254);
    let wrong = [
        named("web", "hdishd83djaidwnduwk28bcsb", "default"),
        named("web", "6A1F0F6E-0000-4000-8000-000000000001", "default"),
        named("web", "6a1f0f6e-0000-4000-8000-00000000000\u{e4}", "default"),
        named("web", "", "default"),
        named("", &uid(1), "default"),
        named("web", &uid(1), ""),
        named(&long, &uid(1), "default"),
        named("web", &uid(1), &long),
        (PodSandbox { id: "../../etc".into(), ..sandbox(9, "web") }, None),
        (PodSandbox::default(), None),
    ];
    let wrong_containers = [
        Container { id: String::new(), ..container(3, 1, "a") },
        Container { metadata: None, ..container(4, 1, "") },
        container(5, 77, "of nobody"),
        container(6, 1, &long),
    ];
    let mut known = Known::default();
    assert!(wrong.iter().all(|pod| !known.wants(&pod.0)));
    let pods = [&wrong[..], &[(sandbox(1, "web"), None)]].concat();
    let facts = lines(&mut known, &listing(&pods, &[&wrong_containers[..], &[container(2, 1, "nginx")]].concat()));
    assert_eq!(facts, ["shop/web ? []".to_owned(), format!("nginx of {}", uid(1))]);
    assert_eq!(known.skipped, (wrong.len() + wrong_containers.len()) as u64);
}

#[test]
fn static_pods_have_a_uid_of_their_own_form() {
    let mut etcd = sandbox(1, "etcd-node1");
    etcd.metadata.as_mut().unwrap().uid = "d58b1e9a8b1c4a3f9d0e5c6b7a889900".to_owned();
    assert_eq!(lines(&mut Known::default(), &listing(&[(etcd, None)], &[])), ["shop/etcd-node1 ? []"]);
}

#[test]
fn only_changes_are_told() {
    let web = || (sandbox(1, "web"), Some(status(POD, &["10.244.0.7"])));
    let nginx = container(2, 1, "nginx");
    let mut known = Known::default();
    assert!(known.wants(&web().0));
    // Before it has its address.
    assert_eq!(lines(&mut known, &listing(&[(sandbox(1, "web"), Some(status(POD, &[])))], &[])), ["shop/web own []"]);
    assert!(known.wants(&web().0));
    let expected = ["shop/web own [10.244.0.7]".to_owned(), format!("nginx of {}", uid(1))];
    assert_eq!(lines(&mut known, &listing(&[web()], std::slice::from_ref(&nginx))), expected);
    assert!(!known.wants(&web().0));
    let again = listing(&[(sandbox(1, "web"), None)], std::slice::from_ref(&nginx));
    assert_eq!(lines(&mut known, &again), Vec::<String>::new());
    assert_eq!((known.pods(), known.containers()), (1, 1));
    // A new one with the address of the old one: that is free before it is taken.
    let other = (sandbox(3, "next"), Some(status(POD, &["10.244.0.7"])));
    let expected = ["gone container 2".to_owned(), format!("gone {}", uid(1)), "shop/next own [10.244.0.7]".to_owned()];
    assert_eq!(lines(&mut known, &listing(&[other], &[])), expected);
}

#[test]
fn pod_that_has_ended_is_gone_once() {
    let ended = |number, name| (PodSandbox { state: NOT_READY, ..sandbox(number, name) }, None);
    let mut known = Known::default();
    let first = listing(&[(sandbox(1, "job"), Some(status(POD, &["10.244.0.7"]))), ended(2, "old")], &[]);
    assert_eq!(lines(&mut known, &first), ["shop/job own [10.244.0.7]"]);
    // The third has lived between the listings.
    let second = listing(&[ended(1, "job"), ended(2, "old"), ended(3, "short")], &[]);
    let expected = [format!("gone {}", uid(1)), "shop/short ? []".to_owned(), format!("gone {}", uid(3))];
    assert_eq!(lines(&mut known, &second), expected);
    assert_eq!(lines(&mut known, &second), Vec::<String>::new());
    assert_eq!(known.pods(), 0);
    assert!(!known.wants(&second.sandboxes.items[0]));
    assert_eq!(lines(&mut known, &listing(&[], &[])), Vec::<String>::new());
}
