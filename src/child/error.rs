//! Why a child gave no result.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Ended;

/// Why a program could not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// No such program, or none of that name in `PATH`.
    NotFound(PathBuf),
    /// It is there, and may not be run.
    NotExecutable(PathBuf),
    /// The system does not know how to run it.
    WrongFormat(PathBuf),
    /// A script whose interpreter is not there.
    NoInterpreter(PathBuf),
    /// The folder that it was to run in is not there.
    NoFolder(PathBuf),
    /// Anything else that the system said.
    Refused(PathBuf, String),
}

impl Unavailable {
    /// From what the system said when `program` was to be run in `cwd`.
    pub(super) fn of(program: &Path, cwd: &Path, error: &io::Error) -> Self {
        let path = program.to_owned();
        match error.raw_os_error() {
            Some(libc::ENOEXEC) => Self::WrongFormat(path),
            Some(libc::ENOENT | libc::ENOTDIR) if !cwd.is_dir() => Self::NoFolder(cwd.to_owned()),
            Some(libc::ENOENT) if program.exists() => Self::NoInterpreter(path),
            Some(libc::ENOENT | libc::ENOTDIR) => Self::NotFound(path),
            Some(libc::EACCES | libc::EPERM) => Self::NotExecutable(path),
            _ => Self::Refused(path, error.to_string()),
        }
    }

    /// One word for it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::NotExecutable(_) => "not_executable",
            Self::WrongFormat(_) => "wrong_format",
            Self::NoInterpreter(_) => "no_interpreter",
            Self::NoFolder(_) => "no_folder",
            Self::Refused(..) => "refused",
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(path) if path.is_absolute() => write!(f, "there is no `{}`", path.display()),
            Self::NotFound(name) => write!(f, "there is no `{}` in PATH", name.display()),
            Self::NotExecutable(path) => write!(f, "`{}` is not executable", path.display()),
            Self::WrongFormat(path) => {
                write!(f, "`{}` is no program for this system (exec format error)", path.display())
            }
            Self::NoInterpreter(path) => {
                write!(f, "`{}` names an interpreter that is not there", path.display())
            }
            Self::NoFolder(path) => write!(f, "there is no folder `{}` to run it in", path.display()),
            Self::Refused(path, said) => write!(f, "`{}` does not start: {said}", path.display()),
        }
    }
}

impl std::error::Error for Unavailable {}

/// Why there is no exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It was not started.
    Unavailable(Unavailable),
    /// It ran too long and is being killed; what it said until then.
    TimedOut {
        /// How long it was given.
        limit: Duration,
        /// What was kept; `killed` is set, there is no status.
        ended: Box<Ended>,
    },
}

impl From<Unavailable> for Failure {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(error) => error.fmt(f),
            Self::TimedOut { limit, .. } => write!(f, "it did not end within {limit:?} and was killed"),
        }
    }
}

impl std::error::Error for Failure {}
