//! A rest after each call, for each thing by itself, whoever calls. Those of a minute or more outlive the process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::state::{Folder, Lock, Moment};

/// Shorter ones are over before a restart is.
const KEPT: Duration = Duration::from_secs(60);
/// Things that are remembered; beyond it those that have rested are forgotten.
const THINGS: usize = 4096;

/// As it is kept for other processes.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    since: Moment,
    every_ms: u64,
}

/// What rests, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// A name for it that no other thing has; the same for every way to address it.
    pub key: String,
    /// So long.
    pub every: Duration,
    /// In words for the caller.
    pub words: String,
}

/// It rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resting {
    /// What does.
    pub bucket: Bucket,
    /// So much longer.
    pub wait: Duration,
}

/// What [`Cooldowns::take`] took, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken(Vec<Bucket>, Moment);

/// When each thing was last done.
#[derive(Debug, Default)]
pub struct Cooldowns {
    folder: Option<Folder>,
    last: Mutex<HashMap<String, (Moment, Duration)>>,
}

impl Cooldowns {
    /// Which keeps those of a minute or more in this folder, for other processes and the next one.
    #[must_use]
    pub fn at(folder: Folder) -> Self {
        Self { folder: Some(folder), last: Mutex::default() }
    }

    /// Have all of them rested?
    ///
    /// # Errors
    /// One of them has not.
    pub fn rested(&self, buckets: &[Bucket]) -> Result<(), Resting> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&last, buckets, &Moment::now())
    }

    /// From now on they rest: all of them, or none. Of two processes at once, one hears yes. Waits for the disk.
    ///
    /// # Errors
    /// One of them has not rested.
    pub fn take(&self, buckets: &[Bucket]) -> Result<Taken, Resting> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let _alone = self.alone(buckets);
        let now = Moment::now();
        self.look(&last, buckets, &now)?;
        if last.len() >= THINGS {
            last.retain(|_, (since, every)| since.age(&now) < *every);
        }
        for bucket in buckets {
            last.insert(bucket.key.clone(), (now.clone(), bucket.every));
            if let Some(folder) = self.kept_in(bucket) {
                self.told(folder.put(&name(bucket), &Kept { since: now.clone(), every_ms: millis(bucket) }));
            }
        }
        Ok(Taken(buckets.to_vec(), now))
    }

    /// Nothing was done: they need no rest. What somebody else took since stays taken.
    pub fn give_back(&self, Taken(buckets, when): &Taken) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let _alone = self.alone(buckets);
        for bucket in buckets {
            if last.get(&bucket.key).is_some_and(|(since, _)| since == when) {
                last.remove(&bucket.key);
            }
            if let Some(folder) = self.kept_in(bucket)
                && self
                    .told(folder.get::<Kept>(&name(bucket)))
                    .flatten()
                    .is_some_and(|kept| kept.since == *when)
            {
                self.told(folder.take(&name(bucket)));
            }
        }
    }

    /// Forgets on the disk what has rested: once at the start is often enough.
    pub fn sweep(&self) {
        let Some(folder) = &self.folder else { return };
        let now = Moment::now();
        for (name, kept) in self.told(folder.all::<Kept>()).unwrap_or_default() {
            if kept.since.age(&now) >= Duration::from_millis(kept.every_ms) {
                self.told(folder.take(&name));
            }
        }
    }

    /// Of several processes, one is at them.
    fn alone(&self, buckets: &[Bucket]) -> Option<Lock> {
        let folder = self.folder.as_ref().filter(|_| buckets.iter().any(|bucket| bucket.every >= KEPT))?;
        self.told(folder.lock())
    }

    fn look(
        &self,
        last: &HashMap<String, (Moment, Duration)>,
        buckets: &[Bucket],
        now: &Moment,
    ) -> Result<(), Resting> {
        for bucket in buckets {
            let ours = last.get(&bucket.key).map(|(since, _)| since.age(now));
            let kept = self.kept_in(bucket).and_then(|folder| self.told(folder.get::<Kept>(&name(bucket))));
            let ages = ours.into_iter().chain(kept.flatten().map(|kept| kept.since.age(now)));
            if let Some(age) = ages.min().filter(|age| *age < bucket.every) {
                return Err(Resting { bucket: bucket.clone(), wait: bucket.every - age });
            }
        }
        Ok(())
    }

    fn kept_in(&self, bucket: &Bucket) -> Option<&Folder> {
        self.folder.as_ref().filter(|_| bucket.every >= KEPT)
    }

    /// A disk that fails costs what outlives the process, not the rest itself.
    fn told<T>(&self, result: std::io::Result<T>) -> Option<T> {
        result
            .inspect_err(|e| tracing::warn!(error = %e, "a cooldown cannot be kept for the next start"))
            .ok()
    }
}

fn millis(bucket: &Bucket) -> u64 {
    u64::try_from(bucket.every.as_millis()).unwrap_or(u64::MAX)
}

/// Its file: names of things may hold what names of files may not.
fn name(bucket: &Bucket) -> String {
    hex::encode(Sha256::digest(bucket.key.as_bytes())).chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(key: &str, every: u64) -> Bucket {
        Bucket { key: key.into(), every: Duration::from_millis(every), words: key.into() }
    }

    #[test]
    fn all_of_them_or_none() {
        let cooldowns = Cooldowns::default();
        let (a, b) = (bucket("a", 50_000), bucket("b", 50_000));
        let taken = cooldowns.take(std::slice::from_ref(&a)).unwrap();
        let resting = cooldowns.take(&[b.clone(), a.clone()]).unwrap_err();
        assert_eq!(resting.bucket, a);
        assert!(resting.wait <= a.every && resting.wait > Duration::from_secs(45));
        assert_eq!(cooldowns.rested(std::slice::from_ref(&b)), Ok(()), "it took nothing");
        cooldowns.give_back(&taken);
        std::thread::park_timeout(Duration::from_millis(5));
        cooldowns.take(&[a.clone(), b]).unwrap();
        cooldowns.give_back(&taken);
        assert!(cooldowns.rested(&[a]).is_err(), "what another one took is not given back");
        let short = bucket("c", 20);
        cooldowns.take(std::slice::from_ref(&short)).unwrap();
        std::thread::park_timeout(Duration::from_millis(40));
        cooldowns.take(&[short]).unwrap();
    }

    #[test]
    fn long_ones_outlive_the_process_and_hold_across_processes() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::at(home.path().join("cooldowns"));
        let (long, short) = (bucket("p/web: *", 60_000), bucket("short", 59_000));
        let first = Cooldowns::at(folder.clone());
        let taken = first.take(&[long.clone(), short.clone()]).unwrap();
        let second = Cooldowns::at(folder.clone());
        assert!(second.take(std::slice::from_ref(&long)).is_err());
        assert!(second.take(&[short]).is_ok());
        second.sweep();
        assert!(second.take(std::slice::from_ref(&long)).is_err(), "it has not rested");
        first.give_back(&taken);
        let went = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    if Cooldowns::at(folder.clone()).take(std::slice::from_ref(&long)).is_ok() {
                        went.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(went.into_inner(), 1);
    }
}
