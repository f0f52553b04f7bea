//! Which processes write changes into the log and still live. What one that died left open is closed at the next start.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Result};
use std::mem::ManuallyDrop;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::read::{self, Entry};
use super::record::Record;
use crate::state::Claim;

const FOLDER: &str = "boots";

/// The mark of a living process. It stays behind unless it is removed: who comes next then looks what was left open.
#[derive(Debug)]
pub(super) struct Mark(ManuallyDrop<Claim>);

impl Mark {
    /// Made before the first intent is written.
    pub fn of(dir: &Path, boot: &str) -> Result<Self> {
        let claim = Claim::attempt(&dir.join(FOLDER), boot)?;
        claim.map(|claim| Self(ManuallyDrop::new(claim))).ok_or_else(|| ErrorKind::AlreadyExists.into())
    }

    /// Whoever starts next finds it.
    pub fn is_seen(&self) -> bool {
        self.0.is_seen()
    }

    /// Nothing is left open.
    pub fn remove(self) {
        drop(ManuallyDrop::into_inner(self.0));
    }
}

/// A process that died with its mark in place. Whoever holds this is the only one who closes what it left.
#[derive(Debug)]
pub(super) struct Dead {
    pub boot: String,
    since: Timestamp,
    mark: Mark,
}

impl Dead {
    /// Those there are.
    pub fn all(dir: &Path) -> Result<Vec<Self>> {
        let entries = match std::fs::read_dir(dir.join(FOLDER)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut dead = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let boot =
                path.extension().filter(|e| *e == "lock").and(path.file_stem()).and_then(|s| s.to_str());
            let Some(boot) = boot.map(str::to_owned) else { continue };
            // Those that live hold theirs; of one that cannot be had nobody knows anything.
            if let Ok(mark) = Mark::of(dir, &boot) {
                let since = Timestamp::try_from(mark.0.since()?).unwrap_or(Timestamp::UNIX_EPOCH);
                dead.push(Self { boot, since, mark });
            }
        }
        Ok(dead)
    }

    /// The changes that they may have made and did not live to tell: one record each.
    pub fn left(dead: &[Self], dir: &Path) -> Result<Vec<Record>> {
        let Some(since) = dead.iter().map(|dead| dead.since).min() else { return Ok(Vec::new()) };
        // The clock may have been set back since: one day more.
        let from = since.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
        let mut open: BTreeMap<String, Entry> = BTreeMap::new();
        read::each(dir, Some(from), |line| {
            let Some(entry) = Entry::of(&line) else { return };
            if entry.outcome == "intent" {
                if dead.iter().any(|dead| dead.boot == entry.boot) {
                    open.insert(entry.call.clone(), entry);
                }
            } else {
                open.remove(&entry.call);
            }
        })?;
        Ok(open.into_values().map(|intent| Record::reconciled(&intent)).collect())
    }

    /// It has been dealt with.
    pub fn forget(self) {
        self.mark.remove();
    }
}
