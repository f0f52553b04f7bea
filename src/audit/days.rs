//! The files of the log, one a day, and which of them are old enough to go.

use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::{Span, Timestamp};

/// One day's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day {
    pub date: Date,
    pub path: PathBuf,
}

impl Day {
    /// Its name, which messages give as the place.
    pub fn name(&self) -> String {
        name(self.date)
    }
}

/// The day, in UTC.
pub(super) fn of(at: Timestamp) -> Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// What that day's file is called.
pub(super) fn name(date: Date) -> String {
    format!("audit-{:04}{:02}{:02}.jsonl", date.year(), date.month(), date.day())
}

fn parse(name: &str) -> Option<Date> {
    let digits = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?;
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i16>().ok();
    let (month, day) = (part(4..6)?.try_into().ok()?, part(6..8)?.try_into().ok()?);
    let date = Date::new(part(0..4)?, month, day).ok()?;
    (self::name(date) == name).then_some(date)
}

/// All of them, the oldest first. No folder has none.
pub(super) fn all(dir: &Path) -> Result<Vec<Day>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut days = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some(date) = entry.file_name().to_str().and_then(parse) {
            days.push(Day { date, path: entry.path() });
        }
    }
    days.sort();
    Ok(days)
}

/// Removes what is older than so many days, and names what it removed. It counts from the last day but one that has a
/// file: a clock that jumps ahead, or a machine that slept for a year, takes nothing away by itself. What is written today
/// stays, whatever day that is said to be.
pub(super) fn expire(dir: &Path, keep: u32, today: Date) -> Result<Vec<String>> {
    let days = all(dir)?;
    let Some(from) = days.iter().rev().nth(1) else { return Ok(Vec::new()) };
    let Ok(oldest) = from.date.checked_sub(Span::new().days(keep)) else { return Ok(Vec::new()) };
    let mut gone = Vec::new();
    for day in days.iter().filter(|day| day.date < oldest && day.date < today) {
        match std::fs::remove_file(&day.path) {
            Ok(()) => gone.push(day.name()),
            // Another process was faster, and says so in its line.
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_files_go_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let put = |name: &str| std::fs::write(home.path().join(name), "").unwrap();
        let today = Date::constant(2026, 3, 2);
        let names = |found: Vec<Day>| found.iter().map(Day::name).collect::<Vec<_>>();
        let other =
            ["audit-20260101.jsonl.gz", "audit-2026011.jsonl", "audit-20261301.jsonl", "notes", "held"];
        other.iter().for_each(|name| put(name));
        for day in ["20260101", "20260129", "20260131", "20260301", "20260302"] {
            put(&format!("audit-{day}.jsonl"));
        }
        assert_eq!(expire(home.path(), 30, today).unwrap(), ["audit-20260101.jsonl", "audit-20260129.jsonl"]);
        assert_eq!(expire(home.path(), 30, today).unwrap(), [""; 0]);
        // A clock that is a century ahead.
        put("audit-21260302.jsonl");
        assert_eq!(expire(home.path(), 30, today).unwrap(), [""; 0]);
        assert_eq!(names(all(home.path()).unwrap()).len(), 4);
        // One that is far behind.
        put("audit-19700101.jsonl");
        assert_eq!(expire(home.path(), 30, Date::constant(1970, 1, 1)).unwrap(), [""; 0]);
        assert!(other.iter().all(|name| home.path().join(name).exists()));
    }
}
