//! A copy of this program that outlives it: for what must be brought to an end though we are killed in the middle.
//!
//! It is no child in the sense of the rest of this room: it has no mark, no death signal and no place among the jobs, for
//! all these would end it with us. It reads a pipe, which tells it that we are done, or breaks when we die; and it has a
//! limit of its own. It puts itself into a session of its own before it says its first line.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::Pid;
use tokio::sync::oneshot;

use super::error::Unavailable;
use super::keeper::{self, Word};
use super::mark;

/// What it is told when it is no longer needed.
pub const DONE: &str = "done\n";

/// A running copy. Dropped without a word it takes over.
#[derive(Debug)]
pub struct Apart {
    stdin: ChildStdin,
}

impl Apart {
    /// It is no longer needed, and ends at once.
    pub fn done(mut self) {
        // A pipe takes so little without waiting; a copy that is gone needs no word.
        let _gone = self.stdin.write_all(DONE.as_bytes());
    }
}

type Began = (Apart, oneshot::Receiver<String>);

/// Starts a copy of this program with these arguments. Its first line comes when it is ready; no line: it has ended.
///
/// # Errors
/// It cannot be started.
pub async fn start(args: Vec<OsString>) -> Result<Began, Unavailable> {
    let refused = |error: io::Error| Unavailable::Refused(program(), error.to_string());
    let (reply, began) = oneshot::channel();
    // A thread for each: it waits for the first line, and for the end.
    std::thread::Builder::new().name("apart".into()).spawn(move || attend(&args, reply)).map_err(refused)?;
    began.await.map_err(|_| refused(io::Error::other("its thread ended")))?.map_err(refused)
}

/// Ourselves, also where the file was replaced since.
fn program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("docker-mcp"))
}

fn attend(args: &[OsString], reply: oneshot::Sender<io::Result<Began>>) {
    // The keeper knows of it before there is a process: it takes it for no orphan.
    if !keeper::tell(Word::Starting) {
        return drop(reply.send(Err(io::Error::other("no thread to look after it"))));
    }
    let (mut child, stdin, stdout) = match spawn(args) {
        Ok(spawned) => spawned,
        Err(error) => {
            keeper::tell(Word::NotStarted);
            return drop(reply.send(Err(error)));
        }
    };
    let pid = Pid::from_child(&child);
    keeper::tell(Word::Apart(pid));
    let (say, line) = oneshot::channel();
    // Nobody may want it any more: then its pipe is closed here.
    drop(reply.send(Ok((Apart { stdin }, line))));
    let mut first = String::new();
    let mut stdout = BufReader::new(stdout);
    if stdout.read_line(&mut first).is_ok_and(|read| read > 0) {
        let _nobody_waits = say.send(first);
    } else {
        drop(say);
    }
    let _status = child.wait();
    keeper::tell(Word::ApartGone(pid));
}

fn spawn(args: &[OsString]) -> io::Result<(Child, ChildStdin, ChildStdout)> {
    let mut command = Command::new(program());
    command.arg0("docker-mcp").args(args).env_remove(mark::VARIABLE);
    // Whoever waits for the end of our stderr waits for us alone.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => Ok((child, stdin, stdout)),
        _ => Err(io::Error::other("it has no pipes")),
    }
}
