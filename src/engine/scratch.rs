//! Private folders for children: gone with their owner, also with one that was killed.
//!
//! They hold copies of compose files and of what `.env` says. Each has a lock that lives as long as its owner, in whatever
//! container that is; whoever makes the next one removes those that nobody holds any more.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// What they are called: the kind follows.
const PREFIX: &str = "docker-mcp-";
const KINDS: [&str; 2] = ["compose", "build"];
const LOCK: &str = ".held";
/// One that is being made has no lock yet.
const YOUNG: Duration = Duration::from_secs(60);

/// A folder of our own. Removed when this goes.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: TempDir,
    /// Held as long as the folder is.
    _held: File,
}

impl Scratch {
    /// `kind`: `compose` or `build`. Blocks.
    pub(super) fn new(kind: &'static str) -> io::Result<Self> {
        let mode = fs::Permissions::from_mode(0o700);
        let prefix = format!("{PREFIX}{kind}-");
        let dir = tempfile::Builder::new().prefix(&prefix).permissions(mode).tempdir()?;
        let held = OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.path().join(LOCK))?;
        held.lock()?;
        let it = Self { dir, _held: held };
        if let Err(e) = it.sweep() {
            tracing::debug!(error = %e, "folders of others that ended are not looked for");
        }
        Ok(it)
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Removes those of the same user that nobody holds.
    fn sweep(&self) -> io::Result<()> {
        let own = self.path().metadata()?;
        let Some(beside) = self.path().parent() else { return Ok(()) };
        for entry in fs::read_dir(beside)?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let ours = KINDS.iter().any(|kind| name.starts_with(&format!("{PREFIX}{kind}-")));
            if ours && entry.path() != self.path() && is_left(&entry.path(), own.uid()) {
                // Another may be at it as well.
                let _gone = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}

/// A folder of that user whose owner is gone. Anything else stays, whoever put it there.
fn is_left(folder: &Path, uid: u32) -> bool {
    let Ok(it) = folder.symlink_metadata() else { return false };
    let old = |it: &fs::Metadata| {
        let age = it.modified().ok().and_then(|then| SystemTime::now().duration_since(then).ok());
        age.is_some_and(|age| age > YOUNG)
    };
    if !it.is_dir() || it.uid() != uid || it.mode() & 0o077 != 0 {
        return false;
    }
    match OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(folder.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok() && lock.metadata().is_ok_and(|it| old(&it)),
        // From before there were locks, or of a moment ago.
        Err(e) if e.kind() == io::ErrorKind::NotFound => old(&it),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_removed_and_nothing_else() {
        let held = Scratch::new("compose").unwrap();
        let beside = held.path().parent().unwrap().to_owned();
        let make = |name: &str, locked: bool| {
            let folder = beside.join(format!("docker-mcp-{name}-{}", std::process::id()));
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
            fs::write(folder.join("secret"), "canary").unwrap();
            let old = SystemTime::now() - YOUNG * 2;
            let lock = locked.then(|| File::create(folder.join(LOCK)).unwrap());
            lock.iter().for_each(|lock| lock.set_modified(old).unwrap());
            File::open(&folder).unwrap().set_modified(old).unwrap();
            (folder, lock)
        };
        let (left, lock) = make("build", true);
        drop(lock);
        let (owned, lock) = make("compose", true);
        lock.as_ref().unwrap().lock().unwrap();
        let (open, _) = make("compose-open", true);
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        let (other, _) = make("yard", true);
        let next = Scratch::new("build").unwrap();
        assert!(!left.exists(), "nobody holds it");
        for stays in [&owned, &open, &other] {
            assert!(stays.join("secret").exists(), "{}", stays.display());
        }
        assert!(held.path().exists() && next.path().exists());
        let gone = held.path().to_owned();
        drop(held);
        assert!(!gone.exists());
        for folder in [owned, open, other] {
            fs::remove_dir_all(folder).unwrap();
        }
    }
}
