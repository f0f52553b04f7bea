//! A child and how it ends, as its caller sees it.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;
use std::{io, process};

use rustix::process::{Pid, WaitId, WaitIdOptions, WaitIdStatus, waitid};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::drain::{Kept, drain};
use super::error::{Failure, Unavailable};
use super::keeper::{self, Word};
use super::{Spec, fork, mark};

/// After the child's end its pipes have this long: a grandchild may hold them open for ever.
pub const PIPES: Duration = Duration::from_secs(2);

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit status, if it had one in time.
    pub status: Option<ExitStatus>,
    /// What it wrote.
    pub stdout: Kept,
    /// What it complained about.
    pub stderr: Kept,
    /// It ran too long, and is being killed.
    pub killed: bool,
    /// It ended, and something that it left held its pipes open; that is killed, and more may have been written.
    pub pipes_held: bool,
}

/// The pipes of a child, for who speaks with it.
#[derive(Debug)]
pub struct Pipes {
    /// Only where it was asked for.
    pub stdin: Option<ChildStdin>,
    /// What it writes.
    pub stdout: ChildStdout,
    /// What it complains about.
    pub stderr: ChildStderr,
}

/// A running child. Dropping it ends its whole tree, beside.
#[derive(Debug)]
pub struct Child {
    // Dropped in this order: our ends of the pipes are closed before anything is signalled.
    pipes: Option<Pipes>,
    end: End,
    keep: usize,
    born: Instant,
    held: Held,
}

/// Tells of a child's end.
#[derive(Debug, Clone)]
pub struct End(watch::Receiver<Option<ExitStatus>>);

impl End {
    /// Waits for it, however long that is.
    pub async fn wait(&mut self) -> ExitStatus {
        match self.0.wait_for(Option::is_some).await.map(|status| *status) {
            Ok(Some(status)) => status,
            // Its thread is gone without a word: that never ends.
            _ => std::future::pending().await,
        }
    }
}

/// As long as this is held, the child may run.
#[derive(Debug)]
struct Held(Pid);

impl Drop for Held {
    fn drop(&mut self) {
        keeper::tell(Word::Left(self.0));
    }
}

/// What the thread of a child gives to who asked for it.
struct Started {
    child: process::Child,
    ended: watch::Receiver<Option<ExitStatus>>,
    held: Held,
}

/// Starts a child. Needs a runtime of tokio; takes as long as the system takes to start the program.
///
/// # Errors
/// It cannot be started, and why.
pub async fn spawn(spec: Spec) -> Result<Child, Unavailable> {
    let keep = spec.keep;
    let name = PathBuf::from(&spec.program);
    let refused = |error: io::Error| Unavailable::Refused(name.clone(), error.to_string());
    let (reply, started) = oneshot::channel();
    // A thread for each: it lives as long as its child, as the death signal wants, and a program that is slow to start
    // (a hanging network share) delays no other.
    std::thread::Builder::new().name("child".into()).spawn(move || attend(&spec, reply)).map_err(refused)?;
    let Started { mut child, ended, held } =
        started.await.map_err(|_| refused(io::Error::other("its thread ended")))??;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(refused(io::Error::other("it has no pipes")));
    };
    let pipes = Pipes {
        stdin: child.stdin.take().map(ChildStdin::from_std).transpose().map_err(refused)?,
        stdout: ChildStdout::from_std(stdout).map_err(refused)?,
        stderr: ChildStderr::from_std(stderr).map_err(refused)?,
    };
    Ok(Child { pipes: Some(pipes), end: End(ended), keep, born: Instant::now(), held })
}

