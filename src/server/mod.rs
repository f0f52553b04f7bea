//! MCP in, MCP out: the catalogue is served, a call goes its way ([`call`]), an answer is put into words ([`answer`]).

pub mod aliases;
pub mod answer;
mod asking;
mod auditing;
pub mod call;
mod caller;
pub mod catalogue;
mod confirming;
pub mod explain;
mod failpoint;
pub mod handler;
pub mod in_force;
pub mod instructions;
mod judging;
pub mod metrics;
mod news;
mod origin;
pub mod progress;
mod reporter;
mod resting;
pub mod secrets;
mod spent;
mod stacks;
mod supervise;
mod targets;
mod trace;
pub mod watch;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Map;
use tokio::sync::watch::{Receiver, Sender};

use crate::audit::{Decision, Record, Sink};
use crate::config::Settings;
use crate::confirm::{Grant, Grants, Held, Tokens};
use crate::engine::Engine;
use crate::limits::{Cooldowns, Rates, Repeats};
use crate::state::{Folder, Moment};
use crate::supervisor::Supervisor;
pub use crate::supervisor::run::SHUTDOWN_GRACE;
use crate::tool::Class;
use crate::tool::context::Vitals;
use crate::tool::watch::Watchdogs;

pub use crate::tool::Kind as Failure;
pub use answer::Answer;
pub use asking::Said;
pub use call::Request;
pub use caller::Caller;
pub use in_force::{InForce, Standing};
pub use metrics::Metrics;
pub use origin::{Origin, RequestId, TraceId};

