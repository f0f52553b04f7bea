//! What is asked, is it safe: the settings of the exec, create, compose and build guards.

use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;

use crate::policy::{Pattern, PatternSet, Source};

/// `[exec_safety]`
#[derive(Debug, Clone)]
pub struct ExecSafety {
    /// How a command is judged.
    pub mode: ExecMode,
    /// Texts that a command line must not contain. They catch accidents; they are no boundary.
    pub blocked_commands: Vec<Pattern>,
    /// The same as regexes, searched for anywhere in the command line.
    pub blocked_patterns: Vec<Rule>,
    /// `mode = "allowlist"`: what may run. Empty means nothing.
    pub allowed_commands: Vec<AllowedCommand>,
    /// Absolute paths that a command must not name.
    pub denied_paths: Vec<Pattern>,
    /// Flags that a command must not carry.
    pub denied_flags: Vec<Pattern>,
    /// Commands may run as uid 0.
    pub allow_root: bool,
    /// The user where the call names none; absent: the image's.
    pub default_user: Option<String>,
    /// Which variables a call may set.
    pub env: ExecEnv,
    /// Containers that hold the engine's socket, host namespaces or privileges may be entered.
    pub allow_privileged_targets: bool,
    /// Bytes of stdout and stderr together.
    pub max_output: usize,
    /// Default of a call's own timeout. Equal to `neverhang.exec_timeout`.
    pub timeout: Duration,
    /// At once, over all containers.
    pub max_concurrent: usize,
}

/// How a command is judged. Ordered from the loosest to the tightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExecMode {
    /// Not at all.
    None,
    /// Everything may run but what the lists name.
    Denylist,
    /// Nothing may run but what `allowed_commands` names.
    Allowlist,
}

/// A regex and the line it stands on.
#[derive(Debug, Clone)]
pub struct Rule {
    /// As written.
    pub pattern: Pattern,
    /// Compiled; for `allowed_commands` anchored at both ends.
    pub regex: Regex,
}

/// An entry of `allowed_commands`.
#[derive(Debug, Clone)]
pub enum AllowedCommand {
    /// A regex over the whole shell-quoted argv.
    Line(Rule),
    /// A rule word by word.
    Argv(ArgvRule),
}

/// `{ argv0, args, user, containers }`
#[derive(Debug, Clone)]
pub struct ArgvRule {
    /// The program, compared exactly.
    pub argv0: String,
    /// One anchored regex an argument. Fewer arguments may be given, never more.
    pub args: Vec<Regex>,
    /// The only user it may run as; absent: any that the other rules allow.
    pub user: Option<String>,
    /// Empty means all containers.
    pub containers: PatternSet,
    /// Where it stands.
    pub source: Source,
}

/// Which variables a call may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEnv {
    /// Any.
    Any,
    /// These.
    Names(Vec<String>),
    /// None.
    None,
}

/// `[create_safety]`
#[derive(Debug, Clone)]
pub struct CreateSafety {
    /// How strict.
    pub profile: Profile,
    /// Exceptions to it.
    pub allow: Vec<Exception>,
    /// Host paths that a bind mount may lie under.
    pub bind_roots: Roots,
    /// Which addresses a port may be published on.
    pub published_ports: PublishedPorts,
    /// Ceilings.
    pub limits: Ceilings,
}

/// Pod Security Standards, mapped to Docker. Ordered from the loosest to the tightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// No guard: only under `--bypass-permissions`, the file cannot say it.
    Off,
    /// What escapes the container is refused.
    Baseline,
    /// Hardening is demanded.
    Restricted,
}

/// `network_mode=host`, `cap_add=NET_ADMIN`, `privileged`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The guarded field, before the `=`.
    pub field: String,
    /// The value that is let through; absent: any.
    pub value: Option<String>,
    /// Where it stands.
    pub source: Source,
}

/// Which addresses a port may be published on. Ordered from the loosest to the tightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublishedPorts {
    /// All.
    Any,
    /// 127.0.0.0/8 and ::1.
    Loopback,
    /// No port.
    None,
}

/// Ceilings on what one container may be given; absent: none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ceilings {
    /// Bytes.
    pub memory: Option<u64>,
    /// Processors, in fractions.
    pub cpus: Option<f64>,
    /// Processes.
    pub pids: Option<u64>,
    /// Containers made by us that exist at once.
    pub containers: Option<u64>,
}

/// Folders that something must lie under. The paths are absolute and lexically clean; links are for the one who opens
/// a file to resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// No bound: only under `--bypass-permissions`.
    Anywhere,
    /// These; empty means nowhere.
    Under(Vec<PathBuf>),
}

impl Roots {
    /// Lies `path`, absolute and resolved, under one of them?
    #[must_use]
    pub fn contain(&self, path: &Path) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Under(roots) => roots.iter().any(|root| path.starts_with(root)),
        }
    }

    /// The folders; empty for [`Roots::Anywhere`].
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        match self {
            Self::Anywhere => &[],
            Self::Under(roots) => roots,
        }
    }
}

/// `[compose]`
#[derive(Debug, Clone)]
pub struct Compose {
    /// Where compose files may lie; a relative file is tried in each.
    pub roots: Roots,
    /// Not empty: only these, wherever they lie. A single one is the default project.
    pub files: Vec<PathBuf>,
    /// These skip the create guard.
    pub trusted_files: Vec<PathBuf>,
    /// Variables of the server that may interpolate.
    pub pass_env: Vec<String>,
}

/// `[build]`
#[derive(Debug, Clone)]
pub struct Build {
    /// Where build contexts may lie.
    pub roots: Roots,
    /// What the steps of a build may reach.
    pub network: BuildNetwork,
}

/// What the steps of a build may reach. The later, the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildNetwork {
    /// What a container reaches, where the call asks for it.
    Default,
    /// Nothing.
    None,
}

/// `[registries]`
#[derive(Debug, Clone)]
pub struct Registries {
    /// Registry hosts; empty means those that the image filters allow.
    pub allow: Vec<Pattern>,
}
