//! How an engine is named: `unix:///path`, `tcp://host:port`, `https://host:port`, `ssh://user@host:port`.
//!
//! The grammar is narrow on purpose: a host or a user ends as an argument of `ssh`, so neither may begin with `-` nor
//! hold anything but letters, digits, `.`, `_` and `-`. An endpoint made by hand is checked again before it is dialled.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

mod parts;
#[cfg(test)]
mod tests;

use parts::Parts;

/// Where the docker CLI looks when nothing is configured.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
const PLAIN_PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// One Docker engine, reachable in one way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// Plain HTTP over TCP.
    Tcp {
        /// Name or address, IPv6 without brackets.
        host: String,
        /// Port, 2375 unless given.
        port: u16,
    },
    /// HTTP over TLS.
    Tls {
        /// Name or address, IPv6 without brackets.
        host: String,
        /// Port, 2376 unless given.
        port: u16,
        /// The certificates to use.
        material: TlsFiles,
    },
    /// `docker system dial-stdio` at the other end of an `ssh` child.
    Ssh {
        /// The login name; absent means what `ssh` itself would use.
        user: Option<String>,
        /// Name, address or alias of the ssh configuration.
        host: String,
        /// Port; absent means what `ssh` itself would use.
        port: Option<u16>,
        /// The engine's socket on the other side; absent means what `docker` there would use.
        path: Option<PathBuf>,
    },
}

/// Files for TLS. They are named, never held: each dial reads them again, so that a renewed certificate counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsFiles {
    /// The certificate authority of the engine, PEM.
    pub ca: Option<PathBuf>,
    /// Our certificate, PEM.
    pub cert: Option<PathBuf>,
    /// The key of our certificate, PEM.
    pub key: Option<PathBuf>,
    /// Whether the engine's certificate is checked. `false` is refused when dialling.
    pub verify: bool,
    /// The name to expect in the engine's certificate; absent means the host.
    pub server_name: Option<String>,
}

impl Default for TlsFiles {
    fn default() -> Self {
        Self { ca: None, cert: None, key: None, verify: true, server_name: None }
    }
}

/// Why a text names no engine. Never repeats what may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError(String);

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    /// Reads an address as the docker CLI writes it.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        Self::parse_with(text, None)
    }

    /// Like [`parse`](Self::parse); with `tls`, an address over TCP becomes one over TLS (and its default port 2376).
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse_with(text: &str, tls: Option<&TlsFiles>) -> Result<Self, EndpointError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        let endpoint = match scheme.to_ascii_lowercase().as_str() {
            "unix" if rest.is_empty() => Self::Unix(DEFAULT_SOCKET.into()),
            "unix" => Self::Unix(rest.into()),
            "tcp" | "http" => Self::over_tcp(rest, tls.cloned())?,
            "https" => Self::over_tcp(rest, Some(tls.cloned().unwrap_or_default()))?,
            "ssh" => Self::over_ssh(rest)?,
            "fd" => return fail("fd:// is how a daemon listens; a client needs unix://, tcp:// or ssh://"),
            "npipe" => return fail("npipe:// is for Windows only; use unix://, tcp:// or ssh://"),
            _ => return fail("the scheme must be unix, tcp, http, https or ssh"),
        };
        endpoint.check()?;
        Ok(endpoint)
    }

    /// Whether every part keeps the grammar: what `parse` made does, what was put together by hand may not.
    ///
    /// # Errors
    /// Says which part does not.
    pub fn check(&self) -> Result<(), EndpointError> {
        match self {
            Self::Unix(path) if !path.is_absolute() => {
                fail("the socket must be an absolute path, as in unix:///var/run/docker.sock")
            }
            Self::Unix(path) if path.as_os_str().as_encoded_bytes().contains(&0) => {
                fail("the socket's path must not contain NUL")
            }
            Self::Unix(_) => Ok(()),
            Self::Tcp { host, .. } | Self::Tls { host, .. } => check_host(host),
            Self::Ssh { user, host, path, .. } => {
                check_host(host)?;
                if user.as_deref().is_some_and(|user| !is_word(user)) {
                    return fail(
                        "the user may hold letters, digits, `.`, `_`, `-` only and not begin with `-`",
                    );
                }
                match path {
                    Some(path) if !is_plain_path(path) => fail(
                        "the remote socket must be an absolute path of letters, digits, `.`, `_`, `-`, `/`",
                    ),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Whether what is said to the engine crosses a network unencrypted: `doctor` warns of it.
    #[must_use]
    pub fn is_plaintext_remote(&self) -> bool {
        let Self::Tcp { host, .. } = self else { return false };
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        match host.parse::<IpAddr>() {
            Ok(address) => !address.to_canonical().is_loopback(),
            Err(_) => name != "localhost" && !name.ends_with(".localhost"),
        }
    }

    fn over_tcp(rest: &str, tls: Option<TlsFiles>) -> Result<Self, EndpointError> {
        let parts = Parts::of(rest)?;
        if parts.user.is_some() {
            return fail("tcp:// takes no user and no password");
        }
        if !matches!(parts.path, "" | "/") {
            return fail("tcp:// takes no path");
        }
        let host = if parts.host.is_empty() { "127.0.0.1" } else { parts.host }.to_owned();
        Ok(match tls {
            Some(material) => Self::Tls { host, port: parts.port.unwrap_or(TLS_PORT), material },
            None => Self::Tcp { host, port: parts.port.unwrap_or(PLAIN_PORT) },
        })
    }

    fn over_ssh(rest: &str) -> Result<Self, EndpointError> {
        let parts = Parts::of(rest)?;
        if parts.user.is_some_and(|user| user.contains(':')) {
            return fail("ssh:// takes no password: use a key or an agent");
        }
        Ok(Self::Ssh {
            user: parts.user.map(str::to_owned),
            host: parts.host.to_owned(),
            port: parts.port,
            path: Some(parts.path).filter(|path| !matches!(*path, "" | "/")).map(PathBuf::from),
        })
    }
}

/// Never shows a credential: the grammar admits none.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } => write!(f, "tcp://{}:{port}", Bracketed(host)),
            Self::Tls { host, port, .. } => write!(f, "https://{}:{port}", Bracketed(host)),
            Self::Ssh { user, host, port, path } => {
                f.write_str("ssh://")?;
                user.as_ref().map_or(Ok(()), |user| write!(f, "{user}@"))?;
                write!(f, "{}", Bracketed(host))?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))?;
                path.as_ref().map_or(Ok(()), |path| write!(f, "{}", path.display()))
            }
        }
    }
}

struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

fn check_host(host: &str) -> Result<(), EndpointError> {
    if host.parse::<Ipv6Addr>().is_ok() || (is_word(host) && host.len() <= 253) {
        return Ok(());
    }
    fail("the host may hold letters, digits, `.`, `_`, `-` only and not begin with `-` (IPv6 in brackets)")
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_plain_path(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    path.is_absolute() && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(byte))
}

fn fail<T>(message: &str) -> Result<T, EndpointError> {
    Err(EndpointError(message.to_owned()))
}
