//! Credentials → the API server: every call to it is counted, and given up in time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tower::{BoxError, service_fn};

use super::body::{Bounded, GivenUp};
use super::pace::Pace;
use crate::owner::fact::Text;

/// What calls are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Pods,
    Node,
    Services,
    EndpointSlices,
    RemotePods,
}

impl Call {
    const ALL: [Self; 5] = [Self::Pods, Self::Node, Self::Services, Self::EndpointSlices, Self::RemotePods];

    /// As in `may not list pods`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Node => "nodes",
            Self::Services => "Services",
            Self::EndpointSlices => "EndpointSlices",
            Self::RemotePods => "pods of other nodes",
        }
    }
}

/// How many calls there were for what.
#[derive(Debug, Default)]
pub(super) struct Calls([AtomicU64; Call::ALL.len()]);

impl Calls {
    fn count(&self, call: Call) {
        self.0[call as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = Call::ALL.map(|call| (call, self.0[call as usize].load(Ordering::Relaxed)));
        let sum: u64 = counts.iter().map(|(_call, count)| count).sum();
        write!(f, "{sum} {}", if sum == 1 { "call" } else { "calls" })?;
        let called = counts.iter().filter(|(_call, count)| *count > 0);
        for (at, (call, count)) in called.enumerate() {
            write!(f, "{}{count} for {}", if at == 0 { ": " } else { ", " }, call.name())?;
        }
        Ok(())
    }
}

/// The API server.
#[derive(Clone)]
pub(super) struct Server {
    client: Client,
    /// Its URL.
    pub(super) name: Text,
    pub(super) calls: Arc<Calls>,
    pub(super) pace: Pace,
}

/// Calls of one kind.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) client: Client,
    /// The server has begun a watch: where nothing changes, that is all there is to be seen of it.
    pub(super) watching: Arc<Notify>,
}

impl Server {
    pub(super) fn new(client: Client, name: Text, pace: Pace) -> Self {
        Self { client, name, calls: Arc::default(), pace }
    }

    pub(super) fn line(&self, call: Call) -> Line {
        let watching = Arc::new(Notify::new());
        let began = Arc::new(Mutex::new(None));
        let asker = Asker { server: self.clone(), call, watching: Arc::clone(&watching), began };
        let service = service_fn(move |request| asker.clone().ask(request));
        Line { client: Client::new(service, self.client.default_namespace()), watching }
    }
}

#[derive(Clone)]
struct Asker {
    server: Server,
    call: Call,
    watching: Arc<Notify>,
    /// When the last watch was.
    began: Arc<Mutex<Option<Instant>>>,
}

impl Asker {
    async fn ask(self, request: Request<Body>) -> Result<Response<Bounded>, BoxError> {
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        if is_watch {
            self.wait().await;
        }
        self.server.calls.count(self.call);
        let Pace { first_answer, whole_answer, .. } = self.server.pace;
        let whole = sleep(whole_answer);
        let answer = timeout(first_answer, self.server.client.send(request)).await;
        let answer = answer.map_err(|_elapsed| GivenUp::Silent)??;
        if is_watch && answer.status().is_success() {
            self.watching.notify_one();
            return Ok(answer.map(Bounded::events));
        }
        Ok(answer.map(|body| Bounded::answer(body, whole)))
    }

    async fn wait(&self) {
        let mut began = self.began.lock().await;
        if let Some(last) = *began {
            sleep_until(last + self.server.pace.watches).await;
        }
        *began = Some(Instant::now());
    }
}
