//! The circuit breaker: a pure state machine, time passed in.
//!
//! Only faults of the daemon itself count; a refusal, a conflict or a slow command never does, or three of those would
//! lock the user out of Docker.

use std::collections::VecDeque;
use std::time::Duration;

/// How a call that touched the engine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The engine answered, whatever it said.
    Good,
    /// The engine could not be reached, hung, or spoke nonsense.
    Fault,
    /// It says nothing about the engine: cancelled, refused before, a fault of ours.
    Neutral,
}

/// Given by [`Breaker::admit`], taken back by [`Breaker::settle`].
#[derive(Debug)]
pub struct Ticket {
    generation: u64,
    trial: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Duration },
    HalfOpen { trial_out: bool },
}

/// Closed: calls pass and faults are counted. Open: calls are refused. Half open: one call is tried.
#[derive(Debug)]
pub struct Breaker {
    limit: usize,
    window: Duration,
    cooldown: Duration,
    state: State,
    faults: VecDeque<Duration>,
    /// Changes with the state: what began before counts no more.
    generation: u64,
}

/// What a caller is told while another one's trial is out.
const TRIAL_WAIT: Duration = Duration::from_secs(1);

impl Breaker {
    /// Opens at `failures` faults within `window`, for `cooldown`.
    #[must_use]
    pub const fn new(failures: u32, window: Duration, cooldown: Duration) -> Self {
        Self {
            limit: failures as usize,
            window,
            cooldown,
            state: State::Closed,
            faults: VecDeque::new(),
            generation: 0,
        }
    }

    /// May a call pass?
    ///
    /// # Errors
    /// How long to wait.
    pub fn admit(&mut self, now: Duration) -> Result<Ticket, Duration> {
        if let State::Open { until } = self.state {
            if now < until {
                return Err(until - now);
            }
            self.go(State::HalfOpen { trial_out: false });
        }
        let trial = match self.state {
            State::HalfOpen { trial_out: true } => return Err(TRIAL_WAIT),
            State::HalfOpen { trial_out: false } => {
                self.state = State::HalfOpen { trial_out: true };
                true
            }
            _ => false,
        };
        Ok(Ticket { generation: self.generation, trial })
    }

    /// A call ended.
    pub fn settle(&mut self, now: Duration, ticket: Ticket, verdict: Verdict) {
        if ticket.generation != self.generation {
            return;
        }
        match (self.state, verdict) {
            (State::HalfOpen { .. }, Verdict::Good) if ticket.trial => {
                self.faults.clear();
                self.go(State::Closed);
            }
            (State::HalfOpen { .. }, Verdict::Fault) if ticket.trial => self.open(now),
            (State::HalfOpen { .. }, Verdict::Neutral) if ticket.trial => {
                self.state = State::HalfOpen { trial_out: false };
            }
            (State::Closed, Verdict::Fault) => {
                self.faults.push_back(now);
                self.forget_old(now);
                if self.faults.len() >= self.limit {
                    self.open(now);
                }
            }
            _ => {}
        }
    }

    /// Probes found the engine well: an open circuit tries one call early. Probes alone never close it.
    pub fn recovered(&mut self) {
        if matches!(self.state, State::Open { .. }) {
            self.go(State::HalfOpen { trial_out: false });
        }
    }

    /// `closed`, `open` or `half_open`.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self.state {
            State::Closed => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half_open",
        }
    }

    /// Faults within the window.
    #[must_use]
    pub fn failures(&self, now: Duration) -> usize {
        self.faults.iter().filter(|at| self.inside(now, **at)).count()
    }

    /// How long an open circuit stays open at most.
    #[must_use]
    pub fn retry_after(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Open { until } => Some(until.saturating_sub(now)),
            _ => None,
        }
    }

    fn open(&mut self, now: Duration) {
        self.go(State::Open { until: now + self.cooldown });
    }

    fn go(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }

    fn inside(&self, now: Duration, at: Duration) -> bool {
        now.saturating_sub(at) <= self.window
    }

    fn forget_old(&mut self, now: Duration) {
        while self.faults.front().is_some_and(|at| !self.inside(now, *at)) {
            self.faults.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn breaker() -> Breaker {
        Breaker::new(3, S(60), S(300))
    }

    fn fault(b: &mut Breaker, at: Duration) {
        let ticket = b.admit(at).unwrap();
        b.settle(at, ticket, Verdict::Fault);
    }

    #[test]
    fn opens_at_the_third_fault_within_the_window() {
        let mut b = breaker();
        fault(&mut b, S(0));
        fault(&mut b, S(1));
        assert_eq!(b.state(), "closed");
        fault(&mut b, S(60));
        assert_eq!(b.state(), "open");
        assert_eq!(b.admit(S(61)).unwrap_err(), S(299));
    }

    #[test]
    fn old_faults_do_not_count() {
        let mut b = breaker();
        fault(&mut b, S(0));
        fault(&mut b, S(1));
        fault(&mut b, Duration::from_millis(61_001));
        assert_eq!(b.state(), "closed");
        assert_eq!(b.failures(Duration::from_millis(61_001)), 1);
    }

    #[test]
    fn half_open_lets_exactly_one_through_and_takes_a_dropped_trial_back() {
        let mut b = breaker();
        (0..3).for_each(|i| fault(&mut b, S(i)));
        b.recovered();
        let trial = b.admit(S(10)).unwrap();
        assert_eq!(b.admit(S(10)).unwrap_err(), TRIAL_WAIT);
        b.settle(S(11), trial, Verdict::Neutral);
        let trial = b.admit(S(12)).unwrap();
        b.settle(S(12), trial, Verdict::Good);
        assert_eq!(b.state(), "closed");
        assert_eq!(b.failures(S(12)), 0);
    }

    #[test]
    fn what_began_before_the_change_does_not_count() {
        let mut b = breaker();
        let early = b.admit(S(0)).unwrap();
        (0..3).for_each(|i| fault(&mut b, S(i)));
        b.settle(S(3), early, Verdict::Good);
        assert_eq!(b.state(), "open");
    }

    #[test]
    fn a_failed_trial_opens_again() {
        let mut b = breaker();
        (0..3).for_each(|i| fault(&mut b, S(i)));
        let trial = b.admit(S(302)).unwrap();
        b.settle(S(303), trial, Verdict::Fault);
        assert_eq!(b.retry_after(S(303)), Some(S(300)));
    }
}
