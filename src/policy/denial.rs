//! Refusals that name their rule.

use super::level::Level;
use super::rights::Right;

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// A level is off. `rule` is the line that says so.
    LevelOff {
        /// The level to turn on.
        level: Level,
        /// Where it is off.
        rule: String,
        /// The section of the file to turn it on in.
        section: String,
    },
    /// The level is on for other containers only.
    LevelElsewhere {
        /// The level.
        level: Level,
        /// The section of the file that it stands in.
        section: String,
        /// The container, by its name.
        target: String,
        /// Where the level's globs stand.
        rule: String,
    },
    /// The tool is switched off by name.
    ToolOff {
        /// The tool.
        tool: String,
        /// The entry of `[tools] disable`.
        rule: String,
    },
    /// The tool takes a right that callers of a role have, and this one has not.
    Right {
        /// The tool.
        tool: String,
        /// The right.
        right: Right,
        /// In words.
        rule: String,
    },
    /// The filters do not allow a thing of that name to be made or fetched.
    Name {
        /// `container`, `image`, ...
        kind: &'static str,
        /// The words the caller used.
        asked: String,
        /// What says so. A blacklist's entries stay untold.
        rule: String,
    },
    /// The filters hide the object: to the caller it does not exist. The rule is for the log and for `explain`.
    Hidden {
        /// `container`, `image`, ...
        kind: &'static str,
        /// The words the caller used.
        asked: String,
        /// The entry that hides it.
        rule: String,
    },
}

impl Denial {
    /// The rule and its place, for the audit log and `explain`. Never shown to an MCP caller for [`Denial::Hidden`].
    #[must_use]
    pub fn rule(&self) -> &str {
        match self {
            Self::LevelOff { rule, .. }
            | Self::LevelElsewhere { rule, .. }
            | Self::ToolOff { rule, .. }
            | Self::Right { rule, .. }
            | Self::Name { rule, .. }
            | Self::Hidden { rule, .. } => rule,
        }
    }
}
