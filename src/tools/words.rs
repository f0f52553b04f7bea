//! What several tools say or understand in the same words.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::tool::{Kind, ToolError};

/// A part of the name, or the whole name where there is a `*`.
pub(super) fn name_fits(want: &str, name: &str) -> bool {
    let want = want.trim_start_matches('/');
    let mut parts = want.split('*');
    let (Some(first), true) = (parts.next(), want.contains('*')) else { return name.contains(want) };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// `key`, or `key=value`.
pub(super) fn label_fits(want: &str, labels: &BTreeMap<String, String>) -> bool {
    match want.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|v| v == value),
        None => labels.contains_key(want),
    }
}

/// Seconds since 1970, now.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// `3d`: how long ago that was. None where nobody said when (images that are built to be the same each time say 0).
pub(super) fn age(created: i64, now: i64) -> Option<String> {
    const UNITS: [(i64, &str); 7] = [
        (365 * 86_400, "y"),
        (30 * 86_400, "mo"),
        (7 * 86_400, "w"),
        (86_400, "d"),
        (3600, "h"),
        (60, "m"),
        (1, "s"),
    ];
    if created <= 0 {
        return None;
    }
    let secs = (now - created).max(0);
    // Two of a unit at least: `36h` says more than `1d`.
    let (size, unit) = UNITS.into_iter().find(|(size, _)| secs >= 2 * size).unwrap_or((1, "s"));
    Some(format!("{}{unit}", secs / size))
}

/// What needs a running container was asked of another.
pub(super) fn not_running(name: &str) -> ToolError {
    ToolError::new(Kind::Conflict, format!("container `{name}` is not running"))
        .hint("docker_ps with all = true shows its state; docker_start starts it")
}

/// Names for one cell: so many as fit, and how many more there are.
pub(super) fn names(all: &[String]) -> String {
    const FIT: usize = 300;
    let mut out = String::new();
    for (i, name) in all.iter().enumerate() {
        if i > 0 && out.len() + name.len() > FIT {
            return format!("{out}, +{} more", all.len() - i);
        }
        if i > 0 {
            out.push_str(", ");
        }
        out.push_str(name);
    }
    out
}

/// `1 image`, `3 images`.
pub(super) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_filters() {
        assert!(name_fits("web", "my-web-1"));
        assert!(name_fits("my-*-1", "my-web-1"));
        assert!(!name_fits("web*", "my-web-1"));
        assert!(name_fits("*", "x"));
        assert!(name_fits("/web*", "web-1"));
        assert!(!name_fits("a*a", "a"));
    }

    #[test]
    fn many_names_are_counted() {
        let all: Vec<String> = (0..100).map(|i| format!("web-{i:04}")).collect();
        let text = names(&all);
        assert!(text.len() < 330 && text.ends_with(" more"), "{text}");
        assert_eq!(names(&all[..2]), "web-0000, web-0001");
        assert_eq!(names(&[]), "");
    }

    #[test]
    fn labels() {
        let labels = BTreeMap::from([("a".to_owned(), "b=c".to_owned())]);
        assert!(label_fits("a", &labels) && label_fits("a=b=c", &labels));
        assert!(!label_fits("b", &labels) && !label_fits("a=b", &labels));
    }

    #[test]
    fn ages() {
        for (secs, want) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (36 * 3600, "36h"),
            (3 * 86_400, "3d"),
            (800 * 86_400, "2y"),
        ] {
            assert_eq!(age(1_000_000, 1_000_000 + secs).as_deref(), Some(want));
        }
        assert_eq!(age(0, 5), None);
        assert_eq!(age(10, 5).as_deref(), Some("0s"));
    }
}
