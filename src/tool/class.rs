//! Classes of work and their clocks: chosen where a tool is defined, not inside it.

use std::time::Duration;

use crate::config::settings::{Limits, Neverhang};

/// What kind of work a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Answers from what the server knows; never waits for the engine beyond a probe.
    Local,
    /// Lists and inspections.
    Read,
    /// Follow, events, live stats, waits: ends by itself at a time the caller chose.
    Stream,
    /// Start, stop, and friends.
    Lifecycle,
    /// A command in a container.
    Exec,
    /// Pull, push, build.
    Transfer,
    /// Several containers of a project, one after another, or a compose child process.
    Compose,
    /// How full the disk is: the engine walks all of it.
    Usage,
}

impl Class {
    /// The word in logs, metrics and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Read => "read",
            Self::Stream => "stream",
            Self::Lifecycle => "lifecycle",
            Self::Exec => "exec",
            Self::Transfer => "transfer",
            Self::Compose => "compose",
            Self::Usage => "usage",
        }
    }

    /// Every class.
    pub const ALL: [Self; 8] = [
        Self::Local,
        Self::Read,
        Self::Stream,
        Self::Lifecycle,
        Self::Exec,
        Self::Transfer,
        Self::Compose,
        Self::Usage,
    ];

    /// How many calls of the class run at once, and how many may wait for a place.
    #[must_use]
    pub const fn slots(self) -> (usize, usize) {
        match self {
            Self::Local | Self::Read => (16, 1024),
            Self::Stream => (8, 64),
            Self::Lifecycle => (4, 64),
            Self::Exec => (10, 64),
            Self::Transfer | Self::Compose | Self::Usage => (2, 8),
        }
    }
}

/// How often a caller may call a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// As it likes.
    Free,
    /// `limits.exec_per_minute`
    Exec,
    /// `limits.logs_per_minute`
    Logs,
}

impl Rate {
    /// The setting's name and its value; 0 is no limit.
    #[must_use]
    pub const fn of(self, limits: &Limits) -> (&'static str, u32) {
        match self {
            Self::Free => ("", 0),
            Self::Exec => ("exec_per_minute", limits.exec_per_minute),
            Self::Logs => ("logs_per_minute", limits.logs_per_minute),
        }
    }
}

/// Minutes on a large host, and nobody waits for minutes: what is not known by then is left out.
const USAGE: Duration = Duration::from_secs(60);

/// The clocks of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Reaching the engine: name, connection, TLS.
    pub connect: Duration,
    /// From the request to the answer's first line.
    pub headers: Duration,
    /// Between two pieces of an answer; none for streams that may be silent.
    pub idle: Option<Duration>,
    /// The whole call, waiting for a place included.
    pub total: Duration,
}

impl Clocks {
    /// The clocks of a class under these settings.
    #[must_use]
    pub fn of(class: Class, settings: &Neverhang) -> Self {
        let short = |total: Duration| Self {
            connect: Duration::from_secs(5).min(total),
            headers: Duration::from_secs(10).min(total),
            idle: Some(Duration::from_secs(10).min(total)),
            total,
        };
        let patient = |total: Duration| Self { headers: total, idle: None, ..short(total) };
        match class {
            Class::Local => short(Duration::from_secs(2)),
            Class::Read => short(settings.read_timeout),
            Class::Stream => Self { idle: None, ..short(settings.stream_timeout) },
            Class::Lifecycle => patient(settings.lifecycle_timeout),
            Class::Exec => Self { idle: None, ..short(settings.exec_timeout) },
            Class::Transfer => {
                Self { idle: Some(settings.transfer_idle), ..patient(settings.transfer_timeout) }
            }
            Class::Compose => patient(settings.compose_timeout),
            Class::Usage => patient(USAGE.min(settings.max_timeout)),
        }
    }

    /// The same clocks with another total, for calls that name their own time.
    #[must_use]
    pub fn within(mut self, total: Duration) -> Self {
        self.total = total;
        self.headers = self.headers.min(total);
        self
    }
}
