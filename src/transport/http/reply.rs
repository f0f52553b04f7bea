//! Bodies, in and out.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::server::answer::correlation_id;

use super::mcp;

/// Bytes of a body.
pub(super) const BODY: usize = 4 * 1024 * 1024;
/// A client has this long for its body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What every request gets.
pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// The arguments of a tool.
pub(super) async fn arguments(
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Map<String, Value>, Box<Answer>> {
    let bad = |why: &str| {
        refusal(
            StatusCode::BAD_REQUEST,
            "invalid_arguments",
            why,
            "send a JSON object, such as {\"all\": true}",
        )
    };
    // A page of a browser can send a form or a text without asking; JSON it cannot.
    if !mcp::is(headers, "application/json") {
        return Err(refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_arguments",
            "the body is to be application/json",
            "set Content-Type: application/json",
        ));
    }
    let bytes = read(body).await?;
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
pub(super) async fn read(body: Incoming) -> Result<Bytes, Box<Answer>> {
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

/// Another method would be something else, and there is nothing else.
pub(super) fn only(method: &'static str, why: &str) -> Answer {
    let mut answer = fault(StatusCode::METHOD_NOT_ALLOWED, "invalid_arguments", why, "see GET /openapi.json");
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(method));
    answer
}

/// The same for those who may also let it through.
pub(super) fn refusal(status: StatusCode, kind: &str, message: &str, hint: &str) -> Box<Answer> {
    Box::new(fault(status, kind, message, hint))
}

/// What is refused before it is a call: in the words of a tool's failure.
pub(super) fn fault(status: StatusCode, kind: &str, message: &str, hint: &str) -> Answer {
    let id = correlation_id();
    tracing::debug!(call = id, kind, what = message, "not served");
    // There may be room later; what is wrong stays wrong.
    let passes = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let retry = if passes { "after" } else { "no" };
    let error = json!({
        "kind": kind, "message": message, "hint": hint, "effect": "none", "retry": retry, "correlation_id": id,
    });
    said(status, &json!({ "error": error }))
}

/// With a JSON body.
pub(super) fn said(status: StatusCode, json: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(json.to_string())).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
