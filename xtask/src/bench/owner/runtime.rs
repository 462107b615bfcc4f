//! A container runtime with a large node's pods, as far as CRI is asked.

mod message;

use std::convert::Infallible;
use std::path::Path;

use anyhow::{Context, Result};
use futures::stream;
use prost::Message;
use tokio::net::UnixListener;
use tokio::runtime::Handle;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use self::message::{Anything, ContainerList, SandboxId, SandboxList, SandboxStatusResponse, VersionResponse};
use super::names::{CONTAINERS, PODS};

/// Answers at `socket` for as long as `threads` run.
pub(super) fn serve(threads: &Handle, socket: &Path) -> Result<()> {
    let _entered = threads.enter();
    let listener = UnixListener::bind(socket).with_context(|| format!("cannot listen at {}", socket.display()))?;
    let incoming = stream::unfold(listener, async |listener| {
        let accepted = listener.accept().await.map(|accepted| accepted.0);
        Some((accepted, listener))
    });
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(request).await));
    threads.spawn(Server::builder().serve_with_incoming(service, Box::pin(incoming)));
    Ok(())
}

async fn answer(request: http::Request<Body>) -> http::Response<Body> {
    match request.uri().path().strip_prefix("/runtime.v1.RuntimeService/") {
        Some("Version") => with(request, |_: &Anything| Ok(VersionResponse::new())).await,
        Some("ListPodSandbox") => with(request, |_: &Anything| Ok(sandboxes())).await,
        Some("ListContainers") => with(request, |_: &Anything| Ok(containers())).await,
        Some("PodSandboxStatus") => with(request, status).await,
        _ => with(request, |_: &Anything| Err::<Anything, _>(Status::unimplemented("not asked for here"))).await,
    }
}

fn sandboxes() -> SandboxList {
    SandboxList { items: (0..PODS).map(message::sandbox).collect() }
}

fn containers() -> ContainerList {
    ContainerList { containers: (PODS..PODS + CONTAINERS).map(message::container).collect() }
}

fn status(asked: &SandboxId) -> Result<SandboxStatusResponse, Status> {
    let pod = (0..PODS).find(|pod| super::names::container_id(*pod) == asked.id);
    pod.map(message::status).ok_or_else(|| Status::not_found("no such sandbox"))
}

async fn with<Q, A>(request: http::Request<Body>, answer: fn(&Q) -> Result<A, Status>) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
{
    let service = service_fn(move |request: Request<Q>| {
        let answer = answer(request.get_ref()).map(Response::new);
        async move { answer }
    });
    tonic::server::Grpc::new(ProstCodec::<A, Q>::default()).unary(service, request).await
}
