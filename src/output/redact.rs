//! Secrets are masked: by key, by shape, by value.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use regex::Regex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::keys::KeySet;
use super::patterns::Prefilter;
use super::{Learned, LearnedBuilder, look, sanitise};

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
    /// Off: everything passes as it is (sanitised still).
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

/// Masks secrets. Cheap to make and to clone: what is expensive is compiled when it is first needed.
#[derive(Debug, Clone)]
pub struct Redactor {
    enabled: bool,
    env: EnvMode,
    keys: KeySet,
    learn: bool,
    patterns: Arc<[Regex]>,
    prefilter: Arc<OnceLock<Prefilter>>,
}

/// Shorter values are guessed from their fingerprints: they get none.
const PRINTED: usize = 8;

/// The mask of a whole value, with a fingerprint: the same secret in two services has the same one. Keyed for this process,
/// so that it tells nothing elsewhere; 24 bits, so that many values share one.
fn print(value: &str) -> String {
    static KEY: OnceLock<Option<[u8; 16]>> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let mut key = [0; 16];
        getrandom::fill(&mut key).ok().map(|()| key)
    });
    match key.filter(|_| value.len() >= PRINTED) {
        None => MASK.to_owned(),
        Some(key) => {
            let hash = Sha256::new().chain_update(key).chain_update(value).finalize();
            let hex: String = hex::encode(hash).chars().take(6).collect();
            format!("[redacted:{hex}]")
        }
    }
}

/// It stands where a secret stood.
fn is_mask(text: &str) -> bool {
    let inner = text.strip_prefix("[redacted").and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| {
        inner.is_empty()
            || (inner.len() == 7
                && inner.starts_with(':')
                && inner.bytes().skip(1).all(|b| b.is_ascii_hexdigit()))
    })
}

impl Default for Redactor {
    /// The settings' defaults.
    fn default() -> Self {
        Self {
            enabled: true,
            env: EnvMode::Secrets,
            keys: KeySet::standard(),
            learn: true,
            patterns: Arc::default(),
            prefilter: Arc::default(),
        }
    }
}

impl Redactor {
    /// From the settings. A glob that does not parse is taken literally.
    #[must_use]
    pub fn new(options: Options<'_>) -> Self {
        Self {
            enabled: options.enabled,
            env: options.env,
            keys: KeySet::new(options.env_keys),
            learn: options.learn,
            patterns: options.patterns.into(),
            prefilter: Arc::default(),
        }
    }

    /// Whether anything is masked at all.
    #[must_use]
    pub const fn enabled(&self) -> bool {
        self.enabled
    }

    /// A collector of secret values that follows these settings.
    #[must_use]
    pub fn learn(&self) -> LearnedBuilder {
        let active = self.enabled && self.learn;
        LearnedBuilder::new(self.keys.clone(), Arc::clone(&self.prefilter), self.env, active)
    }

    /// The value of an environment variable, as it may be shown: whole, or masked with a fingerprint.
    #[must_use]
    pub fn env_value<'v>(&self, key: &str, value: &'v str) -> Cow<'v, str> {
        let mask = self.enabled
            && !value.is_empty()
            && match self.env {
                EnvMode::All => true,
                EnvMode::Secrets => self.keys.matches(key) || self.looks_secret(value),
                EnvMode::Off => false,
            };
        if mask && !is_mask(value) { Cow::Owned(print(value)) } else { Cow::Borrowed(value) }
    }

    /// The same, and what is left is searched for secrets too, unless environments are shown as they are.
    pub(super) fn env_pair<'v>(&self, key: &str, value: &'v str, learned: &Learned) -> Cow<'v, str> {
        if self.enabled && self.env != EnvMode::Off && learned.is_short(value) {
            return Cow::Borrowed(MASK);
        }
        match self.env_value(key, value) {
            Cow::Borrowed(v) if v == value && self.env != EnvMode::Off => self.text(value, learned),
            other => other,
        }
    }

    /// A `KEY=VALUE` line.
    #[must_use]
    pub fn env_line(&self, line: &str, learned: &Learned) -> String {
        match line.split_once('=') {
            Some((key, value)) => format!("{key}={}", self.env_pair(key, value, learned)),
            None => line.to_owned(),
        }
    }

    /// The value of a label, an option, a field.
    #[must_use]
    pub fn key_value<'v>(&self, key: &str, value: &'v str, learned: &Learned) -> Cow<'v, str> {
        if self.enabled && !look::placeholder(value) && self.keys.matches(key) {
            return Cow::Borrowed(MASK);
        }
        self.text(value, learned)
    }

    /// Text, with secrets masked. Borrows when there is none.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str, learned: &Learned) -> Cow<'t, str> {
        let spans = self.spans(text, learned);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for span in spans {
            out.push_str(text.get(at..span.start).unwrap_or_default());
            out.push_str(MASK);
            at = span.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// What is secret in a text: sorted, not overlapping.
    pub(super) fn spans(&self, text: &str, learned: &Learned) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        if !self.enabled || text.len() < 4 {
            return spans;
        }
        let globs = (self.env != EnvMode::Off).then_some(&self.keys);
        self.prefilter().spans(text, globs, &mut spans);
        learned.spans(text, &mut spans);
        for pattern in self.patterns.iter() {
            spans.extend(pattern.find_iter(text).map(|m| m.range()).filter(|r| !r.is_empty()));
        }
        if spans.is_empty() {
            return spans;
        }
        spans.sort_by_key(|r| r.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(spans.len());
        for span in spans {
            match merged.last_mut() {
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => merged.push(span),
            }
        }
        // what is masked already stays as it is
        merged.retain(|r| !text.get(r.clone()).is_some_and(is_mask));
        merged
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

    /// Every string inside, sanitised and masked as its field asks for.
    pub fn json(&self, value: &mut Value, learned: &Learned) {
        super::walk::walk(self, value, learned);
    }

    fn looks_secret(&self, value: &str) -> bool {
        let mut spans = Vec::new();
        self.prefilter().spans(value, None, &mut spans);
        !spans.is_empty() || look::random(value)
    }

    fn prefilter(&self) -> &Prefilter {
        self.prefilter.get_or_init(|| Prefilter::new(&self.keys))
    }
}
