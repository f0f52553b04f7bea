//! Why there is no connection, and what to do about it.

use std::fmt;
use std::io;

use super::super::endpoint::Endpoint;

/// The cause, one word; it decides what the caller is told and whether the breaker counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DialKind {
    /// There is no such socket.
    Missing,
    /// The path is there and is no socket.
    NotASocket,
    /// Nobody listens.
    Refused,
    /// The socket is not for this user.
    Permission,
    /// The engine takes no more connections just now.
    BacklogFull,
    /// The deadline passed.
    Timeout,
    /// The host's name does not resolve.
    Dns,
    /// The TLS files are not usable or the handshake failed.
    Tls,
    /// `ssh` could not be started, ended, or reached no engine.
    Ssh,
    /// Anything else.
    Other,
}

impl DialKind {
    /// The word for a `reason` field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "socket_missing",
            Self::NotASocket => "not_a_socket",
            Self::Refused => "refused",
            Self::Permission => "permission",
            Self::BacklogFull => "backlog_full",
            Self::Timeout => "connect_timeout",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Ssh => "ssh",
            Self::Other => "other",
        }
    }
}

/// No connection, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialError {
    /// The cause.
    pub kind: DialKind,
    /// Where to.
    pub endpoint: Box<Endpoint>,
    /// The cause in words, free of control characters.
    pub detail: String,
    /// The group a socket belongs to, where that is the matter.
    pub group: Option<String>,
}

impl DialError {
    pub(super) fn new(kind: DialKind, endpoint: &Endpoint, detail: impl fmt::Display) -> Self {
        Self { kind, endpoint: Box::new(endpoint.clone()), detail: clean(&detail.to_string()), group: None }
    }

    /// From what `connect` answered.
    pub(super) fn of_io(endpoint: &Endpoint, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DialKind::Missing,
            io::ErrorKind::ConnectionRefused => DialKind::Refused,
            io::ErrorKind::PermissionDenied => DialKind::Permission,
            io::ErrorKind::TimedOut => DialKind::Timeout,
            _ => DialKind::Other,
        };
        Self::new(kind, endpoint, error)
    }

    /// The next step for a person.
    #[must_use]
    pub fn hint(&self) -> String {
        let local = matches!(*self.endpoint, Endpoint::Unix(_));
        match self.kind {
            DialKind::Missing => "is Docker running? Start it (`systemctl start docker`, Docker Desktop), or name the \
                 right socket in [docker] `socket` or DOCKER_HOST; `docker context ls` shows what the CLI uses"
                .to_owned(),
            DialKind::NotASocket => "this path is a file or folder: a bind mount of a socket that was missing leaves \
                 a folder; remove it, start Docker, and mount the socket again"
                .to_owned(),
            DialKind::Refused if local => "the socket is there and nobody listens: the daemon stopped or died; \
                 `systemctl status docker` says why, `systemctl start docker` brings it back"
                .to_owned(),
            DialKind::Refused => "nobody listens there: check the port and that the daemon serves TCP".to_owned(),
            DialKind::Permission => self.permission_hint(),
            DialKind::BacklogFull => {
                "the daemon is overloaded or stuck: `docker ps` in a terminal shows whether it answers; try again later"
                    .to_owned()
            }
            DialKind::Timeout => "check the host, the port and the firewall between".to_owned(),
            DialKind::Dns => "check the host's name and the resolver".to_owned(),
            DialKind::Tls => "check [docker] `tls` (ca, cert, key) or DOCKER_CERT_PATH, the certificate's names and \
                 dates, and that the daemon serves TLS on this port"
                .to_owned(),
            DialKind::Ssh => "try `ssh HOST docker version` in a terminal: the key must need no prompt, the host must \
                 be in known_hosts, and docker be installed there"
                .to_owned(),
            DialKind::Other => "`docker-mcp doctor` tries each step".to_owned(),
        }
    }

    fn permission_hint(&self) -> String {
        let group = match self.group.as_deref() {
            None | Some("root") => "docker",
            Some(group) => group,
        };
        let owner = match self.group.as_deref() {
            Some(owner) => format!("the socket belongs to the group `{owner}`; "),
            None => String::new(),
        };
        format!(
            "{owner}`id` shows the groups of this user. Add the user with `sudo usermod -aG {group} $USER` and log in \
             again (this group is as mighty as root), or use rootless Docker"
        )
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self.kind {
            DialKind::Missing => "no such socket",
            DialKind::NotASocket => "not a socket",
            DialKind::Refused => "connection refused",
            DialKind::Permission => "permission denied",
            DialKind::BacklogFull => "the engine takes no more connections",
            DialKind::Timeout => "no connection in time",
            DialKind::Dns => "the name does not resolve",
            DialKind::Tls => "TLS failed",
            DialKind::Ssh => "ssh failed",
            DialKind::Other => "cannot connect",
        };
        write!(f, "{}: {cause}: {}", self.endpoint, self.detail)
    }
}

impl std::error::Error for DialError {}

/// One line without control characters, at most about 4 KiB: what stands here may come from the other side.
pub(super) fn clean(text: &str) -> String {
    let line: Vec<&str> =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    line.join(" ").chars().take(4096).collect()
}
