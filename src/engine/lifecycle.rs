//! Start, stop and their kin: sent once, and looked at again where the answer was lost.

use std::time::Duration;

use serde::Deserialize;

use crate::policy::{Container, Permit};

use super::budget::Budget;
use super::change::{
    Commit, Effect, Failed, Finding, Goal, LOOK, Look, Looking, Lost, Outcome, Trail, USUAL,
};
use super::error::EngineError;
use super::wire::Change;
use super::{Engine, raw};

/// What is done to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Start it.
    Start,
    /// Stop it: the signal (its own by default), and after the grace SIGKILL.
    Stop {
        /// Seconds; the container's own by default.
        grace: Option<u64>,
        /// A name such as `SIGINT`.
        signal: Option<String>,
    },
    /// Stop and start it.
    Restart {
        /// Seconds; the container's own by default.
        grace: Option<u64>,
        /// A name such as `SIGINT`.
        signal: Option<String>,
    },
    /// Send a signal; SIGKILL by default.
    Kill {
        /// A name such as `SIGHUP`.
        signal: Option<String>,
    },
    /// Freeze its processes.
    Pause,
    /// Let them go on.
    Unpause,
}

/// What one look at a container says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct State {
    /// `running`, `exited`, `paused`, ...
    #[serde(rename = "Status", deserialize_with = "raw::nullable")]
    pub status: String,
    /// When it was started last, as the engine writes it.
    #[serde(rename = "StartedAt", deserialize_with = "raw::nullable")]
    pub started_at: String,
    /// How it ended last.
    #[serde(rename = "ExitCode", deserialize_with = "raw::nullable")]
    pub exit_code: i64,
    /// Its own grace in seconds, if it has one; without end where it is negative.
    #[serde(skip)]
    pub grace: Option<i64>,
}

#[derive(Deserialize)]
struct Inspected {
    #[serde(rename = "State")]
    state: State,
    #[serde(rename = "Config", default, deserialize_with = "raw::nullable")]
    config: InspectedConfig,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InspectedConfig {
    #[serde(rename = "StopTimeout")]
    stop_timeout: Option<i64>,
}

/// What the engine says of a change that it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// It was not so already.
    pub changed: bool,
    /// How it is now, where that could be seen.
    pub now: Option<State>,
}

/// What was asked of a container, and how it was before.
struct Aim {
    permit: Permit<Container>,
    act: Act,
    before: Option<State>,
}

impl Act {
    fn request(&self) -> (&'static str, Vec<(&'static str, String)>) {
        let stopping = |grace: &Option<u64>, signal: &Option<String>| {
            let grace = grace.map(|seconds| ("t", seconds.to_string()));
            grace.into_iter().chain(signal.clone().map(|s| ("signal", s))).collect()
        };
        match self {
            Self::Start => ("start", Vec::new()),
            Self::Stop { grace, signal } => ("stop", stopping(grace, signal)),
            Self::Restart { grace, signal } => ("restart", stopping(grace, signal)),
            Self::Kill { signal } => ("kill", signal.clone().map(|s| ("signal", s)).into_iter().collect()),
            Self::Pause => ("pause", Vec::new()),
            Self::Unpause => ("unpause", Vec::new()),
        }
    }

    /// How long an engine that is well may need for it.
    fn takes(&self, before: Option<&State>) -> Duration {
        const FOREVER: u64 = 86_400;
        match self {
            Self::Stop { grace, .. } | Self::Restart { grace, .. } => {
                let own = before.and_then(|before| before.grace);
                let own = own.map_or(10, |own| u64::try_from(own).unwrap_or(FOREVER));
                USUAL + Duration::from_secs(grace.unwrap_or(own).min(FOREVER))
            }
            _ => USUAL,
        }
    }

    /// Is what was asked for so? `None`: that cannot be seen from the outside.
    fn reached(&self, before: Option<&State>, now: &State) -> Option<bool> {
        let running = matches!(now.status.as_str(), "running" | "restarting" | "paused");
        let started_anew = before.map(|before| now.started_at != before.started_at);
        match self {
            // Started, and ended since: it happened.
            Self::Start => Some(running || started_anew == Some(true)),
            Self::Stop { .. } => Some(!running),
            Self::Restart { .. } => started_anew,
            // Any other signal may leave it as it was.
            Self::Kill { signal } => match (running, signal.as_deref()) {
                (false, _) => Some(true),
                (true, None | Some("KILL" | "SIGKILL" | "9")) => Some(false),
                (true, Some(_)) => None,
            },
            Self::Pause => Some(now.status == "paused"),
            Self::Unpause => Some(now.status == "running"),
        }
    }
}

