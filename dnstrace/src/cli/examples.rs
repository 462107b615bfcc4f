//! What stands behind the help of each command: the first thing that is read at 3 a.m.

/// Behind the help of `trace`.
pub(super) const TRACE_EXAMPLES: &str = "\
Examples:
  dnstrace trace                                  every DNS transaction of this node, one line each
  dnstrace trace --name '*.example.com' --path    the way of each query, with times and NAT
  dnstrace trace --rcode SERVFAIL,REFUSED         what failed
  dnstrace trace --problems                       only what failed, and what rules find wrong
  dnstrace trace --slower-than 100ms --for 30s    what was slow in the next half minute
  dnstrace trace -n shop --pod 'web-*'            what these pods ask, and are asked
  dnstrace trace --role upstream                  what cluster DNS asks its upstream
  dnstrace trace --interface cni0 --observations  every sighting on one interface
  dnstrace trace --format json | jq .query        one object a line

Times are UTC. A terminal narrower than 200 columns shows a transaction on two lines, or on as many
as it needs; everything else gets one line each. Messages, losses and the summary go to standard
error. What is wrong is told when it is found; \"dnstrace explain\" says what it means.
Exit codes: 0 ran, 1 findings with --fail-on, 2 usage, 3 could not start.";

/// Behind the help of `record`.
pub(super) const RECORD_EXAMPLES: &str = "\
Examples:
  dnstrace record -o dns.pcapng --for 10m         every DNS packet of this node for ten minutes
  dnstrace record -o - | wireshark -k -i -        live in Wireshark
  dnstrace record -o dns.pcapng --print           and each transaction on the screen
  dnstrace record -o dns.pcapng --rcode SERVFAIL  only the packets of what failed
  dnstrace record -o dns.pcapng --rotate-size 100MiB --keep 10
                                                  the last 1 GB, as dns_00001_20261125014512.pcapng
  dnstrace read dns.pcapng                        the same transactions as were seen live

Packets have interfaces, directions, processes, and the id of their transaction as packet id: what
is \"id\":\"117646a83456fb99\" in JSON is frame.packet_id == 0x117646a83456fb99 in Wireshark.
Each file but the newest is complete.
Exit codes: 0 ran, 2 usage, 3 could not start or could not write.";

/// Behind the help of `report`.
pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  dnstrace report --for 30s                       half a minute of this node's DNS on one page
  dnstrace report                                 the same, until Ctrl-C
  dnstrace report --name '*.svc.cluster.local'    only what was asked for in the cluster
  dnstrace report --slow 500ms                    where answers from far away are nothing unusual
  dnstrace report --until-finding                 until something is wrong, or Ctrl-C
  dnstrace report --for 1m --fail-on likely       exit code 1 when something is wrong: for scripts
  dnstrace report --for 5m --format markdown      to paste into a ticket
  dnstrace report --for 30s --format json | jq '.clients[] | select(.no_response > 0)'
  dnstrace read dns.pcapng report                 the same page of a recording or capture

Nothing is printed to standard output before the end: what is wrong, how surely, and what to do;
then clients and servers, the worst first, then the busiest.
Exit codes: 0 ran, 1 findings with --fail-on, 2 usage, 3 could not start.";

/// Behind the help of `owners`.
pub(super) const OWNERS_EXAMPLES: &str = "\
Examples:
  dnstrace owners                                 every pod of this node, and how it is known
  dnstrace owners --kube off --cri off            what files on the node alone tell
  dnstrace owners --format json > owners.json     to name pods in captures of other programs:
  dnstrace read client.pcap --owners owners.json

What trace, report and record know is the same; recordings keep it.
Exit codes: 0 ran, 2 usage, 3 could not start.";

/// Of `--format` of `report`.
pub(super) const REPORT_FORMAT: &str = "text, one json object (schema dnstrace.report/1), or markdown";
/// Of `--format` of `read`.
pub(super) const READ_FORMAT: &str =
    "text, or json (one object a line; of a report one in all); a report also as markdown";

/// Behind the help of `read`.
pub(super) const READ_EXAMPLES: &str = "\
Examples:
  dnstrace read dns.pcapng --path                 the way of each query through what was captured
  dnstrace read client.pcap server.pcap           both files in the order of time
  dnstrace read dns_*.pcapng trace --rcode SERVFAIL
  dnstrace read dns.pcapng report                 who asked, what failed and where, on one page
  dnstrace read big.pcap record -o few.pcapng --name '*.example.com'
  tcpdump -i any -w - port 53 | dnstrace read -   what tcpdump sees, joined

Times are UTC: the same file gives the same output everywhere.
A file that is cut off is read as far as it goes.
Exit codes: 0 read, 2 usage, 3 could not be read.";

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  dnstrace explain                      every finding, a line each
  dnstrace explain upstream-timeout     what it means, how it is seen, what to do";
