//! Which processes write changes into the log and still live. What one that died left open is closed at the next start.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::OFlags;

use super::read::{self, Entry};
use super::record::Record;
use crate::state;

const FOLDER: &str = "boots";

/// The mark of a living process: a file that it holds locked, whatever becomes of it.
#[derive(Debug)]
pub(super) struct Mark {
    _locked: File,
    path: PathBuf,
}

impl Mark {
    /// Made before the first intent is written.
    pub fn of(dir: &Path, boot: &str) -> Result<Self> {
        let folder = dir.join(FOLDER);
        state::make_dir(&folder)?;
        let path = folder.join(format!("{boot}.lock"));
        let file = open(OpenOptions::new().create_new(true), &path)?;
        state::hand_to_owner(&file, &folder)?;
        // Nobody else knows it yet.
        file.try_lock().map_err(std::io::Error::from)?;
        Ok(Self { _locked: file, path })
    }

    /// Nothing is left open.
    pub fn remove(self) {
        let _kept = std::fs::remove_file(self.path);
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
            // One that is gone again was closed by another process.
            let Ok(file) = open(&mut OpenOptions::new(), &path) else { continue };
            if file.try_lock().is_ok() && path.exists() {
                let made = file.metadata()?.modified()?;
                let since = Timestamp::try_from(made).unwrap_or(Timestamp::UNIX_EPOCH);
                dead.push(Self { boot, since, mark: Mark { _locked: file, path } });
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

fn open(options: &mut OpenOptions, path: &Path) -> Result<File> {
    options.read(true).write(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)
}
