//! A folder that was opened once: what is read of it lies in it, whatever becomes of its name or of names in it
//! meanwhile. A container that has it mounted may put links in the place of folders at any time.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::guard::build::ignore::Ignore;

/// More bytes than that are no source of a program.
pub const MOST_BYTES: u64 = 1 << 30;
/// The same for files.
pub const MOST_FILES: usize = 200_000;

/// A step of a way. On Linux a folder may be passed that may not be listed.
#[cfg(target_os = "linux")]
const THROUGH: OFlags = STEP.union(OFlags::PATH);
#[cfg(not(target_os = "linux"))]
const THROUGH: OFlags = STEP;
const STEP: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// What became a pipe or a terminal meanwhile is not waited for.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// An opened folder.
#[derive(Debug)]
pub struct Folder {
    at: OwnedFd,
    path: PathBuf,
}

/// Something in it.
pub(super) struct Entry<'a> {
    folder: &'a OwnedFd,
    name: &'a OsStr,
    stat: Stat,
    /// Below the opened folder, with `/` between its parts.
    pub path: &'a str,
}

/// How much of a folder is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// What is no folder.
    pub files: usize,
    /// In all files.
    pub bytes: u64,
    /// Of all paths, with their kinds, sizes and times: another one when anything in it was changed.
    pub print: [u8; 32],
}

/// Why a folder was not read to its end.
#[derive(Debug)]
pub enum Unread {
    /// It has more than is sent.
    TooLarge,
    /// A folder or a file in it cannot be read.
    Closed(String),
    /// Something in it was exchanged for something else while it was read.
    Changed(String),
    /// A file's name is no text.
    Name(String),
    /// Who it was read for takes no more.
    Untaken(io::Error),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => {
                write!(f, "the context is larger than {} MB or {MOST_FILES} files", MOST_BYTES >> 20)
            }
            Self::Closed(path) => write!(f, "`{path}` of the context cannot be read"),
            Self::Changed(path) => {
                write!(f, "`{path}` of the context was exchanged for something else while it was read")
            }
            Self::Name(path) => write!(f, "the name `{path}` in the context is no UTF-8"),
            Self::Untaken(why) => write!(f, "the context could not be passed on: {why}"),
        }
    }
}

impl Unread {
    fn of(path: &str, why: Errno) -> Self {
        let path = if path.is_empty() { ".".to_owned() } else { path.to_owned() };
        match why {
            Errno::LOOP | Errno::NOTDIR => Self::Changed(path),
            _ => Self::Closed(path),
        }
    }
}

