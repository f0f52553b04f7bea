//! Start, stop and their kin: sent once, and looked at again where the answer was lost.

use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::policy::{Container, Permit};

use super::budget::Budget;
use super::change::{Commit, Effect, Finding};
use super::dial::DialKind;
use super::error::EngineError;
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

/// How a change came out that was sent.
#[derive(Debug)]
pub enum Acted {
    /// The engine says so.
    Answered {
        /// It was not so already.
        changed: bool,
        /// How it is now, where that could be seen.
        now: Option<State>,
    },
    /// The engine's answer was lost; this is what looking again showed, within the call's time.
    Lost {
        /// Why there is no answer.
        cause: EngineError,
        /// What was seen.
        finding: Finding,
        /// To look once more, later.
        trail: Box<Trail>,
    },
}

/// A change on its way: what it was, and how its container was before.
#[derive(Debug)]
pub struct Trail {
    permit: Permit<Container>,
    act: Act,
    before: Option<State>,
    /// When what was begun has come to its end, also without an engine that is at it: a container that was asked to
    /// stop may take its grace.
    settled: Instant,
    /// Nobody was at the engine's socket since: what it was told may be forgotten.
    away: bool,
    /// It took the request and said nothing, in all the time of the call: it is at it, or it hangs.
    silent: bool,
}

/// A look before and after a change; the change itself does not wait for more.
const LOOK: Duration = Duration::from_secs(1);
/// When the answer was lost at the very end of the call's time: one last look, well within the promised second.
const LAST_LOOK: Duration = Duration::from_millis(400);
/// Looks for an answer that was lost: soon at first.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500)];

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

    /// How long an engine that is well may need for it: an answer that is lost is not waited for much longer.
    fn takes(&self, before: Option<&State>) -> Duration {
        const USUAL: Duration = Duration::from_secs(5);
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
    ) -> Result<Acted, EngineError> {
        // Not knowing how it was makes the evidence weaker, and is no reason not to try: killing is for what hangs.
        let before = self.state(&permit, &budget.at_most(LOOK)).await.ok();
        let (verb, query) = act.request();
        let query: Vec<(&str, &str)> = query.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let path = format!("/containers/{}/{verb}", permit.target().id);
        let asked = (Method::POST, path.as_str(), query.as_slice());
        let failed = match self.wire.change(budget, permit.levels(), commit, asked).await {
            Ok(answer) => {
                let changed = !answer.not_modified();
                let now = self.state(&permit, &budget.at_most(LOOK)).await.ok();
                return Ok(Acted::Answered { changed, now });
            }
            Err(failed) => failed,
        };
        let cause = self.scrubbed(failed.error);
        let silent = matches!(cause, EngineError::Timeout { .. });
        let settled = Instant::now() + act.takes(before.as_ref());
        let mut trail = Trail { permit, act, before, settled, away: false, silent };
        if !failed.written {
            return self.refused(budget, cause, trail).await;
        }
        // An engine that took the request and is silent has had its time; one look tells what came of it.
        let until = if silent { Instant::now() } else { budget.deadline };
        let finding = self.look_again(&mut trail, until.max(Instant::now() + LAST_LOOK)).await;
        Ok(Acted::Lost { cause, finding, trail: Box::new(trail) })
    }

    /// A refusal has no effect, but for a restart: the container is stopped before its start can fail.
    async fn refused(
        &self,
        budget: &Budget,
        cause: EngineError,
        mut trail: Trail,
    ) -> Result<Acted, EngineError> {
        let failed = matches!(cause, EngineError::Status { code: 500.., .. });
        if !failed || !matches!(trail.act, Act::Restart { .. }) {
            return Err(cause);
        }
        let now = self.state(&trail.permit, &budget.at_most(LOOK)).await.ok();
        if now.is_some() && now == trail.before {
            return Err(cause);
        }
        trail.away = true;
        trail.settled = Instant::now();
        let is = now.map_or_else(|| "in an unknown state".to_owned(), |now| now.status);
        let finding = Finding { effect: Effect::Unknown, evidence: format!("the container is {is} now") };
        Ok(Acted::Lost { cause, finding, trail: Box::new(trail) })
    }

    /// Looks at the container until what was asked for is seen done, is known not to come, or the time is over.
    pub async fn look_again(&self, trail: &mut Trail, until: Instant) -> Finding {
        let mut pauses = PAUSES.into_iter().chain(std::iter::repeat(Duration::from_secs(1)));
        let mut last = "the engine has not answered since".to_owned();
        let mut until = until;
        let mut heard = false;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let budget = Budget::of(left.min(LOOK).max(Duration::from_millis(50)));
            match self.state(&trail.permit, &budget).await {
                Ok(now) => {
                    let (finding, certain) = trail.judge(&now, Instant::now());
                    if certain {
                        return finding;
                    }
                    if !heard && !trail.silent && !trail.away {
                        heard = true;
                        until = until.min(Instant::now() + trail.act.takes(trail.before.as_ref()));
                    }
                    if Instant::now() + LOOK >= until {
                        return finding;
                    }
                    last = finding.evidence;
                }
                Err(e) if e.is_gone() => {
                    let effect = match trail.act {
                        Act::Stop { .. } | Act::Kill { .. } => Effect::Done,
                        _ => Effect::Unknown,
                    };
                    return Finding { effect, evidence: "the container is gone".to_owned() };
                }
                Err(EngineError::Dial(e)) => {
                    // A full backlog, a lost network or a login that fails say nothing of what the engine does.
                    trail.away |= matches!(e.kind, DialKind::Refused | DialKind::Missing);
                    "the engine cannot be reached".clone_into(&mut last);
                }
                // The engine hangs, or this container does.
                Err(_) => {}
            }
            let pause = pauses.next().unwrap_or(LOOK);
            if Instant::now() + pause >= until {
                return Finding { effect: Effect::Unknown, evidence: last };
            }
            sleep(pause).await;
        }
    }

    async fn state(&self, permit: &Permit<Container>, budget: &Budget) -> Result<State, EngineError> {
        let path = format!("/containers/{}/json", permit.target().id);
        let inspected: Inspected = self.wire.json(budget, &path, &[]).await?;
        Ok(State { grace: inspected.config.stop_timeout, ..inspected.state })
    }
}

