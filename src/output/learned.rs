//! Secret values seen in one place, to be masked in every other: as they are, and in the usual encodings.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};

use super::keys::{KeySet, Strength, classify};
use super::keyvalue::is_secret_flag;
use super::patterns::Prefilter;
use super::sanitise::floor;
use super::{EnvMode, encode, look};

/// Shorter values are masked in environments only.
const MIN: usize = 8;
/// Longer values are learned in pieces of this length.
const PIECE: usize = 2048;
/// Longer values are looked for as they are, not encoded.
const ENCODED_MAX: usize = 512;
/// As many values are kept of everybody; one container has a few.
const COUNT_MAX: usize = 2000;
/// As many are kept of the containers that a call is about.
const AMPLE: usize = 10_000;

/// Secret values. Cheap to clone, may be empty.
#[derive(Debug, Clone, Default)]
pub struct Learned(Option<Arc<Inner>>);

struct Inner {
    values: BTreeSet<String>,
    /// Too short to be looked for in texts: masked where an environment holds exactly that.
    short: BTreeSet<String>,
    automaton: OnceLock<Option<AhoCorasick>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} values", self.values.len())
    }
}

/// Collects values; see [`Learned::builder`] and `Redactor::learn`.
#[derive(Clone)]
pub struct LearnedBuilder {
    keys: KeySet,
    prefilter: Arc<OnceLock<Prefilter>>,
    mode: EnvMode,
    active: bool,
    values: BTreeSet<String>,
    short: BTreeSet<String>,
    visible: HashSet<String>,
    /// How many values there may be for now; see [`LearnedBuilder::share`].
    ceiling: usize,
    dropped: bool,
}

impl std::fmt::Debug for LearnedBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LearnedBuilder({} values)", self.values.len())
    }
}

impl Learned {
    /// A collector with the default key globs. `Redactor::learn` gives one that follows the settings.
    #[must_use]
    pub fn builder() -> LearnedBuilder {
        LearnedBuilder::new(KeySet::standard(), Arc::default(), EnvMode::Secrets, true)
    }

    /// Both sets.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (_, None) => self.clone(),
            (None, _) => other.clone(),
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => self.clone(),
            (Some(a), Some(b)) => Self::of(
                a.values.union(&b.values).cloned().collect(),
                a.short.union(&b.short).cloned().collect(),
            ),
        }
    }

    /// Whether there is nothing to mask.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Is this, as the whole value of a variable, a secret that is too short to be looked for elsewhere?
    pub(super) fn is_short(&self, value: &str) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.short.contains(value.trim()))
    }

    fn of(values: BTreeSet<String>, short: BTreeSet<String>) -> Self {
        let some = !values.is_empty() || !short.is_empty();
        Self(some.then(|| Arc::new(Inner { values, short, automaton: OnceLock::new() })))
    }

    /// Adds the range of every learned value in the text.
    pub(super) fn spans(&self, text: &str, out: &mut Vec<Range<usize>>) {
        let Some(inner) = &self.0 else { return };
        let automaton = inner.automaton.get_or_init(|| automaton(&inner.values));
        if let Some(automaton) = automaton {
            out.extend(automaton.find_iter(text).map(|m| m.range()));
            return;
        }
        // too many to build: at least as they are
        for value in &inner.values {
            out.extend(text.match_indices(value.as_str()).map(|(i, m)| i..i + m.len()));
        }
    }

    /// The length of the longest thing looked for, for those who hold back the end of a stream.
    pub(super) fn longest(&self) -> usize {
        self.0.as_ref().map_or(0, |i| i.values.iter().map(String::len).max().unwrap_or(0) * 6)
    }
}

fn automaton(values: &BTreeSet<String>) -> Option<AhoCorasick> {
    let mut forms = BTreeSet::new();
    for value in values {
        if value.len() <= ENCODED_MAX {
            encode::forms(value, &mut |form| {
                if form.len() >= MIN {
                    forms.insert(form);
                }
            });
        } else {
            forms.insert(encode::json(value));
            forms.insert(value.clone());
        }
    }
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(forms)
        .ok()
}

