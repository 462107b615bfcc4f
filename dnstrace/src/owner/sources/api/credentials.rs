//! `--kube` and what is at hand → credentials for the API server. Those of kubelet are never taken: they are its own.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::failure::line;
use crate::owner::sources::KubeOption;

/// Where a pod finds its service account's token.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where kubeconfigs of administrators lie on nodes of control planes: not taken without being told to.
const ADMINISTRATORS: [&str; 4] = [
    "etc/kubernetes/admin.conf",
    "etc/rancher/k3s/k3s.yaml",
    "etc/rancher/rke2/rke2.yaml",
    "var/lib/k0s/pki/admin.conf",
];

/// What to do about credentials that do not work.
pub(super) const REMEDY: &str = "name another file with --kube FILE, or --kube off";

/// Why there are no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lacking {
    /// That is nothing unusual.
    Absent { reason: &'static str, remedy: String },
    /// They are there, and do not work.
    Failed { reason: String, remedy: &'static str },
}

/// Where credentials may be found.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    /// We run in a pod with a service account.
    pub(super) in_cluster: bool,
    /// `KUBECONFIG`: paths with colons between them.
    pub(super) kubeconfig: Option<OsString>,
    /// `HOME`.
    pub(super) home: Option<PathBuf>,
    /// The node's root.
    pub(super) host_root: PathBuf,
}

impl Surroundings {
    pub(super) fn ours(host_root: &Path) -> Self {
        let service = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"];
        Self {
            in_cluster: service.iter().all(|name| env::var_os(name).is_some()) && Path::new(TOKEN).exists(),
            kubeconfig: env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty()),
            home: env::var_os("HOME").map(PathBuf::from),
            host_root: host_root.to_owned(),
        }
    }

    /// The user's own files, of those that exist.
    fn files(&self) -> Vec<PathBuf> {
        let usual = || self.home.iter().map(|home| home.join(".kube/config")).collect();
        let told = self.kubeconfig.as_ref().map(|paths| env::split_paths(paths).collect());
        let mut files: Vec<PathBuf> = told.unwrap_or_else(usual);
        files.retain(|file| file.is_file());
        files
    }

    fn remedy(&self) -> String {
        let administrator = ADMINISTRATORS.iter().map(|file| self.host_root.join(file)).find(|file| file.is_file());
        match administrator {
            Some(file) => format!("--kube {} takes the cluster's administrator's", file.display()),
            None => "--kube FILE names some".into(),
        }
    }
}

/// Reads files only; the server is not asked.
pub(super) async fn find(option: &KubeOption, around: &Surroundings) -> Result<Config, Lacking> {
    match option {
        KubeOption::Off => Err(Lacking::Absent { reason: "not asked: --kube off", remedy: String::new() }),
        KubeOption::Config(file) => read(std::slice::from_ref(file)).await,
        KubeOption::Auto if around.in_cluster => Config::incluster().map_err(|error| failed(&error)),
        KubeOption::Auto => match around.files() {
            files if files.is_empty() => {
                Err(Lacking::Absent { reason: "no credentials at hand", remedy: around.remedy() })
            }
            files => read(&files).await,
        },
    }
}

async fn read(files: &[PathBuf]) -> Result<Config, Lacking> {
    let mut all = Kubeconfig::default();
    for file in files {
        let next = Kubeconfig::read_from(file).map_err(|error| unreadable(&error, file))?;
        all = all.merge(next).map_err(|error| failed(&error))?;
    }
    let options = KubeConfigOptions::default();
    Config::from_custom_kubeconfig(all, &options).await.map_err(|error| failed(&error))
}

/// An error on what is in a file shows a part of it, which may be a token.
fn unreadable(error: &KubeconfigError, file: &Path) -> Lacking {
    match error {
        KubeconfigError::Parse(_) => failed(&format!("{} is no kubeconfig", file.display())),
        error => failed(error),
    }
}

fn failed(error: &dyn Display) -> Lacking {
    Lacking::Failed { reason: line(&error.to_string()), remedy: REMEDY }
}
