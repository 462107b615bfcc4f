//! Where container runtimes listen, and a connection to one of these places.

use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use tokio::net::UnixStream;

use super::super::CriOption;

/// Where the runtimes of distributions listen by default. Docker's containerd and kubelet's runtime may both be there:
/// the first that has pods is kubelet's.
const USUAL: [&str; 6] = [
    "run/containerd/containerd.sock",
    "run/crio/crio.sock",
    "run/k3s/containerd/containerd.sock",
    "run/cri-dockerd.sock",
    "var/snap/microk8s/common/run/containerd.sock",
    "run/k0s/containerd.sock",
];

/// unix(7): an address holds a path of 108 bytes, its end included.
const PATH_LEN_MAX: usize = 107;

/// Where to look.
#[derive(Debug)]
pub(super) enum Places {
    /// At the usual places, as far as there is something.
    Usual(Vec<PathBuf>),
    /// Here.
    Given(PathBuf),
}

impl Places {
    /// None when CRI is not asked for.
    pub(super) fn new(option: CriOption, host_root: &Path) -> Option<Self> {
        match option {
            CriOption::Off => None,
            CriOption::Auto => Some(Self::Usual(USUAL.iter().map(|path| host_root.join(path)).collect())),
            CriOption::Socket(path) => Some(Self::Given(path)),
        }
    }

    /// What there is to try now.
    pub(super) fn existing(&self) -> Vec<&Path> {
        match self {
            // Without permission to look, there is something to tell about.
            Self::Usual(paths) => paths.iter().map(PathBuf::as_path).filter(|path| !is_absent(path)).collect(),
            Self::Given(path) => vec![path],
        }
    }

    /// Whether another runtime may be the one that has the pods.
    pub(super) fn may_be_another(&self) -> bool {
        self.existing().len() > 1
    }
}

fn is_absent(path: &Path) -> bool {
    let kind = path.metadata().map(drop).map_err(|error| error.kind());
    matches!(kind, Err(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

/// Connects to the socket at `path`.
pub(super) async fn connect(path: &Path) -> io::Result<UnixStream> {
    if path.as_os_str().len() <= PATH_LEN_MAX {
        return UnixStream::connect(path).await;
    }
    let handle = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    UnixStream::connect(format!("/proc/self/fd/{}", handle.as_raw_fd())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_places_are_below_the_hosts_root() {
        let root = tempfile::tempdir().unwrap();
        let places = Places::new(CriOption::Auto, root.path()).unwrap();
        assert!(places.existing().is_empty());
        for place in ["run/crio", "run/k3s/containerd"] {
            std::fs::create_dir_all(root.path().join(place)).unwrap();
        }
        for place in ["run/crio/crio.sock", "run/k3s/containerd/containerd.sock"] {
            std::fs::write(root.path().join(place), "").unwrap();
        }
        let expected =
            ["run/crio/crio.sock", "run/k3s/containerd/containerd.sock"].map(|place| root.path().join(place));
        assert_eq!(places.existing(), expected);
        assert!(places.may_be_another());
    }

    #[test]
    fn given_place_is_taken_as_it_is() {
        let places = Places::new(CriOption::Socket("/run/x.sock".into()), Path::new("/host")).unwrap();
        assert_eq!(places.existing(), [Path::new("/run/x.sock")]);
        assert!(Places::new(CriOption::Off, Path::new("/")).is_none());
    }

    #[tokio::test]
    async fn path_that_no_address_holds_is_connected_to() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let short = folder.path().join("s");
        let _listener = tokio::net::UnixListener::bind(&short).unwrap();
        std::fs::rename(&short, deep.join("s")).unwrap();
        connect(&deep.join("s")).await.unwrap();
        assert_eq!(connect(&deep.join("t")).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
