//! The browser's answer at a port of this computer (RFC 8252 §7.3), for as long as it is awaited.

mod page;

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use url::{Host, Url};

pub(crate) use self::page::Page;

/// The most bytes of a request's head; a callback has about 200, and what else a browser sends a few thousand.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// The most connections at once; a browser opens up to six.
const MAX_CONNECTIONS: usize = 16;
/// How long a request's head may take to arrive.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may last.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(15);

/// The sockets of one redirect, bound and not served yet.
pub(crate) struct Loopback {
    redirect: Url,
    sockets: Vec<TcpListener>,
}

/// Serves a [`Loopback`] until it is dropped. An answer that is being given then is still given.
pub(crate) struct Listening(
    #[expect(dead_code, reason = "dropping it says stop")] watch::Sender<()>,
);

/// The sockets of a [`Listening`], which are closed soon after it is dropped.
#[derive(Default)]
pub(crate) struct Sockets(Vec<JoinHandle<()>>);

impl Loopback {
    /// Binds what `redirect` names: one address, or for `localhost` both families', because the
    /// browser chooses.
    ///
    /// # Errors
    /// The operating system's, [`io::ErrorKind::AddrInUse`] when another program has any of it.
    pub(crate) async fn bind(redirect: &Url) -> io::Result<Self> {
        let addresses: &[IpAddr] = match redirect.host() {
            Some(Host::Ipv4(address)) => &[address.into()],
            Some(Host::Ipv6(address)) => &[address.into()],
            _ => &[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        };
        let port = redirect.port_or_known_default().unwrap_or_default();
        let mut sockets = Vec::new();
        let mut failed = None;
        for address in addresses {
            match TcpListener::bind(SocketAddr::new(*address, port)).await {
                Ok(socket) => sockets.push(socket),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
                // A computer without one of the families does with the other.
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if sockets.is_empty() => Err(error),
            _ => Ok(Self {
                redirect: redirect.clone(),
                sockets,
            }),
        }
    }

    /// Answers the browser. `take` is given each URL that is the redirect with a query, and says which
    /// page comes of it; everything else is turned away here.
    pub(crate) fn serve<T, Taken>(self, take: T) -> (Listening, Sockets)
    where
        T: Fn(Url) -> Taken + Clone + Send + Sync + 'static,
        Taken: Future<Output = Page> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(());
        let redirect = Arc::new(self.redirect);
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let accept = |socket| {
            let (redirect, take) = (redirect.clone(), take.clone());
            let (room, stopped) = (room.clone(), stopped.clone());
            tokio::spawn(accept(socket, room, stopped, move |request| {
                let wanted = wanted(&redirect, &request);
                let take = take.clone();
                async move {
                    match wanted {
                        Ok(callback) => take(callback).await,
                        Err(page) => page,
                    }
                }
            }))
        };
        let sockets = self.sockets.into_iter().map(accept).collect();
        (Listening(stop), Sockets(sockets))
    }
}

impl Sockets {
    /// Returns once they are closed and the port is free again.
    pub(crate) async fn closed(&mut self) {
        for socket in self.0.drain(..) {
            if let Err(error) = socket.await {
                tracing::warn!(%error, "the loopback listener failed");
            }
        }
    }
}

async fn accept<A, Answered>(
    socket: TcpListener,
    room: Arc<Semaphore>,
    mut stopped: watch::Receiver<()>,
    answer: A,
) where
    A: Fn(Request<Incoming>) -> Answered + Clone + Send + Sync + 'static,
    Answered: Future<Output = Page> + Send + 'static,
{
    loop {
        let next = async {
            let room = room.clone().acquire_owned().await;
            (socket.accept().await, room)
        };
        let (accepted, room) = tokio::select! {
            next = next => next,
            _ = stopped.changed() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if is_the_peers(error.kind()) => continue,
            Err(error) => {
                // The answer can still be pasted.
                tracing::warn!(%error, "the loopback port is not listened at any more");
                return;
            }
        };
        let talk = converse(stream, stopped.clone(), answer.clone());
        tokio::spawn(async move {
            // An error is the browser going away, or a request not worth an answer.
            if tokio::time::timeout(CONNECTION_PATIENCE, talk)
                .await
                .is_err()
            {
                tracing::info!("a connection to the loopback port took too long");
            }
            drop(room);
        });
    }
}

fn is_the_peers(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(kind, ConnectionAborted | ConnectionReset | Interrupted)
}

/// One request and its page.
async fn converse<A, Answered>(stream: TcpStream, mut stopped: watch::Receiver<()>, answer: A)
where
    A: Fn(Request<Incoming>) -> Answered,
    Answered: Future<Output = Page>,
{
    let service = service_fn(|request| {
        let page = answer(request);
        async move { Ok::<_, std::convert::Infallible>(page.await.response()) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let talked = tokio::select! {
        talked = &mut connection => talked,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = talked {
        tracing::debug!(%error, "a connection to the loopback port failed");
    }
}

/// The callback URL, if that is what is asked for.
fn wanted(redirect: &Url, request: &Request<Incoming>) -> Result<Url, Page> {
    // Whoever gets here by another name is a page that had its own name rebound to this computer.
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let named = host.and_then(|host| host.to_str().ok());
    if !named.is_some_and(|named| named.eq_ignore_ascii_case(&authority(redirect)))
        || second.is_some()
        || request.uri().authority().is_some()
    {
        return Err(Page::WrongHost);
    }
    if request.uri().path() != redirect.path() {
        return Err(Page::NotHere);
    }
    if request.method() != Method::GET {
        return Err(Page::WrongMethod);
    }
    let mut callback = redirect.clone();
    callback.set_query(request.uri().query());
    Ok(callback)
}

/// What a browser puts into `Host` (RFC 9110 §7.2): without the port where it is the scheme's own.
fn authority(redirect: &Url) -> String {
    let host = redirect.host_str().unwrap_or_default();
    match redirect.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
