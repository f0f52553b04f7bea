//! Why something is not let through.

/// What is wrong with what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It could be done, and is not.
    Forbidden {
        /// What was asked, in the caller's words.
        what: String,
        /// The rule that forbids it.
        rule: &'static str,
    },
    /// It could be done, and is not, by a rule that stands in the configuration.
    Ruled {
        /// What was asked, in the caller's words.
        what: String,
        /// The rule that forbids it, with its place.
        rule: String,
        /// What the caller may do instead.
        instead: &'static str,
    },
    /// It cannot be done this way.
    Unable {
        /// Why not, in the caller's words.
        what: String,
        /// What can be done instead.
        hint: &'static str,
    },
    /// It is no such thing.
    Malformed {
        /// What is wrong, in the caller's words.
        what: String,
        /// What would be right.
        hint: &'static str,
    },
}

impl Refusal {
    pub(super) fn forbidden(what: impl Into<String>, rule: &'static str) -> Self {
        Self::Forbidden { what: what.into(), rule }
    }

    pub(super) fn ruled(what: String, rule: String, instead: &'static str) -> Self {
        Self::Ruled { what, rule, instead }
    }

    pub(super) fn malformed(what: impl Into<String>, hint: &'static str) -> Self {
        Self::Malformed { what: what.into(), hint }
    }
}
