//! Pages of what no recording shows: many clients, long names, losses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::*;
use crate::capture::{BootTime, WallTime};
use crate::rules::path::Leg;
use crate::rules::report::{Asked, Asker, CLIENTS_MAX, Tally};
use crate::rules::{Ledger, Totals};

fn observed(report: Report) -> Observed {
    Observed { report: Box::new(report), findings: Vec::new(), interfaces: Arc::default() }
}

fn summary(ledgers: Vec<Ledger>) -> Summary {
    let totals = Totals::default();
    Summary {
        totals,
        ledgers,
        quality: Vec::new(),
        packets: 0,
        messages: 0,
        surest: None,
        warnings: Vec::new(),
        error: None,
    }
}

fn text(report: Report, summary: &Summary, palette: Palette) -> String {
    String::from_utf8(write_report(&observed(report), summary, ReportFormat::Text(palette)).unwrap()).unwrap()
}

fn plain(report: Report) -> String {
    text(report, &summary(Vec::new()), Palette::plain())
}

fn asked(queries: u64) -> Tally {
    Tally { queries, answered: queries, ..Tally::default() }
}

/// With so many clients of which each asked once, and in IPv4 order.
fn many_clients(count: u32) -> Report {
    let mut report = Report::new();
    for number in 0..count {
        report.clients.entry(Asker::Address(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number)))).tally = asked(1);
    }
    report.total = asked(count.into());
    report
}

#[test]
fn twenty_clients_are_shown_and_the_rest_is_counted() {
    let page = plain(many_clients(25));
    assert!(page.contains("\n10.0.0.19 ") && !page.contains("\n10.0.0.20 "), "{page}");
    assert!(page.contains("\nand 5 more; --format json has them\n"), "{page}");
    assert!(page.starts_with("no problem found\n25 transactions of 25 clients: all answered\n"), "{page}");
}

#[test]
fn clients_that_found_no_room_are_told() {
    let page = plain(many_clients(u32::try_from(CLIENTS_MAX).unwrap() + 1));
    assert!(
        page.starts_with("no problem found\n1025 transactions of more than 1024 clients: all answered\n"),
        "{page}"
    );
    assert!(page.contains("\nall others "), "{page}");
}

#[test]
fn long_label_has_a_line_of_its_own() {
    let mut report = many_clients(1);
    let address = Asker::Address(Ipv6Addr::from_bits(u128::MAX).into());
    let client = report.clients.entry(address);
    client.tally = Tally { no_response: 1_234_567, ..asked(9_234_567) };
    client.times.add(Duration::from_micros(99_900));
    client.processes = [*b"fifteen-letters\0", *b"another-process\0"].into();
    client.more_processes = true;
    let page = plain(report);
    let lines: Vec<_> = page.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("ffff:")).unwrap();
    assert_eq!(lines[at], "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fifteen-letters, another-process, …");
    assert!(lines[at + 1].starts_with("      ") && lines[at + 1].contains(" 9234567 "), "{page}");
    assert!(lines.iter().all(|line| line.chars().count() <= 100), "{page}");
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = text(many_clients(3), &summary(Vec::new()), Palette::coloured());
    assert!(coloured.contains("\u{1b}[32mall answered\u{1b}[0m"), "{coloured:?}");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain(many_clients(3)));
}

#[test]
fn what_was_lost_is_said_first() {
    let ledgers = vec![
        Ledger::new("socket_hook", 10, [("emitted", 7), ("ring_full", 3)]),
        Ledger::new("packets", 7, [("message", 6)]),
    ];
    let summary = Summary { warnings: vec!["\x1b[2J: cut".to_owned()], ..summary(ledgers) };
    let page = text(many_clients(1), &summary, Palette::plain());
    let warnings: Vec<_> = page.lines().skip(2).take(3).collect();
    assert_eq!(
        warnings,
        [
            "warning: 3 of 10 lost at the socket hook: numbers are too small",
            "warning: packets: does not add up: the parts are 6",
            "warning: \\027[2J: cut",
        ]
    );
    let json = write_report(&observed(many_clients(1)), &summary, ReportFormat::Json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&json["lost"]["socket_hook"], &json["adds_up"]), (&3.into(), &false.into()));
}

