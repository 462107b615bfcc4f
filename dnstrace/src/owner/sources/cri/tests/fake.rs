//! A container runtime that says what a test wants it to, on a socket in a folder of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::super::message::{
    Container, Everything, Items, PodSandbox, PodSandboxStatus, PodSandboxStatusRequest, PodSandboxStatusResponse,
    VersionRequest, VersionResponse,
};

/// What it says.
#[derive(Clone, Default)]
pub(super) struct Says {
    pub(super) sandboxes: Vec<PodSandbox>,
    pub(super) containers: Vec<Container>,
    /// Beside these, malformed.
    pub(super) malformed: usize,
    /// A sandbox without one is not found.
    pub(super) statuses: HashMap<String, PodSandboxStatus>,
    /// It never answers calls of this name.
    pub(super) hangs_at: Option<&'static str>,
    /// It does not know CRI.
    pub(super) is_unimplemented: bool,
    /// Calls that it got.
    pub(super) calls: Vec<String>,
}

/// A runtime; when it is dropped, its connections end.
pub(super) struct Fake {
    pub(super) says: Arc<Mutex<Says>>,
    threads: Option<Runtime>,
}

impl Fake {
    pub(super) fn start(socket: &Path, says: Says) -> Self {
        let says = Arc::new(Mutex::new(says));
        let served = Arc::clone(&says);
        let listener = bind(socket);
        let service = service_fn(move |request: http::Request<Body>| {
            let served = Arc::clone(&served);
            async move { Ok::<_, Infallible>(answer(&served, request).await) }
        });
        let threads = threads();
        threads.spawn(async move {
            let listener = UnixListener::from_std(listener).unwrap();
            let incoming = futures::stream::unfold(listener, async |listener| {
                let accepted = listener.accept().await.map(|accepted| accepted.0);
                Some((accepted, listener))
            });
            Server::builder().serve_with_incoming(service, Box::pin(incoming)).await.unwrap();
        });
        Self { says, threads: Some(threads) }
    }

    /// One that writes `bytes` to whoever connects, and then hangs up.
    pub(super) fn writing(socket: &Path, bytes: &'static [u8]) -> Self {
        let listener = bind(socket);
        let threads = threads();
        threads.spawn(async move {
            let listener = UnixListener::from_std(listener).unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                // It may be gone already.
                let _ = stream.write_all(bytes).await;
            }
        });
        Self { says: Arc::default(), threads: Some(threads) }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.threads.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// Threads that end with the runtime, also those that serve its connections.
fn threads() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn bind(socket: &Path) -> std::os::unix::net::UnixListener {
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    // What is there is of one that ended: as containerd does.
    let unfinished: PathBuf = socket.with_extension("new");
    let listener = std::os::unix::net::UnixListener::bind(&unfinished).unwrap();
    std::fs::rename(unfinished, socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

async fn answer(says: &Mutex<Says>, request: http::Request<Body>) -> http::Response<Body> {
    let call = request.uri().path().rsplit('/').next().unwrap().to_owned();
    let said = {
        let mut says = says.lock().unwrap();
        says.calls.push(call.clone());
        says.clone()
    };
    if said.hangs_at == Some(call.as_str()) {
        std::future::pending::<()>().await;
    }
    let version = VersionResponse { runtime_name: "fake\u{1b}[1m".to_owned(), runtime_version: "1.2".to_owned() };
    match call.as_str() {
        _ if said.is_unimplemented => {
            let why = "unknown service runtime.v1.RuntimeService";
            with(request, move |_: VersionRequest| Err::<VersionResponse, _>(Status::unimplemented(why))).await
        }
        "Version" => with(request, move |_: VersionRequest| Ok(version.clone())).await,
        "ListPodSandbox" => with(request, move |_: Everything| Ok(items(&said.sandboxes, said.malformed))).await,
        "ListContainers" => with(request, move |_: Everything| Ok(items(&said.containers, 0))).await,
        "PodSandboxStatus" => with(request, move |asked: PodSandboxStatusRequest| status(&said, &asked)).await,
        other => panic!("{other} is called"),
    }
}

fn items<M: prost::Message>(messages: &[M], malformed: usize) -> Items {
    let items = messages.iter().map(|message| message.encode_to_vec().into());
    Items { items: items.chain(std::iter::repeat_n(vec![0xff].into(), malformed)).collect() }
}

fn status(says: &Says, asked: &PodSandboxStatusRequest) -> Result<PodSandboxStatusResponse, Status> {
    let status = says.statuses.get(&asked.pod_sandbox_id).ok_or_else(|| Status::not_found("no such sandbox"))?;
    Ok(PodSandboxStatusResponse { status: Some(status.clone()) })
}

async fn with<Q, A>(
    request: http::Request<Body>,
    answer: impl Fn(Q) -> Result<A, Status> + Clone + Send + 'static,
) -> http::Response<Body>
where
    Q: prost::Message + Default + 'static,
    A: prost::Message + 'static,
{
    let service = service_fn(move |request: Request<Q>| {
        let answer = answer(request.into_inner()).map(Response::new);
        async move { answer }
    });
    tonic::server::Grpc::new(ProstCodec::<A, Q>::default()).unary(service, request).await
}
