//! What every change shares: the moment it can no longer be called off, and what is found out when its answer was lost.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Engine;
use super::budget::Budget;
use super::error::EngineError;

const WAITING: u8 = 0;
const SENT: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Whether a call's change may still be called off. Either the call is withdrawn and never sent, or it is sent and never
/// withdrawn; there is nothing between.
#[derive(Debug, Default)]
pub struct Commit(AtomicU8);

impl Commit {
    /// Called right before the first byte is written. False: it was withdrawn, nothing may be written.
    #[must_use]
    pub fn send(&self) -> bool {
        let was = self.0.compare_exchange(WAITING, SENT, Ordering::AcqRel, Ordering::Acquire);
        was.is_ok() || was == Err(SENT)
    }

    /// Calls it off. False: too late, the engine may have heard of it.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        let was = self.0.compare_exchange(WAITING, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire);
        was.is_ok() || was == Err(WITHDRAWN)
    }

    /// The engine may have heard of it.
    #[must_use]
    pub fn sent(&self) -> bool {
        self.0.load(Ordering::Acquire) == SENT
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

/// Did a change happen whose answer was lost?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What was asked for is so.
    Done,
    /// It is not, and nothing is under way.
    None,
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
    /// What that is read from, in a few words.
    pub evidence: String,
}

/// A change on its way whose answer was lost.
pub struct Trail {
    goal: Box<dyn Goal>,
    /// The engine was seen gone since: whatever it was told, it does no more.
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
                let mut trail = Trail { goal: Box::new(goal), away: false, silent };
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
                    let (finding, certain) = trail.judge(look);
                    if certain {
                        return finding;
                    }
                    if !heard && !trail.silent {
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
                Err(EngineError::Dial(_)) => {
                    trail.away = true;
                    "the engine is gone; it has not come back".clone_into(&mut last);
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
        Self { goal: Box::new(goal), away: true, silent: false }
    }

    /// For a goal that somebody may still be at.
    pub(super) fn of(goal: impl Goal) -> Self {
        Self { goal: Box::new(goal), away: false, silent: false }
    }

    /// What a look says, and whether more looks could say otherwise.
    fn judge(&self, look: Look) -> (Finding, bool) {
        let (effect, certain) = match look.reached {
            Some(true) => (Effect::Done, true),
            // The engine that was told is gone: nobody is at it any more.
            Some(false) if self.away => (Effect::None, true),
            Some(false) if self.silent => (Effect::Continuing, false),
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
        assert!(!commit.withdraw());
        let commit = Commit::default();
        assert!(commit.withdraw() && commit.withdraw());
        assert!(!commit.send() && !commit.sent());
    }
}
