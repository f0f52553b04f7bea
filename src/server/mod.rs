//! MCP in, MCP out: the catalogue is served, a call goes its way ([`call`]), an answer is put into words ([`answer`]).

pub mod aliases;
pub mod answer;
pub mod call;
pub mod catalogue;
mod confirming;
pub mod explain;
mod failpoint;
pub mod handler;
pub mod instructions;
pub mod progress;
pub mod secrets;
mod stacks;
mod supervise;
mod targets;
mod trace;
pub mod watch;

use std::sync::{Arc, PoisonError, RwLock};

use crate::audit::Sink;
use crate::config::{RedactEnv, Settings};
use crate::confirm::Tokens;
use crate::engine::Engine;
use crate::limits::Rates;
use crate::output::{EnvMode, Options, Redactor};
use crate::supervisor::Supervisor;
pub use crate::supervisor::run::SHUTDOWN_GRACE;
use crate::tool::context::Vitals;
use crate::tool::watch::Watchdogs;

pub use answer::Answer;
pub use call::{Caller, Request};

/// Everything that serves calls. Shared by all transports.
#[derive(Debug)]
pub struct Server {
    in_force: RwLock<InForce>,
    /// The engine.
    pub engine: Arc<Engine>,
    /// Clocks, places, circuit.
    pub supervisor: Arc<Supervisor>,
    /// The log.
    pub audit: Arc<Sink>,
    secrets: secrets::Secrets,
    /// How often each caller called.
    rates: Rates,
    /// What was previewed and may be confirmed.
    tokens: Tokens,
    watchdogs: Watchdogs,
}

/// What one call sees of the settings: taken once, so that a reload cannot split a call.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The settings.
    pub settings: Arc<Settings>,
    /// Their redactor.
    pub redactor: Arc<Redactor>,
}

impl Server {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        engine: Arc<Engine>,
        supervisor: Arc<Supervisor>,
        audit: Arc<Sink>,
    ) -> Self {
        let redactor = Arc::new(redactor(&settings));
        let in_force = RwLock::new(InForce { settings, redactor });
        Self {
            in_force,
            engine,
            supervisor,
            audit,
            secrets: secrets::Secrets::default(),
            rates: Rates::default(),
            tokens: Tokens::default(),
            watchdogs: Watchdogs::default(),
        }
    }

    /// With somebody who sees through what must not be left half done.
    #[must_use]
    pub fn watched_by(self, watchdogs: Watchdogs) -> Self {
        Self { watchdogs, ..self }
    }

    /// One snapshot.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The supervisor's state at this moment.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let (in_flight, waiting) = self.supervisor.slots.counts();
        Vitals {
            circuit: self.supervisor.circuit(),
            in_flight,
            waiting,
            stuck_workers: self.supervisor.stuck_workers(),
            worn: self.supervisor.worn(),
            audit_fault: self.audit.fault(),
        }
    }
}

fn redactor(settings: &Settings) -> Redactor {
    let redact = &settings.redact;
    Redactor::new(Options {
        enabled: redact.enabled,
        env: match redact.env {
            RedactEnv::All => EnvMode::All,
            RedactEnv::Secrets => EnvMode::Secrets,
            RedactEnv::Off => EnvMode::Off,
        },
        env_keys: &redact.env_keys,
        learn: redact.learn,
        patterns: redact.patterns.clone(),
    })
}
