//! The circuit breaker: a pure state machine, time passed in.
//!
//! Only faults of the daemon itself count; a refusal, a conflict or a slow command never does, or three of those would
//! lock the user out of Docker.

use std::collections::VecDeque;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How a call that touched the engine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The engine answered, whatever it said.
    Good,
    /// The engine could not be reached, hung, or spoke nonsense: the kind of the error.
    Fault(&'static str),
    /// It says nothing about the engine: cancelled, refused before, a fault of ours.
    Neutral,
}

/// Given by [`Breaker::admit`], taken back by [`Breaker::settle`].
#[derive(Debug)]
pub struct Ticket {
    generation: u64,
    trial: bool,
}

/// Why a call may not pass, and what is known of the outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// When to come back.
    pub after: Duration,
    /// How long ago calls stopped passing.
    pub opened_ago: Duration,
    /// The kind of the last error.
    pub last_error: &'static str,
    /// Probes that failed since then.
    pub probes_failed: u32,
}

/// From one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state that was left.
    pub from: &'static str,
    /// The state that is now.
    pub to: &'static str,
    /// The kind of the error that opened it, or `cooldown`, `probes`, `call`, `operator`.
    pub cause: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Duration,
        /// Good probes in a row.
        good: u32,
    },
    HalfOpen {
        /// Since when a trial is out.
        trial: Option<Duration>,
        /// Trials that said nothing.
        neutral: u32,
    },
}

impl State {
    const HALF_OPEN: Self = Self::HalfOpen { trial: None, neutral: 0 };

    const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// Closed: calls pass and faults are counted. Open: calls are refused. Half open: one call is tried.
#[derive(Debug)]
pub struct Breaker {
    limit: usize,
    window: Duration,
    cooldown: Duration,
    early: bool,
    state: State,
    /// The newest faults, at most `limit` of them.
    faults: VecDeque<Duration>,
    /// Changes with the state: what began before counts no more.
    generation: u64,
    /// When it was closed last; an outage goes on while trials fail.
    opened: Option<Duration>,
    last_error: Option<&'static str>,
    probes_failed: u32,
    changed: Option<Transition>,
}

/// What a caller is told while another one's trial is out.
const TRIAL_WAIT: Duration = Duration::from_secs(1);
/// A trial that is out for longer is taken for lost: a long stream or a slow stop must not keep all other calls out. Longer
/// than the clock of an answer's first line, so that a read that hangs has its say.
const TRIAL_LIMIT: Duration = Duration::from_secs(15);
/// After so many trials that said nothing, a probe decides.
const NEUTRALS: u32 = 3;
/// One good probe can be luck.
const GOOD_PROBES: u32 = 2;

impl Breaker {
    /// Opens at `failures` faults within `window`, for `cooldown`.
    #[must_use]
    pub const fn new(failures: u32, window: Duration, cooldown: Duration) -> Self {
        Self {
            limit: failures as usize,
            window,
            cooldown,
            early: true,
            state: State::Closed,
            faults: VecDeque::new(),
            generation: 0,
            opened: None,
            last_error: None,
            probes_failed: 0,
            changed: None,
        }
    }

    /// May good probes end the cooldown early? They do by default.
    #[must_use]
    pub const fn early_recovery(mut self, early: bool) -> Self {
        self.early = early;
        self
    }

    /// May a call pass?
    ///
    /// # Errors
    /// Why not, and how long to wait.
    pub fn admit(&mut self, now: Duration) -> Result<Ticket, Refused> {
        if let State::Open { until, .. } = self.state {
            if now < until {
                return Err(self.refused(now, until.saturating_sub(now)));
            }
            self.go(State::HALF_OPEN, "cooldown");
        }
        let trial = match self.state {
            State::HalfOpen { trial: Some(since), .. } if !lost(now, since) => {
                return Err(self.refused(now, TRIAL_WAIT));
            }
            State::HalfOpen { trial: Some(_), .. } => {
                // Its place is given away, and so is its say.
                self.generation += 1;
                self.state = State::HalfOpen { trial: Some(now), neutral: NEUTRALS };
                true
            }
            State::HalfOpen { trial: None, neutral } => {
                self.state = State::HalfOpen { trial: Some(now), neutral };
                true
            }
            _ => false,
        };
        Ok(Ticket { generation: self.generation, trial })
    }

    /// The refusal of a call that would come now, if it would be refused. Takes no trial's place.
    #[must_use]
    pub fn refusal(&self, now: Duration) -> Option<Refused> {
        match self.state {
            State::Open { until, .. } if now < until => Some(self.refused(now, until.saturating_sub(now))),
            State::HalfOpen { trial: Some(since), .. } if !lost(now, since) => {
                Some(self.refused(now, TRIAL_WAIT))
            }
            _ => None,
        }
    }

