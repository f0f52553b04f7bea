//! From a request to an answer.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use rmcp::model::Extensions;
use rmcp::transport::streamable_http_server::SessionManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::server::handler::Handler;
use crate::server::metrics::Attempt;
use crate::server::progress::Reports;
use crate::server::{Caller, Origin, Request as Call, Server, Standing, call, catalogue};

use super::auth::Refused;
use super::door::Door;
use super::oidc::Refusal;
use super::reply::{Answer, BODY, arguments, fault, only, read, said};
use super::sessions::{Open, Sessions, Streams};
use super::{mcp, metrics, openapi, refused, status};

/// A session that nobody uses ends after this.
const IDLE: Duration = Duration::from_secs(3600);
const SESSION: &str = "mcp-session-id";
/// The newer era says in a header what is asked: a stream of news is.
const METHOD: &str = "mcp-method";
const LISTEN: &str = "subscriptions/listen";

/// Everything that is served.
pub(super) struct Routes {
    server: Arc<Server>,
    mcp: StreamableHttpService<Handler, LocalSessionManager>,
    manager: Arc<LocalSessionManager>,
    door: Mutex<Arc<Door>>,
    sessions: Sessions,
    streams: Streams,
}

/// Who sent it, as the door found it.
fn who(beside: &Extensions) -> Option<Caller> {
    beside.get::<Parts>()?.extensions.get::<Caller>().cloned()
}

/// What ends the streams of who sent it.
fn until(beside: &Extensions) -> Option<CancellationToken> {
    Some(beside.get::<Parts>()?.extensions.get::<Arc<Open>>()?.over())
}

/// And what it is called.
fn whence(beside: &Extensions) -> Option<Origin> {
    beside.get::<Parts>()?.extensions.get::<Origin>().cloned()
}

impl Routes {
    pub fn new(server: &Arc<Server>, streams: &CancellationToken) -> Self {
        let door = Mutex::new(Arc::new(Door::of(Arc::clone(server.standing().file()), None)));
        // Host and origin are checked at our own door, for every path in the same way.
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(Vec::<String>::new())
            .with_allowed_origins(Vec::<String>::new())
            .with_max_request_body_bytes(BODY)
            .with_cancellation_token(streams.child_token());
        let mut sessions = LocalSessionManager::default();
        // A call that says nothing for so long would lose its answer; ours are shorter.
        sessions.session_config.keep_alive = Some(IDLE);
        let manager = Arc::new(sessions);
        let of_many = Arc::clone(server);
        let mcp = StreamableHttpService::new(
            move || Ok(Handler::of_many(Arc::clone(&of_many), who, until).traced(whence)),
            Arc::clone(&manager),
            config,
        );
        Self {
            server: Arc::clone(server),
            mcp,
            manager,
            door,
            sessions: Sessions::of(IDLE),
            streams: Streams::default(),
        }
    }

    /// The door as it is now. After a reload it is another one, and who may not come in any more has no session, either.
    pub fn door(&self) -> Arc<Door> {
        self.door_now().0
    }

    /// The same, and what stands with it.
    fn door_now(&self) -> (Arc<Door>, Arc<Standing>) {
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        // Read with the door in hand: one that looked before a reload must not put the old door back.
        let standing = self.server.standing();
        let now = Arc::clone(standing.file());
        if !Arc::ptr_eq(&door.by, &now) {
            let new = Arc::new(Door::of(now, Some(&door)));
            let before = std::mem::replace(&mut *door, Arc::clone(&new));
            let over = self.sessions.end_unless(|name, role| new.still(&before, name, role));
            self.streams.end_unless(|name, role| new.still(&before, name, role));
            let manager = Arc::clone(&self.manager);
            tokio::spawn(async move {
                for id in over {
                    let _gone = manager.close_session(&id.into()).await;
                }
            });
        }
        (Arc::clone(&door), standing)
    }

