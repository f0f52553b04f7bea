//! Requests on the wire: one connection each, under the call's clocks, from the closed list.
//!
//! Reusing connections gains less than 0.1 ms and brings stale ones and late answers of an earlier call; so none is reused.

mod change;
mod hijack;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::{BollardRequest, ClientVersion, Docker};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::policy::Level;

use super::answer::{Answer, JSON_CAP, chain, gone_behind, tripped};
use super::budget::Budget;
use super::change::{Commit, Failed};
use super::dial::{self, DialKind};
use super::discover::Discovered;
use super::error::{Clock, EngineError};
use super::forbidden;
use super::guard_io::{GuardIo, Meter};
use super::identity::Identity;
use super::ops;

pub use change::Change;
pub(super) use hijack::Streams;

/// Stays below what hyper would buffer by itself.
const READ_BUFFER: usize = 64 << 10;
/// The newest API that this code was written against; an engine that speaks more is asked for this one.
const NEWEST: (u32, u32) = (1, 51);
/// Docker 20.10: older ones miss fields that filters need.
const OLDEST: (u32, u32) = (1, 41);

/// What a request may do: the levels that its call holds, and, for a change, the moment it can no longer be called off.
struct Leave<'a> {
    levels: &'a [Level],
    commit: Option<&'a Commit>,
    /// It only asks who is there: nothing is asked for it before.
    greets: bool,
}

/// Reads need no commit. Their permits are asked for by the methods that lead here.
const READ: Leave<'static> = Leave { levels: &[Level::Read], commit: None, greets: false };
/// Any of these tells the API version. A proxy may forbid the first.
const GREETINGS: [&str; 3] = ["/_ping", "/version", "/containers/json"];

/// How requests reach one engine.
#[derive(Debug, Clone)]
pub struct Wire {
    found: Arc<Discovered>,
    /// The API version agreed on, until a connection fails: the engine behind the socket may then be another.
    agreed: Arc<Mutex<Option<(u32, u32)>>>,
    /// Which engine it is.
    pub(super) identity: Arc<Identity>,
    /// What a proxy before it does not let through.
    pub(super) barred: Arc<forbidden::Seen>,
}

impl Wire {
    /// Does no I/O.
    #[must_use]
    pub fn new(found: Discovered) -> Self {
        Self {
            found: Arc::new(found),
            agreed: Arc::default(),
            identity: Arc::default(),
            barred: Arc::default(),
        }
    }

    /// Where the engine is.
    #[must_use]
    pub fn found(&self) -> &Discovered {
        &self.found
    }

