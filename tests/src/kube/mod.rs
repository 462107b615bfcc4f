//! A real one-node Kubernetes in namespaces of its own: control plane, kubelet, containerd, kube-proxy, cluster DNS of
//! two replicas, and pods that ask. Nothing of the machine is changed, and one signal ends all of it.

mod build;
pub(crate) mod cgroups;
mod changed_dns;
mod cluster_dns;
mod components;
pub(crate) mod images;
mod network;
pub(crate) mod packages;
mod pki;
mod pods;
mod programs;
mod proxy;
mod record;
pub(crate) mod space;
pub(crate) mod state;
pub(crate) mod wait;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

pub use self::changed_dns::ChangedDns;
pub use self::pods::Pod;
pub use self::programs::Halted;
pub use self::proxy::OtherProxy;
pub use self::record::{Record, RecordedQuery};

use self::components::Running;
use self::space::Space;
use self::state::State;
use crate::node::Netns;
use crate::{command, coredns};

/// Where pods send their queries: the Service `kube-dns`.
pub const CLUSTER_DNS: [&str; 2] = ["10.96.0.10", "fd00:10:96::a"];

/// Whom `CoreDNS` asks what it does not know.
pub const UPSTREAM: &str = "192.0.2.53";

/// Two of `CoreDNS`, two of `web`, and one each of `alpine`, `six` and `agent`.
const PODS: usize = 7;

/// One node at a time: its folder has one name.
const STATE: &str = "kubernetes-node";

/// Where the plugin host-local keeps which addresses are given: a file for each.
const ADDRESSES: &str = "/var/lib/cni/networks/pods";

/// A control plane starts in some ten seconds on an idle machine of two cores; a busy one needs a multiple.
const API_SERVER_LIMIT: Duration = Duration::from_mins(2);
const PODS_LIMIT: Duration = Duration::from_mins(4);

const MANIFESTS: [&str; 2] = [include_str!("../../kube/dns.yaml"), include_str!("../../kube/pods.yaml")];

/// The node, while it stands.
#[derive(Debug)]
pub struct Kube {
    state: State,
    space: Space,
    kubernetes: PathBuf,
}

impl Kube {
    /// Starts the node and waits until all its pods are ready, saying what it does. There is one node at a time: one
    /// that stands is returned, what is left of one is removed first. What was made is removed if starting fails.
    pub fn up(say: &dyn Fn(&str)) -> Result<Self> {
        ensure!(crate::skip::is_root(), "a node needs network namespaces, mounts and cgroups: run this as root");
        let _lock = state::lock()?;
        if let Some(node) = Self::running()? {
            return Ok(node);
        }
        say("installing packages");
        packages::install()?;
        say("building Kubernetes and CoreDNS, if the cache does not have them");
        let kubernetes = build::kubernetes()?;
        coredns::binary()?;
        let state = State::named(STATE)?;
        remove(&state)?;
        state.create()?;
        Self::start(&state, kubernetes, say).inspect_err(|_| {
            // The first error is the one to report; what cannot be removed now, the next `up` or `down` finds.
            let _ = remove(&state);
        })
    }

    /// The node that stands, if one does.
    pub fn running() -> Result<Option<Self>> {
        let state = State::named(STATE)?;
        let Some(space) = Space::existing(&state)?.filter(|_| state.is_ready()) else { return Ok(None) };
        Ok(Some(Self { space, kubernetes: build::kubernetes()?, state }))
    }

    /// Removes the node, or what is left of one.
    pub fn down() -> Result<()> {
        let _lock = state::lock()?;
        remove(&State::named(STATE)?)
    }

    /// What of a node is left on this machine: nothing, when there is none.
    pub fn remains() -> Result<Vec<PathBuf>> {
        let netns = [network::NODE, network::UPSTREAM].map(network::path);
        let state = State::named(STATE)?.path("");
        let all = netns.into_iter().chain(cgroups::KUBERNETES.folders()?).chain([state]);
        Ok(all.filter(|path| path.exists()).collect())
    }

    /// The node's network namespace, for `nsenter --net=`.
    #[must_use]
    pub fn netns(&self) -> PathBuf {
        network::path(network::NODE)
    }

