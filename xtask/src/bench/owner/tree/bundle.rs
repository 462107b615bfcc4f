//! `config.json` of a bundle, as containerd writes it.

use serde_json::{Value, json};

use super::SANDBOXES;
use crate::bench::owner::names::{self, PODS, container_id, has_host_network, namespace, uid};

/// A Kubernetes namespace with some twenty Services gives each container seven variables for each.
const VARIABLES: u32 = 130;

pub(super) fn config(number: u32) -> Value {
    json!({
        "ociVersion": "1.1.0", "process": process(), "root": {"path": "rootfs"}, "hostname": names::pod(number % PODS),
        "mounts": mounts(number), "annotations": annotations(number), "linux": linux(number),
    })
}

fn process() -> Value {
    let variable =
        |at: u32| format!("SERVICE_{:03}_PORT_8080_TCP_{}=tcp://10.96.{}.{}:8080", at / 7, at % 7, at / 7, at);
    let environment: Vec<String> = (0..VARIABLES).map(variable).collect();
    let capabilities = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_NET_RAW", "CAP_SETGID"];
    json!({
        "user": {"uid": 1000, "gid": 1000, "additionalGids": [1000]}, "args": ["/bin/service", "--listen=:8080"],
        "env": environment, "cwd": "/", "noNewPrivileges": true, "oomScoreAdj": 968,
        "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
    })
}

fn mounts(number: u32) -> Value {
    let (uid, sandbox) = (uid(number % PODS), container_id(number % PODS));
    let bind = |destination: &str, source: String| json!({"destination": destination, "type": "bind", "source": source, "options": ["rbind", "rprivate", "rw"]});
    let kubelet = |path: &str| format!("/var/lib/kubelet/pods/{uid}/{path}");
    json!([
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        bind("/etc/hosts", kubelet("etc-hosts")),
        bind("/dev/termination-log", kubelet("containers/service/0a1b2c3d")),
        bind("/etc/resolv.conf", format!("/{SANDBOXES}/{sandbox}/resolv.conf")),
        bind("/var/run/secrets/kubernetes.io/serviceaccount", kubelet("volumes/kubernetes.io~projected/token")),
    ])
}

fn annotations(number: u32) -> Value {
    let pod = number % PODS;
    let mut annotations = json!({
        "io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": container_id(pod),
        "io.kubernetes.cri.sandbox-uid": uid(pod), "io.kubernetes.cri.sandbox-namespace": namespace(pod),
        "io.kubernetes.cri.sandbox-name": names::pod(pod),
    });
    if number >= PODS {
        annotations["io.kubernetes.cri.container-type"] = "container".into();
        annotations["io.kubernetes.cri.container-name"] = names::container(number).into();
        annotations["io.kubernetes.cri.image-name"] = names::image(pod).into();
    }
    annotations
}

fn linux(number: u32) -> Value {
    let pod = number % PODS;
    let mut namespaces = vec![json!({"type": "pid"}), json!({"type": "ipc"}), json!({"type": "mount"})];
    if !has_host_network(pod) {
        namespaces.push(json!({"type": "network", "path": format!("/var/run/netns/cni-{pod:04}")}));
    }
    let path =
        format!("kubepods-burstable-pod{}.slice:cri-containerd:{}", uid(pod).replace('-', "_"), container_id(number));
    json!({
        "cgroupsPath": path, "namespaces": namespaces,
        "resources": {"devices": [{"allow": false, "access": "rwm"}], "memory": {"limit": 536_870_912}, "cpu": {"shares": 204}},
        "maskedPaths": ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundle_has_the_usual_size() {
        let lengths = [config(1), config(PODS + 1)].map(|config| config.to_string().len());
        assert!(lengths.iter().all(|length| (9_000..12_000).contains(length)), "{lengths:?}");
    }
}