    /// Sends a request and waits for the answer's first line. `path` is without the version prefix.
    ///
    /// # Errors
    /// No connection, a clock, or an answer that is an error: 4xx and 5xx come back as [`EngineError::Status`].
    pub async fn get(
        &self,
        budget: &Budget,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer, EngineError> {
        match self.get_once(budget, path, query).await {
            Err(e) if self.outdated(&e) => self.get_once(budget, path, query).await.map_err(unsupported),
            answer => answer,
        }
    }

    /// The engine refuses the version that was agreed on: another one took its place between two calls. It did nothing.
    fn outdated(&self, e: &EngineError) -> bool {
        let refused = matches!(e, EngineError::Status { code, message } if refuses_version(*code, message));
        if refused {
            self.doubt();
        }
        refused
    }

    async fn get_once(
        &self,
        budget: &Budget,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer, EngineError> {
        self.look(budget, READ.levels, (Method::GET, path), query).await
    }

    /// Sends a request that changes nothing and may need more than leave to read, once. Without a body, as `HEAD` has none,
    /// an error is its status alone.
    ///
    /// # Errors
    /// As [`Wire::get`].
    pub(super) async fn look(
        &self,
        budget: &Budget,
        levels: &[Level],
        (method, path): (Method, &str),
        query: &[(&str, &str)],
    ) -> Result<Answer, EngineError> {
        let version = self.version(budget).await?;
        let mut target = format!("/v{}.{}{path}", version.0, version.1);
        append_query(&mut target, query);
        let bare = method == Method::HEAD;
        let request = Request::builder()
            .method(method)
            .uri(target)
            .body(Empty::<Bytes>::new())
            .map_err(|e| EngineError::NotAllowed(e.to_string()))?;
        let leave = Leave { levels, ..READ };
        let (response, meter) = self.send(budget, &leave, path, request, None).await?;
        let answer = Answer::new(response, meter, *budget);
        if bare { answer.or_bare_status() } else { answer.or_status().await }
    }

    /// Sends a request that changes something, once, for a call that holds `levels`.
    ///
    /// # Errors
    /// What went wrong, and whether the engine may have heard of it.
    pub(super) async fn change(
        &self,
        budget: &Budget,
        levels: &[Level],
        commit: &Commit,
        change: Change<'_>,
    ) -> Result<Answer, Failed> {
        let version = self.version(budget).await?;
        let mut target = format!("/v{}.{}{}", version.0, version.1, change.path);
        append_query(&mut target, change.query);
        let mut request = Request::builder().method(change.method).uri(target);
        if let Some(auth) = change.registry_auth {
            request = request.header("X-Registry-Auth", auth);
        }
        let body = match (change.tar, change.body) {
            (Some(pieces), _) => {
                request = request.header(CONTENT_TYPE, "application/x-tar");
                let next = |mut pieces: mpsc::Receiver<io::Result<Bytes>>| async move {
                    pieces.recv().await.map(|piece| (piece.map(Frame::data), pieces))
                };
                StreamBody::new(futures_util::stream::unfold(pieces, next)).boxed_unsync()
            }
            (None, Some(body)) => {
                request = request.header(CONTENT_TYPE, "application/json");
                whole(Bytes::from(body.to_string()))
            }
            (None, None) => whole(Bytes::new()),
        };
        let request = request.body(body).map_err(|e| EngineError::NotAllowed(e.to_string()))?;
        let leave = Leave { levels, commit: Some(commit), greets: false };
        let (response, meter) = self.send(budget, &leave, change.path, request, None).await?;
        // From here on the engine has spoken: whatever it says is an answer, only a body that breaks off is not.
        Answer::new(response, meter, *budget)
            .or_status()
            .await
            .map_err(|error| Failed { written: !matches!(error, EngineError::Status { .. }), error })
    }

    /// Asks for JSON.
    ///
    /// # Errors
    /// As [`Wire::get`], and `Protocol` where it is not the JSON that was expected.
    pub async fn json<T: DeserializeOwned>(
        &self,
        budget: &Budget,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, EngineError> {
        self.get(budget, path, query).await?.json().await
    }

    /// A bollard client whose requests go through this wire, under this call's clocks.
    ///
    /// Its own timeout never decides (it covers the first line only and cuts to whole seconds).
    ///
    /// # Errors
    /// No connection while the version is agreed on.
    pub async fn bollard(&self, budget: &Budget) -> Result<Docker, EngineError> {
        let version = self.version(budget).await?;
        let (wire, budget) = (self.clone(), *budget);
        let transport = move |request: BollardRequest| {
            let wire = wire.clone();
            Box::pin(async move { wire.forward(&budget, version, request).await.map_err(hand_over) })
                as std::pin::Pin<Box<dyn Future<Output = _> + Send>>
        };
        let version = ClientVersion { major_version: version.0 as usize, minor_version: version.1 as usize };
        Docker::connect_with_custom_transport(transport, Some("http://docker"), 86_400, &version)
            .map_err(|e| EngineError::NotAllowed(e.to_string()))
    }

    /// bollard reads bodies without end: the connection is capped. It drops the version and joins names into paths: the path is taken apart, checked, and put together anew.
    async fn forward(
        &self,
        budget: &Budget,
        version: (u32, u32),
        request: BollardRequest,
    ) -> Result<Response<Incoming>, EngineError> {
        let (mut parts, body) = request.into_parts();
        let path = unversioned(parts.uri.path()).to_owned();
        let query = parts.uri.query().map(|q| format!("?{q}")).unwrap_or_default();
        parts.uri = format!("/v{}.{}{path}{query}", version.0, version.1)
            .parse::<Uri>()
            .map_err(|e| EngineError::NotAllowed(e.to_string()))?;
        let (response, _) =
            self.send(budget, &READ, &path, Request::from_parts(parts, body), Some(JSON_CAP)).await?;
        Ok(response)
    }

    /// The only place that writes to an engine's socket.
    async fn send<B>(
        &self,
        budget: &Budget,
        leave: &Leave<'_>,
        path: &str,
        mut request: Request<B>,
        cap: Option<u64>,
    ) -> Result<(Response<Incoming>, Arc<Meter>), Failed>
    where
        B: hyper::body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if !ops::allowed(request.method().as_str(), path, leave.levels) {
            return Err(EngineError::NotAllowed(format!("{} {path}", request.method())).into());
        }
        let listed = forbidden::listed(request.method(), path);
        request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("docker-mcp"));

        let connect_by = budget.deadline.min(Instant::now() + budget.connect);
        let (io, peer) = dial::dial(&self.found.endpoint, connect_by).await.map_err(|e| {
            self.doubt();
            match e.kind {
                DialKind::Timeout => EngineError::Timeout { clock: Clock::Connect, limit: budget.connect },
                _ => EngineError::Dial(e),
            }
        })?;
        let asked = if leave.greets { "/_ping" } else { path };
        self.recognise(budget, asked, peer).await?;
        // The last moment to call it off: from the next line on the engine may have heard of it.
        if leave.commit.is_some_and(|commit| !commit.send()) {
            return Err(EngineError::Withdrawn.into());
        }
        let meter = Arc::new(Meter::default());
        let io = GuardIo::new(io, budget.idle, cap, Arc::clone(&meter));
        let headers_by = budget.deadline.min(Instant::now() + budget.headers);
        let waited = timeout_at(headers_by, async {
            let (mut sender, connection) =
                http1::Builder::new().max_buf_size(READ_BUFFER).handshake(TokioIo::new(io)).await?;
            // Ends by itself when the response and the sender are gone: dropping a call closes its socket.
            tokio::spawn(connection.with_upgrades());
            sender.send_request(request).await
        })
        .await;
        let failed = |error| Failed { error, written: meter.wrote_any() };
        match waited {
            Err(_) if headers_by >= budget.deadline => {
                Err(failed(EngineError::Timeout { clock: Clock::Total, limit: budget.total }))
            }
            Err(_) => Err(failed(EngineError::Timeout { clock: Clock::Headers, limit: budget.headers })),
            Ok(Err(e)) => {
                tracing::debug!(
                    path,
                    sent = meter.wrote_any(),
                    received = meter.bytes_in(),
                    "request failed"
                );
                self.doubt();
                Err(failed(match tripped(&meter, budget) {
                    // Half a head is no answer yet, whichever clock sees it first.
                    Some(EngineError::Timeout { clock: Clock::Idle, limit }) => {
                        EngineError::Timeout { clock: Clock::Headers, limit: limit.min(budget.headers) }
                    }
                    tripped => tripped.unwrap_or_else(|| EngineError::Protocol(chain(&e))),
                }))
            }
            Ok(Ok(response)) => {
                if gone_behind(response.status()) && forbidden::is_foreign(&response) {
                    // The proxy stays where the engine went: no connection fails that would say so.
                    self.doubt();
                }
                let Some(what) = listed else { return Ok((response, meter)) };
                let passed = !forbidden::is_page(&response);
                self.barred.note(what, passed);
                // The engine has not heard of it.
                if passed { Ok((response, meter)) } else { Err(EngineError::Forbidden(what).into()) }
            }
        }
    }

    /// Agrees on an API version by the headers of `/_ping`, which answer even when containerd hangs. Where a proxy forbids
    /// that, other answers tell it too.
    async fn version(&self, budget: &Budget) -> Result<(u32, u32), EngineError> {
        if let Some(version) = *self.agreed() {
            return Ok(version);
        }
        let (_, api) = self.ping(budget).await?;
        let version = parse_version(&api)
            .ok_or_else(|| EngineError::Protocol(format!("API version `{}`", api.escape_debug())))?
            .min(NEWEST);
        if version < OLDEST {
            return Err(EngineError::TooOld { api });
        }
        *self.agreed() = Some(version);
        Ok(version)
    }

    /// Does the engine speak an older API than this one?
    ///
    /// # Errors
    /// As [`Wire::get`].
    pub(super) async fn older_than(&self, budget: &Budget, version: (u32, u32)) -> Result<bool, EngineError> {
        Ok(self.version(budget).await? < version)
    }

    /// Asks whether the engine answers at all. Gives the time it took and the API version it names.
    ///
    /// # Errors
    /// No connection, a clock, or something that is no Docker Engine.
    pub async fn ping(&self, budget: &Budget) -> Result<(Duration, String), EngineError> {
        let mut first = None;
        for path in GREETINGS {
            match self.greet(budget, path).await {
                Err(e @ EngineError::Forbidden(_)) => first = first.or(Some(e)),
                answer => return answer,
            }
        }
        Err(first.unwrap_or(EngineError::Gone))
    }

    async fn greet(&self, budget: &Budget, path: &str) -> Result<(Duration, String), EngineError> {
        let start = Instant::now();
        let query = if path == "/containers/json" { "?limit=1" } else { "" };
        let request = Request::get(format!("{path}{query}"))
            .body(Empty::<Bytes>::new())
            .map_err(|e| EngineError::NotAllowed(e.to_string()))?;
        let leave = Leave { greets: true, ..READ };
        let (response, meter) = self.send(budget, &leave, path, request, None).await?;
        let took = start.elapsed();
        let answer = Answer::new(response, meter, *budget).or_status().await?;
        match answer.header("api-version") {
            Some(api) => Ok((took, api.to_owned())),
            None => Err(EngineError::Protocol("no Api-Version header; is this a Docker Engine?".into())),
        }
    }

    pub(super) fn agreed(&self) -> std::sync::MutexGuard<'_, Option<(u32, u32)>> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_version(&self) {
        *self.agreed() = None;
    }

