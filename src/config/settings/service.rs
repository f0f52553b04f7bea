//! How the server itself runs: clocks, limits, answers, records, the network.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use crate::policy::{Level, PatternSet, Source};

/// An entry of `[secrets]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A variable of the server.
    Env(String),
    /// A file, read when it is needed.
    File(PathBuf),
}

/// `[confirm]`
#[derive(Debug, Clone)]
pub struct Confirm {
    /// What needs one.
    pub require: Require,
    /// Who gives it.
    pub by: By,
    /// A person may be asked in the client: where that is a program with a key, whoever holds the key answers itself.
    pub in_client: bool,
    /// How long a token lives.
    pub ttl: Duration,
    /// How long a held call waits for a person.
    pub approval_ttl: Duration,
}

/// What needs a confirmation.
#[derive(Debug, Clone)]
pub enum Require {
    /// Nothing.
    None,
    /// What destroys.
    Destructive,
    /// Everything that is not read.
    Mutating,
    /// These.
    Listed {
        /// Changes that need one of these levels.
        levels: Vec<Level>,
        /// Tools by name.
        tools: PatternSet,
    },
}

/// Who confirms. Ordered from the loosest to the tightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The caller, with a token from the preview.
    Caller,
    /// A person.
    Human,
}

/// `[limits]`; 0 means no limit.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Commands a minute and caller.
    pub exec_per_minute: u32,
    /// Log requests a minute and caller.
    pub logs_per_minute: u32,
    /// Calls at once, over all callers.
    pub max_concurrent: u32,
    /// The same change on the same target within ten minutes, by one caller.
    pub loop_guard: u32,
    /// By tool name.
    pub cooldown: BTreeMap<String, Cooldown>,
}

/// `[limits.cooldown]`: how long a tool rests after it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cooldown {
    /// At most once in this time.
    pub every: Duration,
    /// What rests.
    pub key: CooldownKey,
    /// Where it stands.
    pub source: Source,
}

/// What a cooldown counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CooldownKey {
    /// The tool as a whole.
    Tool,
    /// Each container by itself.
    Container,
    /// Each compose service by itself.
    Service,
    /// Each compose project by itself.
    Project,
}

/// `[output]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// Bytes of a result.
    pub max_bytes: usize,
    /// Lines of a log where the call names none.
    pub log_tail: usize,
    /// Lines of a log at most. Not less than `log_tail`.
    pub log_tail_max: usize,
    /// Bytes of a piece of a stream.
    pub chunk_bytes: usize,
}

/// `[redact]`
#[derive(Debug, Clone)]
pub struct Redact {
    /// Secrets are masked.
    pub enabled: bool,
    /// Which variables of a container are masked.
    pub env: RedactEnv,
    /// Globs over variable names, compared without case: these hold secrets.
    pub env_keys: Vec<String>,
    /// Values learned from variables are masked wherever they show up.
    pub learn: bool,
    /// Added to the built-in ones.
    pub patterns: Vec<Regex>,
}

/// Which variables of a container are masked. Ordered from the loosest to the tightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RedactEnv {
    /// None.
    Off,
    /// Those that are secret by key or by look.
    Secrets,
    /// Every value.
    All,
}

/// `[neverhang]`: each between 1 s and 30 min.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neverhang {
    /// Reads.
    pub read_timeout: Duration,
    /// Start, stop, restart and the like.
    pub lifecycle_timeout: Duration,
    /// Commands. Equal to `exec_safety.timeout`.
    pub exec_timeout: Duration,
    /// The compose CLI.
    pub compose_timeout: Duration,
    /// Follow and other streams, where the call names none.
    pub stream_timeout: Duration,
    /// Pull, push, build: in all.
    pub transfer_timeout: Duration,
    /// ... and without progress.
    pub transfer_idle: Duration,
    /// What a call may ask for at most.
    pub max_timeout: Duration,
    /// `circuit_breaker`
    pub breaker: Breaker,
}

/// `circuit_breaker`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Daemon failures that open it.
    pub failures: u32,
    /// ... within this time.
    pub window: Duration,
    /// How long it stays open.
    pub cooldown: Duration,
    /// A probe that succeeds moves it to half-open before that.
    pub early_recovery: bool,
}

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Calls are recorded.
    pub enabled: bool,
    /// Where; absent: the state folder.
    pub dir: Option<PathBuf>,
    /// Days that files are kept.
    pub retention_days: u32,
    /// A change that cannot be recorded is refused.
    pub required: bool,
}

/// `[log]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// How much.
    pub level: LogLevel,
    /// In what form; absent: text, and JSON with HTTP.
    pub format: Option<LogFormat>,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed on our side.
    Error,
    /// What a person should look at.
    Warn,
    /// What happens.
    Info,
    /// How it happens.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// As the file writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// In what form logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// `[http]`
#[derive(Debug, Clone)]
pub struct Http {
    /// Where it serves.
    pub listen: SocketAddr,
    /// Values of `Host` beside the loopback ones.
    pub allowed_hosts: Vec<String>,
    /// Values of `Origin` beside the loopback ones.
    pub allowed_origins: Vec<String>,
    /// The role of callers without a key; it exists in `roles`.
    pub anonymous_role: Option<String>,
    /// TLS ends before us.
    pub behind_proxy: bool,
    /// Our certificate, where TLS ends here.
    pub tls: Option<HttpTls>,
    /// `[[http.keys]]`
    pub keys: Vec<HttpKey>,
    /// `[http.oidc]`
    pub oidc: Option<Oidc>,
}

/// `http.tls`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTls {
    /// PEM chain.
    pub cert: PathBuf,
    /// PEM key.
    pub key: PathBuf,
}

/// `[[http.keys]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpKey {
    /// Unique; the audit log shows it.
    pub name: String,
    /// SHA-256 of the key: 64 lower-case hex digits, without the `sha256:` that the file may carry.
    pub hash: String,
    /// A name in `roles`.
    pub role: String,
    /// Where it stands.
    pub source: Source,
}

/// `[http.oidc]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// `https://...`
    pub issuer: String,
    /// The `aud` that a token must carry.
    pub audience: String,
    /// The claim that names the role.
    pub role_claim: String,
    /// The address of `/mcp` as callers know it; absent: what they call.
    pub resource: Option<String>,
}

/// `[state]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// `redis://` or `rediss://`; absent: embedded.
    pub redis: Option<String>,
    /// The system's folder for what is kept between two starts. No key: `XDG_STATE_HOME` says where it is.
    pub dir: Option<PathBuf>,
}

/// `[fallback]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// `use_ai` asks a model.
    pub enabled: bool,
    /// Its name.
    pub model: String,
    /// The variable that holds the key.
    pub api_key_env: String,
    /// Absent: the public Messages API.
    pub base_url: Option<String>,
    /// Lines of a log that are sent.
    pub max_log_lines: usize,
    /// Tokens of the answer.
    pub max_tokens: u32,
}
