//! Every request has a name: its client's own where it gives one, else one of ours. It is in the answer, in the lines of the
//! log, and on record with what was called.

use std::net::IpAddr;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tracing::Instrument;

use crate::server::{Origin, RequestId, TraceId};

use super::reply::Answer;
use super::route::Routes;

const ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE: HeaderName = HeaderName::from_static("traceparent");

/// Answers by name.
pub(super) async fn answer(routes: &Routes, mut request: Request<Incoming>, from: IpAddr) -> Answer {
    let origin = origin(request.headers());
    let id = origin.request.clone().unwrap_or_default();
    request.extensions_mut().insert(origin);
    // At every level: a warning of the door is to say whose it is.
    let span = tracing::error_span!("request", request_id = id.text());
    let mut answer = routes.answer(request, from).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(id.text()) {
        answer.headers_mut().insert(ID, value);
    }
    answer
}

fn origin(headers: &HeaderMap) -> Origin {
    let request = one(headers, &ID).and_then(RequestId::given).unwrap_or_default();
    let trace = one(headers, &TRACE).and_then(TraceId::of);
    Origin { request: Some(request), trace, unasked: false }
}

/// The header if it is there once: of two nobody knows which one is meant.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    all.next().is_none().then(|| first.to_str().ok()).flatten()
}
