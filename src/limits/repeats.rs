//! The same change on the same target, again and again: an agent that goes in circles is told so.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Within so many minutes it counts.
pub const MINUTES: u64 = 10;
const WITHIN: Duration = Duration::from_secs(MINUTES * 60);
/// Changes that are remembered; beyond it those that are over are forgotten.
const CHANGES: usize = 4096;

/// When each change was made. Without a clock: the moment is passed in.
#[derive(Debug, Default)]
pub struct Repeats(Mutex<HashMap<[u8; 32], VecDeque<Instant>>>);

impl Repeats {
    /// It changed nothing: it does not count.
    pub fn forget(&self, change: [u8; 32], at: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = all.get_mut(&change)
            && let Some(found) = times.iter().rposition(|time| *time == at)
        {
            times.remove(found);
        }
    }

    /// This change once more. `change`: a hash of everything that makes it the same one. 0 is no limit.
    ///
    /// # Errors
    /// It is one too many, and when the next one is free.
    pub fn again(&self, change: [u8; 32], most: u32, now: Instant) -> Result<(), Duration> {
        if most == 0 {
            return Ok(());
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let old = |at: &Instant| now.duration_since(*at) >= WITHIN;
        if all.len() >= CHANGES {
            all.retain(|_, times| !times.back().is_none_or(old));
        }
        let times = all.entry(change).or_default();
        while times.front().is_some_and(old) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= most as usize => Err(WITHIN - now.duration_since(*first)),
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_seen_and_ends() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for n in 0..3 {
            assert_eq!(repeats.again([1; 32], 3, at(n)), Ok(()));
        }
        assert_eq!(repeats.again([1; 32], 3, at(10)), Err(Duration::from_secs(590)));
        assert_eq!(repeats.again([2; 32], 3, at(10)), Ok(()), "another change");
        assert_eq!(repeats.again([1; 32], 0, at(10)), Ok(()), "0 is no limit");
        repeats.forget([1; 32], at(2));
        assert_eq!(repeats.again([1; 32], 3, at(2)), Ok(()), "one of them changed nothing");
        assert_eq!(repeats.again([1; 32], 3, at(600)), Ok(()));
        assert!(repeats.again([1; 32], 3, at(600)).is_err());
    }
}
