//! The calls of CRI that are made. Each of them only reads, ends after a while, and takes answers of a bounded size.

use std::error::Error;
use std::path::Path;
use std::time::Duration;
use std::{fmt, io};

use hyper_util::rt::TokioIo;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::list::List;
use super::message::{
    Container, Everything, Items, PodSandbox, PodSandboxStatus, PodSandboxStatusRequest, PodSandboxStatusResponse,
    VersionRequest, VersionResponse,
};
use super::socket;

/// As much as kubelet takes: a pod of many labels and annotations has some 10 KiB, and the largest nodes 500 pods.
const MESSAGE_LEN_MAX: usize = 16 << 20;

/// The largest nodes have some 500 pods; ones that have ended stay until they are deleted.
const SANDBOXES_MAX: usize = 4096;

/// Pods have few containers each, with those that were restarted.
const CONTAINERS_MAX: usize = 16_384;

/// A sentence has room, and a line on the screen for it.
const SHOWN_LEN_MAX: usize = 200;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// No connection.
    Socket(io::Error),
    /// None in time.
    Timeout(Duration),
    /// An error for an answer, or something that is none.
    Status(Box<Status>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => f.write_str(&deepest(error)),
            Self::Timeout(limit) => write!(f, "no answer within {limit:?}"),
            Self::Status(status) => match status.source() {
                Some(source) => f.write_str(&deepest(source)),
                None => write!(f, "{}: {}", status.code(), shown(status.message())),
            },
        }
    }
}

impl Failure {
    /// What to do about it.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Socket(error) => match error.kind() {
                io::ErrorKind::PermissionDenied => "run as root, or --cri off",
                io::ErrorKind::NotFound => "name the runtime's socket with --cri, or --cri off",
                _ => "start the container runtime, or --cri off",
            },
            Self::Timeout(_) => "see why the container runtime hangs: crictl info",
            Self::Status(status) => match status.code() {
                Code::Unimplemented => {
                    "let the runtime offer CRI v1 (containerd: take \"cri\" out of disabled_plugins in \
                     /etc/containerd/config.toml), or --cri off"
                }
                Code::PermissionDenied | Code::Unauthenticated => "run as root, or --cri off",
                _ if status.source().is_some() => {
                    "see whether the container runtime runs, and listens at this socket; or --cri off"
                }
                _ => "see what the container runtime says: crictl pods; or --cri off",
            },
        }
    }
}

/// A connection to a container runtime.
pub(super) struct Client {
    grpc: Grpc<Channel>,
    limit: Duration,
}

impl Client {
    /// Connects to the socket at `path`; each call may take as long as `limit`.
    pub(super) async fn connect(path: &Path, limit: Duration) -> Result<Self, Failure> {
        let connected = tokio::time::timeout(limit, socket::connect(path)).await;
        let stream = connected.map_err(|_elapsed| Failure::Timeout(limit))?.map_err(Failure::Socket)?;
        // Once it ends, there is nothing to connect anew here: the runtime may be another one then.
        let mut stream = Some(TokioIo::new(stream));
        let connector = service_fn(move |_: Uri| {
            let stream = stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted));
            async move { stream }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        let connecting = endpoint.connect_with_connector(connector);
        let connected = tokio::time::timeout(limit, connecting).await.map_err(|_elapsed| Failure::Timeout(limit))?;
        let channel = connected.map_err(|error| Failure::Socket(io::Error::other(error)))?;
        Ok(Self { grpc: Grpc::new(channel).max_decoding_message_size(MESSAGE_LEN_MAX), limit })
    }

    /// Name and version of the runtime: `containerd 1.6.20`.
    pub(super) async fn runtime(&mut self) -> Result<String, Failure> {
        let request = VersionRequest { version: "v1".to_owned() };
        let answer: VersionResponse = self.call("/runtime.v1.RuntimeService/Version", request).await?;
        Ok(format!("{} {}", shown(&answer.runtime_name), shown(&answer.runtime_version)))
    }

    /// Every sandbox.
    pub(super) async fn sandboxes(&mut self) -> Result<List<PodSandbox>, Failure> {
        let answer: Items = self.call("/runtime.v1.RuntimeService/ListPodSandbox", Everything {}).await?;
        Ok(List::read(&answer.items, SANDBOXES_MAX))
    }

    /// Every container, also those that have ended.
    pub(super) async fn containers(&mut self) -> Result<List<Container>, Failure> {
        let answer: Items = self.call("/runtime.v1.RuntimeService/ListContainers", Everything {}).await?;
        Ok(List::read(&answer.items, CONTAINERS_MAX))
    }

    /// What the list does not say of a sandbox.
    pub(super) async fn sandbox(&mut self, id: &str) -> Result<PodSandboxStatus, Failure> {
        let request = PodSandboxStatusRequest { pod_sandbox_id: id.to_owned() };
        let answer: PodSandboxStatusResponse =
            self.call("/runtime.v1.RuntimeService/PodSandboxStatus", request).await?;
        Ok(answer.status.unwrap_or_default())
    }

    async fn call<Q, A>(&mut self, path: &'static str, request: Q) -> Result<A, Failure>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let answer = tokio::time::timeout(self.limit, self.answer(path, request)).await;
        answer.map_err(|_elapsed| Failure::Timeout(self.limit))?.map_err(|status| Failure::Status(Box::new(status)))
    }

    async fn answer<Q, A>(&mut self, path: &'static str, request: Q) -> Result<A, Status>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        self.grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let codec = ProstCodec::<Q, A>::default();
        let answer = self.grpc.unary(Request::new(request), PathAndQuery::from_static(path), codec).await?;
        Ok(answer.into_inner())
    }
}

/// The error that the others came from: they say little more than that there was one.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    shown(&last.to_string())
}

/// What a runtime says, for a terminal.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').take(SHOWN_LEN_MAX).collect()
}
