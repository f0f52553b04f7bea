//! The engine's own builder, where there is no buildx: `POST /build` with the context as a stream.

use std::collections::VecDeque;
use std::io;

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::change::{Commit, Failed};
use crate::engine::error::{Clock, EngineError};
use crate::engine::wire::Change;
use crate::guard::build::ignore::Ignore;
use crate::policy::Level;

use super::folder::Unread;
use super::run::Ran;
use super::tar::Tar;
use super::{Built, Came, Failure, NotBuilt, Plan};

/// In the stream the Dockerfile has a name that no file of the context has.
const FILE: &str = ".docker-mcp.Dockerfile";
/// The last lines that are kept, and of each so many characters.
const KEPT: (usize, usize) = (12, 240);
/// A message without an end is none.
const LONGEST: usize = 1 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    stream: String,
    error: String,
    aux: Option<Aux>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Aux {
    #[serde(rename = "ID")]
    id: String,
}

/// What is known so far.
#[derive(Default)]
struct Seen {
    built: Built,
    step: String,
    lines: VecDeque<String>,
    error: String,
}

impl Engine {
    pub(super) async fn classic(
        &self,
        budget: &Budget,
        (commit, cancel): (&Commit, &CancellationToken),
        (levels, tags): (&[Level], &[String]),
        plan: Plan,
        news: mpsc::Sender<String>,
    ) -> Result<Result<Came, Ran>, NotBuilt> {
        let ignore = Ignore::parse(&plan.leaves_out)
            .ok_or_else(|| NotBuilt::Host("the list of what is left out cannot be read".into()))?;
        let args = serde_json::to_string(&plan.build_args).map_err(|e| NotBuilt::Host(e.to_string()))?;
        let network = if plan.networked { "default" } else { "none" };
        let mut query = vec![("dockerfile", FILE), ("networkmode", network), ("rm", "1"), ("forcerm", "1")];
        query.extend(tags.iter().map(|tag| ("t", tag.as_str())));
        query.push(("buildargs", &args));
        query.extend(plan.target.as_deref().map(|target| ("target", target)));
        query.extend(plan.platform.as_deref().map(|platform| ("platform", platform)));
        query.extend(plan.no_cache.then_some(("nocache", "1")));
        let (pieces, body) = mpsc::channel(8);
        let (folder, dockerfile) = (plan.context.clone(), plan.dockerfile.clone());
        // The builder takes both out again before it copies anything.
        let texts = format!("{FILE}\n.dockerignore\n");
        let sent = tokio::task::spawn_blocking(move || {
            let tar = Tar(pieces);
            let sent = tar.write(&folder, &ignore, &[(FILE, &dockerfile), (".dockerignore", &texts)]);
            if let Err(why) = &sent {
                let _gone = tar.0.blocking_send(Err(io::Error::other(why.to_string())));
            }
            sent
        });
        // Steps may be silent.
        let idle = budget.idle.unwrap_or(budget.total);
        let budget = budget.streaming();
        let mut seen = Seen::default();
        let building = async {
            let change = Change::post("/build", &query).tar(body);
            let mut answer = self.wire.change(&budget, levels, commit, change).await?;
            let mut line = Vec::new();
            let broke = |error| Failed { error, written: true };
            while let Some(chunk) = answer.chunk().await.map_err(broke)? {
                for piece in chunk.split_inclusive(|b| *b == b'\n') {
                    if line.len() + piece.len() <= LONGEST {
                        line.extend_from_slice(piece);
                    }
                    if piece.ends_with(b"\n") {
                        seen.learn(&std::mem::take(&mut line), &news);
                    }
                }
            }
            Ok::<_, Failed>(())
        };
        // A step may be silent as long as it likes; an engine may not.
        let silent = async {
            loop {
                sleep(idle).await;
                if self.wire.ping(&Budget::probe()).await.is_err() {
                    return EngineError::Timeout { clock: Clock::Idle, limit: idle };
                }
            }
        };
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return match commit.withdraw() {
                true => Err(EngineError::Withdrawn.into()),
                // Its connection is gone, and with it the build.
                false => Ok(Err(Ran { cause: EngineError::Withdrawn, gone: true })),
            },
            ended = building => ended,
            cause = silent => return match commit.withdraw() {
                true => Err(cause.into()),
                false => Ok(Err(Ran { cause, gone: false })),
            },
        };
        match ended {
            Ok(()) if seen.error.is_empty() => Ok(Ok(Came::Built(seen.built))),
            Ok(()) => Ok(Ok(Came::Failed(seen.failure()))),
            // Half a context is no context to an engine: it begins with none.
            Err(_)
                if sent.is_finished()
                    && let Ok(Err(why)) = sent.await
                    && !matches!(why, Unread::Untaken(_)) =>
            {
                Ok(Ok(Came::Failed(Failure { said: why.to_string(), ..Failure::default() })))
            }
            Err(Failed { error, written: false }) => Err(NotBuilt::Engine(self.scrubbed(error))),
            Err(Failed { error, written: true }) => Ok(Err(Ran { cause: self.scrubbed(error), gone: false })),
        }
    }
}

impl Seen {
    fn learn(&mut self, line: &[u8], news: &mpsc::Sender<String>) {
        let Ok(Message { stream, error, aux }) = serde_json::from_slice(line) else { return };
        if let Some(aux) = aux.filter(|aux| aux.id.starts_with("sha256:")) {
            self.built.id = aux.id;
        }
        if !error.is_empty() {
            self.error = error.chars().take(3 * KEPT.1).collect();
        }
        for text in stream.lines().map(str::trim_end).filter(|text| !text.is_empty()) {
            let text: String = text.chars().take(KEPT.1).collect();
            if text.starts_with("Step ") && text.contains(" : ") {
                self.built.steps += 1;
                self.lines.clear();
                // Who does not listen misses it.
                let _full = news.try_send(text.clone());
                self.step = text;
            } else if text == " ---> Using cache" {
                self.built.cached += 1;
            } else if !text.starts_with(" ---> ") {
                self.lines.push_back(text);
                if self.lines.len() > KEPT.0 {
                    self.lines.pop_front();
                }
            }
        }
    }

    fn failure(self) -> Failure {
        let of_file =
            self.step.is_empty() || self.step.split(" : ").nth(1).is_some_and(|s| s.starts_with("FROM"));
        if of_file {
            // What a registry or the parser says is not for the caller.
            tracing::debug!(step = self.step, error = self.error, "a build could not begin");
            let said =
                "an image that it needs could not be fetched, or the Dockerfile could not be read".to_owned();
            return Failure { step: self.step, said, lines: Vec::new() };
        }
        Failure { step: self.step, said: self.error, lines: self.lines.into() }
    }
}
