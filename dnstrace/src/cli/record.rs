//! `dnstrace record`: what the kernel's hooks see, to a pcapng file.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::sync::Arc;

use nix::ifaddrs::getifaddrs;
use nix::sys::utsname::{UtsName, uname};

use super::arguments::RecordArguments;
use super::recording::recording;
use super::session::Session;
use super::watching::{Watch, watch};
use super::{Failure, configuration};
use crate::capture::file::Origin;
use crate::sink::pcapng::Maker;
use crate::sink::{Summary, WhenFull};

/// Another one for each start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Runs it; gives what it adds up to.
pub(super) fn record(arguments: &RecordArguments) -> Result<Arc<Summary>, Failure> {
    let RecordArguments { file, show, capture } = arguments;
    let recording = recording(file, show, maker(), WhenFull::Drop)?;
    let session = Session {
        outlet: configuration::outlet_beside(file.print, show, WhenFull::Drop),
        format: configuration::format(show)?,
        recording: Some(recording),
        report: None,
        rules: configuration::rules(show),
    };
    watch(capture, show, Watch::new(session, capture, show))
}

/// This machine.
fn maker() -> Maker {
    let name = uname().ok();
    let text = |part: fn(&UtsName) -> &OsStr| {
        name.as_ref().map(|name| part(name).to_string_lossy().into_owned()).unwrap_or_default()
    };
    let node = text(UtsName::nodename);
    let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned();
    Maker {
        hardware: text(UtsName::machine),
        system: format!("Linux {}", text(UtsName::release)),
        addresses: addresses(&node),
        // Without it the recording gets a name of its own.
        origin: (!boot.is_empty()).then_some(Origin { node, boot }),
    }
}

/// The addresses of this machine's interfaces. Those that every machine has name none.
fn addresses(node: &str) -> Vec<(IpAddr, String)> {
    let all = getifaddrs().into_iter().flatten();
    let of = |storage: nix::sys::socket::SockaddrStorage| {
        let v4 = storage.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    };
    let own = all.filter_map(|interface| of(interface.address?)).filter(|address| !address.is_loopback());
    own.filter(|_| !node.is_empty()).map(|address| (address, node.to_owned())).collect()
}
