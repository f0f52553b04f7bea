//! One holder at a time, whoever's process it is: a file that is locked as long as its holder lives. A lock of the kernel's
//! ends with its process, so a killed one holds nothing; its file stays.

use std::fs::{File, TryLockError};
use std::io::Result;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::lock_file;

/// Held until it is dropped, which takes the file away, or its process ends, which leaves it.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    locked: File,
}

impl Claim {
    /// One try, in a folder that is made where it is missing; nothing if somebody holds it. `name`: of letters, digits and
    /// dashes. Waits for the disk.
    ///
    /// # Errors
    /// The folder or the file cannot be made or locked.
    pub fn attempt(folder: &Path, name: &str) -> Result<Option<Self>> {
        let name = format!("{name}.lock");
        let (path, file) = (folder.join(&name), lock_file(folder, &name)?);
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
            Ok(()) => {}
        }
        // Its last holder took the file away as we opened it: what we hold is a claim that nobody sees.
        let claim = Self { path, locked: file };
        Ok(if claim.is_seen() { Some(claim) } else { claim.abandon() })
    }

    /// Its file is still where others look for it.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        let place = |found: std::fs::Metadata| (found.dev(), found.ino());
        let seen = std::fs::metadata(&self.path).map(place);
        seen.is_ok() && seen.ok() == self.locked.metadata().map(place).ok()
    }

    /// When its file was made, by whoever held it first.
    ///
    /// # Errors
    /// The file system does not tell.
    pub fn since(&self) -> Result<SystemTime> {
        self.locked.metadata()?.modified()
    }
}

impl Claim {
    /// It is nobody's: the file of that name is another one's.
    fn abandon(self) -> Option<Self> {
        let this = std::mem::ManuallyDrop::new(self);
        let _unlocked = this.locked.unlock();
        None
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While it is still held: whoever comes now makes a new one.
        let _left = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_two_whatever_comes_between() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicUsize::new(0);
        let got = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for _ in 0..2_000 {
                        if let Some(claim) = Claim::attempt(folder.path(), "a").unwrap() {
                            assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                            got.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                            inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                            drop(claim);
                        }
                    }
                });
            }
        });
        assert!(got.into_inner() > 100);
    }
}
