//! What every change shares: the moment it can no longer be called off, and what is found out when its answer was lost.

use std::sync::atomic::{AtomicU8, Ordering};

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
}