/// Everything that serves calls. Shared by all transports.
#[derive(Debug)]
pub struct Server {
    standing: RwLock<Arc<Standing>>,
    /// Told when the standing settings are others.
    news: Sender<()>,
    /// The engine.
    pub engine: Arc<Engine>,
    /// Clocks, places, circuit.
    pub supervisor: Arc<Supervisor>,
    /// The log.
    pub audit: Arc<Sink>,
    /// What is counted.
    pub metrics: Metrics,
    /// How often each caller called.
    rates: Rates,
    repeats: Repeats,
    cooldowns: Cooldowns,
    /// What was previewed and may be confirmed.
    tokens: Tokens,
    watchdogs: Watchdogs,
    grants: Option<Grants>,
    /// The grants could not be read the last time.
    blind: AtomicBool,
    /// What waits for a person.
    held: Option<Held>,
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
        Self {
            standing: RwLock::new(Arc::new(Standing::new(settings, Arc::clone(&engine)))),
            news: Sender::new(()),
            engine,
            supervisor,
            audit,
            metrics: Metrics::default(),
            rates: Rates::default(),
            repeats: Repeats::default(),
            cooldowns: Cooldowns::default(),
            tokens: Tokens::default(),
            watchdogs: Watchdogs::default(),
            grants: None,
            blind: AtomicBool::new(false),
            held: None,
        }
    }

    /// With a folder for what outlives the process: held changes, grants, cooldowns.
    #[must_use]
    pub fn keeping(self, folder: Option<&Path>) -> Self {
        let at = |name: &str| folder.map(|folder| Folder::at(folder.join(name)));
        let cooldowns = at("cooldowns").map(Cooldowns::at).unwrap_or_default();
        Self { cooldowns, grants: at("grants").map(Grants::at), held: at("held").map(Held::at), ..self }
    }

    /// With somebody who sees through what must not be left half done.
    #[must_use]
    pub fn watched_by(self, watchdogs: Watchdogs) -> Self {
        Self { watchdogs, ..self }
    }

    /// One snapshot. A grant that has ended is in none.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        let now = self.standing().local.clone();
        if !now.is_over() {
            return now;
        }
        self.raise(InForce::standing);
        self.standing().local.clone()
    }

    /// One snapshot, for this caller: of the settings that it was let in by, where it was.
    #[must_use]
    pub fn in_force_for(&self, caller: &Caller) -> InForce {
        match &caller.by {
            Some(standing) => standing.of_caller(caller),
            None => self.standing().of_caller(caller),
        }
    }

    /// Changes when other settings stand.
    #[must_use]
    pub fn news(&self) -> Receiver<()> {
        self.news.subscribe()
    }

    /// What stands now, for all callers.
    #[must_use]
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Are the settings that this caller was let in by still those of the file?
    #[must_use]
    pub fn is_current(&self, caller: &Caller) -> bool {
        caller.by.as_ref().is_none_or(|by| Arc::ptr_eq(by.file(), self.standing().file()))
    }

    /// From now on these are in force, for every caller at once; calls that run keep theirs. What only a start can change is
    /// what it was: see [`Settings::in_place_of`].
    pub fn renew(&self, settings: Settings) {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        *standing = Arc::new(standing.renewed(Arc::new(settings)));
        drop(standing);
        self.news.send_replace(());
    }

    /// Looks which grants stand. Waits for the disk. Where they cannot be read, none does.
    pub fn look_for_grants(&self) {
        let Some(grants) = &self.grants else { return };
        let standing = match grants.standing() {
            Ok(standing) => {
                self.blind.store(false, Ordering::Relaxed);
                standing
            }
            Err(e) => {
                // Twice a second would be no news.
                if !self.blind.swap(true, Ordering::Relaxed) {
                    tracing::warn!(error = %e, "grants cannot be read: none stands");
                }
                Vec::new()
            }
        };
        self.raise(|_| standing);
    }

    /// Forgets on the disk what is over. Waits for it; once at the start is often enough.
    pub fn sweep(&self) {
        self.cooldowns.sweep();
    }

    /// Somebody over there tried a key that is none: on record.
    pub fn wrong_key(&self, from: &str) {
        tracing::warn!(from, "a caller with a wrong key was refused");
        self.audit.write(Record::of_person("(auth)", from, "a wrong key".to_owned(), Decision::Denied));
    }

    /// Somebody over there sent a token of the identity provider that lets nobody in: on record. `what`: never the token.
    pub fn refused_token(&self, from: &str, what: String) {
        tracing::warn!(from, what, "a caller with a token was refused");
        self.audit.write(Record::of_person("(auth)", from, what, Decision::Denied));
    }

    /// What waits for a person, where there is a folder to keep it in.
    #[must_use]
    pub const fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Where levels are raised for a while, if there is a folder for it.
    #[must_use]
    pub const fn grants(&self) -> Option<&Grants> {
        self.grants.as_ref()
    }

    /// How long a person in the client may think: less than the call may take, so that its answer comes in its time.
    fn patience(&self, tool: &str) -> Duration {
        let class = catalogue::find(&aliases::translate(tool, Map::new()).tool)
            .map_or(Class::Lifecycle, |def| def.spec.class);
        let total = supervise::clocks(class, None, &self.in_force().settings.neverhang);
        total.map_or(Duration::from_secs(10), |clocks| clocks.total * 4 / 5)
    }

    fn raise(&self, grants: impl FnOnce(&InForce) -> Vec<Grant>) {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        let in_force = &standing.local;
        let grants = grants(in_force);
        if in_force.grants == grants {
            return;
        }
        let levels = |grants: &[Grant]| grants.iter().map(|g| g.level.clone()).collect::<Vec<_>>().join(", ");
        tracing::info!(before = levels(&in_force.grants), now = levels(&grants), "raised levels changed");
        *standing = Arc::new(standing.raised(grants));
        drop(standing);
        self.news.send_replace(());
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
            grants: in_words(&self.in_force().grants),
        }
    }
}

/// As `docker_health` shows them.
fn in_words(grants: &[Grant]) -> Vec<String> {
    let now = Moment::now();
    let words = |grant: &Grant| {
        let left = grant.left(&now).as_secs();
        let glob = grant.glob.as_ref().map(|glob| format!(" for `{glob}`")).unwrap_or_default();
        format!("{}{glob}: {left} s left", grant.level)
    };
    grants.iter().map(words).collect()
}
