//! What a role may beside the levels: answer what others ask for, read the log. Callers without a role have neither: a person
//! at the host has commands for both.

use super::pattern::PatternSet;

/// A right that a tool takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// `can_approve`
    Approve,
    /// `can_audit`
    Audit,
}

/// The tools that take one. Here and not at the tools: no tool of a right can forget to say so.
const TOOLS: &[(&str, Right)] = &[("docker_approve", Right::Approve), ("docker_audit", Right::Audit)];

impl Right {
    /// The right that this tool takes, if any.
    #[must_use]
    pub fn of(tool: &str) -> Option<Self> {
        TOOLS.iter().find(|(name, _)| *name == tool).map(|(_, right)| *right)
    }

    /// The key of `[roles.NAME]` that gives it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Approve => "can_approve",
            Self::Audit => "can_audit",
        }
    }
}

/// The rights of a role.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    /// Tools whose held calls it may answer. Empty means none.
    pub approve: PatternSet,
    /// May read the audit log.
    pub audit: bool,
}

impl Rights {
    /// Is this one among them?
    #[must_use]
    pub fn hold(&self, right: Right) -> bool {
        match right {
            Right::Approve => !self.approve.is_empty(),
            Right::Audit => self.audit,
        }
    }
}
