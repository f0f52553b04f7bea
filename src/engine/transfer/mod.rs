//! Images on their way from and to registries.
//!
//! The engine answers with a line of JSON a step. A 200 says nothing: the failure stands in a line. Whoever stops
//! listening stops the transfer: the engine ends it when the connection closes.

mod pull;
mod push;
mod refusal;

use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::Value;

pub use pull::{Arrived, Pull};
pub use push::Push;
pub use refusal::Refusal;

use super::answer::Answer;
use super::change::Lost;
use super::error::EngineError;
use super::lines::Lines;
use super::raw;

/// Beyond this many lines a transfer says nothing that anybody waits for.
const MOST_LINES: u64 = 1_000_000;

/// Why a transfer did not come to its end.
#[derive(Debug)]
pub enum Failed {
    /// The engine says why, and nothing came of it.
    Refused {
        /// What its words mean.
        why: Refusal,
        /// The words themselves, for the log alone: they say what the engine's own network looks like.
        said: String,
    },
    /// The engine did not answer; nothing was sent, or it is known what came of it.
    Engine(EngineError),
    /// Its answer was lost on the way.
    Lost(Box<Lost>),
}

/// Where a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It waits for its turn.
    Waiting,
    /// Its bytes are on the way.
    Moving,
    /// They are here, and are looked at or unpacked.
    Unpacking,
    /// It is where it should be.
    Done,
    /// It was there already.
    There,
}

/// One step of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A layer is somewhere else than before.
    Layer {
        /// Twelve hex digits.
        id: String,
        /// Where.
        phase: Phase,
        /// Bytes of it.
        current: u64,
        /// Of so many; 0 where nobody knows.
        total: u64,
    },
    /// The digest of what was pulled or pushed.
    Digest(String),
    /// Anything else; only that there is life.
    Other,
}

/// One line.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    #[serde(deserialize_with = "raw::nullable")]
    status: String,
    #[serde(deserialize_with = "raw::nullable")]
    id: String,
    #[serde(rename = "progressDetail", deserialize_with = "raw::nullable")]
    detail: Detail,
    #[serde(deserialize_with = "raw::nullable")]
    error: String,
    #[serde(deserialize_with = "raw::nullable")]
    aux: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    #[serde(deserialize_with = "raw::nullable")]
    current: u64,
    #[serde(deserialize_with = "raw::nullable")]
    total: u64,
}

/// The steps of one answer.
#[derive(Debug)]
struct Steps {
    answer: Answer,
    lines: Lines,
    rest: Bytes,
    ended: bool,
    seen: u64,
}

/// What a line says.
enum Said {
    Step(Step),
    Failure(String),
}

impl Steps {
    fn of(answer: Answer) -> Self {
        Self { answer, lines: Lines::new(false, true), rest: Bytes::new(), ended: false, seen: 0 }
    }

    /// The next line; `None` at the end. May be dropped while it waits, and asked again.
    async fn next(&mut self) -> Result<Option<Said>, EngineError> {
        loop {
            let text = match self.lines.take(&mut self.rest) {
                Some(text) => text,
                None if self.ended => return Ok(None),
                None => match self.answer.chunk().await? {
                    Some(chunk) => {
                        self.rest = chunk;
                        continue;
                    }
                    None => {
                        self.ended = true;
                        match self.lines.finish() {
                            Some(text) => text,
                            None => return Ok(None),
                        }
                    }
                },
            };
            self.seen += 1;
            if self.seen > MOST_LINES {
                return Err(EngineError::Protocol("progress without end".to_owned()));
            }
            // Half a line may be the failure: what cannot be read is no success.
            match serde_json::from_str::<Line>(text.text.trim()) {
                Ok(line) => return Ok(Some(line.said())),
                Err(_) if text.text.trim().is_empty() => {}
                Err(_) => return Err(EngineError::Protocol("a line of progress is no JSON".to_owned())),
            }
        }
    }
}

impl Line {
    fn said(self) -> Said {
        if !self.error.is_empty() {
            return Said::Failure(self.error);
        }
        let digest = |text: &str| {
            let hex = text.strip_prefix("sha256:").is_some_and(super::ops::is_hex64);
            hex.then(|| Step::Digest(text.to_owned()))
        };
        if let Some(digest) = self.aux.get("Digest").and_then(Value::as_str).and_then(digest) {
            return Said::Step(digest);
        }
        let phase = match self.status.as_str() {
            "Pulling fs layer" | "Waiting" | "Preparing" => Phase::Waiting,
            "Downloading" | "Pushing" => Phase::Moving,
            "Verifying Checksum" | "Download complete" | "Extracting" => Phase::Unpacking,
            "Pull complete" | "Pushed" => Phase::Done,
            "Already exists" | "Layer already exists" => Phase::There,
            status if status.starts_with("Mounted from ") => Phase::There,
            status => {
                let digest = status.strip_prefix("Digest: ").and_then(digest);
                return Said::Step(digest.unwrap_or(Step::Other));
            }
        };
        let is_layer = self.id.len() == 12 && self.id.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_layer {
            return Said::Step(Step::Other);
        }
        let Detail { current, total } = self.detail;
        Said::Step(Step::Layer { id: self.id, phase, current, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<Step> {
        match serde_json::from_str::<Line>(line).unwrap().said() {
            Said::Step(step) => Some(step),
            Said::Failure(_) => None,
        }
    }

    #[test]
    fn lines_are_steps_digests_or_failures() {
        let moving = said(
            r#"{"status":"Downloading","progressDetail":{"current":5,"total":9},"progress":"[=>]","id":"0123456789ab"}"#,
        );
        let layer = Step::Layer { id: "0123456789ab".into(), phase: Phase::Moving, current: 5, total: 9 };
        assert_eq!(moving, Some(layer));
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(said(&format!(r#"{{"status":"Digest: {digest}"}}"#)), Some(Step::Digest(digest.clone())));
        let aux = format!(r#"{{"progressDetail":{{}},"aux":{{"Tag":"1","Digest":"{digest}","Size":9}}}}"#);
        assert_eq!(said(&aux), Some(Step::Digest(digest)));
        for other in [
            r#"{"status":"Digest: sha256:xyz"}"#,
            r#"{"status":"Pulling from library/x","id":"latest"}"#,
            r#"{"status":"Downloading","id":"\u001b[2J0123456"}"#,
            r#"{"status":"Unheard of","progressDetail":null,"id":null}"#,
            "{}",
        ] {
            assert_eq!(said(other), Some(Step::Other), "{other}");
        }
        assert_eq!(said(r#"{"errorDetail":{"message":"no"},"error":"no"}"#), None);
    }
}
