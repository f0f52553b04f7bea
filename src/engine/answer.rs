//! An answer of the engine, read under the call's clocks and within its bounds.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::{Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::budget::Budget;
use super::error::{Clock, EngineError};
use super::guard_io::{GuardTrip, Meter};
use super::raw;
use super::shorten::Shorten;

/// Lists and inspections are read up to here.
pub const JSON_CAP: u64 = 8 << 20;
/// What is read for it, strings that are cut included: an answer without end must end soon.
const READ_CAP: u64 = 256 << 20;
/// Beyond this an answer is a large one ...
const LARGE: usize = 256 << 10;
/// ... and few of them are read at once, by all calls together: calls side by side, or one that looks at every container,
/// must not add up.
static LARGE_PLACES: Semaphore = Semaphore::const_new(3);
/// Who waited this long reads on without a place: what holds them all stalls, and grows no more.
const LARGE_WAIT: Duration = Duration::from_secs(2);
/// An error's body is read up to here: the rest is noise.
const ERROR_CAP: usize = 64 << 10;

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct Answer {
    response: Response<Incoming>,
    meter: Arc<Meter>,
    budget: Budget,
}

impl Answer {
    /// Of a request under these clocks, over a connection with that meter.
    #[must_use]
    pub fn new(response: Response<Incoming>, meter: Arc<Meter>, budget: Budget) -> Self {
        Self { response, meter, budget }
    }

    /// A header that is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|v| v.to_str().ok())
    }

    /// The framing of a log stream, from its `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    /// It was so already.
    #[must_use]
    pub fn not_modified(&self) -> bool {
        self.response.status() == StatusCode::NOT_MODIFIED
    }

    /// The engine's clock, from the `Date` header.
    #[must_use]
    pub fn date(&self) -> Option<&str> {
        self.header("date")
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// A clock, or a body that broke off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EngineError> {
        loop {
            let frame = timeout_at(self.budget.deadline, self.response.body_mut().frame())
                .await
                .map_err(|_| EngineError::Timeout { clock: Clock::Total, limit: self.budget.total })?;
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(e)) => {
                    return Err(tripped(&self.meter, &self.budget).unwrap_or_else(|| {
                        EngineError::Protocol(format!("the answer broke off: {}", chain(&e)))
                    }));
                }
            }
        }
    }

    /// The body as JSON, its long strings cut, up to [`JSON_CAP`].
    ///
    /// # Errors
    /// `TooLarge` beyond the cap; `Protocol` where it is not what was expected; the engine's text is not repeated.
    pub async fn json<T: DeserializeOwned>(mut self) -> Result<T, EngineError> {
        let mut shorten = Shorten::default();
        let mut read = 0;
        // None: it was not asked for yet.
        let mut place = None;
        while let Some(chunk) = self.chunk().await? {
            read += chunk.len() as u64;
            shorten.push(&chunk);
            if shorten.len() as u64 > JSON_CAP || read > READ_CAP {
                return Err(EngineError::TooLarge { cap: JSON_CAP });
            }
            if shorten.len() > LARGE && place.is_none() {
                let by = self.budget.deadline.min(Instant::now() + LARGE_WAIT);
                place = Some(timeout_at(by, LARGE_PLACES.acquire()).await);
            }
            // A body that comes as fast as it is read must not keep the thread for itself.
            tokio::task::consume_budget().await;
        }
        let bytes = shorten.finish();
        serde_json::from_slice(&bytes).map_err(|e| {
            EngineError::Protocol(format!(
                "unexpected JSON ({:?} at byte {} of {})",
                e.classify(),
                e.column(),
                bytes.len()
            ))
        })
    }

    /// Turns an error status into an error, where an answer has no body to say more.
    ///
    /// # Errors
    /// `Status` without words.
    pub fn or_bare_status(self) -> Result<Self, EngineError> {
        match self.response.status() {
            status if status.is_success() => Ok(self),
            status => Err(EngineError::Status { code: status.as_u16(), message: String::new() }),
        }
    }

    /// Turns an error status into an error, with the engine's message.
    ///
    /// # Errors
    /// `Status` with that message; `Protocol` without one, and for a redirect.
    pub async fn or_status(mut self) -> Result<Self, EngineError> {
        let status = self.response.status();
        if status.is_success()
            || status == StatusCode::NOT_MODIFIED
            || status == StatusCode::SWITCHING_PROTOCOLS
        {
            return Ok(self);
        }
        if status.is_redirection() {
            return Err(EngineError::Protocol(format!("a redirect ({})", status.as_u16())));
        }
        let mut body = Vec::new();
        // A body that stalls or breaks off changes nothing: the status is the answer.
        while let Ok(Some(chunk)) = self.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ERROR_CAP {
                break;
            }
        }
        match serde_json::from_slice::<raw::Message>(&body) {
            Ok(raw::Message { message }) => Err(EngineError::Status { code: status.as_u16(), message }),
            // Somebody refuses, in words of his own: that is not what an engine does when it is unwell.
            Err(_) if matches!(status, StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED) => {
                Err(EngineError::Status { code: status.as_u16(), message: String::new() })
            }
            // Whatever stands behind the socket, it does not speak like Docker: a proxy, or another service.
            Err(_) => {
                let why = match gone_behind(status) {
                    true => ": a proxy before the engine cannot reach it",
                    false => "",
                };
                Err(EngineError::Protocol(format!(
                    "status {} without Docker's message{why}",
                    status.as_u16()
                )))
            }
        }
    }
}

/// What a proxy says where the engine behind it does not answer.
pub fn gone_behind(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// Why the guarded connection failed, if it was the guard.
pub fn tripped(meter: &Meter, budget: &Budget) -> Option<EngineError> {
    Some(match meter.trip()? {
        GuardTrip::Idle { .. } => {
            EngineError::Timeout { clock: Clock::Idle, limit: budget.idle.unwrap_or(budget.total) }
        }
        GuardTrip::TooLarge { cap } => EngineError::TooLarge { cap },
    })
}

/// An error and its causes, in one line: hyper hides what matters in `source()`.
pub fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
