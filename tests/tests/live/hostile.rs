//! What a pod can send to hurt whoever reads about it: it is counted, and no control character of it is ever written.

use std::net::UdpSocket;

use anyhow::{Result, ensure};
use dnstrace_tests::node::{SERVICE_V4, wire};
use dnstrace_tests::product::Run;

use crate::cast::{Cast, ask, can_run};
use crate::watch::Watch;

#[test]
fn hostile_messages_are_counted_and_written_without_control_characters() {
    if can_run("hostile", &["tcpdump"]) {
        hostile().unwrap();
    }
}

/// A query with this question, as the bytes are; `count` is what the header says.
fn asking(count: u16, question: &[u8]) -> Vec<u8> {
    [&[0x12, 0x34, 1, 0][..], &count.to_be_bytes(), &[0; 6], question].concat()
}

fn label(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap_or(63);
    [&[length][..], bytes, &[0, 0, 1, 0, 1]].concat()
}

fn messages() -> Vec<Vec<u8>> {
    let longest = [&[&[63][..], &[b'a'; 63]].concat()[..]; 3].concat();
    vec![
        asking(1, &label(b"\x1b[2J\x1b]0;title\x07")),
        asking(1, &label(b"two\r\nlines\x7f\x00end")),
        asking(1, &label("right\u{202e}to left\u{200b}".as_bytes())),
        asking(1, &label(&[0xff; 63])),
        asking(1, &[0xc0, 0x0c, 0, 1, 0, 1]),
        asking(1, &[&[1, b'a'][..], &[0xc0, 0x0c, 0, 1, 0, 1]].concat()),
        asking(1, &[&longest[..], &[61], &[b'b'; 61], &[0, 0, 1, 0, 1]].concat()),
        asking(1, &[&longest[..], &[62], &[b'b'; 62], &[0, 0, 1, 0, 1]].concat()),
        asking(0xffff, &label(b"many")),
        asking(0, &[]),
        vec![0xff; 700],
        vec![0],
        vec![0; 12],
    ]
}

fn hostile() -> Result<()> {
    let cast = Cast::new()?;
    // It reads nothing and answers nothing; without it the kernel would refuse.
    let address = (cast.server.v4, 53);
    let _silent = cast.server.netns().run(|| Ok(UdpSocket::bind(address)?))?;
    let cgroup = cast.node.cgroup().path().display().to_string();
    let text = Run::start(cast.node.netns(), &["trace", "--path", "--cgroup", &cgroup])?;
    let watch = Watch::start(&cast.node)?;
    ask(&cast.client, "send", SERVICE_V4, &messages())?;
    ask(&cast.client, "send", SERVICE_V4, &[wire::query(9, "after.example", wire::A)])?;
    let seen = watch.end()?;
    seen.only("after.example")?;
    let ended = text.stop()?;
    ensure!(ended.status.success(), "{}", ended.status);
    let lines = ended.stdout.iter().chain(&ended.stderr);
    for line in lines.clone() {
        let bad =
            |letter: char| letter.is_control() || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
        ensure!(!line.contains(bad), "{line:?}");
    }
    ensure!(lines.clone().any(|line| line.contains("after.example")), "{:#?}", ended.stdout);
    ensure!(lines.clone().any(|line| line.contains("\\027[2j")), "{:#?}", ended.stdout);
    let unread = ["implausible", "too_short"].iter().filter_map(|part| seen.ledger("messages").ok()?[part].as_u64());
    ensure!(unread.sum::<u64>() > 0, "{:#}", seen.summary);
    Ok(())
}
