use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    response::{IntoResponse as _, Response},
};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tower::ServiceExt as _;
use tracing::{debug, warn};

use crate::{
    limits::Limits,
    patience::{Activity, Patience},
    refusal::Refusal,
    routes::is_probe,
};

/// After the system could not accept, e.g. for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// Connections beyond the limit that are told so at once; further ones wait for their turn to be told.
const REFUSALS: usize = 64;
/// What a refused connection gets for its request and the answer.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);
/// What idle connections get for a request that is on its way when the server stops, and new ones for their first.
const LAST_REQUEST: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));

/// Serves `router` over HTTP/1.1 until `stop` resolves. Then it accepts nothing more, closes idle connections, and
/// returns once every request in progress is answered, or after [`Limits::drain_timeout`].
///
/// Of the limits it keeps those of connections and headers; [`crate::Api`] keeps those of requests.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    Server::new(limits).serve(listener, router, stop).await;
}

/// A server and what is counted of it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    limits: Limits,
    pub(crate) open: Gauge,
    pub(crate) refused: Counter,
}

/// Why a connection is spoken to: to be served, or to be told that there are too many.
enum Admission {
    Served(OwnedSemaphorePermit),
    Refused(OwnedSemaphorePermit),
}

impl Server {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Gauge::default(),
            refused: Counter::default(),
        }
    }

    pub(crate) async fn serve(
        &self,
        listener: TcpListener,
        router: Router,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = pin!(stop);
        // Which makes the services of its layers now, instead of for each request.
        let router = router.with_state(());
        let (stopping, stopped) = watch::channel(false);
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        let spares = Arc::new(Semaphore::new(REFUSALS));
        let mut connections = JoinSet::new();
        let welcome = |connections: &mut JoinSet<()>, stream, admission| {
            let (server, router, stopped) = (self.clone(), router.clone(), stopped.clone());
            connections.spawn(async move {
                match admission {
                    Admission::Served(slot) => {
                        server.open.inc();
                        server.connection(stream, router, stopped).await;
                        server.open.dec();
                        drop(slot);
                    }
                    Admission::Refused(spare) => {
                        server.refused.inc();
                        server.refusal(stream, router).await;
                        drop(spare);
                    }
                }
            });
        };
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &slots, &spares) => accepted,
            };
            match accepted {
                Ok((stream, admission)) => welcome(&mut connections, stream, admission),
                Err(error) => {
                    warn!(%error, "cannot accept connections");
                    if timeout(ACCEPT_PAUSE, &mut stop).await.is_ok() {
                        break;
                    }
                }
            }
        }
        // Connections the system has made already may carry requests: closing the port on them would lose those.
        for stream in waiting(listener) {
            if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
                welcome(&mut connections, stream, Admission::Served(slot));
            }
        }
        stopping.send_replace(true);
        let drained = timeout(self.limits.drain_timeout, async {
            while connections.join_next().await.is_some() {}
        })
        .await;
        if drained.is_err() {
            warn!(
                unanswered = connections.len(),
                "stopped before every request was answered"
            );
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        router: Router,
        mut stopped: watch::Receiver<bool>,
    ) {
        // Answers are small: waiting to fill a packet would only add latency.
        drop(stream.set_nodelay(true));
        let activity = Activity::default();
        let service = {
            let activity = activity.clone();
            service_fn(move |request: Request<Incoming>| {
                activity.begin();
                let (router, activity) = (router.clone(), activity.clone());
                async move {
                    let answer = router.oneshot(request.map(body)).await;
                    activity.end();
                    answer
                }
            })
        };
        let io = TokioIo::new(Patience::new(stream, activity.clone(), self.limits));
        let mut connection = pin!(self.http().serve_connection(io, service));
        let stopped = async { drop(stopped.wait_for(|stopped| *stopped).await) };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped => {
                // hyper closes what it has read nothing from, even if a request lies there.
                let (idle, new) = LAST_REQUEST;
                let grace = if activity.used() { idle } else { new };
                match timeout(grace, connection.as_mut()).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection broke");
        }
    }

    /// Answers one request of a connection there is no room for. The probes are answered truly: a server that is busy is
    /// not ill, and must not be restarted for it.
    async fn refusal(&self, stream: TcpStream, router: Router) {
        let service = service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move {
                if is_probe(request.uri().path()) {
                    return router.oneshot(request).await;
                }
                Ok::<Response, Infallible>(Refusal::Overloaded.into_response())
            }
        });
        let io = TokioIo::new(stream);
        let connection = self.http().keep_alive(false).serve_connection(io, service);
        if !matches!(timeout(REFUSAL_TIMEOUT, connection).await, Ok(Ok(()))) {
            debug!("a connection beyond the limit was closed unanswered");
        }
    }

    fn http(&self) -> http1::Builder {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            // `Patience` does it, with one timer for a connection instead of one for each request.
            .header_read_timeout(None)
            // One piece of memory costs the system less than two, and the answers are small.
            .writev(false)
            .max_headers(self.limits.headers)
            .max_buf_size(self.limits.header_bytes);
        http
    }
}

/// Without a box for the many requests that have none.
fn body(body: Incoming) -> Body {
    if body.is_end_stream() {
        Body::empty()
    } else {
        Body::new(body)
    }
}

/// The next connection, and what it gets. May be cancelled without losing one.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    spares: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Admission)> {
    let spare = Arc::clone(spares)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    let (stream, _) = listener.accept().await?;
    let admission = match Arc::clone(slots).try_acquire_owned() {
        Ok(slot) => Admission::Served(slot),
        Err(_) => Admission::Refused(spare),
    };
    Ok((stream, admission))
}

/// What waits to be accepted on a listener that is closed after it.
fn waiting(listener: TcpListener) -> Vec<TcpStream> {
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    std::iter::from_fn(|| {
        let (stream, _) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    })
    .collect()
}
