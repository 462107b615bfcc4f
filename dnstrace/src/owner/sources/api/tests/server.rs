//! An API server that answers each request as a test says.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::NODE;

/// How a request is answered.
pub(super) enum Answer {
    Json(Value),
    /// With a status of HTTP, and the API's own beside it.
    Refusal(u16),
    /// Byte by byte, nearly.
    Pieces(String),
    /// These bytes, and then that.
    Text(String, Then),
    /// Not at all.
    Hang,
}

/// What comes after the last byte.
#[derive(Clone, Copy)]
pub(super) enum Then {
    End,
    /// Nothing, and the connection stays.
    Silence,
    /// The connection is closed, though there should be more.
    Drop,
}

/// One request: its path and query, decoded, and how many of its kind came before it.
pub(super) struct Asked<'a> {
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) before: usize,
}

impl Asked<'_> {
    pub(super) fn is_watch(&self) -> bool {
        self.query.contains("watch=true")
    }
}

type Script = dyn Fn(&Asked) -> Option<Answer> + Send + Sync;

/// The server; what a test does not say is empty or not there.
pub(super) struct FakeApi {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl FakeApi {
    pub(super) async fn new(script: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(serve(listener, Arc::new(script), Arc::clone(&requests)));
        Self { address, requests, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Paths and queries, decoded.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn count(&self, part: &str) -> usize {
        self.requests().iter().filter(|request| request.contains(part)).count()
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, script: Arc<Script>, requests: Arc<Mutex<Vec<String>>>) {
    loop {
        let Ok((stream, _peer)) = listener.accept().await else { return };
        let (script, requests) = (Arc::clone(&script), Arc::clone(&requests));
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &script, &requests));
            // A connection that a test drops ends with an error.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

type Body = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

async fn answer(
    request: Request<Incoming>,
    script: &Arc<Script>,
    requests: &Mutex<Vec<String>>,
) -> Result<Response<Body>, Infallible> {
    let (path, query) = (request.uri().path(), decode(request.uri().query().unwrap_or_default()));
    let kind = |request: &&String| request.starts_with(&format!("{path}?")) && same_kind(request, &query);
    let answer = {
        let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
        let before = requests.iter().filter(kind).count();
        requests.push(format!("{path}?{query}"));
        let asked = Asked { path, query: &query, before };
        script(&asked).unwrap_or_else(|| usual(&asked))
    };
    Ok(match answer {
        Answer::Hang => pending().await,
        Answer::Json(value) => response(200, value.to_string(), Then::End),
        Answer::Refusal(code) => response(code, refusal(code).to_string(), Then::End),
        Answer::Pieces(text) => pieces(&text),
        Answer::Text(text, then) => response(200, text, then),
    })
}

fn same_kind(request: &str, query: &str) -> bool {
    ["watch=true", "fieldSelector"].iter().all(|part| request.contains(part) == query.contains(part))
}

/// Selectors and brackets of what is asked for here.
fn decode(query: &str) -> String {
    let codes = [("%3D", "="), ("%2F", "/"), ("%28", "("), ("%29", ")"), ("%2C", ","), ("%3A", ":"), ("+", " ")];
    codes.iter().fold(query.to_owned(), |query, (code, character)| query.replace(code, character))
}

fn response(code: u16, text: String, then: Then) -> Response<Body> {
    let data = stream::iter([Ok(Frame::data(Bytes::from(text)))]);
    let body = match then {
        Then::End => data.boxed(),
        Then::Silence => data.chain(stream::pending()).boxed(),
        Then::Drop => data.chain(stream::once(dropped())).boxed(),
    };
    Response::builder().status(code).body(StreamBody::new(body)).unwrap()
}

fn pieces(text: &str) -> Response<Body> {
    let pieces: Vec<Bytes> = text.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
    let piece = |piece| async {
        tokio::task::yield_now().await;
        Ok(Frame::data(piece))
    };
    Response::new(StreamBody::new(stream::iter(pieces).then(piece).boxed()))
}

/// The bytes before it are sent as soon as there are no more at once.
async fn dropped() -> io::Result<Frame<Bytes>> {
    tokio::task::yield_now().await;
    Err(io::ErrorKind::ConnectionReset.into())
}

pub(super) fn refusal(code: u16) -> Value {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        410 => "Expired",
        _ => "InternalError",
    };
    let message = r#"pods is forbidden: User "system:serviceaccount:default:dnstrace" cannot list resource"#;
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code})
}

fn usual(asked: &Asked) -> Answer {
    match asked.path {
        path if path == format!("/api/v1/nodes/{NODE}") => Answer::Json(node()),
        _ if asked.is_watch() => Answer::Text(String::new(), Then::Silence),
        path if path.contains("/nodes/") => Answer::Refusal(404),
        _ => Answer::Json(list(&[])),
    }
}

fn node() -> Value {
    let addresses = json!([
        {"type": "InternalIP", "address": "192.0.2.1"}, {"type": "InternalIP", "address": "2001:db8::1"},
        {"type": "Hostname", "address": NODE},
    ]);
    json!({"kind": "Node", "metadata": {"name": NODE, "resourceVersion": "1"}, "status": {"addresses": addresses}})
}

/// A list as a whole.
pub(super) fn list(items: &[Value]) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "100"}, "items": items})
}

/// One of several pages.
pub(super) fn page(items: &[Value], next: &str) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "100", "continue": next}, "items": items})
}

/// A line of a watch.
pub(super) fn event(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

/// An ordinary pod.
pub(super) fn pod(name: &str, address: &str) -> Value {
    let status = json!({
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": "2026-01-01T00:00:00Z",
        "containerStatuses": [{
            "name": "main", "image": "registry/main:1", "containerID": format!("containerd://{:064x}", name.len()),
            "state": {"running": {"startedAt": "2026-01-01T00:00:01Z"}},
        }],
    });
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": uid(name), "resourceVersion": "7", "labels": {"app": name}},
        "spec": {"nodeName": NODE, "containers": [{"name": "main", "env": [{"name": "PASSWORD", "value": "secret"}]}]},
        "status": status,
    })
}

/// The UID of [`pod`].
pub(super) fn uid(name: &str) -> String {
    let sum = name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("6a1f0f6e-0000-4000-8000-{sum:012x}")
}