#[test]
fn nothing_is_said_to_be_nothing() {
    let mut report = Report::new();
    report.span.watch(BootTime(0));
    report.span.watch(BootTime(30_000_000_000));
    assert!(plain(report).starts_with("no DNS transactions in 30 s\n"));
    let mut report = Report::new();
    report.total.unsolicited = 2;
    report.span.packet(BootTime(0), WallTime(0));
    report.clients.entry(Asker::Address(Ipv4Addr::LOCALHOST.into())).tally.unsolicited = 2;
    let page = plain(report);
    assert!(page.starts_with("2 transactions of 1 client in 0 µs: no query among them\n"), "{page}");
    assert!(page.contains("\nalso          2 responses without query\n"), "{page}");
}

/// The query came before the run: a row of it would have nothing but zeros.
#[test]
fn responses_without_query_are_counted_without_a_row() {
    let unsolicited = Tally { unsolicited: 1, ..Tally::default() };
    let server = |address: &str| Asked { server: address.parse().unwrap(), after_nat: None };
    let mut report = many_clients(1);
    report.total.unsolicited = 1;
    report.clients.entry(Asker::Address(Ipv4Addr::LOCALHOST.into())).tally = unsolicited;
    report.servers.entry(server("192.0.2.1:53")).tally = asked(1);
    report.servers.entry(server("192.0.2.2:53")).tally = unsolicited;
    let observed = observed(report);
    let page = |format| String::from_utf8(write_report(&observed, &summary(Vec::new()), format).unwrap()).unwrap();
    for page in [page(ReportFormat::Text(Palette::plain())), page(ReportFormat::Markdown)] {
        assert!(page.contains("10.0.0.0") && page.contains("192.0.2.1"), "{page}");
        assert!(!page.contains("127.0.0.1") && !page.contains("192.0.2.2"), "{page}");
        assert!(page.contains("1 response without query"), "{page}");
    }
    let json: serde_json::Value = serde_json::from_str(&page(ReportFormat::Json)).unwrap();
    let counted = |table: &str| json[table].as_array().unwrap().iter().map(|row| row["unsolicited"].as_u64()).sum();
    assert_eq!((json["unsolicited"].as_u64(), counted("servers"), counted("clients")), (Some(1), Some(1), Some(1)));
}

#[test]
fn names_that_only_inherit_their_count_are_others() {
    let transactions = |page: &str| page.lines().filter(|line| line.ends_with(".example")).count();
    let mut report = many_clients(1);
    report.total = asked(0);
    for number in 0..5_000_u32 {
        for name in [number.to_string(), "often".to_owned()] {
            let wire = [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), b"\x07example\0"].concat();
            report.names.queried.add(&wire);
            report.total.queries += 1;
        }
    }
    let page = plain(report);
    assert!(page.contains("   5000         0       0     0  often.example\n"), "{page}");
    assert!(page.contains("   5000         0       0     0  all others\n"), "{page}");
    assert_eq!(transactions(&page), 1, "{page}");
}

/// Every column of the table is there, and a label that is longer than its column.
#[test]
fn lost_queries_fit_the_page_in_every_leg() {
    let mut report = many_clients(3);
    for (at, leg) in Leg::ALL.into_iter().enumerate() {
        let tally = &mut report.clients.entry(Asker::Address(Ipv6Addr::from_bits(u128::MAX).into())).tally;
        tally.no_response += 100_000 * (at as u64 + 2);
        (0..=at).for_each(|_| tally.legs.add(leg));
    }
    let page = plain(report);
    let head = "lost → node → server server → upstream → client client   known\n";
    assert!(page.contains(head), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
    assert!(page.contains("lost behind the last place"), "{page}");
}
