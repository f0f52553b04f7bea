//! From a request to an answer.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use rmcp::model::Extensions;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::server::handler::Handler;
use crate::server::progress::Reports;
use crate::server::{Caller, Request as Call, Server, call, catalogue};

use super::auth::{Keys, Refused};
use super::metadata::Metadata;
use super::names::Names;
use super::oidc::{Oidc, Refusal};
use super::refused;
use super::sessions::Sessions;
use super::status;

/// Bytes of a body.
const BODY: usize = 4 * 1024 * 1024;
/// A client has this long for its body.
const BODY_TIME: Duration = Duration::from_secs(30);
/// A session that nobody uses ends after this.
const IDLE: Duration = Duration::from_secs(3600);
const SESSION: &str = "mcp-session-id";

pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Everything that is served.
pub(super) struct Routes {
    server: Arc<Server>,
    mcp: StreamableHttpService<Handler, LocalSessionManager>,
    keys: Keys,
    oidc: Option<Arc<Oidc>>,
    metadata: Option<Metadata>,
    names: Names,
    sessions: Sessions,
}

/// Who sent it, as the door found it.
fn who(beside: &Extensions) -> Option<Caller> {
    beside.get::<Parts>()?.extensions.get::<Caller>().cloned()
}

impl Routes {
    pub fn new(server: &Arc<Server>, streams: &CancellationToken) -> Self {
        let settings = server.in_force().settings;
        let http = &settings.http;
        let names = Names { hosts: http.allowed_hosts.clone(), origins: http.allowed_origins.clone() };
        // Host and origin are checked at our own door, for every path in the same way.
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(Vec::<String>::new())
            .with_allowed_origins(Vec::<String>::new())
            .with_max_request_body_bytes(BODY)
            .with_cancellation_token(streams.child_token());
        let mut sessions = LocalSessionManager::default();
        // A call that says nothing for so long would lose its answer; ours are shorter.
        sessions.session_config.keep_alive = Some(IDLE);
        let of_many = Arc::clone(server);
        let mcp = StreamableHttpService::new(
            move || Ok(Handler::of_many(Arc::clone(&of_many), who)),
            Arc::new(sessions),
            config,
        );
        let (oidc, metadata) = (Oidc::of(http.oidc.as_ref(), &settings.roles), Metadata::of(http));
        let (keys, sessions) = (Keys::of(http), Sessions::of(IDLE));
        Self { server: Arc::clone(server), mcp, keys, oidc, metadata, names, sessions }
    }

