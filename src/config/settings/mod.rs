//! What the configuration means: one immutable value, shared by every call that started under it.
//!
//! Every number here is checked, every pattern compiled, every path absolute. The keys of the file and these fields have
//! the same names, except where a comment says otherwise.

mod guards;
mod renewed;
mod service;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub use guards::{
    AllowedCommand, ArgvRule, Build, BuildNetwork, Ceilings, Compose, CreateSafety, Exception, ExecEnv,
    ExecMode, ExecSafety, Profile, PublishedPorts, Registries, Roots, Rule,
};
pub use service::{
    Audit, Breaker, By, Confirm, Cooldown, CooldownKey, Fallback, Http, HttpKey, HttpTls, Limits, Log,
    LogFormat, LogLevel, Neverhang, Oidc, Output, Redact, RedactEnv, Require, SecretSource, State,
};

use super::error::Problem;
use super::provenance::{Described, Origin};
use crate::policy::Rules;

/// The settings of one start, complete and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `--bypass-permissions`. The guards below are already opened where it is true.
    pub bypass: bool,
    /// Every change stops after its preview.
    pub dry_run: bool,
    /// The engine.
    pub docker: Docker,
    /// Further engines by the name that a tool's `host` argument takes.
    pub hosts: BTreeMap<String, Host>,
    /// `[permissions]` and `[tools]`, compiled.
    pub rules: Arc<Rules>,
    /// `[exec_safety]`
    pub exec: ExecSafety,
    /// `[create_safety]`
    pub create: CreateSafety,
    /// `[compose]`
    pub compose: Compose,
    /// `[build]`
    pub build: Build,
    /// `[registries]`
    pub registries: Registries,
    /// `[secrets]`: where `${secret:NAME}` comes from, by name.
    pub secrets: BTreeMap<String, SecretSource>,
    /// `[confirm]`
    pub confirm: Confirm,
    /// `[limits]`
    pub limits: Limits,
    /// `[output]`
    pub output: Output,
    /// `[redact]`
    pub redact: Redact,
    /// `[neverhang]`
    pub neverhang: Neverhang,
    /// `[audit]`
    pub audit: Audit,
    /// `[log]`
    pub log: Log,
    /// `[http]`
    pub http: Http,
    /// `[roles.NAME]` by name.
    pub roles: BTreeMap<String, Role>,
    /// `[state]`
    pub state: State,
    /// `[fallback]`
    pub fallback: Fallback,
    /// What is allowed but unwise, and what could not be taken literally. Nothing here stops the start.
    pub warnings: Vec<Problem>,
    /// Every key with its value and where that came from, in the order of the documentation.
    pub(super) described: Vec<Described>,
}

impl Settings {
    /// Every key with its effective value and where that came from, for `config show`. No secret is among them: key files
    /// appear as paths, keys as hashes.
    #[must_use]
    pub fn describe(&self) -> &[Described] {
        &self.described
    }

    /// The folder of what we keep: the audit log, held actions, grants, cooldowns. Absent where there is no home folder
    /// and `[audit] dir` names none.
    #[must_use]
    pub fn records(&self) -> Option<PathBuf> {
        self.audit.dir.clone().or_else(|| Some(self.state.dir.as_ref()?.join("audit")))
    }

    /// Our own files: who can write them changes what is allowed, who can read them knows the secrets.
    #[must_use]
    pub fn protected(&self) -> Vec<PathBuf> {
        let written = self.describe().iter().filter_map(|key| match &key.origin {
            Origin::File { file, .. } => Some(PathBuf::from(&**file)),
            _ => None,
        });
        let secrets = self.secrets.values().filter_map(|source| match source {
            SecretSource::File(path) => Some(path.clone()),
            SecretSource::Env(_) => None,
        });
        let mut all: Vec<PathBuf> = self.records().into_iter().chain(written).chain(secrets).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// How an engine is reached. At most one of `host` and `socket` is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Docker {
    /// `unix://`, `tcp://`, `ssh://`, `npipe://`, ... as written. Absent: what the docker CLI would use.
    pub host: Option<String>,
    /// Short for `unix://`.
    pub socket: Option<PathBuf>,
    /// Client certificate and authority for `tcp://`.
    pub tls: Tls,
}

/// PEM files of a TLS client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authority that signed the engine's certificate.
    pub ca: Option<PathBuf>,
    /// Our certificate; together with `key`.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// `[hosts.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// How it is reached.
    pub docker: Docker,
    /// Changes are refused there.
    pub read_only: bool,
}

/// `[roles.NAME]`: what a caller with a key of this role may do.
#[derive(Debug, Clone)]
pub struct Role {
    /// Levels replace the global ones, deny lists are united with them, allow lists intersected. `deny_tools` is part of
    /// `disabled_tools`, `allow_tools` is `allowed_tools`, `can_approve` and `can_audit` are `rights`.
    pub rules: Arc<Rules>,
    /// `[limits]`, with what the role says itself.
    pub limits: Limits,
}
