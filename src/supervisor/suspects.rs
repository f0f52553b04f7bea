//! Containers that do not answer: one that hangs must not keep every call about it waiting. Pure, time passed in.
//!
//! The circuit breaker is for the engine; a container that hangs in a healthy engine is none of its business.

use std::collections::HashMap;
use std::time::Duration;

/// Two timeouts of one container within this make it a suspect.
const WINDOW: Duration = Duration::from_secs(60);
/// A suspect's calls fail at once for this long; then one of them is tried.
const PAUSE: Duration = Duration::from_secs(60);
/// Of a try that never reports back, nothing is known: after this the next one is tried.
const TRIAL: Duration = Duration::from_secs(30);
/// How many containers are watched. Beyond it, who timed out longest ago is forgotten.
const MOST: usize = 1_024;

/// The containers that timed out lately, by id.
#[derive(Debug, Default)]
pub struct Suspects {
    by_id: HashMap<String, Suspect>,
}

#[derive(Debug, Clone, Copy)]
struct Suspect {
    /// When it timed out last.
    last: Duration,
    /// Refused until then; none after a single timeout.
    until: Option<Duration>,
}

impl Suspects {
    /// May a call about this container pass?
    ///
    /// # Errors
    /// How long to wait.
    pub fn admit(&mut self, now: Duration, id: &str) -> Result<(), Duration> {
        let Some(suspect) = self.by_id.get_mut(id) else { return Ok(()) };
        let Some(until) = suspect.until else { return Ok(()) };
        if now < until {
            return Err(until.saturating_sub(now));
        }
        // The one that is tried. It ends with `answered` or `timed_out`; meanwhile the others are refused.
        suspect.until = Some(now.saturating_add(TRIAL));
        Ok(())
    }

    /// A call about this container ran into its clock.
    pub fn timed_out(&mut self, now: Duration, id: &str) {
        if let Some(suspect) = self.by_id.get_mut(id) {
            let again = suspect.until.is_some() || now.saturating_sub(suspect.last) <= WINDOW;
            *suspect = Suspect { last: now, until: again.then(|| now.saturating_add(PAUSE)) };
            return;
        }
        self.make_room(now);
        self.by_id.insert(id.to_owned(), Suspect { last: now, until: None });
    }

    /// The engine said something about this container: it does not hang.
    pub fn answered(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// How many containers are refused at this moment.
    #[must_use]
    pub fn refused(&self, now: Duration) -> usize {
        self.by_id.values().filter(|suspect| suspect.until.is_some_and(|until| now < until)).count()
    }

    fn make_room(&mut self, now: Duration) {
        if self.by_id.len() < MOST {
            return;
        }
        self.by_id.retain(|_, s| s.until.is_some() || now.saturating_sub(s.last) <= WINDOW);
        if self.by_id.len() < MOST {
            return;
        }
        let oldest = self.by_id.iter().min_by_key(|(_, suspect)| suspect.last).map(|(id, _)| id.clone());
        if let Some(oldest) = oldest {
            self.by_id.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn two_timeouts_within_a_minute_refuse_that_container_for_a_minute_and_no_other() {
        let mut s = Suspects::default();
        s.timed_out(S(0), "a");
        assert_eq!(s.admit(S(1), "a"), Ok(()), "one timeout is nothing");
        s.timed_out(S(60), "a");
        assert_eq!(s.admit(S(61), "a"), Err(S(59)));
        assert_eq!(s.admit(S(61), "b"), Ok(()));
        assert_eq!((s.refused(S(61)), s.refused(S(120))), (1, 0));
    }

    #[test]
    fn two_timeouts_far_apart_are_nothing() {
        let mut s = Suspects::default();
        s.timed_out(S(0), "a");
        s.timed_out(Duration::from_millis(60_001), "a");
        assert_eq!(s.admit(S(61), "a"), Ok(()));
        s.timed_out(S(62), "a");
        assert!(s.admit(S(62), "a").is_err(), "the second one counts from the first of its own");
    }

    #[test]
    fn after_the_minute_one_is_tried_and_its_end_decides() {
        let mut s = Suspects::default();
        (0..2).for_each(|at| s.timed_out(S(at), "a"));
        assert_eq!(s.admit(S(61), "a"), Ok(()));
        assert!(s.admit(S(61), "a").is_err(), "a second one while the first is tried");
        s.timed_out(S(70), "a");
        assert_eq!(s.admit(S(71), "a"), Err(S(59)), "one timeout is enough for a suspect");
        assert_eq!(s.admit(S(130), "a"), Ok(()));
        s.answered("a");
        assert_eq!(s.admit(S(130), "a"), Ok(()));
        s.timed_out(S(131), "a");
        assert_eq!(s.admit(S(131), "a"), Ok(()), "what was before the answer is forgotten");
    }

    #[test]
    fn a_try_that_never_reports_does_not_lock_the_container_out() {
        let mut s = Suspects::default();
        (0..2).for_each(|at| s.timed_out(S(at), "a"));
        assert_eq!(s.admit(S(61), "a"), Ok(()));
        assert_eq!(s.admit(S(62), "a"), Err(S(29)));
        assert_eq!(s.admit(S(91), "a"), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_go_first() {
        let mut s = Suspects::default();
        (0..2).for_each(|_| s.timed_out(S(0), "first"));
        for i in 0..5_000_u64 {
            s.timed_out(Duration::from_millis(i), &format!("{i}"));
        }
        assert_eq!(s.by_id.len(), MOST);
        assert_eq!(s.admit(S(5), "first"), Ok(()));
        // Single timeouts whose window is over make room for all others.
        s.timed_out(S(600), "late");
        assert_eq!(s.by_id.len(), 1);
    }
}
