//! What happened at the engine, each event judged by itself: the past of a hidden object is hidden, too.

mod sight;

use std::collections::BTreeMap;

use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::policy::{Container, Permit, World};

use super::answer::Answer;
use super::budget::Budget;
use super::error::{Clock, EngineError};
use super::lines::Lines;
use super::{Engine, clock, raw};

use sight::Sight;

/// An event carries every label of its object.
const EVENT_MAX: usize = 1 << 20;
/// After this many bytes the runtime gets its thread back.
const YIELD: usize = 64 << 10;

/// Kinds of objects whose events are shown. Those of a swarm are not: nothing here can tell who may see them.
pub const KINDS: [&str; 7] = ["container", "image", "network", "volume", "daemon", "plugin", "builder"];

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventOptions {
    /// Nanoseconds since 1970.
    pub since: Option<i128>,
    /// Nanoseconds since 1970; absent: go on with what happens from now on.
    pub until: Option<i128>,
    /// One of [`KINDS`].
    pub kind: Option<String>,
    /// An action, as it is shown.
    pub action: Option<String>,
}

/// Something that happened to something visible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Nanoseconds since 1970, by the engine's clock.
    pub at: i128,
    /// One of [`KINDS`].
    pub kind: String,
    /// `start`, `die`, `health_status: healthy`; without the command lines that executions carry.
    pub action: String,
    /// Of a container or network.
    pub id: Option<String>,
    /// A container's, network's or volume's name, an image's reference.
    pub name: Option<String>,
    /// What a container was made from.
    pub image: Option<String>,
    /// Of a container that ended, or a command in it.
    pub exit_code: Option<i64>,
    /// What a container was sent.
    pub signal: Option<String>,
    /// Before a container was renamed.
    pub old_name: Option<String>,
    /// The compose project.
    pub project: Option<String>,
    /// The compose service.
    pub service: Option<String>,
    /// The container that was connected, or that mounted.
    pub container: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Raw {
    r#type: String,
    action: String,
    actor: Actor,
    #[serde(rename = "time")]
    seconds: i64,
    #[serde(rename = "timeNano")]
    nanos: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Actor {
    #[serde(rename = "ID", deserialize_with = "raw::nullable")]
    id: String,
    #[serde(deserialize_with = "raw::nullable")]
    attributes: BTreeMap<String, String>,
}

/// Events on their way. Dropping it ends the request.
#[derive(Debug)]
pub struct EventStream<'a> {
    engine: &'a Engine,
    budget: Budget,
    answer: Answer,
    lines: Lines,
    chunk: Bytes,
    since_yield: usize,
    sight: Sight<'a>,
    options: EventOptions,
    overlong: bool,
    ended: bool,
}

impl Engine {
    /// The events that the filters show; of one container, if there is a permit for it.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn events<'a>(
        &'a self,
        budget: &Budget,
        permit: &'a Permit<World>,
        container: Option<&Permit<Container>>,
        options: EventOptions,
    ) -> Result<EventStream<'a>, EngineError> {
        let sight = Sight::take(self, budget, permit.rules()).await?;
        // The action is not asked for: the engine compares it with command lines, which nobody may guess at.
        let mut filters = BTreeMap::new();
        if let Some(container) = container {
            filters.insert("container", vec![container.target().id.clone()]);
            filters.insert("type", vec!["container".to_owned()]);
        }
        if let Some(kind) = &options.kind {
            filters.insert("type", vec![kind.clone()]);
        }
        let (since, until) = (options.since.map(clock::query), options.until.map(clock::query));
        let filters = json!(filters).to_string();
        let mut query = vec![("filters", filters.as_str())];
        query.extend(since.as_deref().map(|s| ("since", s)));
        query.extend(until.as_deref().map(|s| ("until", s)));
        let answer =
            self.wire.get(&budget.streaming(), "/events", &query).await.map_err(|e| self.scrubbed(e))?;
        Ok(EventStream {
            engine: self,
            budget: *budget,
            answer,
            lines: Lines::new(false, true).up_to(EVENT_MAX),
            chunk: Bytes::new(),
            since_yield: 0,
            sight,
            options,
            overlong: false,
            ended: false,
        })
    }
}

impl EventStream<'_> {
    /// The next event; `None` at the end. Giving up the wait loses at most the event that is being judged.
    ///
    /// # Errors
    /// A clock, a stream that broke off, or something that is no event.
    pub async fn next(&mut self) -> Result<Option<Event>, EngineError> {
        loop {
            let line = match self.lines.take(&mut self.chunk) {
                Some(line) => line,
                None if self.ended => match self.lines.finish() {
                    Some(line) => line,
                    None => return Ok(None),
                },
                None => {
                    self.fill().await?;
                    continue;
                }
            };
            // Longer than any event: the rest of it goes, too.
            if std::mem::replace(&mut self.overlong, line.more) || line.more || line.text.trim().is_empty() {
                continue;
            }
            let raw: Raw = serde_json::from_str(&line.text).map_err(|e| {
                EngineError::Protocol(format!("unexpected JSON in an event ({:?})", e.classify()))
            })?;
            let raw = Raw { action: without_command(&raw.action).to_owned(), ..raw };
            if !self.wanted(&raw) {
                continue;
            }
            if self.options.until.is_none() && self.sight.is_news(&raw) {
                // What was created just now is unknown to the view.
                self.sight.refresh(self.engine, &self.budget).await?;
            }
            if let Some(event) = self.sight.judge(self.engine, raw) {
                return Ok(Some(event));
            }
        }
    }

    async fn fill(&mut self) -> Result<(), EngineError> {
        if self.since_yield >= YIELD {
            self.since_yield = 0;
            tokio::task::yield_now().await;
            if Instant::now() >= self.budget.deadline {
                return Err(EngineError::Timeout { clock: Clock::Total, limit: self.budget.total });
            }
        }
        match self.answer.chunk().await? {
            Some(chunk) => {
                self.since_yield += chunk.len();
                self.chunk = chunk;
            }
            None => self.ended = true,
        }
        Ok(())
    }

    fn wanted(&self, raw: &Raw) -> bool {
        let action = |want: &String| *want == raw.action || raw.action.split(':').next() == Some(want);
        KINDS.contains(&raw.r#type.as_str())
            && self.options.kind.as_ref().is_none_or(|kind| *kind == raw.r#type)
            && self.options.action.as_ref().is_none_or(action)
    }
}

impl Raw {
    fn at(&self) -> i128 {
        if self.nanos == 0 { i128::from(self.seconds) * 1_000_000_000 } else { i128::from(self.nanos) }
    }

    fn attribute(&self, key: &str) -> Option<&str> {
        self.actor.attributes.get(key).map(String::as_str).filter(|v| !v.is_empty())
    }
}

/// `exec_create: sh -c '... --password=...'`: only the state of a health check may stand behind a colon.
fn without_command(action: &str) -> &str {
    match action.split_once(':') {
        Some(("health_status", state)) if matches!(state.trim(), "healthy" | "unhealthy" | "starting") => {
            action
        }
        Some((verb, _)) => verb,
        None => action,
    }
}

#[cfg(test)]
mod tests;
