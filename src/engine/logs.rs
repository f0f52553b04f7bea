//! A container's log, line by line, in bounded memory.

use hyper::body::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use crate::policy::{Container, Permit};

use super::Engine;
use super::answer::Answer;
use super::budget::Budget;
use super::clock;
use super::demux::{Demux, Framing, Piece, Source};
use super::error::{Clock, EngineError};
use super::lines::{Lines, Text};

/// After this many bytes the runtime gets its thread back.
const YIELD: usize = 64 << 10;

/// Which part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// The last so many entries. Always given: the engine seeks by it, and by nothing else.
    pub tail: u64,
    /// Nanoseconds since 1970; later ones only.
    pub since: Option<i128>,
    /// Nanoseconds since 1970; earlier ones only.
    pub until: Option<i128>,
    /// Go on with what is written from now on.
    pub follow: bool,
    /// With the moment of each line.
    pub timestamps: bool,
}

/// A line of a log, or a part of a very long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Which output it was written to; all of a terminal's are stdout.
    pub source: Source,
    /// Without its end.
    pub text: String,
    /// When the engine got it, if timestamps were asked for.
    pub timestamp: Option<String>,
    /// The line was too long, and goes on in the next one.
    pub more: bool,
}

/// A log on its way. Dropping it ends the request.
#[derive(Debug)]
pub struct LogStream {
    answer: Answer,
    budget: Budget,
    demux: Demux,
    out: Lines,
    err: Lines,
    chunk: Bytes,
    piece: Option<Piece>,
    since_yield: usize,
    ended: bool,
}

impl Engine {
    /// Asks for a container's log: both outputs, in the order the engine has them.
    ///
    /// # Errors
    /// As [`EngineError`]; `Status` 501 where the log driver cannot be read.
    pub async fn logs(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        options: &LogOptions,
    ) -> Result<LogStream, EngineError> {
        let id = &permit.target().id;
        let flag = |on: bool| if on { "1" } else { "0" };
        let (tail, since, until) =
            (options.tail.to_string(), options.since.map(clock::query), options.until.map(clock::query));
        let mut query = vec![
            ("stdout", "1"),
            ("stderr", "1"),
            ("tail", tail.as_str()),
            ("follow", flag(options.follow)),
            ("timestamps", flag(options.timestamps)),
        ];
        query.extend(since.as_deref().map(|s| ("since", s)));
        query.extend(until.as_deref().map(|s| ("until", s)));
        let answer = self.wire.get(budget, &format!("/containers/{id}/logs"), &query).await;
        let answer = answer.map_err(|e| self.scrubbed(e))?;
        let framing = match Framing::of(answer.content_type()) {
            Some(framing) => framing,
            None => self.framing(budget, id).await?,
        };
        let lines = || Lines::new(options.timestamps, framing == Framing::Multiplexed);
        Ok(LogStream {
            answer,
            budget: *budget,
            demux: Demux::new(framing),
            out: lines(),
            err: lines(),
            chunk: Bytes::new(),
            piece: None,
            since_yield: 0,
            ended: false,
        })
    }

    /// Engines before API 1.42 do not say it: a container with a terminal has a raw stream.
    pub(super) async fn framing(&self, budget: &Budget, id: &str) -> Result<Framing, EngineError> {
        let inspection = self.inspect_id(budget, id).await?;
        let tty = inspection.pointer("/Config/Tty").and_then(Value::as_bool).unwrap_or(false);
        Ok(if tty { Framing::Raw } else { Framing::Multiplexed })
    }
}

impl LogStream {
    /// The next line; `None` at the end. Nothing is lost when the wait is given up.
    ///
    /// # Errors
    /// A clock, a stream that broke off, or frames of no known kind. [`LogStream::rest`] still gives what came.
    pub async fn next(&mut self) -> Result<Option<LogLine>, EngineError> {
        loop {
            if let Some(line) = self.step()? {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(self.rest());
            }
            if self.since_yield >= YIELD {
                self.since_yield = 0;
                tokio::task::yield_now().await;
                // A stream that always has more to give would never see its own end.
                if Instant::now() >= self.budget.deadline {
                    return Err(EngineError::Timeout { clock: Clock::Total, limit: self.budget.total });
                }
            }
            match self.answer.chunk().await? {
                Some(chunk) => {
                    self.since_yield += chunk.len();
                    self.chunk = chunk;
                }
                None if self.demux.at_boundary() => self.ended = true,
                None => return Err(EngineError::Protocol("the log ended in the middle of a frame".into())),
            }
        }
    }

    /// How many entries of the log came so far, as the engine counts for `tail`.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.out.messages() + self.err.messages()
    }

    /// What is left of unfinished lines: one of each output at most.
    pub fn rest(&mut self) -> Option<LogLine> {
        let text = self.out.finish().map(|t| (Source::Stdout, t));
        text.or_else(|| self.err.finish().map(|t| (Source::Stderr, t)))
            .map(|(source, text)| line(source, text))
    }

    /// A line out of what is here already.
    fn step(&mut self) -> Result<Option<LogLine>, EngineError> {
        loop {
            if let Some(piece) = &mut self.piece {
                let lines = match piece.source {
                    Source::Stdout => &mut self.out,
                    Source::Stderr => &mut self.err,
                };
                if std::mem::take(&mut piece.first) {
                    lines.frame();
                }
                if let Some(text) = lines.take(&mut piece.data) {
                    return Ok(Some(line(piece.source, text)));
                }
            }
            self.piece = self.demux.next(&mut self.chunk)?;
            if self.piece.is_none() {
                return Ok(None);
            }
        }
    }
}

fn line(source: Source, text: Text) -> LogLine {
    LogLine { source, text: text.text, timestamp: text.timestamp, more: text.more }
}