    /// Whatever it is, it gets one.
    pub async fn answer(&self, request: Request<Incoming>, from: IpAddr) -> Answer {
        let path = request.uri().path().to_owned();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        match path.as_str() {
            "/health/live" | "/health/ready" if !reads => only("GET", "health is read with GET"),
            "/health/live" => said(StatusCode::OK, &json!({ "status": "ok" })),
            "/health/ready" => self.ready(),
            "/openapi.json" => match self.let_in(&request, from).await {
                Ok(_) if !reads => only("GET", "this document is read with GET"),
                Ok(caller) => {
                    let settings = self.server.in_force_for(&caller).settings;
                    said(StatusCode::OK, &openapi::document(&settings, self.door().keys.are_optional()))
                }
                Err(refused) => *refused,
            },
            "/metrics" | "/prometheus" => match self.let_in(&request, from).await {
                Ok(caller) => metrics::answer(&self.server, &caller, &request).await,
                Err(refused) => *refused,
            },
            _ => match path.strip_prefix("/tools/") {
                Some(tool) => match self.let_in(&request, from).await {
                    Ok(caller) => self.tool(tool.to_owned(), caller, from, request).await,
                    Err(refused) => *refused,
                },
                None if path == "/mcp" => match self.let_in(&request, from).await {
                    Ok(caller) => self.mcp(caller, from, request).await,
                    Err(refused) => *refused,
                },
                None if self.door().metadata.as_ref().is_some_and(|it| it.is_at(&path)) => {
                    self.told(&request)
                }
                None => fault(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    "there is nothing here",
                    "POST /mcp or /tools/{name}; GET /openapi.json",
                ),
            },
        }
    }

    /// An engine that is known to be away is no reason to take this server away: it says so in its answers.
    fn ready(&self) -> Answer {
        let stopping = self.server.supervisor.shutdown.is_cancelled();
        let status = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        let circuit = self.server.vitals().circuit;
        said(status, &json!({ "status": if stopping { "stopping" } else { "ok" }, "circuit": circuit.state }))
    }

    async fn let_in<B>(&self, request: &Request<B>, from: IpAddr) -> Result<Caller, Box<Answer>> {
        let (door, standing) = self.door_now();
        door.is_ours(request)?;
        let headers = request.headers();
        let caller = door.keys.caller(door.oidc.as_deref(), headers, from, Instant::now()).await;
        self.server.metrics.attempted(attempt(request, caller.as_ref().err()));
        caller.map(|caller| caller.under(standing)).map_err(|refused| {
            match &refused {
                Refused::Wrong => self.server.wrong_key(&from.to_string()),
                Refused::Token(Refusal::Invalid(why)) => {
                    self.server.refused_token(&from.to_string(), format!("a token: {why}"));
                }
                Refused::Token(Refusal::NoRole(name, _)) => {
                    self.server
                        .refused_token(&from.to_string(), format!("a token of {name}, without a role"));
                }
                Refused::Missing | Refused::Wait(_) | Refused::Token(Refusal::Unavailable(_)) => {}
            }
            refused::answer(&refused, door.metadata.as_ref(), headers)
        })
    }

    /// Who gives tokens for us; whoever has none asks.
    fn told<B>(&self, request: &Request<B>) -> Answer {
        let door = self.door();
        if let Err(refused) = door.is_ours(request) {
            return *refused;
        }
        match &door.metadata {
            Some(it) if matches!(*request.method(), Method::GET | Method::HEAD) => {
                said(StatusCode::OK, &it.document(request.headers()))
            }
            _ => fault(StatusCode::METHOD_NOT_ALLOWED, "invalid_arguments", "this is only read", "GET it"),
        }
    }

    /// A body may take its time, and the settings may be others then: who was let in by the old ones is looked at again.
    async fn still_in(
        &self,
        caller: Caller,
        head: &Request<()>,
        from: IpAddr,
    ) -> Result<Caller, Box<Answer>> {
        if self.server.is_current(&caller) { Ok(caller) } else { self.let_in(head, from).await }
    }