impl Engine {
    /// Does it, once. A lost answer is followed by looks at the container until the budget's end.
    ///
    /// # Errors
    /// Nothing happened: it was not sent, or the engine refused it.
    pub async fn act(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Container>,
        act: Act,
    ) -> Result<Outcome<Acted>, EngineError> {
        // Not knowing how it was makes the evidence weaker, and is no reason not to try: killing is for what hangs.
        let before = self.state(&permit, &budget.at_most(LOOK)).await.ok();
        let (verb, query) = act.request();
        let query: Vec<(&str, &str)> = query.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let path = format!("/containers/{}/{verb}", permit.target().id);
        let asked = Change::post(&path, &query);
        let sent = self.wire.change(budget, permit.levels(), commit, asked).await;
        let aim = Aim { permit, act, before };
        match sent {
            Ok(answer) => {
                let changed = !answer.not_modified();
                let now = self.state(&aim.permit, &budget.at_most(LOOK)).await.ok();
                Ok(Outcome::Answered(Acted { changed, now }))
            }
            // A refusal has no effect, but for a restart: the container is stopped before its start can fail.
            Err(Failed { error: error @ EngineError::Status { code: 500.., .. }, written: false })
                if matches!(aim.act, Act::Restart { .. }) =>
            {
                let cause = self.scrubbed(error);
                let now = self.state(&aim.permit, &budget.at_most(LOOK)).await.ok();
                if now.is_some() && (now == aim.before || aim.idle(now.as_ref())) {
                    return Err(cause);
                }
                let is = now.map_or_else(|| "in an unknown state".to_owned(), |now| now.status);
                let finding =
                    Finding { effect: Effect::Unknown, evidence: format!("the container is {is} now") };
                Ok(Outcome::Lost(Box::new(Lost { cause, finding, trail: Trail::of_refusal(aim) })))
            }
            // The engine calls that a fault of its own.
            Err(Failed { error: EngineError::Status { code: 500.., .. }, written: false })
                if aim.not_paused() =>
            {
                Err(EngineError::Conflict("the container is not paused".to_owned()))
            }
            Err(failed) => self.settled(budget, Err(failed), aim).await,
        }
    }

    async fn state(&self, permit: &Permit<Container>, budget: &Budget) -> Result<State, EngineError> {
        let path = format!("/containers/{}/json", permit.target().id);
        let inspected: Inspected = self.wire.json(budget, &path, &[]).await?;
        Ok(State { grace: inspected.config.stop_timeout, ..inspected.state })
    }
}

impl Aim {
    /// It did not run before and was not started since: there was nothing to stop, and its start failed.
    fn idle(&self, now: Option<&State>) -> bool {
        let down = |state: &State| !matches!(state.status.as_str(), "running" | "restarting" | "paused");
        let both = self.before.as_ref().zip(now);
        both.is_some_and(|(was, is)| down(was) && down(is) && was.started_at == is.started_at)
    }

    /// What is to go on is not frozen.
    fn not_paused(&self) -> bool {
        self.act == Act::Unpause && self.before.as_ref().is_some_and(|before| before.status != "paused")
    }
}

impl Goal for Aim {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let now = engine.state(&self.permit, budget).await?;
            let mut evidence = format!("the container is {}", now.status);
            if !now.started_at.starts_with("0001-") && !now.started_at.is_empty() {
                evidence.push_str(&format!(", started at {}", now.started_at));
            }
            let as_before = self.before.as_ref() == Some(&now);
            Ok(Look { reached: self.act.reached(self.before.as_ref(), &now), as_before, evidence })
        })
    }

    fn takes(&self) -> Duration {
        self.act.takes(self.before.as_ref())
    }

    fn was_so(&self) -> bool {
        self.before.as_ref().is_some_and(|before| self.act.reached(Some(before), before) == Some(true))
    }

    fn gone(&self) -> Effect {
        match self.act {
            Act::Stop { .. } | Act::Kill { .. } => Effect::Done,
            _ => Effect::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &str, started_at: &str) -> State {
        State { status: status.into(), started_at: started_at.into(), ..State::default() }
    }

    #[test]
    fn what_can_be_seen_of_each_act() {
        let (up, down) = (state("running", "1"), state("exited", "1"));
        let again = state("running", "2");
        let stop = Act::Stop { grace: None, signal: None };
        let restart = Act::Restart { grace: None, signal: None };
        let kill = |signal: Option<&str>| Act::Kill { signal: signal.map(str::to_owned) };
        for (act, before, now, want) in [
            (&Act::Start, Some(&down), &up, Some(true)),
            (&Act::Start, Some(&down), &down, Some(false)),
            (&stop, Some(&up), &down, Some(true)),
            (&stop, Some(&up), &up, Some(false)),
            (&restart, Some(&up), &up, Some(false)),
            (&restart, Some(&up), &again, Some(true)),
            (&restart, None, &again, None),
            (&Act::Start, Some(&down), &state("exited", "2"), Some(true)),
            (&kill(None), Some(&up), &up, Some(false)),
            (&kill(Some("SIGHUP")), Some(&up), &up, None),
            (&kill(Some("SIGHUP")), Some(&up), &down, Some(true)),
            (&Act::Pause, Some(&up), &state("paused", "1"), Some(true)),
            (&Act::Unpause, Some(&up), &state("paused", "1"), Some(false)),
        ] {
            assert_eq!(act.reached(before, now), want, "{act:?} {now:?}");
        }
    }

    #[test]
    fn a_grace_of_its_own_is_waited_for() {
        let stop = Act::Stop { grace: None, signal: None };
        let own = |grace| stop.takes(Some(&State { grace, ..state("running", "1") }));
        assert_eq!(own(None), Duration::from_secs(15));
        assert_eq!(own(Some(90)), Duration::from_secs(95));
        assert!(own(Some(-1)) > Duration::from_secs(3_600));
    }
}
