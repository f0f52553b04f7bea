//! What can go wrong between us and an engine.

use std::fmt;
use std::time::Duration;

use super::dial::DialError;
use super::forbidden::Forbidden;

/// Which clock ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Reaching the engine.
    Connect,
    /// Waiting for the first line of the answer.
    Headers,
    /// Between two pieces of the answer.
    Idle,
    /// The whole call.
    Total,
}

/// A failed request. Texts that the engine wrote are scrubbed of ids and hidden names before they get here.
#[derive(Debug)]
pub enum EngineError {
    /// No connection.
    Dial(DialError),
    /// A clock ran out.
    Timeout {
        /// Which.
        clock: Clock,
        /// How long it was.
        limit: Duration,
    },
    /// What came back is not what a Docker Engine says.
    Protocol(String),
    /// The answer is larger than the cap, in bytes.
    TooLarge {
        /// The cap.
        cap: u64,
    },
    /// The engine refused, with its own words.
    Status {
        /// The HTTP status.
        code: u16,
        /// Scrubbed; empty where it did not say.
        message: String,
    },
    /// A proxy before the engine does not let it through. The engine has not heard of it.
    Forbidden(Forbidden),
    /// The engine speaks an API that is too old.
    TooOld {
        /// What it speaks.
        api: String,
    },
    /// The object is gone.
    Gone,
    /// What is there does not allow it, as we saw ourselves: it was not sent.
    Conflict(String),
    /// What the container holds went or changed while it was read: the engine said yes, and its answer ended well, but not
    /// with what it began. Nobody's fault.
    Changed(String),
    /// Another engine answers than the one that the call began with. The request was not sent.
    Another,
    /// A change that its caller gave up before it was sent.
    Withdrawn,
    /// A request that is not on the closed list: a fault of ours, and not sent.
    NotAllowed(String),
}

impl EngineError {
    /// The object is not there (any more).
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Gone | Self::Status { code: 404, .. })
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(e) => e.fmt(f),
            Self::Timeout { clock, limit } => write!(f, "{clock:?} clock ran out after {limit:?}"),
            Self::Protocol(what) => write!(f, "not a Docker Engine's answer: {what}"),
            Self::TooLarge { cap } => write!(f, "the answer is larger than {cap} bytes"),
            Self::Status { code, message } => write!(f, "the engine answered {code}: {message}"),
            Self::Forbidden(what) => write!(f, "a proxy before the engine forbids {what}"),
            Self::TooOld { api } => write!(f, "the engine speaks API {api}"),
            Self::Gone => f.write_str("the object is gone"),
            Self::Another => f.write_str("another engine answers now"),
            Self::Conflict(why) => f.write_str(why),
            Self::Changed(what) => write!(f, "changed while it was read: {what}"),
            Self::Withdrawn => f.write_str("called off before it was sent"),
            Self::NotAllowed(what) => write!(f, "not on the list of requests: {what}"),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<DialError> for EngineError {
    fn from(e: DialError) -> Self {
        Self::Dial(e)
    }
}