    async fn mcp(&self, caller: Caller, from: IpAddr, request: Request<Incoming>) -> Answer {
        let now = Instant::now();
        let session = request.headers().get(SESSION).map(|id| id.to_str().unwrap_or_default().to_owned());
        match &session {
            Some(id) if !self.sessions.belongs(id, &caller, now) => {
                return fault(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    "there is no such session",
                    "begin a new one with initialize",
                );
            }
            // The newer era has no sessions.
            None if !request.headers().contains_key(METHOD) && !self.sessions.has_room(&caller, now) => {
                return fault(
                    StatusCode::TOO_MANY_REQUESTS,
                    "overloaded",
                    "too many sessions are open",
                    "end those that nobody uses with DELETE, or try again later",
                );
            }
            _ => {}
        }
        let ends = request.method() == Method::DELETE;
        let (parts, body) = request.into_parts();
        let body = match read(body).await {
            Ok(body) => body,
            Err(refused) => return *refused,
        };
        let head = Request::from_parts(parts, ());
        let caller = match self.still_in(caller, &head, from).await {
            Ok(caller) => caller,
            Err(refused) => return *refused,
        };
        let (mut parts, ()) = head.into_parts();
        parts.extensions.insert(caller.clone());
        if parts.headers.get(METHOD).is_some_and(|method| method == LISTEN) {
            let Some(stream) = self.streams.open(&caller) else {
                return fault(
                    StatusCode::TOO_MANY_REQUESTS,
                    "overloaded",
                    "too many streams of this caller are open",
                    "one is enough: close the others",
                );
            };
            parts.extensions.insert(stream);
        }
        let posted = parts.method == Method::POST && mcp::is(&parts.headers, "application/json");
        if posted {
            // In the letters that the service compares with.
            parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let (service, message) = (self.mcp.clone(), body.clone());
        let handled = async move { service.handle(Request::from_parts(parts, Full::new(body))).await };
        let answer = if posted { mcp::in_time(handled, message).await } else { handled.await };
        if let Some(id) = answer.headers().get(SESSION).and_then(|id| id.to_str().ok()) {
            self.sessions.began(id, &caller, now);
        }
        if let Some(id) = session.filter(|_| ends && answer.status().is_success()) {
            self.sessions.ended(&id);
        }
        answer
    }

    async fn tool(&self, tool: String, caller: Caller, from: IpAddr, request: Request<Incoming>) -> Answer {
        if request.method() != Method::POST {
            return only("POST", "a tool is called with POST");
        }
        let origin = request.extensions().get::<Origin>().cloned().unwrap_or_default();
        let (parts, body) = request.into_parts();
        let arguments = match arguments(&parts.headers, body).await {
            Ok(arguments) => arguments,
            Err(refused) => return *refused,
        };
        let caller = match self.still_in(caller, &Request::from_parts(parts, ()), from).await {
            Ok(caller) => caller,
            Err(refused) => return *refused,
        };
        if !catalogue::is_known(&tool) {
            return fault(
                StatusCode::NOT_FOUND,
                "not_found",
                "there is no such tool",
                "tools/list at /mcp lists what is served",
            );
        }
        // Who hangs up gives the call up; what was sent is seen through all the same.
        let cancel = CancellationToken::new();
        let _hung_up = cancel.clone().drop_guard();
        let server = Arc::clone(&self.server);
        let call = tokio::spawn(async move {
            let request = Call { tool, arguments, reports: Reports::none(), cancel, said: None };
            call::called(&server, &caller, request, &origin).await
        });
        match call.await {
            Ok(answer) => {
                let mut reply = said(status::of(&answer), &answer.json);
                if let Some(ms) = answer.json.pointer("/error/retry_after_ms").and_then(Value::as_u64) {
                    reply
                        .headers_mut()
                        .insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000).max(1)));
                }
                reply
            }
            Err(_) => fault(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "a fault of docker-mcp's own",
                "see its log",
            ),
        }
    }
}

/// How it is counted.
fn attempt<B>(request: &Request<B>, refused: Option<&Refused>) -> Attempt {
    match refused {
        None if request.headers().contains_key(header::AUTHORIZATION) => Attempt::Success,
        None => Attempt::Anonymous,
        Some(Refused::Missing) => Attempt::Missing,
        Some(Refused::Wrong | Refused::Token(Refusal::Invalid(_))) => Attempt::Failure,
        Some(Refused::Token(Refusal::NoRole(..))) => Attempt::NoRole,
        Some(Refused::Token(Refusal::Unavailable(_))) => Attempt::Unavailable,
        Some(Refused::Wait(_)) => Attempt::Throttled,
    }
}
