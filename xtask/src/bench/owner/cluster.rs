//! The API server of a large cluster, as far as it is asked, which counts how often that is.

mod object;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use bytes::Bytes;
use futures::stream::{self, Pending};
use http_body_util::{Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::names::{NODE, PODS};

/// Those of a large cluster, beside that of its DNS.
pub(super) const SERVICES: u32 = 2_000;

pub(super) struct Cluster {
    address: SocketAddr,
    requests: Arc<AtomicU32>,
}

/// What it answers.
struct Answers {
    pods: Bytes,
    services: Bytes,
    slices: Bytes,
    node: Bytes,
}

/// All of it at once; of a watch nothing, without an end.
type Body = Either<Full<Bytes>, StreamBody<Pending<Result<Frame<Bytes>, Infallible>>>>;

impl Cluster {
    /// Answers for as long as `threads` run.
    pub(super) fn serve(threads: &Handle) -> Result<Self> {
        let listener = threads.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let requests = Arc::default();
        threads.spawn(serve(listener, Arc::new(Answers::new()), Arc::clone(&requests)));
        Ok(Self { address, requests })
    }

    /// A kubeconfig for it.
    pub(super) fn kubeconfig(&self) -> String {
        let server = format!("http://{}", self.address);
        let configuration = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": {"server": server}}],
            "users": [{"name": "bench", "user": {"token": "none"}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        });
        configuration.to_string()
    }

    /// How many it got.
    pub(super) fn requests(&self) -> u32 {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Answers {
    fn new() -> Self {
        let services = (0..SERVICES).map(object::service).chain([object::dns_service()]);
        Self {
            pods: list("Pod", (0..PODS).map(object::pod)),
            services: list("Service", services),
            slices: list("EndpointSlice", [object::dns_slice(4), object::dns_slice(6)].into_iter()),
            node: object::node().to_string().into(),
        }
    }

    fn to(&self, path: &str) -> Option<Bytes> {
        let answer = match path.rsplit('/').next()? {
            "pods" => &self.pods,
            "services" => &self.services,
            "endpointslices" => &self.slices,
            NODE => &self.node,
            _ => return None,
        };
        Some(answer.clone())
    }
}

fn list(kind: &str, items: impl Iterator<Item = Value>) -> Bytes {
    let items: Vec<Value> = items.collect();
    let metadata = json!({"resourceVersion": "4711"});
    json!({"kind": format!("{kind}List"), "apiVersion": "v1", "metadata": metadata, "items": items}).to_string().into()
}

async fn serve(listener: TcpListener, answers: Arc<Answers>, requests: Arc<AtomicU32>) {
    while let Ok((stream, _peer)) = listener.accept().await {
        let (answers, requests) = (Arc::clone(&answers), Arc::clone(&requests));
        tokio::spawn(async move {
            let service = service_fn(async |request| {
                requests.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Infallible>(answer(&answers, &request))
            });
            // It ends with an error when whoever watches has ended.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

fn answer(answers: &Answers, request: &Request<Incoming>) -> Response<Body> {
    if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
        return Response::new(Either::Right(StreamBody::new(stream::pending())));
    }
    let answer = answers.to(request.uri().path());
    let status = if answer.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let mut response = Response::new(Either::Left(Full::new(answer.unwrap_or_default())));
    *response.status_mut() = status;
    response
}
