//! Other programs, under supervision: none outlives its call, none can ask anybody anything, none floods the memory.
//!
//! A child gets a session and a group of its own, `/dev/null` or a pipe as stdin, an environment that was written for it,
//! and a mark in it that its descendants inherit ([`mark`]). [`Child::wait`] gives its exit status or keeps to the
//! deadline; whichever way the [`Child`] is dropped, its whole tree is ended by a thread beside ([`keeper`]): SIGTERM,
//! some seconds, SIGKILL, also for descendants in sessions of their own. Nobody waits for that.
//!
//! On systems without `/proc` only the group is ended.

mod apart;
mod drain;
pub mod elsewhere;
mod error;
mod fork;
mod keeper;
mod mark;
mod spawn;
mod tree;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
pub use std::process::ExitStatus;
use std::time::Duration;

pub use apart::{Apart, DONE, start as start_apart};
pub use drain::Kept;
pub use error::{Failure, Unavailable};
pub use mark::{VARIABLE, marked};
pub use spawn::{Child, End, Ended, PIPES, Pipes, spawn};

/// How much of each stream is kept, where nothing else is said.
const KEEP: usize = 64 * 1024;
/// What every program may know of our environment: who and where we are, and the language of messages.
const INHERITED: &[&str] = &[
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LOGNAME",
    "PATH",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
];

/// What a child reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing: it finds the end at once.
    Null,
    /// A pipe, see [`Child::pipes`].
    Piped,
}

/// A program to be run.
#[derive(Clone)]
pub struct Spec {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: PathBuf,
    stdin: Stdin,
    keep: usize,
}

impl fmt::Debug for Spec {
    /// Without its arguments and environment, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec").field("program", &self.program).finish_non_exhaustive()
    }
}

impl Spec {
    /// A program by its path, or by its name in the absolute folders of `PATH`, looked up when it is started.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut spec = Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            stdin: Stdin::Null,
            keep: KEEP,
        };
        for name in INHERITED {
            spec = spec.inherit(name);
        }
        spec
    }

    /// More arguments; no shell reads them.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Without any variable of ours, but for its mark: what it prints may tell of its environment.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.env.clear();
        self
    }

    /// A variable of its environment, which otherwise has only a few of ours.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(known, _)| known != name.as_ref());
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// One more variable of ours, if we have it.
    #[must_use]
    pub fn inherit(self, name: &str) -> Self {
        match std::env::var_os(name) {
            Some(value) => self.env(name, value),
            None => self,
        }
    }

    /// Its arguments, for tests of command lines.
    #[cfg(test)]
    pub(crate) fn words(&self) -> Vec<String> {
        self.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    /// Where it runs; `/` if nothing is said.
    #[must_use]
    pub fn cwd(mut self, cwd: impl AsRef<Path>) -> Self {
        cwd.as_ref().clone_into(&mut self.cwd);
        self
    }

    /// What it reads.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// How many bytes of each of its streams are kept, half from the beginning and half from the end.
    #[must_use]
    pub fn keep(mut self, bytes: usize) -> Self {
        self.keep = bytes;
        self
    }
}

/// For a server, once at its start: orphans of children come to us, and what a docker-mcp that died left is ended.
pub fn take_charge() {
    #[cfg(target_os = "linux")]
    if let Err(e) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::debug!(error = %e, "orphans of children go to init");
    }
    keeper::tell(keeper::Word::TakeCharge);
}

/// Ends every child and its tree within `grace`: SIGTERM, and SIGKILL after half of it. Returns as soon as all are gone;
/// what is started later is ended at once. Blocks the thread.
pub fn end_all(grace: Duration) {
    keeper::end_all(grace);
}

/// What the children of this process came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Being started, running, or not yet wholly gone.
    pub alive: usize,
    /// Trees that SIGKILL did not end within a second, ever.
    pub unkillable: usize,
}

/// How many children there are, and were not to be ended.
#[must_use]
pub fn counts() -> Counts {
    keeper::counts()
}
