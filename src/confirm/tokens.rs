//! The token of a preview lets the very same call through, once.
//!
//! It stops accidents. It is no consent: whoever asks can confirm.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

/// A hash.
pub type Hash = [u8; 32];

/// Tokens that one caller may hold; with one more, its oldest is void.
const MOST: usize = 32;

/// The tokens of one process.
#[derive(Debug, Default)]
pub struct Tokens {
    /// By the hash of the token: what is kept confirms nothing.
    open: Mutex<HashMap<Hash, Open>>,
}

#[derive(Debug)]
struct Open {
    caller: String,
    binding: Hash,
    /// Void by either clock: one stands still while the machine sleeps, the other can be set.
    made: (Instant, SystemTime),
    ttl: Duration,
}

/// Why a token does not let a call through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// It was never given, was used, or its time is over.
    Unknown,
    /// It was given for another call, or what the call is about has changed since.
    OtherCall,
}

/// Everything that a confirmation is bound to, as one hash. The parts cannot run into each other.
#[must_use]
pub fn binding<'a>(parts: impl IntoIterator<Item = &'a str>) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

impl Tokens {
    /// A new token for this caller and this call.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn give(&self, caller: &str, binding: Hash, ttl: Duration) -> Result<String, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let token = hex::encode(bytes);
        let made = (Instant::now(), SystemTime::now());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, one| !one.is_over(made));
        while open.values().filter(|one| one.caller == caller).count() >= MOST {
            let oldest =
                open.iter().filter(|(_, one)| one.caller == caller).min_by_key(|(_, one)| one.made.0);
            let Some(oldest) = oldest.map(|(hash, _)| *hash) else { break };
            open.remove(&oldest);
        }
        open.insert(hashed(&token), Open { caller: caller.to_owned(), binding, made, ttl });
        Ok(token)
    }

    /// Takes a token, for this call or for none: it is gone whatever comes of it.
    ///
    /// # Errors
    /// As [`Invalid`].
    pub fn take(&self, caller: &str, token: &str, binding: Hash) -> Result<(), Invalid> {
        let now = (Instant::now(), SystemTime::now());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Another caller's token is none of this one's business, and stays his.
        let hash = hashed(token);
        if open.get(&hash).is_none_or(|one| one.caller != caller) {
            return Err(Invalid::Unknown);
        }
        let one = open.remove(&hash).ok_or(Invalid::Unknown)?;
        if one.is_over(now) {
            return Err(Invalid::Unknown);
        }
        if one.binding == binding { Ok(()) } else { Err(Invalid::OtherCall) }
    }
}

impl Open {
    fn is_over(&self, (now, wall): (Instant, SystemTime)) -> bool {
        // A wall clock before the token's birth was set back: nobody knows how long ago that was.
        now.duration_since(self.made.0) > self.ttl
            || wall.duration_since(self.made.1).is_ok_and(|age| age > self.ttl)
    }
}

/// Looked up by hash, a token's compare takes the same time for every wrong one.
fn hashed(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(120);

    #[test]
    fn once_for_this_caller_and_this_call() {
        let tokens = Tokens::default();
        let (this, other) = (binding(["a", "bc"]), binding(["ab", "c"]));
        assert_ne!(this, other, "parts do not run into each other");
        let token = tokens.give("me", this, TTL).unwrap();
        assert_eq!(token.len(), 32);
        assert_eq!(tokens.take("you", &token, this), Err(Invalid::Unknown));
        assert_eq!(tokens.take("me", &token, this), Ok(()));
        assert_eq!(tokens.take("me", &token, this), Err(Invalid::Unknown));
        let token = tokens.give("me", this, TTL).unwrap();
        assert_eq!(tokens.take("me", &token, other), Err(Invalid::OtherCall));
        assert_eq!(tokens.take("me", &token, this), Err(Invalid::Unknown), "burned");
        let late = tokens.give("me", this, Duration::ZERO).unwrap();
        std::thread::yield_now();
        assert_eq!(tokens.take("me", &late, this), Err(Invalid::Unknown));
    }

    #[test]
    fn one_callers_flood_takes_nothing_from_others() {
        let tokens = Tokens::default();
        let mine = tokens.give("me", binding(["x"]), TTL).unwrap();
        let flood: Vec<String> = (0..100).map(|_| tokens.give("you", binding(["y"]), TTL).unwrap()).collect();
        assert_eq!(tokens.open.lock().unwrap().len(), MOST + 1);
        assert_eq!(tokens.take("me", &mine, binding(["x"])), Ok(()));
        assert_eq!(tokens.take("you", &flood[0], binding(["y"])), Err(Invalid::Unknown));
        assert_eq!(tokens.take("you", &flood[99], binding(["y"])), Ok(()));
    }
}