impl LearnedBuilder {
    pub(super) fn new(
        keys: KeySet,
        prefilter: Arc<OnceLock<Prefilter>>,
        mode: EnvMode,
        active: bool,
    ) -> Self {
        let (values, visible) = (BTreeSet::new(), HashSet::new());
        let short = BTreeSet::new();
        Self { keys, prefilter, mode, active, values, short, visible, ceiling: COUNT_MAX, dropped: false }
    }

    /// An environment variable, a label, an option: learned if its key or its look says it is a secret.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.add_env(key, value);
        self
    }

    /// A `KEY=VALUE` line of an `Env` array.
    #[must_use]
    pub fn env_line(mut self, line: &str) -> Self {
        if let Some((key, value)) = line.split_once('=') {
            self.add_env(key, value);
        }
        self
    }

    /// A command line: what follows a secret flag, and what looks like a secret in any argument.
    #[must_use]
    pub fn argv<S: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        let mut flagged = false;
        for argument in arguments {
            let argument = argument.as_ref();
            if self.active {
                if flagged && !argument.starts_with('-') {
                    self.insert(argument);
                }
                self.take_parts(argument);
            }
            flagged = is_secret_flag(argument);
        }
        self
    }

    /// A value that is a secret for certain.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        if self.active {
            self.take(value);
            let short = value.trim();
            if (1..MIN).contains(&short.len()) {
                self.short.insert(short.to_owned());
            }
        }
        self
    }

    /// A name that may be seen: an equal value is not learned.
    #[must_use]
    pub fn visible(mut self, name: &str) -> Self {
        self.visible.insert(name.trim_start_matches('/').to_ascii_lowercase());
        self
    }

    /// From here on at most so many values more: one source must not take the room of the others.
    #[must_use]
    pub fn share(mut self, values: usize) -> Self {
        self.ceiling = self.values.len().saturating_add(values).min(COUNT_MAX);
        self.dropped = false;
        self
    }

    /// Room for what one call is about: more than [`LearnedBuilder::share`] ever gives, and still bounded.
    #[must_use]
    pub const fn ample(mut self) -> Self {
        self.ceiling = AMPLE;
        self
    }

    /// A value found no room since the last [`LearnedBuilder::share`].
    #[must_use]
    pub const fn dropped(&self) -> bool {
        self.dropped
    }

    /// The set.
    #[must_use]
    pub fn build(self) -> Learned {
        let Self { mut values, short, visible, .. } = self;
        values.retain(|v| !visible.contains(&v.to_ascii_lowercase()));
        Learned::of(values, short)
    }

    fn add_env(&mut self, key: &str, value: &str) {
        if !self.active || self.mode == EnvMode::Off {
            return;
        }
        if self.keys.matches(key) {
            // AUTH_HOST, CONNECT_MODE: a glob alone says little about a value made of words
            let sure = classify(key) == Some(Strength::Strong);
            if sure || !look::wordy(value) {
                return self.take(value);
            }
        }
        // a password in a URL, a token in a sentence: the part of any value that is a secret
        if look::random(value) {
            self.take(value);
        } else {
            self.take_parts(value);
        }
    }

    fn take(&mut self, value: &str) {
        self.insert(value);
        self.take_parts(value);
        if value.contains('\n') {
            value.lines().filter(|l| l.len() >= MIN && !l.starts_with("-----")).for_each(|l| self.insert(l));
        }
    }

    fn take_parts(&mut self, value: &str) {
        let mut spans = Vec::new();
        let prefilter = Arc::clone(&self.prefilter);
        prefilter.get_or_init(|| Prefilter::new(&self.keys)).spans(value, None, &mut spans);
        for span in spans {
            let part = value.get(span).unwrap_or_default();
            self.insert(part);
            let decoded = encode::percent_decoded(part);
            if decoded != part {
                self.insert(&decoded);
            }
        }
    }

    fn insert(&mut self, value: &str) {
        let value = value.trim();
        if self.values.len() >= self.ceiling && !self.values.contains(value) {
            self.dropped = true;
            return;
        }
        if value.len() < MIN || look::ordinary(value) {
            return;
        }
        let mut rest = value;
        while rest.len() > 2 * PIECE {
            let (piece, next) = rest.split_at(floor(rest, PIECE));
            self.values.insert(piece.to_owned());
            rest = next;
        }
        self.values.insert(rest.to_owned());
    }
}
