//! Files in containers: looked at, read as a stream of bounded pieces, written as a tar of exactly what was given.
//!
//! The engine follows links on the way to a path by itself, within the container. Here each step is looked at first
//! ([`Walk`]), so that what is judged is where a path leads and by which folders, not how it is spelled. A container that runs may turn a link meanwhile: this
//! is advice, as all judgement of paths in containers is. Nothing is ever written to this machine.

mod header;
mod read;
mod walk;
mod write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde::Deserialize;

use crate::policy::{Container, Level, Permit};

use super::budget::Budget;
use super::error::EngineError;
use super::{Engine, clock};

pub use read::{Entry, Reader, Step};
pub use walk::{Found, Walk};
pub use write::{Item, Load, Unwritten};

/// The header that tells what a path is.
const STAT: &str = "x-docker-container-path-stat";
/// The bits of a Go file mode that tell the kind.
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;
const DEVICE: u32 = 1 << 26;
const FIFO: u32 = 1 << 25;
const SOCKET: u32 = 1 << 24;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// With content.
    File,
    /// With entries.
    Folder,
    /// Leads elsewhere.
    Link,
    /// The same file as another of the archive.
    HardLink,
    /// Reading waits for a writer.
    Fifo,
    /// Of blocks or characters.
    Device,
    /// Somebody may listen there.
    Socket,
    /// Of no kind that is known here.
    Other,
}

impl Kind {
    /// The word in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Link => "link",
            Self::HardLink => "hard link",
            Self::Fifo => "fifo",
            Self::Device => "device",
            Self::Socket => "socket",
            Self::Other => "other",
        }
    }
}

/// What the engine tells of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Who may do what: the lower nine bits.
    pub mode: u32,
    /// When it was written, in seconds since 1970.
    pub modified: i64,
    /// Where a link ends, as far as it leads anywhere.
    pub target: String,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Header {
    size: i64,
    mode: u32,
    mtime: String,
    link_target: String,
}

impl Engine {
    /// What is at this path, the last step not followed. None: nothing.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn archive_stat(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        path: &str,
    ) -> Result<Option<Stat>, EngineError> {
        self.stat_of(budget, permit.levels(), &permit.target().id, path).await
    }

    async fn stat_of(
        &self,
        budget: &Budget,
        levels: &[Level],
        id: &str,
        path: &str,
    ) -> Result<Option<Stat>, EngineError> {
        let at = format!("/containers/{id}/archive");
        let answer = match self.wire.look(budget, levels, (Method::HEAD, &at), &[("path", path)]).await {
            Err(EngineError::Status { code: 404, .. }) => return Ok(None),
            // Without words: `HEAD` has no body.
            Err(EngineError::Status { code: 500, .. }) => {
                return Err(EngineError::Conflict(format!(
                    "the engine cannot tell what `{path}` is; a link that leads in a circle, perhaps"
                )));
            }
            answer => answer.map_err(|e| self.scrubbed(e))?,
        };
        let header = answer.header(STAT).and_then(|text| STANDARD.decode(text).ok());
        let header: Option<Header> = header.and_then(|json| serde_json::from_slice(&json).ok());
        match header {
            Some(header) => Ok(Some(header.stat())),
            None => Err(EngineError::Protocol("a path without its description".to_owned())),
        }
    }
}

impl Header {
    fn stat(self) -> Stat {
        let bit = |bit: u32| self.mode & bit != 0;
        let kind = match () {
            () if bit(FOLDER) => Kind::Folder,
            () if bit(LINK) => Kind::Link,
            () if bit(DEVICE) => Kind::Device,
            () if bit(FIFO) => Kind::Fifo,
            () if bit(SOCKET) => Kind::Socket,
            () => Kind::File,
        };
        let modified = clock::read(&self.mtime).map_or(0, |nanos| nanos.div_euclid(1_000_000_000));
        Stat {
            kind,
            size: u64::try_from(self.size).unwrap_or_default(),
            mode: self.mode & 0o777,
            modified: i64::try_from(modified).unwrap_or_default(),
            target: self.link_target,
        }
    }
}

/// A path one step further.
#[must_use]
pub fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_from_modes() {
        let kind = |mode: u32| Header { mode, ..Header::default() }.stat().kind;
        assert_eq!(kind(0o644), Kind::File);
        assert_eq!(kind(2_147_484_141), Kind::Folder);
        assert_eq!(kind(134_218_239), Kind::Link);
        assert_eq!(kind(DEVICE | (1 << 21) | 0o666), Kind::Device, "of characters");
        assert_eq!(kind(FIFO | 0o644), Kind::Fifo);
        assert_eq!(kind(SOCKET | 0o755), Kind::Socket);
    }

    #[test]
    fn paths() {
        assert_eq!(join("/", "a"), "/a");
        assert_eq!(join("/a", "b"), "/a/b");
    }
}
