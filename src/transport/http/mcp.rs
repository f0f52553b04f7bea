//! What the MCP service leaves to us: a first byte in time, and words for what is no message.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::reply::{Answer, said};

/// Clients give up on a server that does not even begin to answer, some after a minute.
const FIRST_BYTE: Duration = Duration::from_secs(5);
/// What keeps a quiet stream alive.
const BEAT: Duration = Duration::from_secs(15);
/// Pieces that wait for a slow reader.
const PIECES: usize = 4;
const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const INTERNAL_ERROR: i32 = -32603;

type Coming = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The answer to this message, or its beginning if it takes long: a stream of events, into which the rest follows. What is
/// refused is refused at once; what takes long is a call, whose status is always 200.
pub(super) async fn in_time(answer: impl Future<Output = Answer> + Send + 'static, message: Bytes) -> Answer {
    let mut coming: Coming = Box::pin(answer);
    if let Ok(answer) = tokio::time::timeout(FIRST_BYTE, &mut coming).await {
        return understood(answer, &message);
    }
    let (to, mut from) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        tokio::select! {
            // Who hangs up gives the call up.
            () = to.closed() => {}
            () = pass_on(coming, &message, &to) => {}
        }
    });
    let pieces = stream::poll_fn(move |cx| from.poll_recv(cx).map(|piece| piece.map(|b| Ok(Frame::data(b)))));
    let mut answer = Response::new(StreamBody::new(pieces).boxed());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENTS));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    answer
}

async fn pass_on(mut coming: Coming, message: &Bytes, to: &mpsc::Sender<Bytes>) {
    let answer = loop {
        if to.send(Bytes::from_static(b":\n\n")).await.is_err() {
            return;
        }
        if let Ok(answer) = tokio::time::timeout(BEAT, &mut coming).await {
            break answer;
        }
    };
    let (events, json) = (is(answer.headers(), EVENTS), is(answer.headers(), JSON));
    let mut body = answer.into_body();
    if events {
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            if to.send(data).await.is_err() {
                return;
            }
        }
        return;
    }
    // One line of JSON is one event; what is none is a fault that the service tells nobody but HTTP.
    let whole = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
    let line = match json {
        true => String::from_utf8_lossy(&whole).replace('\n', " "),
        false => error(id(message), INTERNAL_ERROR, "the call ended without an answer").to_string(),
    };
    let _gone = to.send(Bytes::from(format!("data: {line}\n\n"))).await;
}

/// The service takes a body that is no message for one of another type: it is JSON all right, or was meant to be.
fn understood(answer: Answer, message: &Bytes) -> Answer {
    if answer.status() != StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return answer;
    }
    let error = match serde_json::from_slice::<Value>(message) {
        Err(_) => error(Value::Null, PARSE_ERROR, "the body is no JSON"),
        Ok(Value::Array(_)) => {
            error(Value::Null, INVALID_REQUEST, "batches are not served: send one message a request")
        }
        Ok(_) => {
            let what = "the body is no JSON-RPC message: it has `jsonrpc`: \"2.0\", `method`, and `id` if it wants an answer";
            error(id(message), INVALID_REQUEST, what)
        }
    };
    said(StatusCode::BAD_REQUEST, &error)
}

fn error(id: Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

fn id(message: &Bytes) -> Value {
    let message = serde_json::from_slice::<Value>(message).unwrap_or_default();
    message.get("id").filter(|id| id.is_string() || id.is_number()).cloned().unwrap_or_default()
}

/// Is the body of this type?
pub(super) fn is(headers: &HeaderMap, kind: &str) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind)
}
