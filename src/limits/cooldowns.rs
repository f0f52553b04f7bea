//! A rest after each call, for each thing by itself, whoever calls. Those of a minute or more outlive the process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::state::{Folder, Moment};

/// Shorter ones are over before a restart is.
const KEPT: Duration = Duration::from_secs(60);
/// Things that are remembered; beyond it those that have rested are forgotten.
const THINGS: usize = 4096;

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
    pub fn take(&self, buckets: &[Bucket]) -> Result<(), Resting> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = || self.folder.as_ref().filter(|_| buckets.iter().any(|bucket| bucket.every >= KEPT));
        let _alone = kept().map(|folder| self.told(folder.lock()));
        let now = Moment::now();
        self.look(&last, buckets, &now)?;
        if last.len() >= THINGS {
            last.retain(|_, (since, every)| since.age(&now) < *every);
        }
        for bucket in buckets {
            last.insert(bucket.key.clone(), (now.clone(), bucket.every));
            if let Some(folder) = self.kept_in(bucket) {
                self.told(folder.put(&name(bucket), &now));
            }
        }
        Ok(())
    }

    /// Nothing was done: they need no rest.
    pub fn give_back(&self, buckets: &[Bucket]) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for bucket in buckets {
            last.remove(&bucket.key);
            if let Some(folder) = self.kept_in(bucket) {
                self.told(folder.take(&name(bucket)));
            }
        }
    }

    fn look(
        &self,
        last: &HashMap<String, (Moment, Duration)>,
        buckets: &[Bucket],
        now: &Moment,
    ) -> Result<(), Resting> {
        for bucket in buckets {
            let ours = last.get(&bucket.key).map(|(since, _)| since.age(now));
            let kept = self.kept_in(bucket).and_then(|folder| self.told(folder.get::<Moment>(&name(bucket))));
            let ages = ours.into_iter().chain(kept.flatten().map(|since| since.age(now)));
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

/// Its file: names of things may hold what names of files may not.
fn name(bucket: &Bucket) -> String {
    Sha256::digest(bucket.key.as_bytes()).iter().take(16).map(|b| format!("{b:02x}")).collect()
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
        cooldowns.take(std::slice::from_ref(&a)).unwrap();
        let resting = cooldowns.take(&[b.clone(), a.clone()]).unwrap_err();
        assert_eq!(resting.bucket, a);
        assert!(resting.wait <= a.every && resting.wait > Duration::from_secs(45));
        assert_eq!(cooldowns.rested(std::slice::from_ref(&b)), Ok(()), "it took nothing");
        cooldowns.give_back(std::slice::from_ref(&a));
        cooldowns.take(&[a, b]).unwrap();
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
        first.take(&[long.clone(), short.clone()]).unwrap();
        let second = Cooldowns::at(folder.clone());
        assert!(second.take(std::slice::from_ref(&long)).is_err());
        assert_eq!(second.take(&[short]), Ok(()));
        first.give_back(std::slice::from_ref(&long));
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
