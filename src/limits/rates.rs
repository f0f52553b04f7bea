//! So many calls a minute, for each caller by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// Callers that are remembered; beyond it those who have their whole minute again are forgotten.
const CALLERS: usize = 1024;

/// What each caller has used up. Without a clock: the moment is passed in.
#[derive(Debug, Default)]
pub struct Rates(Mutex<HashMap<(String, &'static str), Instant>>);

impl Rates {
    /// One more call of this kind. All of a minute's calls may come at once, then one after the other as they come free.
    ///
    /// # Errors
    /// It is one too many, and when the next one is free.
    pub fn take(
        &self,
        caller: &str,
        kind: &'static str,
        per_minute: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        if per_minute == 0 {
            return Ok(());
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CALLERS {
            all.retain(|_, free| *free > now);
        }
        let free = all.entry((caller.to_owned(), kind)).or_insert(now);
        // When all that was taken is given back.
        let then = (*free).max(now) + MINUTE / per_minute;
        match then.checked_duration_since(now + MINUTE) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *free = then;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_calls_and_not_one_more() {
        let (rates, start) = (Rates::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        for n in 0..60 {
            assert_eq!(rates.take("a", "exec", 60, at(0)), Ok(()), "{n}");
        }
        assert_eq!(rates.take("a", "exec", 60, at(0)), Err(Duration::from_secs(1)));
        assert_eq!(rates.take("b", "exec", 60, at(0)), Ok(()), "each caller has its own");
        assert_eq!(rates.take("a", "logs", 60, at(0)), Ok(()), "and each kind");
        assert_eq!(rates.take("a", "exec", 60, at(999)), Err(Duration::from_millis(1)));
        assert_eq!(rates.take("a", "exec", 60, at(1000)), Ok(()), "a refused call takes nothing");
        assert!(rates.take("a", "exec", 60, at(1000)).is_err());
        for _ in 0..1000 {
            assert_eq!(rates.take("a", "exec", 0, at(1000)), Ok(()), "0 is no limit");
        }
        for n in 0..7 {
            assert_eq!(rates.take("c", "exec", 7, at(n)), Ok(()), "{n}: odd parts of a minute");
        }
        assert!(rates.take("c", "exec", 7, at(8)).is_err());
    }
}
