//! Which engine: what the docker CLI would use, unless the configuration names one.
//!
//! No network, no change of anything: a few small files are read. The surroundings come in as [`Env`], so that a test
//! needs none of its own. Order: configuration, `DOCKER_HOST`, `DOCKER_CONTEXT`, `currentContext`, usual sockets.

mod contexts;
mod env;
mod sockets;

use std::fmt;
use std::path::PathBuf;

use super::endpoint::{Endpoint, TlsFiles};
pub use env::Env;
pub(super) use env::read_small;

#[cfg(test)]
mod tests;

/// What the configuration says of one engine. Empty texts count as not set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `docker.host`.
    pub host: Option<String>,
    /// `docker.socket`.
    pub socket: Option<PathBuf>,
    /// `docker.tls`, if any of its keys is set; for an address over TCP, also one of `DOCKER_HOST`.
    pub tls: Option<TlsFiles>,
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

fn fail<T>(message: impl Into<String>) -> Result<T, DiscoverError> {
    Err(DiscoverError(message.into()))
}

/// Chooses the engine.
///
/// # Errors
/// An address that is none, a context that is not there (with those that are), a file that cannot be read. Nothing
/// falls through to another engine after an error: acting on the wrong one is worse than not acting.
pub fn discover(options: &Options, env: &Env) -> Result<Discovered, DiscoverError> {
    let host = options.host.as_deref().map(str::trim).filter(|host| !host.is_empty());
    let socket = options.socket.as_deref().filter(|socket| !socket.as_os_str().is_empty());
    match (host, socket) {
        (Some(_), Some(_)) => return fail("`host` and `socket` are both set: keep one"),
        (Some(host), None) => return address(host, options.tls.as_ref(), "`host` in the configuration"),
        (None, Some(socket)) => {
            let endpoint = Endpoint::Unix(socket.to_owned());
            let why = "`socket` in the configuration";
            endpoint.check().map_err(|error| DiscoverError(format!("{why}: {error}")))?;
            return Ok(Discovered { endpoint, why: why.to_owned() });
        }
        (None, None) => {}
    }
    let tls = options.tls.clone().or_else(|| env.tls());
    if let Some(host) = env.get("DOCKER_HOST") {
        return address(host, tls.as_ref(), "DOCKER_HOST");
    }
    let named = match env.get("DOCKER_CONTEXT") {
        Some(name) => Some((name.to_owned(), "DOCKER_CONTEXT".to_owned())),
        None => contexts::current(env)?,
    };
    if let Some((name, said_by)) = named.filter(|(name, _)| name != "default") {
        return contexts::open(env, &name, &said_by);
    }
    if tls.is_some() {
        return address("tcp://localhost", tls.as_ref(), "DOCKER_TLS_VERIFY or `tls`, without a host");
    }
    Ok(sockets::usual(env))
}

fn address(text: &str, tls: Option<&TlsFiles>, why: &str) -> Result<Discovered, DiscoverError> {
    match Endpoint::parse_with(text, tls) {
        Ok(endpoint) => Ok(Discovered { endpoint, why: why.to_owned() }),
        Err(error) => fail(format!("{why}: {error}")),
    }
}
