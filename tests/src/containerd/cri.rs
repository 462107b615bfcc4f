//! Calls of CRI's runtime service, each to its end.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tonic::Request;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Endpoint, Uri};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// Starting a container takes a quarter of a second on an idle machine.
const LIMIT: Duration = Duration::from_secs(30);

/// The socket of a runtime.
#[derive(Debug)]
pub(super) struct Cri {
    socket: PathBuf,
    tokio: Runtime,
}

impl Cri {
    pub(super) fn new(socket: PathBuf) -> Result<Self> {
        Ok(Self { socket, tokio: Builder::new_current_thread().enable_all().build()? })
    }

    /// Makes one call, on a connection of its own: the runtime may have been restarted since the last one.
    pub(super) fn call<Q, A>(&self, name: &'static str, request: Q) -> Result<A>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let call = async { tokio::time::timeout(LIMIT, self.answer(name, request)).await };
        let answer = self.tokio.block_on(call).map_err(|_elapsed| anyhow!("no answer within {LIMIT:?}"));
        answer.and_then(|answer| answer).with_context(|| format!("CRI's {name}"))
    }

    async fn answer<Q, A>(&self, name: &'static str, request: Q) -> Result<A>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let socket = self.socket.clone();
        let connector = service_fn(move |_: Uri| {
            let socket = socket.clone();
            async { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        let mut grpc = Grpc::new(endpoint.connect_with_connector(connector).await?);
        grpc.ready().await?;
        let path = PathAndQuery::try_from(format!("/runtime.v1.RuntimeService/{name}"))?;
        Ok(grpc.unary(Request::new(request), path, ProstCodec::<Q, A>::default()).await?.into_inner())
    }
}
