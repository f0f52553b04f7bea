//! What every change shares: the moment it can no longer be called off, and what is found out when its answer was lost.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Engine;
use super::budget::Budget;
use super::dial::DialKind;
use super::error::EngineError;

const WAITING: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;
const CLOSED: u8 = 3;

/// Whether a call's change may still be called off. Either the call is withdrawn and never sent, or it is sent and never
/// withdrawn; there is nothing between. Of a change in several parts, those that were not sent when it was called off
/// never are.
#[derive(Debug, Default)]
pub struct Commit(AtomicU8);

impl Commit {
    /// Called right before the first byte is written. False: it was called off, nothing (more) may be written.
    #[must_use]
    pub fn send(&self) -> bool {
        matches!(self.step(WAITING, SENT), WAITING | SENT)
    }

    /// Calls it off. False: too late, the engine may have heard of it; only what it has not heard of is called off.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        let was = self.step(WAITING, WITHDRAWN);
        if was == SENT {
            self.step(SENT, CLOSED);
        }
        matches!(was, WAITING | WITHDRAWN)
    }

    /// The engine may have heard of it.
    #[must_use]
    pub fn sent(&self) -> bool {
        matches!(self.0.load(Ordering::Acquire), SENT | CLOSED)
    }

    /// From one to the other, if it is there; what it was.
    fn step(&self, from: u8, to: u8) -> u8 {
        match self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire) {
            Ok(was) | Err(was) => was,
        }
    }
}

/// A change that did not get a good answer.
#[derive(Debug)]
pub(super) struct Failed {
    /// What went wrong.
    pub error: EngineError,
    /// The engine may have heard of it.
    pub written: bool,
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        Self { error, written: false }
    }
}

impl From<Failed> for EngineError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// Did a change happen whose answer was lost? Of several, the last of these holds for all: what is unknown of one is
/// unknown of all, and what happened to one happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It is not so, and nothing is under way.
    None,
    /// What was asked for is so.
    Done,
    /// The engine is still at it.
    Continuing,
    /// Nobody knows.
    Unknown,
}

/// What looking again showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Did it happen?
    pub effect: Effect,
    /// What that is read from, in a few words.
    pub evidence: String,
}

/// What a change was to bring about, and how to see from the outside whether it did.
pub trait Goal: Send + Sync + 'static {
    /// One look.
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a>;

    /// How long an engine that is well may need for it: an answer that is lost is not waited for much longer.
    fn takes(&self) -> Duration {
        USUAL
    }

    /// It was so before it was asked for: nothing had to happen.
    fn was_so(&self) -> bool {
        false
    }

    /// What it means that the object is gone.
    fn gone(&self) -> Effect {
        Effect::Unknown
    }
}

/// A look on its way.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Result<Look, EngineError>> + Send + 'a>>;

/// What one look says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Is what was asked for so? `None`: that cannot be seen from the outside.
    pub reached: Option<bool>,
    /// It is as it was before it was asked for. False also where nobody knows how it was.
    pub as_before: bool,
    /// What that is read from, in a few words.
    pub evidence: String,
}

/// A change on its way whose answer was lost.
pub struct Trail {
    goal: Box<dyn Goal>,
    /// When what was begun has come to its end, also without an engine that is at it: a container that was asked to
    /// stop may take its grace.
    settled: Instant,
    /// Nobody was at the engine's socket since: what it was told may be forgotten.
    away: bool,
    /// It took the request and said nothing, in all the time of the call: it is at it, or it hangs.
    silent: bool,
}

/// A change whose answer was lost, and what looking again showed within the call's time.
#[derive(Debug)]
pub struct Lost {
    /// Why there is no answer.
    pub cause: EngineError,
    /// What was seen.
    pub finding: Finding,
    /// To look once more, later.
    pub trail: Trail,
}

/// How a change came out that was sent.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The engine says so.
    Answered(T),
    /// Its answer was lost.
    Lost(Box<Lost>),
}

/// What an engine that is well needs for most things.
pub(super) const USUAL: Duration = Duration::from_secs(5);
/// One look; a change itself does not wait for more.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// When the answer was lost at the very end of the call's time: one last look, well within the promised second.
const LAST_LOOK: Duration = Duration::from_millis(400);
/// Between looks for an answer that was lost: soon at first.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500)];

impl Engine {
    /// What came of a request: its answer, or what is seen of its goal where the answer was lost.
    ///
    /// # Errors
    /// Nothing happened: it was not sent, or the engine refused it.
    pub(super) async fn settled<T>(
        &self,
        budget: &Budget,
        sent: Result<T, Failed>,
        goal: impl Goal,
    ) -> Result<Outcome<T>, EngineError> {
        match sent {
            Ok(answer) => Ok(Outcome::Answered(answer)),
            Err(Failed { error, written: false }) => Err(self.scrubbed(error)),
            Err(Failed { error, written: true }) => {
                let cause = self.scrubbed(error);
                let silent = matches!(cause, EngineError::Timeout { .. });
                let mut trail = Trail { silent, ..Trail::of(goal) };
                // An engine that took the request and is silent has had its time; one look tells what came of it.
                let until = if silent { Instant::now() } else { budget.deadline };
                let finding = self.look_again(&mut trail, until.max(Instant::now() + LAST_LOOK)).await;
                Ok(Outcome::Lost(Box::new(Lost { cause, finding, trail })))
            }
        }
    }

