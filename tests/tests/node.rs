//! The node itself: what the other tests stand on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::Result;
use dnstrace_tests::node::{
    NODE_V4, Node, Pod, SERVICE_V4, SERVICE_V6, Scripted, UPSTREAM_V4, UPSTREAM_V6, read_framed, wire,
};
use dnstrace_tests::{command, skip};

/// Far more than a query on one machine takes; without it a broken node would hang the test.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn pods_reach_the_service_and_the_upstream() {
    if !skip::is_root() {
        return skip::skip("node", "not root");
    }
    let node = Node::new().unwrap();
    let client = node.pod("vcli1").unwrap();
    let dns = [node.pod("vdns1").unwrap(), node.pod("vdns2").unwrap()];
    let upstream = node.upstream().unwrap();
    node.service(&[&dns[0], &dns[1]]).unwrap();
    let pods = [(&dns[0], 1), (&dns[1], 2), (&upstream, 3)];
    let _servers: Vec<Scripted> = pods.iter().flat_map(|(pod, count)| servers(pod, *count)).collect();

    for service in [SERVICE_V4, SERVICE_V6] {
        let mut counts = [answers(&client, service), answers(&client, service)];
        counts.sort_unstable();
        assert_eq!(counts, [1, 2], "{service} goes to both pods by turns");
        assert!([1, 2].contains(&answers_over_tcp(&client, service)));
    }
    for address in [UPSTREAM_V4, UPSTREAM_V6] {
        assert_eq!(answers(&client, address), 3);
    }
}

#[test]
fn a_pods_programs_have_its_cgroup_and_resolv_conf() {
    if !skip::is_root() {
        return skip::skip("node", "not root");
    }
    let node = Node::new().unwrap();
    let client = node.pod("vcli1").unwrap();
    let seen = command::of(client.command("cat").unwrap().args(["/etc/resolv.conf", "/proc/self/cgroup"])).unwrap();
    assert!(seen.contains(&format!("nameserver {SERVICE_V4}")), "{seen}");
    assert!(seen.lines().any(|line| line.starts_with("0::/dtn-") && line.ends_with("/vcli1")), "{seen}");
    assert!(client.cgroup().id().unwrap() > 1);
}

#[test]
fn nothing_is_left_of_a_node() {
    if !skip::is_root() {
        return skip::skip("node", "not root");
    }
    let node = Node::new().unwrap();
    let client = node.pod("vcli1").unwrap();
    let mut child = client.command("sleep").unwrap().arg("60").spawn().unwrap();
    let cgroup = node.cgroup().path().to_path_buf();
    assert!(cgroup.join("vcli1").exists());
    drop(client);
    assert!(!child.wait().unwrap().success(), "what runs in a pod ends with it");
    drop(node);
    assert!(!cgroup.exists());
}

/// A server on each address of `pod` that answers with `count` records.
fn servers(pod: &Pod, count: u8) -> [Scripted; 2] {
    let start = |address| Scripted::start(pod.netns(), address, move |query, _| vec![wire::response(query, count)]);
    [start(pod.v4).unwrap(), start(pod.v6).unwrap()]
}

fn answers(pod: &Pod, server: IpAddr) -> u8 {
    let asked = pod.netns().run(|| {
        let local: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
        let socket = UdpSocket::bind(SocketAddr::new(local, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect((server, 53))?;
        socket.send(&wire::query(7, "a.example", wire::A))?;
        let mut response = [0; 512];
        socket.recv(&mut response)?;
        Ok(response[7])
    });
    asked.unwrap()
}

fn answers_over_tcp(pod: &Pod, server: IpAddr) -> u8 {
    let asked: Result<u8> = pod.netns().run(|| {
        use std::io::Write;
        let mut stream = TcpStream::connect((server, 53))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&wire::framed(&wire::query(7, "a.example", wire::A)))?;
        Ok(read_framed(&mut stream)?[7])
    });
    asked.unwrap()
}

#[test]
fn masquerading_hides_a_pod_from_the_upstream() {
    if !skip::is_root() {
        return skip::skip("node", "not root");
    }
    let node = Node::new().unwrap();
    let client = node.pod("vcli1").unwrap();
    let upstream = node.upstream().unwrap();
    let socket = upstream.netns().run(|| Ok(UdpSocket::bind((UPSTREAM_V4, 53))?)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    client.netns().run(|| Ok(UdpSocket::bind("0.0.0.0:0")?.send_to(b"x", (UPSTREAM_V4, 53))?)).unwrap();
    assert_eq!(socket.recv_from(&mut [0; 8]).unwrap().1.ip(), NODE_V4);
}
