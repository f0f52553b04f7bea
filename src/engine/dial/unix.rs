//! Unix sockets: the errors of `connect` told apart, a full backlog retried.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};

use super::super::endpoint::Endpoint;
use super::{DialError, DialKind, within};

const FIRST_STEP: Duration = Duration::from_millis(50);
const LAST_STEP: Duration = Duration::from_millis(400);
const RETRY_FOR: Duration = Duration::from_secs(2);

/// Connects, again while the backlog is full (a non-blocking `connect` answers EAGAIN then, at once).
pub(super) async fn connect(
    endpoint: &Endpoint,
    path: &Path,
    deadline: Instant,
) -> Result<UnixStream, DialError> {
    let give_up = deadline.min(Instant::now() + RETRY_FOR);
    let mut step = FIRST_STEP;
    loop {
        match within(endpoint, deadline, "connecting", UnixStream::connect(path)).await? {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let pause = jittered(step);
                if Instant::now() + pause >= give_up {
                    let detail = "its backlog of waiting connections stayed full";
                    return Err(DialError::new(DialKind::BacklogFull, endpoint, detail));
                }
                sleep(pause).await;
                step = (step * 2).min(LAST_STEP);
            }
            Err(error) => return Err(explain(endpoint, path, &error, deadline).await),
        }
    }
}

/// Who listens on a unix socket: another engine there is another file, or another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub device: u64,
    pub inode: u64,
    pub pid: Option<i32>,
}

/// The path is looked at after the connection: should it be exchanged between, the next one tells.
pub(super) fn peer(stream: &UnixStream, path: &Path) -> Option<Peer> {
    let found = fs::metadata(path).ok()?;
    let pid = stream.peer_cred().ok().and_then(|who| who.pid());
    Some(Peer { device: found.dev(), inode: found.ino(), pid })
}

/// Three quarters of the step to all of it, so that many callers do not come back together.
fn jittered(step: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or_default() % 256;
    step - step * random / 1024
}

/// `connect` says "refused" of a plain file too, and "permission denied" of nobody's socket in particular: look.
async fn explain(endpoint: &Endpoint, path: &Path, error: &io::Error, deadline: Instant) -> DialError {
    let mut told = DialError::of_io(endpoint, error);
    if !matches!(told.kind, DialKind::Refused | DialKind::Permission) {
        return told;
    }
    let path = path.to_owned();
    let look = tokio::task::spawn_blocking(move || look_at(&path));
    let Ok(Ok(Some(seen))) = tokio::time::timeout_at(deadline, look).await else { return told };
    if !seen.is_socket && told.kind == DialKind::Refused {
        return DialError::new(DialKind::NotASocket, endpoint, seen.what);
    }
    if told.kind == DialKind::Permission {
        told.group = Some(seen.group);
    }
    told
}

struct Seen {
    is_socket: bool,
    what: &'static str,
    group: String,
}

fn look_at(path: &PathBuf) -> Option<Seen> {
    let found = fs::metadata(path).ok()?;
    let what = if found.is_dir() { "the path is a folder" } else { "the path is a file" };
    Some(Seen { is_socket: found.file_type().is_socket(), what, group: group_name(found.gid()) })
}

/// The group's name in `/etc/group`, else its number.
fn group_name(gid: u32) -> String {
    let number = gid.to_string();
    let table = fs::read_to_string("/etc/group").unwrap_or_default();
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            Some((fields.next()?, fields.nth(1)?))
        })
        .find_map(|(name, id)| (id == number).then(|| name.to_owned()))
        .unwrap_or(number)
}
