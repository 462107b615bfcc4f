//! What cannot be done is said in one line, with what to do about it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, ensure};
use dnstrace_tests::node::Node;
use dnstrace_tests::product::binary;

use crate::cast::can_run;

#[test]
fn interface_that_does_not_exist_is_named() {
    refused("interface", &["--interface", "nosuch0"], 3, "no interface nosuch0");
}

#[test]
fn bad_glob_is_a_usage_error() {
    refused("glob", &["--name", "a[b"], 2, "--name");
}

#[test]
fn ring_buffer_too_small_is_a_usage_error() {
    refused("small ring", &["--ring-size", "4KiB"], 2, "from 64KiB to 1GiB");
}

#[test]
fn ring_buffer_too_large_is_a_usage_error() {
    refused("large ring", &["--ring-size", "2GiB"], 2, "from 64KiB to 1GiB");
}

#[test]
fn ring_buffer_of_no_power_of_two_is_a_usage_error() {
    refused("odd ring", &["--ring-size", "3MiB"], 2, "power of two");
}

#[test]
fn cgroup_that_does_not_exist_is_named() {
    refused("cgroup", &["--hooks", "socket", "--cgroup", "/nosuch"], 3, "/nosuch");
}

#[test]
fn cgroup_that_is_none_is_named() {
    refused("no cgroup", &["--hooks", "socket", "--cgroup", "/proc"], 3, "/proc");
}

fn refused(test: &str, arguments: &[&str], code: i32, named: &str) {
    if can_run(test, &[]) {
        says(&[], &[&["trace"], arguments].concat(), code, named).unwrap();
    }
}

#[test]
fn unprivileged_user_is_told_what_is_needed() {
    if can_run("unprivileged", &[]) {
        says(&["setpriv", "--reuid", "65534", "--clear-groups"], &["trace"], 3, "run as root").unwrap();
    }
}

/// Runs a copy that every user may run; `before` is put before it.
fn says(before: &[&str], arguments: &[&str], code: i32, named: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let program = folder.path().join("dnstrace");
    fs::copy(binary()?, &program)?;
    let node = Node::new()?;
    let words = before.iter().map(Into::into).chain([program.into_os_string()]);
    let words: Vec<std::ffi::OsString> = words.chain(arguments.iter().map(Into::into)).collect();
    let output = node.command(&words[0]).args(&words[1..]).output()?;
    let stderr = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(code), "{}: {stderr}", output.status);
    ensure!(stderr.lines().count() == 1 && stderr.contains(named) && output.stdout.is_empty(), "{stderr}");
    Ok(())
}
