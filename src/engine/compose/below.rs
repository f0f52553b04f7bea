//! Files below the roots: opened along their real path, where no link leads.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::engine::build::Folder;

/// Of a single file, an env file included.
pub(super) const MOST: u64 = 1 << 20;

/// Folders that files must lie in, by their real paths.
#[derive(Debug, Clone)]
pub(super) struct Below {
    anywhere: bool,
    roots: Vec<PathBuf>,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Taken {
    /// Without links.
    pub real: PathBuf,
    pub text: String,
}

/// Why one was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// There is nothing of that name, in a folder that may be looked at.
    Missing,
    /// It lies elsewhere, or nobody may know.
    Outside,
    /// What it is instead, or what is the matter with it.
    Unfit(&'static str),
}

impl Below {
    pub(super) fn new(anywhere: bool, roots: &[PathBuf]) -> Self {
        // A root that is not there holds nothing.
        Self { anywhere, roots: roots.iter().filter_map(|root| fs::canonicalize(root).ok()).collect() }
    }

    /// One more.
    pub(super) fn and(mut self, real: PathBuf) -> Self {
        self.roots.push(real);
        self
    }

    pub(super) fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    pub(super) fn holds(&self, real: &Path) -> bool {
        self.anywhere || self.roots.iter().any(|root| real.starts_with(root))
    }

    /// Where that leads, if it leads below a root.
    pub(super) fn real(&self, path: &Path) -> Result<PathBuf, Unread> {
        match fs::canonicalize(path) {
            Ok(real) if self.holds(&real) => Ok(real),
            Err(e) if not_there(&e) && self.vacant(path) => Err(Unread::Missing),
            _ => Err(Unread::Outside),
        }
    }

    /// Is there room for a file of that name below a root, without any link that leads elsewhere on the way?
    fn vacant(&self, path: &Path) -> bool {
        for folder in path.ancestors() {
            match fs::symlink_metadata(folder) {
                Err(e) if not_there(&e) => {}
                // A link that leads nowhere, or nowhere that may be known.
                Ok(_) if folder == path => return false,
                Ok(_) => return fs::canonicalize(folder).is_ok_and(|real| self.holds(&real)),
                Err(_) => return false,
            }
        }
        false
    }

    /// Reads one, as a text of at most 1 MiB.
    pub(super) fn read(&self, path: &Path) -> Result<Taken, Unread> {
        let real = self.real(path)?;
        let (Some(folder), Some(name)) = (real.parent(), real.file_name().and_then(|name| name.to_str()))
        else {
            return Err(Unread::Unfit("is a folder"));
        };
        let file = Folder::open(folder).ok().and_then(|folder| folder.file(name));
        let Some(file) = file else { return Err(Unread::Unfit(instead(&real))) };
        let mut bytes = Vec::new();
        if file.take(MOST + 1).read_to_end(&mut bytes).is_err() {
            return Err(Unread::Unfit("cannot be read"));
        }
        if bytes.len() as u64 > MOST {
            return Err(Unread::Unfit("is larger than 1 MiB"));
        }
        let text = String::from_utf8(bytes).map_err(|_| Unread::Unfit("is no UTF-8 text"))?;
        Ok(Taken { real, text })
    }
}

fn not_there(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What is there in place of a plain file: for its message alone.
fn instead(real: &Path) -> &'static str {
    match fs::symlink_metadata(real).map(|meta| meta.file_type()) {
        Ok(kind) if kind.is_dir() => "is a folder",
        Ok(kind) if kind.is_fifo() => "is a pipe, and no plain file",
        Ok(kind) if kind.is_file() => "cannot be read",
        Ok(_) => "is no plain file",
        Err(_) => "was exchanged for something else while it was read",
    }
}
