//! `ssh HOST docker system dial-stdio` as a connection: the child lives exactly as long as the stream does.
//!
//! Nothing can be asked of a person: stdin is the stream, `BatchMode` is on, there is no askpass program. A started
//! `ssh` proves nothing, so the dial ends only when an engine has answered `HEAD /_ping` through it.

use std::ffi::OsStr;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::super::endpoint::Endpoint;
use super::{DialError, DialKind};
use crate::child::{self, Child, Spec, Stdin};

#[cfg(test)]
mod tests;

const KEPT_STDERR: usize = 4096;
const LONGEST_HEAD: usize = 16 * 1024;
/// `ssh` should give up a little before we do: it knows the reason.
const OURS_LATER: Duration = Duration::from_millis(250);
const LAST_WORDS: Duration = Duration::from_millis(500);
const PING: &[u8] = b"HEAD /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";

/// A connection through `program`, on which an engine has answered once.
pub(super) async fn connect(
    program: &OsStr,
    endpoint: &Endpoint,
    deadline: Instant,
) -> Result<SshIo, DialError> {
    let mut io = SshIo::start(program, endpoint, deadline).await?;
    match timeout_at(deadline, io.answered()).await {
        Ok(Ok(Pong::StaysOpen)) => Ok(io),
        // A proxy before the engine may close after each answer: it is there, so the next stream goes unasked.
        Ok(Ok(Pong::Closes)) => SshIo::start(program, endpoint, deadline).await,
        Ok(Err(error)) => Err(DialError::new(DialKind::Ssh, endpoint, io.last_words(&error, deadline).await)),
        Err(_) => {
            let said = io.said();
            let colon = if said.is_empty() { "" } else { ": " };
            let detail = format!("no engine answered through ssh in time{colon}{said}");
            Err(DialError::new(DialKind::Ssh, endpoint, detail))
        }
    }
}

/// The whole command line, as an array: no shell of ours reads it, and all words of it passed the endpoint's grammar
/// (the shell on the other side joins the last ones).
fn command(program: &OsStr, endpoint: &Endpoint, patience: Duration) -> Option<Spec> {
    let Endpoint::Ssh { user, host, port, path } = endpoint else { return None };
    let seconds = patience.saturating_sub(OURS_LATER).as_secs().max(1);
    // No terminal, no agent, no X11; unknown hosts are refused; no master process that would outlive us.
    let mut spec = Spec::new(program)
        .args(["-T", "-a", "-x", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"])
        .args(["-o", "ControlMaster=no", "-o", "ClearAllForwardings=yes"])
        .args(["-o", &format!("ConnectTimeout={seconds}")]);
    if let Some(port) = port {
        spec = spec.args(["-p", &port.to_string()]);
    }
    if let Some(user) = user {
        spec = spec.args(["-l", user]);
    }
    spec = spec.args(["--", host, "docker"]);
    if let Some(path) = path {
        spec = spec.args(["-H", &format!("unix://{}", path.display())]);
    }
    // Keys may be with an agent, or be tickets. Of our environment it gets little else: no display, no askpass program.
    spec = spec.args(["system", "dial-stdio"]).inherit("SSH_AUTH_SOCK").inherit("KRB5CCNAME");
    Some(spec.env("SSH_ASKPASS_REQUIRE", "never").stdin(Stdin::Piped))
}

enum Pong {
    StaysOpen,
    Closes,
}

/// The pipes of an `ssh` child, and the child, which is ended when this is dropped.
pub(super) struct SshIo {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: Arc<Mutex<Vec<u8>>>,
    drain: JoinHandle<()>,
    // The last: our ends of its pipes are closed before it is told to end.
    child: Child,
}

impl Drop for SshIo {
    fn drop(&mut self) {
        self.drain.abort();
    }
}

impl SshIo {
    async fn start(program: &OsStr, endpoint: &Endpoint, deadline: Instant) -> Result<Self, DialError> {
        let told = |detail: &str| DialError::new(DialKind::Ssh, endpoint, detail);
        let patience = deadline.saturating_duration_since(Instant::now());
        let spec = command(program, endpoint, patience).ok_or_else(|| told("not an ssh address"))?;
        let mut child = timeout_at(deadline, child::spawn(spec))
            .await
            .map_err(|_| told("`ssh` did not start in time"))?
            .map_err(|error| told(&error.to_string()))?;
        let pipes = child.pipes().ok_or_else(|| told("`ssh` has no pipes"))?;
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let drain = tokio::spawn(drain(pipes.stderr, Arc::clone(&stderr)));
        Ok(Self { stdin: pipes.stdin, stdout: pipes.stdout, stderr, drain, child })
    }

    /// As [`Self::ping`], but an `ssh` that has ended is not waited for, though its child may hold the stream open.
    async fn answered(&mut self) -> io::Result<Pong> {
        let mut ended = self.child.end();
        let ended = async move {
            ended.wait().await;
            sleep(LAST_WORDS).await;
        };
        tokio::select! {
            pong = self.ping() => pong,
            () = ended => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Asks the engine for a sign of life; reads its answer to the last byte and no further.
    async fn ping(&mut self) -> io::Result<Pong> {
        self.write_all(PING).await?;
        let mut head = Vec::new();
        loop {
            let mut chunk = [0; 1024];
            let read = self.read(&mut chunk).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            head.extend_from_slice(chunk.get(..read).unwrap_or_default());
            if !head.starts_with(b"HTTP/1.") && head.len() >= 7 {
                let seen = String::from_utf8_lossy(head.get(..head.len().min(80)).unwrap_or_default());
                return Err(io::Error::other(format!("something else than an engine answers: {seen:?}")));
            }
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
                let closes = text.starts_with("http/1.0") || text.contains("\r\nconnection: close\r\n");
                let more = end + 4 < head.len();
                return Ok(if closes || more { Pong::Closes } else { Pong::StaysOpen });
            }
            if head.len() > LONGEST_HEAD {
                return Err(io::Error::other("the answer's head does not end"));
            }
        }
    }

    /// What `ssh` said and how it ended; it is given a moment to end.
    async fn last_words(&mut self, error: &io::Error, deadline: Instant) -> String {
        let until = deadline.min(Instant::now() + LAST_WORDS);
        let ended = matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe);
        if !ended {
            return format!("{error} {}", self.said());
        }
        let status = timeout_at(until, self.child.end().wait()).await;
        // A grandchild may hold the pipe open: what was said until now has to do.
        let _ =
            timeout(LAST_WORDS.min(until.saturating_duration_since(Instant::now())), &mut self.drain).await;
        let how = match status {
            Ok(status) if status.code() == Some(127) => "docker is not installed there".to_owned(),
            Ok(status) => format!("ssh ended with {status}"),
            _ => "ssh closed its stream".to_owned(),
        };
        let said = self.said();
        if said.is_empty() { how } else { format!("{said} ({how})") }
    }

    fn said(&self) -> String {
        let bytes = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        super::error::clean(&String::from_utf8_lossy(&bytes))
    }
}

/// Keeps the end of what comes: a server's banner comes first, the reason last.
async fn drain(mut pipe: ChildStderr, kept: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = [0; 1024];
    while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(chunk.get(..read).unwrap_or_default());
        let surplus = kept.len().saturating_sub(KEPT_STDERR);
        kept.drain(..surplus);
    }
}

impl AsyncRead for SshIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buf)
    }
}

impl AsyncWrite for SshIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(cx, data),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin.as_mut().map_or(Poll::Ready(Ok(())), |stdin| Pin::new(stdin).poll_flush(cx))
    }

    /// Closes the pipe: that is how the other side learns that no more comes.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}
