//! One at a time, whoever's process it is: a file that is locked as long as its holder lives.
//!
//! Whoever finishes and whoever undoes the same half-done change at once can leave neither of its two containers. A lock of
//! the kernel's ends with its process, so a killed server holds nothing.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::{Kind, ToolError};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Where claims are kept. Servers that share it never work on one thing at once.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    folder: Option<PathBuf>,
}

/// Held until it is dropped, or its process ends.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    _locked: File,
}

impl Claims {
    /// In this folder, which is made when it is needed.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// Waits for the claim until then. `name`: of letters, digits and dashes.
    ///
    /// # Errors
    /// `conflict` where somebody else holds it all the time; `unsupported` where there is no place for it.
    pub async fn take(&self, name: &str, until: Instant) -> Result<Claim, ToolError> {
        let Some(folder) = &self.folder else {
            return Err(ToolError::new(Kind::Unsupported, "there is no folder to keep a claim in")
                .hint("name one in [audit] dir"));
        };
        loop {
            match attempt(folder, name) {
                Ok(Some(claim)) => return Ok(claim),
                Ok(None) if Instant::now() < until => sleep(PAUSE).await,
                Ok(None) => {
                    return Err(ToolError::new(
                        Kind::Conflict,
                        "a docker-mcp is at work on it, or puts right what was left half done",
                    )
                    .hint("docker_inspect shows in a moment what came of it"));
                }
                Err(e) => {
                    return Err(ToolError::new(Kind::Unsupported, "a claim on it cannot be kept")
                        .hint("see to the rights of the folder in [audit] dir")
                        .detail(format!("{}: {e}", folder.display())));
                }
            }
        }
    }
}

/// One try; nothing if somebody holds it.
fn attempt(folder: &Path, name: &str) -> io::Result<Option<Claim>> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(format!("{name}.lock"));
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(e)) => return Err(e),
        Ok(()) => {}
    }
    // Its last holder took the file away as we opened it: what we hold is a claim that nobody sees.
    let seen = std::fs::metadata(&path).ok().map(|now| (now.dev(), now.ino()));
    let ours = file.metadata().map(|ours| (ours.dev(), ours.ino()))?;
    Ok((seen == Some(ours)).then_some(Claim { path, _locked: file }))
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

    #[tokio::test]
    async fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let claims = Claims::at(folder.path().join("locks"));
        let soon = || Instant::now() + Duration::from_millis(250);
        let held = claims.take("a", soon()).await.unwrap();
        assert_eq!(claims.take("a", soon()).await.unwrap_err().kind, Kind::Conflict);
        let _other = claims.take("b", soon()).await.unwrap();
        drop(held);
        let held = claims.take("a", soon()).await.unwrap();
        let waiting = claims.clone();
        let waiting = tokio::spawn(async move { waiting.take("a", soon()).await.is_ok() });
        sleep(Duration::from_millis(50)).await;
        drop(held);
        assert!(waiting.await.unwrap());
        assert_eq!(Claims::default().take("a", soon()).await.unwrap_err().kind, Kind::Unsupported);
        let barred = Claims::at("/proc/docker-mcp".into());
        assert_eq!(barred.take("a", soon()).await.unwrap_err().kind, Kind::Unsupported);
    }

    #[test]
    fn never_two_whatever_comes_between() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicUsize::new(0);
        let got = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for _ in 0..2_000 {
                        if let Some(claim) = attempt(folder.path(), "a").unwrap() {
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
