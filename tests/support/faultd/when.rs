//! Which requests a rule is for.

use std::ops::{Bound, RangeBounds};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Request;

/// A pattern of requests. All that is said must fit.
#[derive(Debug, Default)]
pub struct When {
    method: Option<&'static str>,
    path: String,
    /// The first and the last of those that fit, counted from 1.
    nth: Option<(u64, u64)>,
    /// Of a hundred, and the generator's state.
    chance: Option<(u64, AtomicU64)>,
    met: AtomicU64,
}

/// A `GET` whose path, without the version, fits: see [`When::path`].
pub fn get(path: &str) -> When {
    When { method: Some("GET"), ..any().path(path) }
}

/// A `POST`.
pub fn post(path: &str) -> When {
    When { method: Some("POST"), ..any().path(path) }
}

/// A `PUT`.
pub fn put(path: &str) -> When {
    When { method: Some("PUT"), ..any().path(path) }
}

/// A `DELETE`.
pub fn delete(path: &str) -> When {
    When { method: Some("DELETE"), ..any().path(path) }
}

/// Every request.
pub fn any() -> When {
    When::default()
}

impl When {
    /// Words that stand in the path in this order, with `*` between them; a path is without version and query. A `$` at
    /// the end is the path's end.
    pub fn path(mut self, words: &str) -> Self {
        words.clone_into(&mut self.path);
        self
    }

    /// The object with that id (or name, as the request has it).
    pub fn of(mut self, id: &str) -> Self {
        self.path = format!("/{id}*{}", self.path);
        self
    }

    /// Only the n-th of those that fit, or those from the n-th on, counted from 1: `nth(2..)`, `nth(1..=3)`.
    pub fn nth(mut self, which: impl RangeBounds<u64>) -> Self {
        let first = match which.start_bound() {
            Bound::Included(n) => *n,
            Bound::Excluded(n) => n + 1,
            Bound::Unbounded => 1,
        };
        let last = match which.end_bound() {
            Bound::Included(n) => *n,
            Bound::Excluded(n) => n - 1,
            Bound::Unbounded => u64::MAX,
        };
        self.nth = Some((first, last));
        self
    }

    /// The first of those that fit, once.
    pub fn once(self) -> Self {
        self.nth(1..=1)
    }

    /// So many of a hundred, the same ones for the same seed.
    pub fn chance(mut self, percent: u64, seed: u64) -> Self {
        self.chance = Some((percent, AtomicU64::new(seed.wrapping_mul(2).wrapping_add(1))));
        self
    }

    /// Says the pattern anything of that request, whatever came before?
    pub fn fits(&self, request: &Request) -> bool {
        self.method.is_none_or(|m| m == request.method) && words_fit(&self.path, &request.path)
    }

    /// Is it this one's turn? Counts.
    pub(super) fn takes(&self, request: &Request) -> bool {
        if !self.fits(request) {
            return false;
        }
        let number = self.met.fetch_add(1, Ordering::SeqCst) + 1;
        let turn = self.nth.is_none_or(|(first, last)| (first..=last).contains(&number));
        turn && self.chance.as_ref().is_none_or(|(percent, state)| roll(state) % 100 < *percent)
    }
}

fn words_fit(pattern: &str, path: &str) -> bool {
    let (pattern, ends) = pattern.strip_suffix('$').map_or((pattern, false), |p| (p, true));
    let mut rest = path;
    for word in pattern.split('*') {
        let Some(at) = rest.find(word) else { return false };
        rest = &rest[at + word.len()..];
    }
    // The last word may stand in the path more than once.
    !ends || path.ends_with(pattern.rsplit('*').next().unwrap_or_default())
}

/// The next number of a xorshift generator.
fn roll(state: &AtomicU64) -> u64 {
    let next = |mut x: u64| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^ (x << 17)
    };
    let old = state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |x| Some(next(x))).unwrap();
    next(old) >> 16
}

/// 0 to 99, for jitter.
pub fn dice() -> u32 {
    static STATE: AtomicU64 = AtomicU64::new(0x9e37_79b9);
    u32::try_from(roll(&STATE) % 100).unwrap()
}

#[test]
fn patterns_fit_paths() {
    assert!(words_fit("", "/containers/json"));
    assert!(words_fit("/containers/*/json$", "/containers/ab/json"));
    assert!(words_fit("/json$", "/containers/json/json"));
    assert!(!words_fit("/containers/*/json$", "/containers/json"));
    assert!(!words_fit("/containers/json$", "/containers/json/x"));
    assert!(words_fit("/logs", "/containers/ab/logs"));
}