    /// Looks until what was asked for is seen done, is known not to come, or the time is over.
    pub async fn look_again(&self, trail: &mut Trail, until: Instant) -> Finding {
        let mut pauses = PAUSES.into_iter().chain(std::iter::repeat(LOOK));
        let mut last = "the engine has not answered since".to_owned();
        let mut until = until;
        let mut heard = false;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let budget = Budget::of(left.min(LOOK).max(Duration::from_millis(50)));
            match trail.goal.look(self, &budget).await {
                Ok(look) => {
                    let (finding, certain) = trail.judge(look, Instant::now());
                    if certain {
                        return finding;
                    }
                    if !heard && !trail.silent && !trail.away {
                        heard = true;
                        until = until.min(Instant::now() + trail.goal.takes());
                    }
                    if Instant::now() + LOOK >= until {
                        return finding;
                    }
                    last = finding.evidence;
                }
                Err(e) if e.is_gone() => {
                    return Finding { effect: trail.goal.gone(), evidence: "it is gone".to_owned() };
                }
                Err(EngineError::Dial(e)) => {
                    // A full backlog, a lost network or a login that fails say nothing of what the engine does.
                    trail.away |= matches!(e.kind, DialKind::Refused | DialKind::Missing);
                    "the engine cannot be reached".clone_into(&mut last);
                }
                // The engine hangs, or what is looked at does.
                Err(_) => {}
            }
            let pause = pauses.next().unwrap_or(LOOK);
            if Instant::now() + pause >= until {
                return Finding { effect: Effect::Unknown, evidence: last };
            }
            sleep(pause).await;
        }
    }
}

impl Trail {
    /// For a goal that the engine has given up already, but not without a trace.
    pub(super) fn of_refusal(goal: impl Goal) -> Self {
        Self { goal: Box::new(goal), settled: Instant::now(), away: true, silent: false }
    }

    /// For a goal that somebody may still be at.
    pub(super) fn of(goal: impl Goal) -> Self {
        let settled = Instant::now() + goal.takes();
        Self { goal: Box::new(goal), settled, away: false, silent: false }
    }

    /// For a goal that the engine is at, whoever told it to has gone.
    pub(super) fn under_way(goal: impl Goal) -> Self {
        Self { silent: true, ..Self::of(goal) }
    }

    /// It was so before it was asked for: nothing had to happen.
    #[must_use]
    pub fn was_so(&self) -> bool {
        self.goal.was_so()
    }

    /// What a look at that moment says, and whether more looks could say otherwise.
    fn judge(&self, look: Look, at: Instant) -> (Finding, bool) {
        let (effect, certain) = match look.reached {
            Some(true) => (Effect::Done, true),
            // Half of it may be done: a restart whose start never came. Nobody is at the rest any more.
            Some(false) if self.away && !look.as_before => (Effect::Unknown, true),
            // It is as it was, and what may have been begun has had its time.
            Some(false) if self.away && at >= self.settled => (Effect::None, true),
            Some(false) if self.silent && !self.away => (Effect::Continuing, false),
            Some(false) => (Effect::Unknown, false),
            None => (Effect::Unknown, self.away),
        };
        (Finding { effect, evidence: look.evidence }, certain)
    }
}

impl std::fmt::Debug for Trail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trail")
            .field("away", &self.away)
            .field("silent", &self.silent)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_or_withdrawn_never_both() {
        let commit = Commit::default();
        assert!(commit.send() && commit.send() && commit.sent());
        assert!(!commit.withdraw() && commit.sent());
        assert!(!commit.send(), "what is called off begins nothing more");
        assert!(!commit.withdraw() && commit.sent());
        let commit = Commit::default();
        assert!(commit.withdraw() && commit.withdraw());
        assert!(!commit.send() && !commit.sent());
    }

    struct Stop;

    impl Goal for Stop {
        fn look<'a>(&'a self, _: &'a Engine, _: &'a Budget) -> Looking<'a> {
            Box::pin(std::future::pending())
        }

        fn takes(&self) -> Duration {
            Duration::from_secs(13)
        }
    }

    #[test]
    fn an_engine_that_went_away_may_have_done_half_of_it() {
        let at = Instant::now();
        let trail = Trail { goal: Box::new(Stop), settled: at + Stop.takes(), away: true, silent: false };
        let judge = |reached, as_before, seconds| {
            let look = Look { reached, as_before, evidence: String::new() };
            let (finding, certain) = trail.judge(look, at + Duration::from_secs(seconds));
            (finding.effect, certain)
        };
        assert_eq!(judge(Some(false), false, 0), (Effect::Unknown, true), "stopped, and not started again");
        assert_eq!(judge(Some(false), true, 12), (Effect::Unknown, false), "it may be ending still");
        assert_eq!(judge(Some(false), true, 13), (Effect::None, true));
        assert_eq!(judge(Some(true), false, 0), (Effect::Done, true));
        assert_eq!(judge(None, true, 0), (Effect::Unknown, true));
    }
}
