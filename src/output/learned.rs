//! Secret values seen in one place, to be masked in every other.

/// Secret values. Cheap to clone, may be empty.
#[derive(Debug, Clone, Default)]
pub struct Learned {}

/// Collects values; see [`Learned::builder`] and `Redactor::learn`.
#[derive(Debug, Clone, Default)]
pub struct LearnedBuilder {}

impl Learned {
    /// A collector with the default key globs. `Redactor::learn` gives one with the configured globs.
    #[must_use]
    pub fn builder() -> LearnedBuilder {
        LearnedBuilder::default()
    }

    /// Both sets.
    #[must_use]
    pub fn merge(&self, _other: &Self) -> Self {
        self.clone()
    }

    /// Whether there is nothing to mask.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        true
    }
}

impl LearnedBuilder {
    /// An environment variable: learned if its key or its look says it is a secret.
    #[must_use]
    pub const fn env(self, _key: &str, _value: &str) -> Self {
        self
    }

    /// A `KEY=VALUE` line of an `Env` array.
    #[must_use]
    pub const fn env_line(self, _line: &str) -> Self {
        self
    }

    /// A value that is a secret for certain.
    #[must_use]
    pub const fn value(self, _value: &str) -> Self {
        self
    }

    /// A name that may be seen: an equal value is not learned.
    #[must_use]
    pub const fn visible(self, _name: &str) -> Self {
        self
    }

    /// The set.
    #[must_use]
    pub const fn build(self) -> Learned {
        Learned {}
    }
}