/// The life of a child's thread: starts it, and tells of its end. The keeper reaps it.
fn attend(spec: &Spec, reply: oneshot::Sender<Result<Started, Unavailable>>) {
    let (tell, ended) = watch::channel(None);
    let began = find(&spec.program).and_then(|program| {
        let refused = |said: &str| Unavailable::Refused(program.clone(), said.to_owned());
        let mark = mark::new().ok_or_else(|| refused("the system has no randomness"))?;
        // The keeper knows of it before there is a process: it takes no child for an orphan.
        if !keeper::tell(Word::Starting) {
            return Err(refused("no thread to look after it"));
        }
        match fork::start(spec, &program, &mark) {
            Ok(child) => Ok((child, mark)),
            Err(error) => {
                keeper::tell(Word::NotStarted);
                Err(Unavailable::of(&program, &spec.cwd, &error))
            }
        }
    });
    let (child, mark) = match began {
        Ok(began) => began,
        Err(error) => return drop(reply.send(Err(error))),
    };
    let pid = Pid::from_child(&child);
    keeper::tell(Word::Started(pid, mark));
    // Nobody may want it any more: then it is dropped here, and ended.
    drop(reply.send(Ok(Started { child, ended, held: Held(pid) })));
    let status = until_exit(pid);
    let _nobody_waits = tell.send(Some(status));
    keeper::tell(Word::Exited(pid));
}

/// Waits for its end, and leaves it a zombie: while it is one, nobody else gets its pid or its group.
fn until_exit(pid: Pid) -> ExitStatus {
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(Some(status)) => return raw(&status),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            // Somebody else reaped it: nothing is known of its end.
            Err(_) => return ExitStatus::from_raw(0xff00),
        }
    }
}

fn raw(status: &WaitIdStatus) -> ExitStatus {
    let code = status.exit_status().map(|code| (code & 0xff) << 8);
    ExitStatus::from_raw(code.or(status.terminating_signal()).unwrap_or(0xff00))
}

/// The program of that name in the absolute folders of `PATH`; a path is taken as it is.
fn find(name: &OsStr) -> Result<PathBuf, Unavailable> {
    let path = Path::new(name);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    let mut found = Err(Unavailable::NotFound(path.to_owned()));
    // A path that is relative would mean another program in another folder.
    if path.components().count() != 1 {
        return found;
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    for candidate in std::env::split_paths(&folders).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name))
    {
        match candidate.metadata() {
            Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o111 != 0 => return Ok(candidate),
            Ok(meta) if meta.is_file() && matches!(found, Err(Unavailable::NotFound(_))) => {
                found = Err(Unavailable::NotExecutable(candidate));
            }
            _ => {}
        }
    }
    found
}

impl Child {
    /// Its pid, which is also the id of its group and session.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.held.0.as_raw_nonzero().get().cast_unsigned()
    }

    /// Its pipes, once; who takes them speaks with it and keeps the [`Child`] as long.
    pub fn pipes(&mut self) -> Option<Pipes> {
        self.pipes.take()
    }

    /// Who wants to wait for its end alone.
    #[must_use]
    pub fn end(&self) -> End {
        self.end.clone()
    }

    /// Reads both streams until the child has ended and they are closed, or until the deadline.
    ///
    /// # Errors
    /// [`Failure::TimedOut`] at the deadline; its tree is being ended then, and nobody waits for that.
    pub async fn wait(mut self, deadline: Instant) -> Result<Ended, Failure> {
        let (mut stdout, mut stderr) = (Kept::new(self.keep), Kept::new(self.keep));
        let (mut status, mut open, mut limit) = (None, true, deadline);
        let pipes = self.pipes.take();
        {
            let mut reading = pin!(async {
                if let Some(pipes) = pipes {
                    drop(pipes.stdin);
                    tokio::join!(drain(pipes.stdout, &mut stdout), drain(pipes.stderr, &mut stderr));
                }
            });
            while open || status.is_none() {
                tokio::select! {
                    // The clock first: a flood is always ready.
                    biased;
                    () = sleep_until(limit) => break,
                    ended = self.end.wait(), if status.is_none() => {
                        status = Some(ended);
                        limit = limit.min(Instant::now() + PIPES);
                    }
                    () = &mut reading, if open => open = false,
                }
            }
        }
        let ended =
            Ended { killed: status.is_none(), pipes_held: status.is_some() && open, status, stdout, stderr };
        if ended.killed {
            let limit = deadline.saturating_duration_since(self.born);
            return Err(Failure::TimedOut { limit, ended: Box::new(ended) });
        }
        Ok(ended)
    }
}
