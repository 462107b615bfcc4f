//! A selection of pods → what happens to them, and to the watch of them.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1;
use kube::Api;
use kube::core::ApiResource;
use kube::runtime::watcher::{self, Config, watcher};
use tokio::time::{Instant, sleep};

use super::failure::{Cause, Failure};
use super::object::Object;
use super::pace::BackOff;
use super::pod::Pod;
use super::server::{Call, Line, Server};

/// What happens.
pub(super) enum Event {
    /// All pods that there are follow.
    Begin,
    /// One of these.
    Listed(Pod),
    /// These were all: what was there before and is not among them is gone.
    End,
    Changed(Pod),
    Deleted(Pod),
    /// A message made no sense.
    Nonsense,
    /// The server does not answer or refuses, and will be asked again in a while.
    Failed(Failure),
    /// It lets us watch again, whether or not anything has changed.
    Recovered,
}

/// A watch that goes on whatever happens.
pub(super) struct Watch {
    server: Server,
    call: Call,
    line: Line,
    config: Config,
    events: BoxStream<'static, watcher::Result<watcher::Event<Object<Pod>>>>,
    back_off: BackOff,
    delay: Option<Duration>,
    /// When the server last let us watch.
    since: Option<Instant>,
    /// Whether the list has been read, and is not being read again.
    whole: bool,
    failing: bool,
}

impl Watch {
    pub(super) fn new(server: &Server, call: Call, config: Config) -> Self {
        let line = server.line(call);
        let (server, back_off) = (server.clone(), BackOff::new(&server.pace));
        let events = events(&line, &config);
        Self { server, call, line, config, events, back_off, delay: None, since: None, whole: false, failing: false }
    }

    pub(super) async fn next(&mut self) -> Event {
        loop {
            if let Some(delay) = self.delay.take() {
                sleep(delay).await;
            }
            tokio::select! {
                event = self.events.next() => if let Some(event) = event.and_then(|event| self.event(event)) {
                    return event;
                },
                () = self.line.watching.notified() => if let Some(event) = self.begun() {
                    return event;
                },
            }
        }
    }

    fn begun(&mut self) -> Option<Event> {
        self.since = Some(Instant::now());
        let recovered = self.whole && self.failing;
        self.failing &= !recovered;
        recovered.then_some(Event::Recovered)
    }

    fn event(&mut self, event: watcher::Result<watcher::Event<Object<Pod>>>) -> Option<Event> {
        let event = match event {
            Ok(watcher::Event::Init) => {
                self.whole = false;
                return Some(Event::Begin);
            }
            Ok(watcher::Event::InitApply(pod)) => return Some(Event::Listed(pod.read)),
            Ok(watcher::Event::InitDone) => {
                (self.whole, self.failing) = (true, false);
                Event::End
            }
            Ok(watcher::Event::Apply(pod)) => Event::Changed(pod.read),
            Ok(watcher::Event::Delete(pod)) => Event::Deleted(pod.read),
            Err(error) => return self.failed(&error),
        };
        self.back_off.reset();
        Some(event)
    }

    /// What the watcher goes over by itself is no failure: a watch that ends, and a version that is gone.
    fn failed(&mut self, error: &watcher::Error) -> Option<Event> {
        self.wait();
        match error {
            watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
                self.refused(Failure::of(error, self.call, &self.server))
            }
            watcher::Error::WatchFailed(kube::Error::SerdeError(_)) | watcher::Error::NoResourceVersion => {
                Some(Event::Nonsense)
            }
            watcher::Error::WatchFailed(_) | watcher::Error::WatchError(_) => None,
        }
    }

    /// The watcher would ask for the version that is gone for ever, where the server refuses the watch as a whole.
    fn refused(&mut self, failure: Failure) -> Option<Event> {
        if failure.cause == Cause::Gone {
            self.events = events(&self.line, &self.config);
            return None;
        }
        self.failing = true;
        Some(Event::Failed(failure))
    }

    fn wait(&mut self) {
        let lasted = self.since.take().is_some_and(|since| since.elapsed() >= self.server.pace.retry_max);
        if lasted {
            self.back_off.reset();
        }
        self.delay = Some(self.back_off.next());
    }
}

fn events(line: &Line, config: &Config) -> BoxStream<'static, watcher::Result<watcher::Event<Object<Pod>>>> {
    let kind = ApiResource::erase::<v1::Pod>(&());
    watcher(Api::all_with(line.client.clone(), &kind), config.clone()).boxed()
}
