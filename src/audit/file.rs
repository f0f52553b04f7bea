//! One day's file, shared by several processes: opened with care, appended to a whole line at a time, made durable.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;

use super::read::sum;
use crate::state;

/// The lock of a process that hangs must not stop the others: appending is atomic without it on a local disk.
const LOCK: Duration = Duration::from_millis(100);

/// Most lines are shorter.
const BACK: u64 = 4096;

/// An open file.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
    /// Folders that may not know of what was made in them yet.
    unsynced: Vec<PathBuf>,
}

impl LogFile {
    /// Opens or makes it, and the folder. Refused is what others could read along, change, or take the log away with.
    pub fn open(dir: &Path, name: &str) -> Result<Self> {
        let mut unsynced = state::make_dir(dir)?;
        unsynced.push(dir.to_owned());
        let folder = std::fs::metadata(dir)?;
        // Grants and approvals lie in it: who may move them there is who may give them.
        if folder.mode() & 0o022 != 0 {
            return Err(refused(dir, &format!("others can write in this folder (mode {:o})", bits(&folder))));
        }
        let path = dir.join(name);
        // Looked at before it is opened as well: opening a device may already do something.
        match std::fs::symlink_metadata(&path) {
            Ok(found) => fits(&path, &found, &folder)?,
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags.bits().cast_signed())
            .open(&path)?;
        state::hand_to_owner(&file, dir)?;
        let found = file.metadata()?;
        fits(&path, &found, &folder)?;
        if bits(&found) != 0o600 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(Self { file, path, unsynced })
    }

    /// It still is the file of that name: not replaced, renamed or deleted.
    pub fn is_in_place(&self, dir: &Path, name: &str) -> bool {
        let Ok(ours) = self.file.metadata() else { return false };
        let there = std::fs::symlink_metadata(&self.path);
        self.path == dir.join(name)
            && ours.nlink() > 0
            && there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
    }

    /// Appends a line, on a line of its own: it is made with the sum of the line above it, where nobody can come between.
    /// Says whether the file ended within a line.
    pub fn append(&mut self, line: impl FnOnce(Option<&str>) -> Vec<u8>) -> Result<bool> {
        let locked = self.lock();
        let written = self.is_torn().and_then(|torn| {
            let above = if locked { Some(self.last_line(torn)?) } else { None };
            let line = line(above.as_deref());
            let whole = if torn {
                [b"\n", line.as_slice(), b"\n"].concat()
            } else {
                [line.as_slice(), b"\n"].concat()
            };
            self.write(&whole).map(|()| torn)
        });
        if locked {
            self.file.unlock()?;
        }
        written
    }

    /// One write a line, so that lines of other processes do not get in between.
    fn write(&mut self, whole: &[u8]) -> Result<()> {
        let mut rest = whole;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // All but the newline is there, which whoever comes next adds: the line is no lost one.
                Err(_) if rest == b"\n" && whole.len() > 1 => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// The sum of the last line; of none, nothing.
    fn last_line(&self, torn: bool) -> Result<String> {
        let len = self.file.metadata()?.len();
        let end = len - u64::from(!torn && len > 0);
        let mut back = BACK;
        loop {
            let from = end.saturating_sub(back);
            let mut bytes = vec![0; usize::try_from(end - from).unwrap_or_default()];
            self.file.read_exact_at(&mut bytes, from)?;
            match memchr::memrchr(b'\n', &bytes) {
                Some(at) => return Ok(sum(bytes.get(at + 1..).unwrap_or_default())),
                None if from == 0 && bytes.is_empty() => return Ok(String::new()),
                None if from == 0 => return Ok(sum(&bytes)),
                None => back *= 8,
            }
        }
    }

    fn is_torn(&self) -> Result<bool> {
        let Some(last) = self.file.metadata()?.len().checked_sub(1) else { return Ok(false) };
        let mut byte = [0];
        let read = self.file.read_at(&mut byte, last)?;
        Ok(read == 1 && byte != *b"\n")
    }

    fn lock(&self) -> bool {
        let until = std::time::Instant::now() + LOCK;
        loop {
            match self.file.try_lock() {
                Ok(()) => return true,
                Err(std::fs::TryLockError::WouldBlock) if std::time::Instant::now() < until => {
                    std::thread::park_timeout(Duration::from_millis(2));
                }
                Err(_) => return false,
            }
        }
    }

    /// Everything appended outlives the machine's power, and so does the file's name.
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_data()?;
        while let Some(folder) = self.unsynced.last() {
            File::open(folder)?.sync_all()?;
            self.unsynced.pop();
        }
        Ok(())
    }
}

fn fits(path: &Path, found: &Metadata, folder: &Metadata) -> Result<()> {
    if found.is_symlink() {
        return Err(refused(path, "it is a symbolic link"));
    }
    if !found.is_file() {
        return Err(refused(path, "it is not a regular file"));
    }
    // Root writes into the log of a server that is another user's; the server does not write into root's.
    let us = rustix::process::geteuid().as_raw();
    if found.uid() != us && !(us == 0 && found.uid() == folder.uid()) {
        return Err(refused(path, &format!("it belongs to user {}, and this is user {us}", found.uid())));
    }
    if found.mode() & 0o022 != 0 {
        return Err(refused(path, &format!("others can write to it (mode {:o})", bits(found))));
    }
    Ok(())
}

fn refused(path: &Path, why: &str) -> Error {
    Error::other(format!("{}: {why}", path.display()))
}

fn bits(found: &Metadata) -> u32 {
    found.mode() & 0o7777
}