impl Folder {
    /// Opens it by its real path: with a link anywhere on the way it is another folder than was decided on.
    ///
    /// # Errors
    /// There is no such folder, or a link leads there.
    pub fn open(real: &Path) -> io::Result<Self> {
        let mut at = open("/", THROUGH, Mode::empty())?;
        for part in real.components() {
            match part {
                Component::RootDir => {}
                Component::Normal(name) => at = openat(&at, name, THROUGH, Mode::empty())?,
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        Ok(Self { at, path: real.to_owned() })
    }

    /// Where it was when it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in it.
    fn below(&self, inside: &str) -> Result<OwnedFd, Errno> {
        let mut at = openat(&self.at, ".", THROUGH, Mode::empty())?;
        for name in inside.split('/').filter(|name| !name.is_empty()) {
            at = openat(&at, plain(name)?, THROUGH, Mode::empty())?;
        }
        Ok(at)
    }

    fn parted(inside: &str) -> (&str, &str) {
        inside.rsplit_once('/').unwrap_or(("", inside))
    }

    /// Is there anything of that name in it, a link included?
    #[must_use]
    pub fn has(&self, inside: &str) -> bool {
        let (folder, name) = Self::parted(inside);
        let at = self.below(folder);
        at.is_ok_and(|at| statat(&at, name, AtFlags::SYMLINK_NOFOLLOW).is_ok())
    }

    /// A file in it, by a path without links; none: it is something else.
    #[must_use]
    pub fn file(&self, inside: &str) -> Option<File> {
        let (folder, name) = Self::parted(inside);
        let at = self.below(folder).ok()?;
        regular(&at, OsStr::new(plain(name).ok()?)).ok().flatten()
    }

    /// Its own mode, and when it was changed.
    pub(super) fn of_itself(&self) -> io::Result<(u64, u64)> {
        let stat = fstat(&self.at)?;
        Ok((u64::from(stat.st_mode) & 0o7777, stat.st_mtime.max(0).unsigned_abs()))
    }

    /// How much of it is sent.
    ///
    /// # Errors
    /// It is too much, or cannot be read.
    pub fn weigh(&self, ignore: &Ignore) -> Result<Weight, Unread> {
        self.walk(ignore, |_| Ok(()))
    }

    /// Everything in it that is not left out, folders before what is in them. Links are not followed.
    pub(super) fn walk(
        &self,
        ignore: &Ignore,
        mut each: impl FnMut(&Entry<'_>) -> io::Result<()>,
    ) -> Result<Weight, Unread> {
        let (mut weight, mut folders) = (Weight::default(), vec![String::new()]);
        while let Some(inside) = folders.pop() {
            let listed = self.below(&inside).and_then(|folder| Ok((names(&folder)?, folder)));
            let (names, folder) = match listed {
                Ok(listed) => listed,
                Err(Errno::NOENT) if !inside.is_empty() => continue,
                Err(why) => return Err(Unread::of(&inside, why)),
            };
            for name in &names {
                let shown = name.to_string_lossy();
                let path =
                    if inside.is_empty() { shown.clone().into_owned() } else { format!("{inside}/{shown}") };
                let stat = match statat(&folder, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => stat,
                    Err(Errno::NOENT) => continue,
                    Err(why) => return Err(Unread::of(&path, why)),
                };
                let (out, kind) = (ignore.leaves_out(&path), FileType::from_raw_mode(stat.st_mode));
                let (is_folder, is_file) = (kind == FileType::Directory, kind == FileType::RegularFile);
                if !out && name.to_str().is_none() {
                    return Err(Unread::Name(path));
                }
                if !out {
                    let stamp = (stat.st_mode, stat.st_size, stat.st_ino, stat.st_mtime, stat.st_mtime_nsec);
                    let stamp = format!("{path}\0{stamp:?}{} {}", stat.st_ctime, stat.st_ctime_nsec);
                    // In whatever order they come.
                    let hash = Sha256::digest(stamp.as_bytes());
                    weight.print.iter_mut().zip(hash).for_each(|(all, one)| *all ^= one);
                    weight.files += usize::from(!is_folder);
                    let size = u64::try_from(stat.st_size).unwrap_or(0);
                    weight.bytes = weight.bytes.saturating_add(if is_file { size } else { 0 });
                }
                if weight.files + folders.len() > MOST_FILES || weight.bytes > MOST_BYTES {
                    return Err(Unread::TooLarge);
                }
                if !out {
                    each(&Entry { folder: &folder, name, stat, path: &path })
                        .map_err(|why| Entry::unread(&path, why))?;
                }
                if is_folder && (!out || ignore.takes_back()) {
                    folders.push(path);
                }
            }
        }
        Ok(weight)
    }
}

impl Entry<'_> {
    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    pub(super) fn mode(&self) -> u64 {
        u64::from(self.stat.st_mode) & 0o7777
    }

    /// When it was changed, in seconds since 1970.
    pub(super) fn time(&self) -> u64 {
        self.stat.st_mtime.max(0).unsigned_abs()
    }

    /// Where a link leads; none: it is none any more.
    pub(super) fn link(&self) -> io::Result<Option<OsString>> {
        match readlinkat(self.folder, self.name, Vec::new()) {
            Ok(to) => Ok(Some(OsString::from_vec(to.into_bytes()))),
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(why) => Err(why.into()),
        }
    }

    /// The file and its length; none: it is none any more.
    pub(super) fn open(&self) -> io::Result<Option<(File, u64)>> {
        let Some(file) = regular(self.folder, self.name)? else { return Ok(None) };
        // It may have grown since it was counted.
        let size = file.metadata()?.len().min(u64::try_from(self.stat.st_size).unwrap_or(0));
        Ok(Some((file, size)))
    }

    /// The system has a number for what it refuses; whom it is read for has none.
    fn unread(path: &str, why: io::Error) -> Unread {
        match Errno::from_io_error(&why) {
            Some(errno @ (Errno::LOOP | Errno::NOTDIR | Errno::ACCESS | Errno::PERM)) => {
                Unread::of(path, errno)
            }
            _ => Unread::Untaken(why),
        }
    }
}

/// No part of a path leads upwards.
fn plain(name: &str) -> Result<&str, Errno> {
    if name.is_empty() || name == ".." { Err(Errno::INVAL) } else { Ok(name) }
}

fn regular(folder: &OwnedFd, name: &OsStr) -> io::Result<Option<File>> {
    let file = match openat(folder, name, FILE, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT | Errno::NXIO) => return Ok(None),
        Err(why) => return Err(why.into()),
    };
    Ok(file.metadata()?.is_file().then_some(file))
}

/// In an order of their own, so that the same folder is always sent in the same way.
fn names(folder: &OwnedFd) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::new(openat(folder, ".", STEP, Mode::empty())?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
        if names.len() > MOST_FILES {
            break;
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_its_name_later_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(dir.path()).unwrap();
        let at = |name: &str| real.join(name);
        for folder in ["root/app/sub", "outside/sub"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        std::fs::write(at("root/app/sub/file"), "mine").unwrap();
        std::fs::write(at("outside/sub/file"), "canary").unwrap();
        let folder = Folder::open(&at("root/app")).unwrap();
        let text = |folder: &Folder| folder.file("sub/file").map(|file| io::read_to_string(file).unwrap());
        assert_eq!(text(&folder).as_deref(), Some("mine"));
        let swap = |name: &str, to: &str| {
            std::fs::rename(at(name), at(&format!("{name}-kept"))).unwrap();
            std::os::unix::fs::symlink(at(to), at(name)).unwrap();
        };
        // The folder itself.
        swap("root/app", "outside");
        assert_eq!(text(&folder).as_deref(), Some("mine"));
        assert!(Folder::open(&at("root/app")).is_err() && Folder::open(&at("root/app/sub")).is_err());
        // A folder in it, at once or between listing and reading.
        let ignore = Ignore::default();
        let came = folder.walk(&ignore, |entry| {
            if entry.path == "sub" {
                swap("root/app-kept/sub", "outside/sub");
            }
            assert_ne!(entry.path, "sub/file");
            Ok(())
        });
        assert!(matches!(&came, Err(Unread::Changed(path)) if path == "sub"), "{came:?}");
        assert_eq!(text(&folder), None);
        assert!(folder.has("sub") && !folder.has("sub/file") && folder.file("../outside/sub/file").is_none());
        let before = folder.weigh(&ignore).unwrap();
        assert_eq!((before.files, before.bytes), (2, 4));
    }
}