impl Trail {
    /// It was so before it was asked for: nothing had to happen.
    #[must_use]
    pub fn was_so(&self) -> bool {
        self.before.as_ref().is_some_and(|before| self.act.reached(Some(before), before) == Some(true))
    }

    /// What a look at that moment says, and whether more looks could say otherwise.
    fn judge(&self, now: &State, at: Instant) -> (Finding, bool) {
        let mut evidence = format!("the container is {}", now.status);
        if !now.started_at.starts_with("0001-") && !now.started_at.is_empty() {
            evidence.push_str(&format!(", started at {}", now.started_at));
        }
        let (effect, certain) = match self.act.reached(self.before.as_ref(), now) {
            Some(true) => (Effect::Done, true),
            // Half of it may be done: a restart whose start never came. Nobody is at the rest any more.
            Some(false) if self.away && self.before.as_ref() != Some(now) => (Effect::Unknown, true),
            // It is as it was, and what may have been begun has had its time.
            Some(false) if self.away && at >= self.settled => (Effect::None, true),
            Some(false) if self.silent && !self.away => (Effect::Continuing, false),
            Some(false) => (Effect::Unknown, false),
            None => (Effect::Unknown, self.away),
        };
        (Finding { effect, evidence }, certain)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::policy::decide::Named;
    use crate::policy::{self, Ask, Level, Rules, Target};

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

    fn trail(act: Act, before: Option<State>, at: Instant) -> Trail {
        let rules = Arc::new(Rules { bypass: true, ..Rules::default() });
        let targets = vec![Named { asked: "app".into(), target: Target::Container(Container::default()) }];
        let ask = Ask { tool: "docker_stop", needs: &[Level::Lifecycle], targets };
        let permit = policy::decide(&rules, ask).unwrap().containers.remove(0);
        let settled = at + act.takes(before.as_ref());
        Trail { permit, act, before, settled, away: true, silent: false }
    }

    #[test]
    fn an_engine_that_went_away_may_have_done_half_of_it() {
        let (up, down, at) = (state("running", "1"), state("exited", "1"), Instant::now());
        let restart = trail(Act::Restart { grace: None, signal: None }, Some(up.clone()), at);
        assert_eq!(restart.judge(&down, at).0.effect, Effect::Unknown, "stopped, and not started again");
        let stop = trail(Act::Stop { grace: Some(8), signal: None }, Some(up.clone()), at);
        let (seen, certain) = stop.judge(&up, at + Duration::from_secs(12));
        assert_eq!((seen.effect, certain), (Effect::Unknown, false), "it may be ending still");
        let (seen, certain) = stop.judge(&up, at + Duration::from_secs(13));
        assert_eq!((seen.effect, certain), (Effect::None, true));
        let unseen = trail(Act::Stop { grace: Some(8), signal: None }, None, at);
        assert_eq!(unseen.judge(&up, at + Duration::from_secs(60)).0.effect, Effect::Unknown);
    }

    #[test]
    fn a_grace_of_its_own_is_waited_for() {
        let stop = Act::Stop { grace: None, signal: None };
        let own = |grace| stop.takes(Some(&State { grace, ..state("running", "1") }));
        assert_eq!(own(None), Duration::from_secs(15));
        assert_eq!(own(Some(90)), Duration::from_secs(95));
        assert!(own(Some(-1)) > Duration::from_secs(3_600));
    }

    #[test]
    fn what_was_so_is_no_change() {
        let at = Instant::now();
        let (up, down) = (state("running", "1"), state("exited", "1"));
        let stop = || Act::Stop { grace: None, signal: None };
        assert!(trail(stop(), Some(down.clone()), at).was_so());
        assert!(!trail(stop(), Some(up.clone()), at).was_so() && !trail(stop(), None, at).was_so());
        assert!(trail(Act::Start, Some(up), at).was_so() && !trail(Act::Start, Some(down), at).was_so());
    }
}
