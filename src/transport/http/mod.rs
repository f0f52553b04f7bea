//! Many callers over the network: MCP at `/mcp`, one tool a request at `/tools/{name}`, health for whoever watches.

mod auth;
mod door;
mod ids;
mod mcp;
mod metadata;
mod metrics;
mod names;
mod oidc;
mod openapi;
mod places;
mod refused;
mod reply;
mod route;
mod sessions;
mod status;
mod tls;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::settings::Http;
use crate::server::{SHUTDOWN_GRACE, Server};

use super::session::{Exit, Signals};

use places::{Place, Places};

pub use auth::new_key;
pub use oidc::provider_keys;
pub use tls::Tls;

/// Connections at once; one more waits in the kernel.
const CONNECTIONS: usize = 512;
/// Of these, so many from one address: one client leaves room for others. Behind a proxy all come from one.
const FROM_ONE: usize = 256;
/// A client that reads nothing for so long is let go.
const UNREAD: Duration = Duration::from_secs(30);
/// A client has this long for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a head.
const HEAD_BYTES: usize = 16 * 1024;
/// Answers have this long to be written in the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why it is not served like this, and what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsafe {
    /// What is wrong.
    pub why: String,
    /// The next step.
    pub help: &'static str,
}

/// May it be served there? `insecure`: `--insecure-http` was given.
///
/// # Errors
/// Strangers could call, or read along.
pub fn is_safe(http: &Http, at: SocketAddr, insecure: bool) -> Result<(), Unsafe> {
    // Whom a proxy lets through comes from anywhere.
    if at.ip().is_loopback() && !http.behind_proxy {
        return Ok(());
    }
    if http.keys.is_empty() && http.oidc.is_none() && http.anonymous_role.is_none() {
        return Err(Unsafe {
            why: format!("whoever reaches {at}, or a proxy before it, could call: there are no keys"),
            help: "make one with `docker-mcp key new --role ROLE`, set anonymous_role under [http], or listen on 127.0.0.1",
        });
    }
    if http.tls.is_none() && !http.behind_proxy && !insecure {
        return Err(Unsafe {
            why: format!("keys and answers would go over the network to {at} in clear"),
            help: "set tls under [http], or let a proxy end TLS and set behind_proxy = true, or say --insecure-http",
        });
    }
    Ok(())
}

/// Serves whoever comes until a signal ends it; with `tls`, who shakes hands.
///
/// # Errors
/// The address cannot be had, or there are no signals.
pub async fn serve(
    server: &Arc<Server>,
    at: SocketAddr,
    tls: Option<Tls>,
    ready: impl FnOnce(SocketAddr),
) -> std::io::Result<Exit> {
    let mut signals = Signals::open()?;
    let listener = TcpListener::bind(at).await?;
    ready(listener.local_addr()?);
    let streams = CancellationToken::new();
    let routes = Arc::new(route::Routes::new(server, &streams));
    // Whoever is let in no more has no stream, either, and need not come again to learn it.
    let (mut news, door) = (server.news(), Arc::clone(&routes));
    let watching = tokio::spawn(async move {
        while news.changed().await.is_ok() {
            drop(door.door());
        }
    });
    let behind_proxy = server.standing().file().http.behind_proxy;
    let places = Places::of(CONNECTIONS, if behind_proxy { CONNECTIONS } else { FROM_ONE });
    let connections = TaskTracker::new();
    let closing = CancellationToken::new();
    loop {
        let accepted = async {
            let free = places.free().await?;
            Some((free, listener.accept().await))
        };
        tokio::select! {
            accepted = accepted => match accepted {
                Some((free, Ok((stream, from)))) => {
                    // One that has too many is closed at once.
                    let Some(place) = places.take(free, from.ip()) else { continue };
                    let (routes, closing) = (Arc::clone(&routes), closing.clone());
                    match tls.clone() {
                        None => drop(connections.spawn(connection(routes, (stream, from), place, closing))),
                        Some(tls) => drop(connections.spawn(async move {
                            let shaken = tokio::select! {
                                shaken = tls.accept(stream) => shaken,
                                () = closing.cancelled() => return,
                            };
                            match shaken {
                                Ok(stream) => connection(routes, (stream, from), place, closing).await,
                                Err(e) => tracing::debug!(error = %e, "a handshake came to nothing"),
                            }
                        })),
                    }
                }
                // Too many files are open, or the client is gone again: others may have more luck in a moment.
                Some((_, Err(e))) => {
                    tracing::warn!(error = %e, "a connection was not taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                None => break,
            },
            (name, _) = signals.next() => {
                tracing::info!("{name}: stopping");
                break;
            }
            () = server.supervisor.exhausted() => break,
        }
    }
    drop(listener);
    watching.abort();
    // Calls in flight answer `shutting_down`; changes that were sent bring their answer.
    server.supervisor.shutdown.cancel();
    let settled = tokio::select! {
        settled = tokio::time::timeout(SHUTDOWN_GRACE, server.supervisor.changes.settled()) => settled.is_ok(),
        (name, number) = signals.next() => {
            tracing::warn!("{name} again: ending at once");
            return Ok(Exit::Forced(number));
        }
    };
    closing.cancel();
    connections.close();
    let said = tokio::time::timeout(LAST_WORDS, connections.wait()).await;
    // Streams that wait for news would keep their connections for ever.
    streams.cancel();
    if said.is_err() {
        let _late = tokio::time::timeout(LAST_WORDS, connections.wait()).await;
    }
    Ok(if settled { Exit::Done } else { Exit::Unknown })
}

async fn connection(
    routes: Arc<route::Routes>,
    (stream, from): (impl AsyncRead + AsyncWrite + Unpin, SocketAddr),
    _place: Place,
    closing: CancellationToken,
) {
    let service = service_fn(|request| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, Infallible>(ids::answer(&routes, request, from.ip()).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(Box::pin(stream)), service));
    let served = tokio::select! {
        served = &mut serving => served,
        () = closing.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(e) = served {
        tracing::debug!(error = %e, "a connection broke off");
    }
}
