//! Objects of the API, as an API server writes them: with all that nobody here reads.

use serde_json::{Value, json};

use crate::bench::owner::names::{
    self, LABELS, NODE, TEMPLATE_HASH, addresses, container_id, deployment, has_host_network, namespace, uid,
};

const NODE_ADDRESS: &str = "192.0.2.17";
const CREATED_AT: &str = "2026-01-01T00:00:00Z";
/// Variables of each container's environment.
const VARIABLES: u32 = 6;

pub(super) fn pod(pod: u32) -> Value {
    let owner = format!("{}-{TEMPLATE_HASH}", deployment(pod));
    let metadata = json!({
        "name": names::pod(pod), "generateName": format!("{owner}-"), "namespace": namespace(pod), "uid": uid(pod),
        "resourceVersion": "4700", "creationTimestamp": CREATED_AT, "labels": labels(pod),
        "annotations": {"checksum/config": "0f".repeat(32), "example.com/applied": "x".repeat(600)},
        "ownerReferences": [{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": uid(pod + 4096), "controller": true,
            "blockOwnerDeletion": true,
        }],
        "managedFields": [managed_fields("kube-controller-manager"), managed_fields("kubelet")],
    });
    json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec(pod), "status": status(pod)})
}

fn labels(pod: u32) -> Value {
    let mut labels = json!({"pod-template-hash": TEMPLATE_HASH});
    for name in LABELS {
        labels[name] = deployment(pod).into();
    }
    labels
}

fn managed_fields(manager: &str) -> Value {
    let field = |name: &str| (format!("f:{name}"), json!({}));
    let names = ["env", "image", "imagePullPolicy", "livenessProbe", "name", "ports", "resources", "volumeMounts"];
    let container: Value = names.map(field).into_iter().collect::<serde_json::Map<_, _>>().into();
    let containers = json!({"k:{\"name\":\"container-1\"}": container, "k:{\"name\":\"container-2\"}": container});
    let fields =
        json!({"f:spec": {"f:containers": containers, "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:volumes": {}}});
    json!({
        "manager": manager, "operation": "Update", "apiVersion": "v1", "time": CREATED_AT, "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    })
}

fn spec(pod: u32) -> Value {
    json!({
        "nodeName": NODE, "hostNetwork": has_host_network(pod), "containers": names::containers(pod).map(container),
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "priority": 0,
        "serviceAccountName": "default", "schedulerName": "default-scheduler", "securityContext": {"fsGroup": 1000},
        "volumes": [
            {"name": "config", "configMap": {"name": deployment(pod), "defaultMode": 420}},
            {"name": "kube-api-access-x2x4z", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            ]}},
        ],
        "tolerations": [
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ],
    })
}

fn container(number: u32) -> Value {
    let variable =
        |at: u32| json!({"name": format!("SETTING_{at:02}"), "value": format!("value-{at:02}-of-a-setting")});
    let probe = json!({
        "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "initialDelaySeconds": 5, "timeoutSeconds": 1,
        "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
    });
    json!({
        "name": names::container(number), "image": names::image(number % names::PODS), "imagePullPolicy": "IfNotPresent",
        "args": ["--listen=:8080"], "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": (0..VARIABLES).map(variable).collect::<Vec<_>>(), "livenessProbe": probe, "readinessProbe": probe,
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "200m", "memory": "256Mi"}},
        "volumeMounts": [
            {"name": "config", "readOnly": true, "mountPath": "/etc/service"},
            {"name": "kube-api-access-x2x4z", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
        ],
        "securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": false},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    })
}

fn status(pod: u32) -> Value {
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": CREATED_AT});
    let kinds = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    let own = addresses(pod).map(|address| address.to_string()).to_vec();
    let ips = if has_host_network(pod) { vec![NODE_ADDRESS.to_owned()] } else { own };
    json!({
        "phase": "Running", "conditions": kinds.map(condition), "hostIP": NODE_ADDRESS, "podIP": ips[0],
        "podIPs": ips.iter().map(|ip| json!({"ip": ip})).collect::<Vec<_>>(), "startTime": CREATED_AT,
        "containerStatuses": names::containers(pod).map(container_status), "qosClass": "Burstable",
    })
}

fn container_status(number: u32) -> Value {
    let image = names::image(number % names::PODS);
    json!({
        "name": names::container(number), "image": image, "imageID": format!("{image}@sha256:{number:064x}"),
        "containerID": format!("containerd://{}", container_id(number)), "ready": true, "restartCount": 0, "started": true,
        "state": {"running": {"startedAt": CREATED_AT}}, "lastState": {},
    })
}

pub(super) fn service(number: u32) -> Value {
    let address = format!("10.97.{}.{}", number / 250, 1 + number % 250);
    let name = format!("service-{number:04}");
    json!({
        "metadata": {
            "name": name, "namespace": format!("team-{:03}", number % 500), "uid": uid(number + 8192),
            "resourceVersion": "4600", "creationTimestamp": CREATED_AT, "labels": {"app": name, "k8s-app": name},
            "annotations": {"example.com/applied": "x".repeat(400)}, "managedFields": [managed_fields("kubectl")],
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack", "sessionAffinity": "None", "selector": {"app": name},
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
        },
        "status": {"loadBalancer": {}},
    })
}

pub(super) fn dns_service() -> Value {
    json!({
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10", "fd00:10:96::a"],
            "ports": [{"name": "dns", "protocol": "UDP", "port": 53}, {"name": "dns-tcp", "protocol": "TCP", "port": 53}],
        },
    })
}

/// One of a family, with the endpoints that a slice has at most.
pub(super) fn dns_slice(family: u32) -> Value {
    let address =
        |at: u32| if family == 4 { format!("10.250.0.{}", at + 1) } else { format!("fd00:10:250::{:x}", at + 1) };
    let endpoint = |at: u32| {
        let pod =
            json!({"kind": "Pod", "namespace": "kube-system", "name": format!("coredns-{TEMPLATE_HASH}-{at:05x}")});
        json!({"addresses": [address(at)], "conditions": {"ready": true, "serving": true}, "targetRef": pod})
    };
    let labels = json!({"kubernetes.io/service-name": "kube-dns"});
    json!({
        "metadata": {"name": format!("kube-dns-{family}"), "namespace": "kube-system", "labels": labels},
        "addressType": format!("IPv{family}"), "endpoints": (0..100).map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": "dns", "protocol": "UDP", "port": 53}, {"name": "dns-tcp", "protocol": "TCP", "port": 53}],
    })
}

pub(super) fn node() -> Value {
    let addresses = json!([{"type": "InternalIP", "address": NODE_ADDRESS}, {"type": "Hostname", "address": NODE}]);
    json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": NODE}, "status": {"addresses": addresses}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_the_usual_size() {
        let (pod, service) = (pod(1).to_string().len(), service(1).to_string().len());
        assert!((7_000..9_000).contains(&pod) && (1_000..3_000).contains(&service), "{pod}, {service}");
    }
}
