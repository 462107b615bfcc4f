//! Addresses, one by one → the pod that has each, at most so many a second.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use k8s_openapi::api::core::v1;
use kube::Api;
use kube::api::ListParams;
use kube::core::ApiResource;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use super::answers::Answers;
use super::remote_pod;
use crate::owner::fact::{Fact, RemotePod};
use crate::owner::sources::api::asks::Addresses;
use crate::owner::sources::api::failure::Failure;
use crate::owner::sources::api::object::Object;
use crate::owner::sources::api::pace::BackOff;
use crate::owner::sources::api::pod::Pod;
use crate::owner::sources::api::progress::{Desk, Part};
use crate::owner::sources::api::server::{Call, Server};
use crate::owner::sources::teller::NobodyListens;

/// Reports would otherwise be as many as answers.
const DROPPED_STEP: u64 = 1000;

/// What is asked for.
pub(in crate::owner::sources::api) struct Questions {
    pub(in crate::owner::sources::api) queue: mpsc::Receiver<IpAddr>,
    /// How many there was no room for in the queue.
    pub(in crate::owner::sources::api) dropped: Arc<AtomicU64>,
    /// What need not be asked for.
    pub(in crate::owner::sources::api) services: Addresses,
}

struct Answerer<'a> {
    api: Api<Object<Pod>>,
    server: &'a Server,
    desk: &'a Desk,
    questions: Questions,
    answers: Answers,
    turns: Interval,
    back_off: BackOff,
    /// How many were dropped, as far as it was reported.
    dropped_told: u64,
}

/// Answers each address, for ever.
pub(in crate::owner::sources::api) async fn answer(desk: &Desk, questions: Questions) -> Result<(), NobodyListens> {
    let mut answerer = Answerer::new(desk, questions);
    answerer.report().await?;
    while let Some(address) = answerer.questions.queue.recv().await {
        answerer.answer(address).await?;
    }
    Ok(())
}

impl<'a> Answerer<'a> {
    fn new(desk: &'a Desk, questions: Questions) -> Self {
        let server = &desk.server;
        let kind = ApiResource::erase::<v1::Pod>(&());
        let api = Api::all_with(server.line(Call::RemotePods).client, &kind);
        let mut turns = interval(server.pace.remote_asks);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (answers, back_off) = (Answers::new(), BackOff::new(&server.pace));
        Self { api, server, desk, questions, answers, turns, back_off, dropped_told: 0 }
    }

    async fn answer(&mut self, address: IpAddr) -> Result<(), NobodyListens> {
        if let Some(answer) = self.answers.get(address, Instant::now()) {
            let pod = answer.pod.clone();
            return self.desk.tell([Fact::Remote { address, pod }]).await;
        }
        self.turns.tick().await;
        // Services may have been listed since the address was put into the queue.
        if self.questions.services.borrow().contains(&address) {
            return Ok(());
        }
        match self.ask(address).await {
            Ok(pod) => self.learn(address, pod).await,
            Err(error) => {
                let failure = Failure::of(&error, Call::RemotePods, self.server);
                self.desk.bad(Part::RemotePods, failure, self.dropped_told).await?;
                sleep(self.back_off.next()).await;
                Ok(())
            }
        }
    }

    async fn learn(&mut self, address: IpAddr, pod: Option<RemotePod>) -> Result<(), NobodyListens> {
        let was_failing = self.back_off.has_failed();
        self.back_off.reset();
        let pace = &self.server.pace;
        let now = Instant::now();
        let lasts = if pod.is_some() { pace.remote_found } else { pace.remote_missing };
        self.answers.insert(address, pod.clone(), [now, now + lasts]);
        self.desk.tell([Fact::Remote { address, pod }]).await?;
        let dropped = self.questions.dropped.load(Ordering::Relaxed);
        let news = was_failing || dropped / DROPPED_STEP != self.dropped_told / DROPPED_STEP;
        if news || dropped > 0 && self.dropped_told == 0 { self.report().await } else { Ok(()) }
    }

    async fn report(&mut self) -> Result<(), NobodyListens> {
        self.dropped_told = self.questions.dropped.load(Ordering::Relaxed);
        let found = match self.dropped_told {
            0 => "pods of other nodes when their addresses are seen".into(),
            dropped => format!("pods of other nodes, {dropped} addresses not asked for as they were too many"),
        };
        self.desk.good(Part::RemotePods, found, 0).await
    }

    /// From the server's cache, which it looks through.
    async fn ask(&self, address: IpAddr) -> Result<Option<RemotePod>, kube::Error> {
        let params = ListParams::default().fields(&format!("status.podIP={address}")).match_any();
        let pods: Vec<Pod> = self.api.list(&params).await?.items.into_iter().map(|object| object.read).collect();
        Ok(only(&pods, address))
    }
}

/// Who has it, if that is one pod. All pods with the node's network have the node's address, which is nobody's.
fn only(pods: &[Pod], address: IpAddr) -> Option<RemotePod> {
    let mut having = pods.iter().filter(|pod| pod.addresses().contains(&address));
    let pod = having.next()?;
    let nodes_own = pods.iter().any(Pod::is_on_host_network);
    if nodes_own || having.next().is_some() { None } else { remote_pod(pod) }
}