    /// A call ended.
    pub fn settle(&mut self, now: Duration, ticket: Ticket, verdict: Verdict) {
        if ticket.generation != self.generation {
            return;
        }
        match (self.state, verdict) {
            (State::Closed, Verdict::Fault(kind)) => {
                self.fault(now, kind);
                if self.failures(now) >= self.limit {
                    self.open(now, kind);
                }
            }
            (State::HalfOpen { .. }, Verdict::Good) if ticket.trial => self.go(State::Closed, "call"),
            (State::HalfOpen { .. }, Verdict::Fault(kind)) if ticket.trial => {
                self.fault(now, kind);
                self.open(now, kind);
            }
            (State::HalfOpen { neutral, .. }, Verdict::Neutral) if ticket.trial => {
                self.state = State::HalfOpen { trial: None, neutral: (neutral + 1).min(NEUTRALS) };
            }
            _ => {}
        }
    }

    /// A probe ended: its error's kind, if it failed.
    ///
    /// Good ones move an open circuit to half open, early; a real call closes it. Only where trials said nothing, or one
    /// never came back, does the probe itself decide: a circuit must not stay half open for ever.
    pub fn probed(&mut self, now: Duration, probe: Result<(), &'static str>) {
        if let (Err(_), true) = (probe, self.opened.is_some()) {
            self.probes_failed = self.probes_failed.saturating_add(1);
        }
        match (self.state, probe) {
            (State::Open { until, .. }, Err(_)) => self.state = State::Open { until, good: 0 },
            (State::Open { until, good }, Ok(())) => {
                let good = (good + 1).min(GOOD_PROBES);
                self.state = State::Open { until, good };
                if self.early && good == GOOD_PROBES {
                    self.go(State::HALF_OPEN, "probes");
                }
            }
            (State::HalfOpen { .. }, Ok(())) if self.wants_probe(now) => self.go(State::Closed, "probes"),
            (State::HalfOpen { .. }, Err(kind)) if self.wants_probe(now) => {
                self.fault(now, kind);
                self.open(now, kind);
            }
            _ => {}
        }
    }

    /// Trials did not tell how the engine is: a probe must.
    #[must_use]
    pub fn wants_probe(&self, now: Duration) -> bool {
        match self.state {
            State::HalfOpen { trial, neutral } => {
                neutral >= NEUTRALS || trial.is_some_and(|since| lost(now, since))
            }
            _ => false,
        }
    }

    /// A person says that the engine is well. What is out counts no more.
    pub fn reset(&mut self) {
        if self.state == State::Closed {
            self.generation += 1;
            self.forget();
        } else {
            self.go(State::Closed, "operator");
        }
    }

    /// The last change of state, once.
    pub const fn take_change(&mut self) -> Option<Transition> {
        self.changed.take()
    }

    /// `closed`, `open` or `half_open`.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        self.state.name()
    }

    /// Faults within the window.
    #[must_use]
    pub fn failures(&self, now: Duration) -> usize {
        self.faults.iter().filter(|at| now.saturating_sub(**at) <= self.window).count()
    }

    /// How long an open circuit stays open at most.
    #[must_use]
    pub fn retry_after(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Open { until, .. } => Some(until.saturating_sub(now)),
            _ => None,
        }
    }

    /// How long ago calls stopped passing, if they do not pass freely.
    #[must_use]
    pub fn opened_ago(&self, now: Duration) -> Option<Duration> {
        self.opened.map(|at| now.saturating_sub(at))
    }

    /// The kind of the last fault that still counts, or that opened it.
    #[must_use]
    pub fn last_error(&self, now: Duration) -> Option<&'static str> {
        self.last_error.filter(|_| self.opened.is_some() || self.failures(now) > 0)
    }

    /// Probes that failed since calls stopped passing.
    #[must_use]
    pub const fn probes_failed(&self) -> u32 {
        self.probes_failed
    }

    fn refused(&self, now: Duration, after: Duration) -> Refused {
        Refused {
            after,
            opened_ago: self.opened_ago(now).unwrap_or_default(),
            last_error: self.last_error.unwrap_or("unknown"),
            probes_failed: self.probes_failed,
        }
    }

    fn fault(&mut self, now: Duration, kind: &'static str) {
        self.last_error = Some(kind);
        if self.faults.len() >= self.limit {
            self.faults.pop_front();
        }
        self.faults.push_back(now);
    }

    fn open(&mut self, now: Duration, kind: &'static str) {
        self.opened.get_or_insert(now);
        self.go(State::Open { until: now.saturating_add(self.cooldown), good: 0 }, kind);
    }

    fn go(&mut self, state: State, cause: &'static str) {
        self.changed = Some(Transition { from: self.state.name(), to: state.name(), cause });
        self.state = state;
        self.generation += 1;
        if state == State::Closed {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.faults.clear();
        self.opened = None;
        self.last_error = None;
        self.probes_failed = 0;
    }
}

fn lost(now: Duration, since: Duration) -> bool {
    now.saturating_sub(since) > TRIAL_LIMIT
}
