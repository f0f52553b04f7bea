//! Secrets are masked.

use std::borrow::Cow;

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;
use serde_json::Value;

use super::{Learned, LearnedBuilder, sanitise};

/// What stands where a secret stood.
pub const MASK: &str = "[redacted]";

/// Which values of environment variables are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EnvMode {
    /// Every value.
    All,
    /// Those that are secrets by their key or by their look.
    #[default]
    Secrets,
    /// None.
    Off,
}

/// Section `[redact]` of the settings.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// Off: everything passes as it is.
    pub enabled: bool,
    /// What is masked in environments.
    pub env: EnvMode,
    /// Globs over keys, case-insensitive.
    pub env_keys: &'a [String],
    /// Whether values learned from environments are masked elsewhere.
    pub learn: bool,
    /// Patterns of the user; a whole match is masked.
    pub patterns: Vec<Regex>,
}

/// Masks secrets. Cheap to make: what is expensive is compiled when it is first needed.
#[derive(Debug, Clone)]
pub struct Redactor {
    enabled: bool,
    env: EnvMode,
    keys: Vec<GlobMatcher>,
    learn: bool,
    patterns: Vec<Regex>,
}

impl Redactor {
    /// From the settings. A glob that does not parse is taken literally.
    #[must_use]
    pub fn new(options: Options<'_>) -> Self {
        let keys = options
            .env_keys
            .iter()
            .filter_map(|k| GlobBuilder::new(k).case_insensitive(true).build().ok())
            .map(|g| g.compile_matcher())
            .collect();
        Self {
            enabled: options.enabled,
            env: options.env,
            keys,
            learn: options.learn,
            patterns: options.patterns,
        }
    }

    /// The value of an environment variable, as it may be shown.
    #[must_use]
    pub fn env_value<'v>(&self, key: &str, value: &'v str) -> Cow<'v, str> {
        let mask = self.enabled
            && match self.env {
                EnvMode::All => true,
                EnvMode::Secrets => self.keys.iter().any(|k| k.is_match(key)),
                EnvMode::Off => false,
            };
        if mask { Cow::Borrowed(MASK) } else { Cow::Borrowed(value) }
    }

    /// A collector of secret values that follows these settings.
    #[must_use]
    pub fn learn(&self) -> LearnedBuilder {
        let _ = self.learn;
        Learned::builder()
    }

    /// Text, with secrets masked. Borrows when there is none.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str, _learned: &Learned) -> Cow<'t, str> {
        let mut out = Cow::Borrowed(text);
        for pattern in &self.patterns {
            if let Cow::Owned(s) = pattern.replace_all(&out, MASK) {
                out = Cow::Owned(s);
            }
        }
        out
    }

    /// A line for errors, logs and progress: sanitised, on one line, masked.
    #[must_use]
    pub fn line(&self, text: &str, learned: &Learned) -> String {
        self.text(&sanitise::clean_line(text), learned).into_owned()
    }

    /// A block of text: sanitised and masked.
    #[must_use]
    pub fn block(&self, text: &str, learned: &Learned) -> String {
        self.text(&sanitise::clean(text), learned).into_owned()
    }

    /// The value of a label or an option.
    #[must_use]
    pub fn key_value<'v>(&self, key: &str, value: &'v str, learned: &Learned) -> Cow<'v, str> {
        if self.enabled && self.keys.iter().any(|k| k.is_match(key)) {
            return Cow::Borrowed(MASK);
        }
        self.text(value, learned)
    }

    /// Every string inside, sanitised and masked.
    pub fn json(&self, value: &mut Value, learned: &Learned) {
        super::walk::walk(self, value, learned);
    }
}
