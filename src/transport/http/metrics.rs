//! `GET /metrics`: for what watches this server, by any key.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::server::metrics::CONTENT_TYPE;
use crate::server::{Caller, Metrics, Origin, Server};

use super::reply::{Answer, fault};

pub(super) async fn answer<B>(server: &Arc<Server>, caller: &Caller, request: &Request<B>) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer =
            fault(StatusCode::METHOD_NOT_ALLOWED, "invalid_arguments", "metrics are read", "GET them");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let origin = request.extensions().get::<Origin>().cloned().unwrap_or_default();
    let Some(text) = Metrics::text(server, caller, &origin).await else {
        return fault(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "a fault of docker-mcp's own",
            "see its log",
        );
    };
    let mut answer = Response::new(Full::new(Bytes::from(text)).boxed());
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
