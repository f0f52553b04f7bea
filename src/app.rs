//! The composition root: the only file that sees everything.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::audit::Sink;
use crate::child;
use crate::config::error::Problem;
use crate::config::{Loaded, Settings};
use crate::engine::Engine;
use crate::engine::discover::{self, DiscoverError, Discovered};
use crate::engine::endpoint::TlsFiles;
use crate::policy::Level;
use crate::server::Server;
use crate::supervisor::{Supervisor, health};
use crate::tool::claim::Claims;
use crate::tool::watch::Watchdogs;

/// Threads for work. A stuck one wastes itself; four leave the others moving.
const WORKERS: usize = 4;
/// How long the log has for what earlier processes left open.
const RECONCILED: Duration = Duration::from_secs(10);
/// How long the start waits to hear of the audit log. A disk that is slower is asked again by every change.
const AUDIT: Duration = Duration::from_secs(1);

/// So long a raised level may go unnoticed.
const GRANTS: Duration = Duration::from_millis(500);

/// A server and the runtime its work runs on.
#[derive(Debug)]
pub struct App {
    /// The configuration it was made from.
    pub loaded: Loaded,
    /// What transports and commands call.
    pub server: Arc<Server>,
    /// Never dropped while calls run: ends with the process.
    pub work: Runtime,
}

/// Why a server could not be put together.
#[derive(Debug)]
pub enum Fault {
    /// The engine's place is written wrongly.
    Discover(DiscoverError),
    /// The operating system refused threads.
    Runtime(std::io::Error),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Discover(e) => e.fmt(f),
            Self::Runtime(e) => write!(f, "no threads for the work: {e}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Puts a server together. Does no network I/O: it starts without an engine. `watchdogs`: who sees through what must not be
/// left half done; without them `stop_first` of `docker_recreate` is refused.
///
/// # Errors
/// As [`Fault`].
pub fn build(loaded: Loaded, watchdogs: Watchdogs) -> Result<App, Fault> {
    let settings = Arc::clone(&loaded.settings);
    let work = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("work")
        .enable_all()
        .build()
        .map_err(Fault::Runtime)?;
    let found = discover(&settings).map_err(Fault::Discover)?;
    tracing::debug!(endpoint = %found.endpoint, why = found.why, "engine");
    let engine = Arc::new(Engine::new(found));
    let supervisor = Arc::new(Supervisor::new(work.handle().clone(), &settings));
    let records = settings.records();
    let kept = records.clone();
    let claims = records.as_ref().map(|dir| Claims::at(dir.join("claims"))).unwrap_or_default();
    let audit = match (settings.audit.enabled, records) {
        (true, Some(dir)) => Sink::file(dir, settings.audit.retention_days),
        (true, None) => Sink::nowhere("there is no home folder to keep it in; name one in [audit] dir"),
        (false, _) => Sink::none(),
    };
    let server = Server::new(settings, engine, supervisor, Arc::new(audit))
        .watched_by(watchdogs.keeping(claims))
        .keeping(kept.as_deref());
    let server = Arc::new(server);
    first_look(&server);
    Ok(App { loaded, server, work })
}

impl App {
    /// Looks whether the audit log can be written, before anything is served.
    ///
    /// # Errors
    /// It cannot, and changes are allowed that must be recorded. What only reads goes on, and its answers say so.
    pub fn audit_ready(&self) -> Result<(), Box<Problem>> {
        let settings = &self.loaded.settings;
        let mut levels = Level::ALL.iter().filter(|level| **level != Level::Read);
        let changes = !settings.dry_run && levels.any(|level| settings.rules.holds(*level));
        let needed = changes && settings.audit.required;
        match self.server.audit.check(if needed { AUDIT } else { Duration::ZERO }) {
            Some(Err(why)) if needed => Err(Box::new(Problem::of(
                None,
                format!("the audit log cannot be written, and no change may go unrecorded: {why}"),
                Some("mend that, name another folder in [audit] dir, or set [audit] required = false".into()),
            ))),
            _ => Ok(()),
        }
    }

    /// Starts what runs beside the calls. Needs the runtime of the supervisor's timers.
    pub fn start_probes(&self) {
        child::take_charge();
        let server = &self.server;
        tokio::spawn(grants(Arc::clone(server)));
        let upkeep = Arc::clone(server);
        drop(tokio::task::spawn_blocking(move || {
            upkeep.audit.reconcile(RECONCILED);
            upkeep.sweep();
        }));
        tokio::spawn(health::probe(Arc::clone(&server.supervisor), Arc::clone(&server.engine)));
    }
}

/// What stands at the start is in force from the first call on; a disk that hangs delays the start for a while only.
fn first_look(server: &Arc<Server>) {
    let (server, (done, looked)) = (Arc::clone(server), std::sync::mpsc::sync_channel(1));
    let look = move || {
        server.look_for_grants();
        let _late = done.try_send(());
    };
    if std::thread::Builder::new().name("grants".into()).spawn(look).is_ok() {
        let _late = looked.recv_timeout(AUDIT);
    }
}

/// Looks again and again which levels a person raised. On a thread of its own: a disk that hangs delays no call.
async fn grants(server: Arc<Server>) {
    while !server.supervisor.shutdown.is_cancelled() {
        let look = Arc::clone(&server);
        let _ended = tokio::task::spawn_blocking(move || look.look_for_grants()).await;
        tokio::time::sleep(GRANTS).await;
    }
}

/// The engine that these settings mean.
///
/// # Errors
/// A host that is written wrongly, or a context that does not exist.
pub fn discover(settings: &Settings) -> Result<Discovered, DiscoverError> {
    let docker = &settings.docker;
    let tls = &docker.tls;
    let any_tls = tls.ca.is_some() || tls.cert.is_some() || tls.key.is_some();
    let options = discover::Options {
        host: docker.host.clone(),
        socket: docker.socket.clone(),
        tls: any_tls.then(|| TlsFiles {
            ca: tls.ca.clone(),
            cert: tls.cert.clone(),
            key: tls.key.clone(),
            verify: true,
            ..TlsFiles::default()
        }),
    };
    discover::discover(&options, &discover::Env::of_process())
}
