//! Tables, trees, and numbers for people.

use serde_json::Value;

/// A size the way `docker stats` shows traffic: `450MB`, `1.2GB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    scaled(n, 1000, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A size of memory: `256M`, `1.5G`.
#[must_use]
pub fn memory(n: u64) -> String {
    scaled(n, 1024, &["B", "K", "M", "G", "T", "P", "E"])
}

fn scaled(n: u64, base: u64, units: &[&str]) -> String {
    let mut unit = 1_u64;
    let mut names = units.iter().copied();
    let mut name = names.next().unwrap_or_default();
    for next in names {
        // one decimal below ten: 9.95 rounds to 10
        if n / base < unit {
            break;
        }
        unit = unit.saturating_mul(base);
        name = next;
    }
    let tenths = u128::from(n) * 10 / u128::from(unit);
    let (whole, tenth) = (tenths / 10, tenths % 10);
    if whole < 10 && tenth > 0 && unit > 1 {
        format!("{whole}.{tenth}{name}")
    } else {
        format!("{whole}{name}")
    }
}

/// A span of time: `3d 12h`, `4h 2m`, `12s`.
#[must_use]
pub fn duration(secs: u64) -> String {
    let parts = [(secs / 86_400, "d"), (secs / 3600 % 24, "h"), (secs / 60 % 60, "m"), (secs % 60, "s")];
    let Some(first) = parts.iter().position(|(n, _)| *n > 0) else { return "0s".to_owned() };
    let shown: Vec<String> =
        parts.iter().skip(first).take(2).filter(|(n, _)| *n > 0).map(|(n, u)| format!("{n}{u}")).collect();
    shown.join(" ")
}

/// An object as indented `key: value` lines.
#[must_use]
pub fn tree(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