    /// Whatever it is, it gets one.
    pub async fn answer(&self, request: Request<Incoming>, from: IpAddr) -> Answer {
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/health/live" => said(StatusCode::OK, &json!({ "status": "ok" })),
            "/health/ready" => self.ready(),
            _ => match path.strip_prefix("/tools/") {
                Some(tool) => match self.let_in(&request, from).await {
                    Ok(caller) => self.tool(tool.to_owned(), caller, request).await,
                    Err(refused) => *refused,
                },
                None if path == "/mcp" => match self.let_in(&request, from).await {
                    Ok(caller) => self.mcp(caller, request).await,
                    Err(refused) => *refused,
                },
                None if self.metadata.as_ref().is_some_and(|it| it.is_at(&path)) => self.told(&request),
                None => fault(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    "there is nothing here",
                    "POST /mcp or /tools/{name}",
                ),
            },
        }
    }

    /// An engine that is known to be away is no reason to take this server away: it says so in its answers.
    fn ready(&self) -> Answer {
        let stopping = self.server.supervisor.shutdown.is_cancelled();
        let status = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        let circuit = self.server.vitals().circuit;
        said(
            status,
            &json!({ "status": if stopping { "stopping" } else { "ok" }, "circuit": format!("{:?}", circuit.state).to_lowercase() }),
        )
    }

    fn is_ours<B>(&self, request: &Request<B>) -> Result<(), Box<Answer>> {
        let status = StatusCode::FORBIDDEN;
        let hint = "call by a name that is served";
        self.names.check(request).map_err(|why| refusal(status, "permission_denied", &why, hint))
    }

    async fn let_in<B>(&self, request: &Request<B>, from: IpAddr) -> Result<Caller, Box<Answer>> {
        self.is_ours(request)?;
        let headers = request.headers();
        let caller = self.keys.caller(self.oidc.as_deref(), headers, from, Instant::now()).await;
        caller.map_err(|refused| {
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
            refused::answer(&refused, self.metadata.as_ref(), headers)
        })
    }

    /// Who gives tokens for us; whoever has none asks.
    fn told<B>(&self, request: &Request<B>) -> Answer {
        if let Err(refused) = self.is_ours(request) {
            return *refused;
        }
        match &self.metadata {
            Some(it) if matches!(*request.method(), Method::GET | Method::HEAD) => {
                said(StatusCode::OK, &it.document(request.headers()))
            }
            _ => fault(StatusCode::METHOD_NOT_ALLOWED, "invalid_arguments", "this is only read", "GET it"),
        }
    }

    async fn mcp(&self, caller: Caller, mut request: Request<Incoming>) -> Answer {
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
            None if !self.sessions.has_room(now) => {
                return fault(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "overloaded",
                    "too many sessions are open",
                    "try again later",
                );
            }
            _ => {}
        }
        let ends = request.method() == Method::DELETE;
        request.extensions_mut().insert(caller.clone());
        let (parts, body) = request.into_parts();
        let body = match read(body).await {
            Ok(body) => body,
            Err(refused) => return *refused,
        };
        let answer = self.mcp.handle(Request::from_parts(parts, Full::new(body))).await;
        if let Some(id) = answer.headers().get(SESSION).and_then(|id| id.to_str().ok()) {
            self.sessions.began(id, &caller, now);
        }
        if let Some(id) = session.filter(|_| ends && answer.status().is_success()) {
            self.sessions.ended(&id);
        }
        answer
    }

    async fn tool(&self, tool: String, caller: Caller, request: Request<Incoming>) -> Answer {
        if request.method() != Method::POST {
            return fault(
                StatusCode::METHOD_NOT_ALLOWED,
                "invalid_arguments",
                "a tool is called with POST",
                "POST its arguments as JSON",
            );
        }
        let arguments = match arguments(request).await {
            Ok(arguments) => arguments,
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
            call::call(&server, &caller, request).await
        });
        match call.await {
            Ok(answer) => said(status::of(&answer), &answer.json),
            Err(_) => fault(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "a fault of docker-mcp's own",
                "see its log",
            ),
        }
    }
}

async fn arguments(request: Request<Incoming>) -> Result<Map<String, Value>, Box<Answer>> {
    let bad = |why: &str| {
        refusal(
            StatusCode::BAD_REQUEST,
            "invalid_arguments",
            why,
            "send a JSON object, such as {\"all\": true}",
        )
    };
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // A page of a browser can send a form or a text without asking; JSON it cannot.
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_arguments",
            "the body is to be application/json",
            "set Content-Type: application/json",
        ));
    }
    let bytes = read(request.into_body()).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err(bad("the body is JSON, and no object")),
        Err(_) => Err(bad("the body is no JSON")),
    }
}

/// The whole of a body, within its size and its time.
async fn read(body: Incoming) -> Result<Bytes, Box<Answer>> {
    let fault = |status, why: &str, hint: &str| Err(refusal(status, "invalid_arguments", why, hint));
    match tokio::time::timeout(BODY_TIME, Limited::new(body, BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<http_body_util::LengthLimitError>() => {
            fault(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large", "send less than 4 MiB")
        }
        Ok(Err(_)) => fault(StatusCode::BAD_REQUEST, "the body broke off", "send all of it"),
        Err(_late) => fault(StatusCode::REQUEST_TIMEOUT, "the body took too long", "send it within 30 s"),
    }
}

/// The same for those who may also let it through.
pub(super) fn refusal(status: StatusCode, kind: &str, message: &str, hint: &str) -> Box<Answer> {
    Box::new(fault(status, kind, message, hint))
}

fn fault(status: StatusCode, kind: &str, message: &str, hint: &str) -> Answer {
    said(
        status,
        &json!({ "error": { "kind": kind, "message": message, "hint": hint, "effect": "none", "retry": "no" } }),
    )
}

fn said(status: StatusCode, json: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(json.to_string())).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
