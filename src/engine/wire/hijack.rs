//! Streams that go both ways over one connection: what a command reads, and what it writes.

use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::upgrade::{self, Upgraded};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::timeout_at;

use crate::engine::answer::{Answer, chain};
use crate::engine::budget::Budget;
use crate::engine::change::{Commit, Failed};
use crate::engine::error::{Clock, EngineError};
use crate::policy::Level;

use super::{Leave, Wire, whole};

/// What the engine calls streams, framed or not.
const RAW: &str = "application/vnd.docker.";

/// The streams of a command.
pub(in crate::engine) enum Streams {
    /// As they should be.
    Both(TokioIo<Upgraded>),
    /// Its output alone, as the body of an answer: nothing can be fed to it.
    Out(Answer),
}

impl Wire {
    /// Sends a request that changes something, and takes over the connection for the streams that follow.
    ///
    /// # Errors
    /// As [`Wire::change`], and an engine that neither switches over nor answers with the output.
    pub(in crate::engine) async fn hijack(
        &self,
        budget: &Budget,
        levels: &[Level],
        commit: &Commit,
        (path, body): (&str, Value),
    ) -> Result<Streams, Failed> {
        let version = self.version(budget).await?;
        let request = Request::post(format!("/v{}.{}{path}", version.0, version.1))
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "tcp")
            .body(whole(Bytes::from(body.to_string())))
            .map_err(|e| EngineError::NotAllowed(e.to_string()))?;
        let leave = Leave { levels, commit: Some(commit), greets: false };
        let (response, meter) = self.send(budget, &leave, path, request, None).await?;
        let broken = |what: String| Failed { error: EngineError::Protocol(what), written: true };
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = response.status().as_u16();
            return Err(match Answer::new(response, meter, *budget).or_status().await {
                Err(error) => Failed { written: !matches!(error, EngineError::Status { .. }), error },
                // A proxy before the engine took the wish to switch over away: HAProxy does, of requests with a body.
                Ok(answer) if answer.content_type().is_some_and(|kind| kind.starts_with(RAW)) => {
                    return Ok(Streams::Out(answer));
                }
                Ok(_) => broken(format!("status {status} where it should switch over to streams")),
            });
        }
        let switched = timeout_at(budget.deadline, upgrade::on(response)).await;
        match switched {
            Ok(Ok(io)) => Ok(Streams::Both(TokioIo::new(io))),
            Ok(Err(e)) => Err(broken(chain(&e))),
            Err(_) => Err(Failed {
                error: EngineError::Timeout { clock: Clock::Total, limit: budget.total },
                written: true,
            }),
        }
    }
}
