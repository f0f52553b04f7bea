//! Permission levels: a set, not a ladder.

use std::fmt;

/// What a tool may need. Each is switched on by itself in `[permissions]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// List, inspect, logs, stats, top, events, wait.
    Read,
    /// Start, stop, restart, pause, unpause, kill.
    Lifecycle,
    /// Run commands in a container, copy in and out.
    Exec,
    /// Create, run, remove, rename, update, recreate.
    Create,
    /// Pull, build, tag, push, remove images.
    Images,
    /// Create and remove volumes.
    Volumes,
    /// Create, remove, connect, disconnect networks.
    Networks,
    /// Info, disk usage, prune.
    System,
}

impl Level {
    /// Every level, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Lifecycle,
        Self::Exec,
        Self::Create,
        Self::Images,
        Self::Volumes,
        Self::Networks,
        Self::System,
    ];

    /// The key of `[permissions]`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Lifecycle => "lifecycle",
            Self::Exec => "exec",
            Self::Create => "create",
            Self::Images => "images",
            Self::Volumes => "volumes",
            Self::Networks => "networks",
            Self::System => "system",
        }
    }

    /// It acts on containers, so that globs of them can narrow it.
    #[must_use]
    pub const fn takes_globs(self) -> bool {
        matches!(self, Self::Read | Self::Lifecycle | Self::Exec | Self::Create)
    }

    /// The level of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.name() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