    /// The node's root directory as this machine sees it, for `--host-root`.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.space.root()
    }

    /// The cgroup of all pods, for `--cgroup`: other nodes and tests on this machine are not below it.
    pub fn cgroup(&self) -> Result<PathBuf> {
        cgroups::KUBERNETES.version_2()
    }

    /// The administrator's kubeconfig, with its files as this machine sees them.
    pub fn kubeconfig(&self) -> Result<String> {
        let root = self.root();
        let text = fs::read_to_string(root.join("etc/kubernetes/admin.conf"))?;
        Ok(text.replace("/etc/kubernetes", &root.join("etc/kubernetes").to_string_lossy()))
    }

    /// Runs kubectl on the node and returns what it prints.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        command::of(self.kubectl_command().args(arguments))
    }

    /// A line for a person's shell that is kubectl on this node.
    #[must_use]
    pub fn kubectl_line(&self) -> String {
        let kubectl = self.kubectl_command();
        let words = std::iter::once(kubectl.get_program()).chain(kubectl.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    /// Halts the API server: until the guard is dropped it takes connections, and says nothing.
    pub fn halt_api_server(&self) -> Result<Halted> {
        programs::halt(&[&self.kubernetes.join("kube-apiserver")])
    }

    /// Halts whom `CoreDNS` asks: until the guard is dropped it takes queries, and does not answer.
    pub fn halt_upstream(&self) -> Result<Halted> {
        let words: Vec<&Path> = components::UPSTREAM.words().map(Path::new).collect();
        programs::halt(&words)
    }

    /// Gives cluster DNS another manifest until the guard is dropped: the own one, with these words replaced.
    pub fn with_changed_dns(&self, changes: &[(&str, &str)]) -> Result<ChangedDns<'_>> {
        ChangedDns::apply(self, changes)
    }

    /// Waits until the pods are as wanted, and returns them.
    pub fn wait_until(&self, wanted: impl Fn(&[Pod]) -> bool) -> Result<Vec<Pod>> {
        changed_dns::wait_for_pods(self, wanted)
    }

    /// Lets kube-proxy do its work in iptables mode until the guard is dropped.
    pub fn with_iptables(&self) -> Result<OtherProxy<'_>> {
        proxy::iptables(self)
    }

    /// The next pod gets the lowest address of each family that is free: otherwise they are handed out in turn.
    pub fn forget_last_address(&self) -> Result<()> {
        network::forget_last_address(&self.state.on_node(ADDRESSES))
    }

    /// Waits until these addresses may be given to another pod.
    pub fn wait_until_free(&self, addresses: &[IpAddr]) -> Result<()> {
        network::wait_until_free(&self.state.on_node(ADDRESSES), addresses)
    }

    /// Lets the node, and the DNS pods beside the others on its bridge, ask again who has an address.
    pub fn forget_neighbors(&self) -> Result<()> {
        network::forget_neighbors(&Netns::at(&self.netns())?, network::BRIDGE)?;
        for server in self.pods()?.iter().filter(|pod| pod.app == "kube-dns" && !pod.host_network) {
            network::forget_neighbors(&Netns::at(&netns_of(server)?)?, "eth0")?;
        }
        Ok(())
    }

    /// Every pod that has started.
    pub fn pods(&self) -> Result<Vec<Pod>> {
        pods::from_list(&self.kubectl(&["get", "pods", "--all-namespaces", "--output", "json"])?)
    }

    /// The interface of the node that leads to this pod.
    pub fn veth(&self, pod: &Pod) -> Result<String> {
        pods::veth(&self.state.on_node("/var/lib/cni/results"), pod)
    }

    /// The cgroup id of the pod's container.
    pub fn cgroup_id(&self, pod: &Pod) -> Result<u64> {
        cgroups::KUBERNETES.id(&pod.container)
    }

    /// Makes the application of a pod look names up now, one after the other, and returns what it says of each.
    pub fn look_up(&self, pod: &Pod, names: &[&str]) -> Result<String> {
        let mut kubectl = self.kubectl_command();
        kubectl.args(["--namespace", &pod.namespace, "exec", &pod.name, "--", "/lookup"]).args(names);
        command::of(&mut kubectl)
    }

    /// Starts a pod's own record of its queries. A pod with the node's network has no interface of its own to record.
    pub fn record(&self, pod: &Pod) -> Result<Record> {
        ensure!(!pod.host_network, "{} has the node's network", pod.name);
        Record::start(&netns_of(pod)?)
    }

    fn start(state: &State, kubernetes: PathBuf, say: &dyn Fn(&str)) -> Result<Self> {
        say("making the node's namespaces");
        network::create(&state.path("bin"))?;
        cgroups::KUBERNETES.create()?;
        let space = Space::create(state, &network::path(network::NODE))?;
        components::write_files(state)?;
        let keys = state.on_node("/etc/kubernetes/pki");
        fs::create_dir_all(&keys)?;
        pki::create(&keys)?;
        let node = Self { state: state.clone(), space, kubernetes };
        node.start_components(say)?;
        state.set_ready()?;
        Ok(node)
    }

    fn start_components(&self, say: &dyn Fn(&str)) -> Result<()> {
        let mut running = Running::new(&self.state, &self.space, self.kubernetes.clone());
        say("starting etcd, the API server and containerd");
        running.start_upstream(&components::UPSTREAM)?;
        running.start(&components::ETCD)?;
        running.start(&components::API_SERVER)?;
        running.start(&components::CONTAINERD)?;
        images::wait_for_runtime(&self.space)?;
        images::import(&self.state, &self.space, &images::ALL)?;
        self.wait_for_api_server(&mut running)?;
        say("starting the controllers, the scheduler, kubelet and kube-proxy");
        for component in &components::CLIENTS {
            running.start(component)?;
        }
        self.apply_manifests()?;
        say("waiting for the pods");
        self.wait_for_pods(&mut running)?;
        say("waiting for the cluster DNS");
        wait::explain(self.wait_for_cluster_dns(), || self.state.last_log_lines("kube-proxy"))
    }

    fn wait_for_api_server(&self, running: &mut Running<'_>) -> Result<()> {
        let waited = wait::until("the API server", API_SERVER_LIMIT, || {
            running.check()?;
            // Its refusals are how it says that it is not ready.
            Ok(self.kubectl(&["get", "--raw", "/readyz"]).ok().map(drop))
        });
        wait::explain(waited, || self.state.last_log_lines("kube-apiserver"))
    }

    fn apply_manifests(&self) -> Result<()> {
        for (number, manifest) in MANIFESTS.iter().enumerate() {
            let file = self.state.path("bin").join(format!("{number}.yaml"));
            fs::write(&file, manifest)?;
            self.kubectl(&["apply", "--filename", &file.to_string_lossy()])?;
        }
        Ok(())
    }

    fn wait_for_pods(&self, running: &mut Running<'_>) -> Result<()> {
        let waited = wait::until("all pods ready", PODS_LIMIT, || {
            running.check()?;
            let pods = self.pods()?;
            Ok((pods.len() == PODS && pods.iter().all(|pod| pod.ready)).then_some(()))
        });
        wait::explain(waited, || self.kubectl(&["get", "pods", "--all-namespaces"]).unwrap_or_default())
    }

    /// Waits until from wherever names are looked up, the Service answers, and each pod behind it.
    pub fn wait_for_cluster_dns(&self) -> Result<()> {
        let (servers, clients): (Vec<_>, Vec<_>) = self.pods()?.into_iter().partition(|pod| pod.app == "kube-dns");
        let mut addresses = CLUSTER_DNS.iter().map(|address| address.parse()).collect::<Result<Vec<_>, _>>()?;
        addresses.extend(servers.iter().flat_map(|server| &server.addresses));
        cluster_dns::wait("the node", &Netns::at(&self.netns())?, &addresses)?;
        for client in clients.iter().filter(|client| !client.host_network) {
            cluster_dns::wait(&client.name, &Netns::at(&netns_of(client)?)?, &addresses)?;
        }
        Ok(())
    }

    fn kubectl_command(&self) -> Command {
        let mut kubectl = self.space.command(self.kubernetes.join("kubectl"));
        kubectl.arg("--kubeconfig=/etc/kubernetes/admin.conf");
        kubectl
    }
}

fn netns_of(pod: &Pod) -> Result<PathBuf> {
    Ok(PathBuf::from(format!("/proc/{}/ns/net", cgroups::KUBERNETES.process(&pod.container)?)))
}

fn remove(state: &State) -> Result<()> {
    if let Some(space) = Space::existing(state)? {
        space.end()?;
    }
    network::remove()?;
    cgroups::KUBERNETES.remove()?;
    space::remove_mount_points(state)?;
    state.remove()
}
