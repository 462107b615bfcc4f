//! The path of a cgroup to what lives in it.
//!
//! Forms, all below any prefix, as nodes may be containers themselves:
//!
//! ```text
//! /kubepods/burstable/pod<uid>/<id>                                      cgroupfs driver
//! /kubepods.slice/kubepods-pod<uid_>.slice/cri-containerd-<id>.scope     systemd driver; crio-<id>.scope/container
//! /system.slice/containerd.service/kubepods-pod<uid_>.slice:cri-containerd:<id>    systemd's path, cgroupfs runtime
//! ```

use super::uid;
use crate::owner::fact::{CgroupOf, Text};

/// What a runtime's cgroup is called that is no container: conmon is the runtime's own, podman's are none of Kubernetes'.
const NO_CONTAINERS: [&str; 2] = ["conmon", "libpod"];

const ID_DIGITS: usize = 64;

/// What lives in the cgroup at `path`. A cgroup below a container's is the container's, too.
pub(super) fn of(path: &str) -> CgroupOf {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != "..").collect();
    let pod = parts.iter().enumerate().rev().find_map(|(at, part)| Some((at, pod_uid(part)?)));
    match pod {
        Some((at, uid)) => match parts[at..].iter().find_map(|part| container_id(part)) {
            Some(id) => CgroupOf::Container { id, pod: Some(uid) },
            None => CgroupOf::Pod { uid },
        },
        None => match parts.iter().rev().find_map(|part| container_id(part)) {
            Some(id) => CgroupOf::Container { id, pod: None },
            None => CgroupOf::Host { unit: unit(&parts).into() },
        },
    }
}

/// `pod<uid>`, `kubepods-burstable-pod<uid>.slice`, and the part of a systemd path before its colon.
fn pod_uid(part: &str) -> Option<Text> {
    let slice = part.split(':').next()?;
    let stem = slice.strip_suffix(".slice").unwrap_or(slice);
    let (before, uid) = stem.rsplit_once("pod")?;
    (before.is_empty() || before.ends_with('-')).then_some(())?;
    uid::in_path(uid)
}

/// `<id>`, `cri-containerd-<id>.scope`, `slice:cri-containerd:<id>`.
fn container_id(part: &str) -> Option<Text> {
    let id = match part.strip_suffix(".scope") {
        Some(scope) => scope.rsplit_once('-').filter(|(runtime, _)| is_runtime(runtime))?.1,
        None => part.rsplit(':').next()?,
    };
    is_id(id).then(|| id.into())
}

fn is_runtime(prefix: &str) -> bool {
    !NO_CONTAINERS.iter().any(|word| prefix.contains(word))
}

