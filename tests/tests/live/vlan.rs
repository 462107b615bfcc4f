//! Tagged frames. The kernel of this machine has no VLAN device, so the frames are made here and sent by a packet socket:
//! on a veth's receive side the kernel takes the outer tag off (accelerated), on the send side it stands in the frame.

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::frame::{IPV4, IPV6, SERVICE_VLAN, UDP, VLAN, ethernet, ipv4, ipv6, tag, udp};
use dnstrace_tests::node::{Netns, wire};
use dnstrace_tests::product::Run;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::cast::{Cast, can_run};

#[test]
fn vlan_tag_is_told_where_it_was_taken_off_and_where_it_stands_in_the_frame() {
    if can_run("VLAN", &["tcpdump"]) {
        vlan().unwrap();
    }
}

fn vlan() -> Result<()> {
    let cast = Cast::new()?;
    let (tcpdump, told_by_tcpdump) = tcpdump(&cast)?;
    let run = Run::start(cast.node.netns(), &["trace", "--observations", "--format", "json", "--hooks", "device"])?;
    let v4 = |name| ipv4(UDP, &[], 0, &udp(40_000, 53, &wire::query(1, name, wire::A)));
    let v6 = ipv6(UDP, &udp(40_000, 53, &wire::query(2, "six.example", wire::AAAA)));
    let pod = cast.client.netns();
    send(pod, "eth0", &ethernet(VLAN, &tag(5, IPV4, &v4("received.example"))))?;
    send(pod, "eth0", &ethernet(VLAN, &tag(6, IPV6, &v6)))?;
    send(pod, "eth0", &ethernet(SERVICE_VLAN, &tag(7, VLAN, &tag(8, IPV4, &v4("twice.example")))))?;
    send(cast.node.netns(), "vcli1", &ethernet(VLAN, &tag(9, IPV4, &v4("sent.example"))))?;
    let seen = RefCell::new(Vec::new());
    run.next(|record| {
        seen.borrow_mut().push(record.clone());
        record["query"] == "sent.example"
    })?;
    let seen = seen.into_inner();
    let told = |name: &str, direction: &str| {
        let mut observations = seen.iter().filter(|record| record["interface"] == "vcli1");
        let found = observations.find(|record| record["query"] == name && record["direction"] == direction);
        found.and_then(|record| record["vlan"].as_u64()).with_context(|| format!("no VLAN for {name}: {seen:#?}"))
    };
    let lines = lines(tcpdump, told_by_tcpdump)?;
    for (name, direction, vlan) in [
        ("received.example", "in", 5),
        ("six.example", "in", 6),
        ("twice.example", "in", 8),
        ("sent.example", "out", 9),
    ] {
        ensure!(told(name, direction)? == vlan, "{name}: {}", told(name, direction)?);
        // The innermost tag is the last one it names.
        let line = lines.iter().find(|line| line.contains(name)).with_context(|| format!("{name}: {lines:#?}"))?;
        let innermost = line.rsplit("vlan ").next().and_then(|rest| rest.split(',').next());
        ensure!(innermost == Some(&vlan.to_string()), "{line}");
    }
    Ok(())
}

/// tcpdump at the pod's interface, until it has seen the four frames: with Ethernet headers it tells the tags.
fn tcpdump(cast: &Cast) -> Result<(Child, ChildStdout)> {
    // Should a frame not come, the lines end all the same.
    let mut command = cast.node.command("timeout");
    command.args(["20", "tcpdump", "-i", "vcli1", "-e", "-n", "-l", "-c", "4", "vlan"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stderr = BufReader::new(child.stderr.take().context("no stderr")?);
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        ensure!(stderr.read_line(&mut line)? > 0, "tcpdump does not listen");
    }
    let stdout = child.stdout.take().context("no stdout")?;
    Ok((child, stdout))
}

/// What it said; it ends by itself.
fn lines(mut tcpdump: Child, stdout: ChildStdout) -> Result<Vec<String>> {
    let lines = BufReader::new(stdout).lines().collect::<Result<_, _>>()?;
    tcpdump.wait()?;
    Ok(lines)
}

/// Sends a frame as it is.
fn send(netns: &Netns, interface: &str, frame: &[u8]) -> Result<()> {
    netns.run(|| {
        let socket: OwnedFd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
        let address = libc::sockaddr_ll {
            sll_family: u16::try_from(libc::AF_PACKET)?,
            sll_protocol: 0,
            sll_ifindex: i32::try_from(if_nametoindex(interface)?)?,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        // SAFETY: frame and address are whole for the lengths given, and the kernel only reads them.
        let sent = unsafe {
            libc::sendto(
                socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                (&raw const address).cast(),
                libc::socklen_t::try_from(size_of_val(&address))?,
            )
        };
        ensure!(usize::try_from(sent) == Ok(frame.len()), "{}", std::io::Error::last_os_error());
        Ok(())
    })
}