    /// It may be another engine by now.
    fn doubt(&self) {
        self.forget_version();
        self.identity.doubt();
    }
}

fn whole(bytes: Bytes) -> UnsyncBoxBody<Bytes, io::Error> {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn refuses_version(code: u16, message: &str) -> bool {
    code == 400 && message.starts_with("client version ")
}

/// The engine speaks nothing that we do: a lack of ours or its, and not of the caller's words.
fn unsupported(e: EngineError) -> EngineError {
    match e {
        EngineError::Status { code, message } if refuses_version(code, &message) => {
            EngineError::Status { code: 501, message }
        }
        e => e,
    }
}

/// Our error inside bollard's, to be taken out again by [`from_bollard`].
fn hand_over(e: EngineError) -> bollard::errors::Error {
    bollard::errors::Error::IOError { err: std::io::Error::other(e) }
}

/// The error behind a bollard call.
#[must_use]
pub fn from_bollard(e: bollard::errors::Error) -> EngineError {
    match e {
        bollard::errors::Error::IOError { err } => match err.downcast::<EngineError>() {
            Ok(ours) => ours,
            Err(other) => EngineError::Protocol(chain(&other)),
        },
        bollard::errors::Error::DockerResponseServerError { status_code, message } => {
            EngineError::Status { code: status_code, message }
        }
        other => EngineError::Protocol(chain(&other)),
    }
}

fn append_query(target: &mut String, query: &[(&str, &str)]) {
    for (i, (key, value)) in query.iter().enumerate() {
        target.push(if i == 0 { '?' } else { '&' });
        target.push_str(key);
        target.push('=');
        for b in value.bytes() {
            if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
                target.push(char::from(b));
            } else {
                target.push_str(&format!("%{b:02X}"));
            }
        }
    }
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn unversioned(path: &str) -> &str {
    match path.strip_prefix("/v").and_then(|rest| rest.split_once('/')) {
        Some((version, _)) if parse_version(version).is_some() => {
            path.get(2 + version.len()..).unwrap_or(path)
        }
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Endpoint;
    use super::*;

    #[tokio::test]
    async fn what_is_not_on_the_list_is_not_sent() {
        let nowhere = Endpoint::Unix("/nonexistent/docker-mcp.sock".into());
        let wire = Wire::new(Discovered { endpoint: nowhere, why: "a test".into() });
        *wire.agreed() = Some(OLDEST);
        for path in ["/secrets", "/containers/web/json", "/exec/1/json", "/containers/json/../../secrets"] {
            let refused = wire.get(&Budget::probe(), path, &[]).await;
            assert!(matches!(refused, Err(EngineError::NotAllowed(_))), "{path}");
        }
        assert!(matches!(wire.get(&Budget::probe(), "/networks", &[]).await, Err(EngineError::Dial(_))));
    }
}
