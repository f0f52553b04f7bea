//! What outlives a process: a folder of small JSON files, each written whole, which several processes share.

mod claim;
mod moment;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use claim::Claim;
pub use moment::Moment;

/// How long a lock is waited for: whoever holds it only writes a file.
const LOCK: Duration = Duration::from_secs(1);

/// Bytes of one file at most: what is longer is not ours.
const MOST: u64 = 256 * 1024;

/// Held until it is dropped, or its process ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is held")] File);

/// A folder of files `NAME.json`, mode 0600, which only its owner and root can write.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// This folder, which is made when the first file is written.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file: a reader sees the old one or the new one. `name`: of letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// The folder cannot be made or written, or others can write in it.
    pub fn put<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        make_dir(&self.0)?;
        self.owner()?;
        let path = self.file(name)?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.0)?;
        hand_to_owner(file.as_file(), &self.0)?;
        let text = serde_json::to_vec(value)?;
        if text.len() as u64 > MOST {
            return Err(Error::new(
                ErrorKind::FileTooLarge,
                format!("{} bytes are too many here", text.len()),
            ));
        }
        file.write_all(&text)?;
        file.as_file().sync_data()?;
        file.persist(path)?;
        Ok(())
    }

    /// The file of that name. None: there is none, or none of ours.
    ///
    /// # Errors
    /// It cannot be read, or others can write it.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        match self.owner() {
            Ok(owner) => read(&self.file(name)?, owner),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Every file, by name. Those that are none of ours are left out.
    ///
    /// # Errors
    /// The folder cannot be read, or others can write in it.
    pub fn all<T: DeserializeOwned>(&self) -> Result<Vec<(String, T)>> {
        let owner = match self.owner() {
            Ok(owner) => owner,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
            if let Some(name) = name.filter(|_| path.extension().is_some_and(|e| e == "json"))
                && let Ok(Some(value)) = read(&path, owner)
            {
                all.push((name, value));
            }
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(all)
    }

    /// Takes the file away. Of several that try, one hears `true`.
    ///
    /// # Errors
    /// It cannot be taken away.
    pub fn take(&self, name: &str) -> Result<bool> {
        match std::fs::remove_file(self.file(name)?) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Nobody else who asks for it is in there until the answer is dropped, or its process ends.
    ///
    /// # Errors
    /// The folder cannot be made or written, or somebody holds it for too long.
    pub fn lock(&self) -> Result<Lock> {
        let file = lock_file(&self.0, "lock")?;
        let until = Instant::now() + LOCK;
        while let Err(busy) = file.try_lock() {
            match busy {
                TryLockError::WouldBlock if Instant::now() < until => {
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                busy => return Err(busy.into()),
            }
        }
        Ok(Lock(file))
    }

    fn file(&self, name: &str) -> Result<PathBuf> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 128 || !name.chars().all(fits) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("{name:?} is no name here")));
        }
        Ok(self.0.join(format!("{name}.json")))
    }

    /// The user whose folder it is. Refused is one that others could put files into.
    fn owner(&self) -> Result<u32> {
        let found = std::fs::metadata(&self.0)?;
        let us = rustix::process::geteuid().as_raw();
        if found.mode() & 0o022 != 0 || (found.uid() != us && us != 0) {
            let why = format!("{}: others can write in this folder", self.0.display());
            return Err(Error::new(ErrorKind::PermissionDenied, why));
        }
        Ok(found.uid())
    }
}

/// A file to be locked, made where it is missing, as its folder is.
fn lock_file(folder: &Path, name: &str) -> Result<File> {
    make_dir(folder)?;
    // What is no file may make the opening wait.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(flags)
        .open(folder.join(name))?;
    hand_to_owner(&file, folder)?;
    Ok(file)
}

/// Makes a folder where it is missing, with the owner of the one that it is made in; the folders that got a new entry.
///
/// # Errors
/// It cannot be made.
pub fn make_dir(dir: &Path) -> Result<Vec<PathBuf>> {
    let missing = dir.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for folder in missing.iter().rev() {
        if let Some(parent) = folder.parent() {
            hand_to_owner(
                &File::open(folder)?,
                if parent.as_os_str().is_empty() { Path::new(".") } else { parent },
            )?;
        }
    }
    Ok(missing.iter().filter_map(|folder| folder.parent()).map(Path::to_owned).collect())
}

/// What root writes for a server of another user (`sudo docker-mcp approve`) must be the server's to read and write.
///
/// # Errors
/// It cannot be handed over.
pub fn hand_to_owner(file: &File, folder: &Path) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let folder = std::fs::metadata(folder)?;
    // A folder that is shared by all, as /tmp is, says nothing about who is meant.
    let shared = folder.mode() & 0o022 != 0;
    if shared || file.metadata()?.uid() == folder.uid() {
        return Ok(());
    }
    fchown(file, Some(folder.uid()), Some(folder.gid()))
}

fn read<T: DeserializeOwned>(path: &Path, owner: u32) -> Result<Option<T>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let found = file.metadata()?;
    if !found.is_file() || found.mode() & 0o022 != 0 || (found.uid() != owner && found.uid() != 0) {
        let why = format!("{}: others can write to it, or wrote it", path.display());
        return Err(Error::new(ErrorKind::PermissionDenied, why));
    }
    let mut text = Vec::new();
    file.take(MOST).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text).ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn written_whole_and_taken_once() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::at(home.path().join("a/b"));
        assert_eq!(folder.get::<u32>("x").unwrap(), None);
        assert!(folder.all::<u32>().unwrap().is_empty());
        folder.put("x", &1).unwrap();
        folder.put("x", &2).unwrap();
        std::fs::write(folder.path().join("y.json"), "no JSON").unwrap();
        assert_eq!(folder.get::<u32>("x").unwrap(), Some(2));
        assert_eq!(folder.all::<u32>().unwrap(), [("x".to_owned(), 2)]);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder.path().join("x.json")), mode(folder.path())), (0o600, 0o700));
        let taken = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    if folder.take("x").unwrap() {
                        taken.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 1);
        for bad in ["", "../x", "a/b", "a.b"] {
            assert!(folder.put(bad, &1).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_others_can_write_is_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::at(home.path().join("a"));
        folder.put("x", &1).unwrap();
        let set =
            |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        let file = folder.path().join("x.json");
        set(&file, 0o666);
        assert!(folder.get::<u32>("x").is_err());
        assert!(folder.all::<u32>().unwrap().is_empty());
        set(&file, 0o600);
        set(folder.path(), 0o777);
        assert!(folder.get::<u32>("x").is_err());
        set(folder.path(), 0o700);
        std::os::unix::fs::symlink(&file, folder.path().join("z.json")).unwrap();
        assert!(folder.get::<u32>("z").is_err());
    }
}