/// Whether it is a container ID.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The deepest systemd unit, or the last part.
fn unit<'a>(parts: &[&'a str]) -> &'a str {
    let is_unit = |part: &&&str| [".service", ".scope", ".slice"].iter().any(|end| part.ends_with(end));
    parts.iter().rev().find(is_unit).or(parts.last()).copied().unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "6a1f0f6e-1111-2222-3333-444455556666";
    const SYSTEMD_UID: &str = "6a1f0f6e_1111_2222_3333_444455556666";
    const STATIC_UID: &str = "0123456789abcdef0123456789abcdef";

    fn id(digit: char) -> String {
        digit.to_string().repeat(ID_DIGITS)
    }

    #[track_caller]
    fn check_container(path: &str, digit: char, pod: Option<&str>) {
        assert_eq!(of(path), CgroupOf::Container { id: id(digit).into(), pod: pod.map(Into::into) }, "{path}");
    }

    #[track_caller]
    fn check_pod(path: &str, uid: &str) {
        assert_eq!(of(path), CgroupOf::Pod { uid: uid.into() }, "{path}");
    }

    #[track_caller]
    fn check_host(path: &str, unit: &str) {
        assert_eq!(of(path), CgroupOf::Host { unit: unit.into() }, "{path}");
    }

    #[test]
    fn cgroupfs_driver() {
        let (a, b) = (id('a'), id('b'));
        check_container(&format!("/kubepods/burstable/pod{UID}/{a}"), 'a', Some(UID));
        check_container(&format!("/kubepods/pod{STATIC_UID}/{a}"), 'a', Some(STATIC_UID));
        check_container(&format!("/kubepods/besteffort/pod{UID}/{a}/init.scope"), 'a', Some(UID));
        check_container(&format!("/kubepods/besteffort/pod{UID}/{a} (deleted)"), 'a', Some(UID));
        // Docker in a pod: the node's runtime knows the outer one only.
        check_container(&format!("/kubepods/besteffort/pod{UID}/{a}/docker/{b}"), 'a', Some(UID));
        check_pod(&format!("/kubepods/burstable/pod{UID}"), UID);
    }

    #[test]
    fn systemd_driver() {
        let a = id('a');
        let slice = format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SYSTEMD_UID}.slice");
        check_container(&format!("{slice}/cri-containerd-{a}.scope"), 'a', Some(UID));
        check_container(&format!("{slice}/crio-{a}.scope"), 'a', Some(UID));
        check_container(&format!("{slice}/crio-{a}.scope/container"), 'a', Some(UID));
        check_container(&format!("{slice}/docker-{a}.scope"), 'a', Some(UID));
        check_container(&format!("{slice}/cri-containerd-{a}.scope/system.slice/ssh.service"), 'a', Some(UID));
        check_pod(&slice, UID);
        check_pod(&format!("{slice}/crio-conmon-{a}.scope"), UID);
        check_pod(&format!("/kubepods.slice/kubepods-pod{STATIC_UID}.slice"), STATIC_UID);
        check_host("/kubepods.slice/kubepods-burstable.slice", "kubepods-burstable.slice");
    }

    #[test]
    fn path_of_systemd_given_to_a_runtime_of_cgroupfs() {
        let path = "/system.slice/containerd.service/kubepods-besteffort-pod";
        check_container(&format!("{path}{SYSTEMD_UID}.slice:cri-containerd:{}", id('a')), 'a', Some(UID));
    }

    #[test]
    fn nodes_that_are_containers() {
        let (a, b) = (id('a'), id('b'));
        let kubelet = format!("/system.slice/docker-{b}.scope/kubelet.slice");
        let pod = format!(
            "kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod{SYSTEMD_UID}.slice"
        );
        check_container(&format!("{kubelet}/{pod}/cri-containerd-{a}.scope"), 'a', Some(UID));
        check_container(&format!("/docker/{b}/kubepods/besteffort/pod{UID}/{a}"), 'a', Some(UID));
        check_container(&format!("/../../kubepods/besteffort/pod{UID}/{a}"), 'a', Some(UID));
        check_container(&format!("{kubelet}/kubelet.service"), 'b', None);
    }

    #[test]
    fn everything_else_is_the_nodes() {
        let a = id('a');
        check_host("/system.slice/ssh.service", "ssh.service");
        check_host("/user.slice/user-1000.slice/session-3.scope", "session-3.scope");
        check_host("/user.slice/user-0.slice/user@0.service/app.slice/dig.scope/x", "dig.scope");
        check_host("/init", "init");
        check_host("/", "/");
        check_host("", "/");
        check_host(&format!("/machine.slice/libpod-{a}.scope/container"), &format!("libpod-{a}.scope"));
        check_host(&format!("/machine.slice/libpod-conmon-{a}.scope"), &format!("libpod-conmon-{a}.scope"));
        check_host(&format!("/system.slice/var-lib-{a}.mount"), "system.slice");
        check_host(&format!("/x/{}", a.to_uppercase()), &a.to_uppercase());
        check_host(&format!("/x/pod{}", "é".repeat(18)), &format!("pod{}", "é".repeat(18)));
        check_host(&format!("/{}", "é".repeat(50)), &"é".repeat(50));
    }
}
