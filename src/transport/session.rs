//! One client over stdio, from its first word to the end of the process.
//!
//! Running, then draining: calls that come now are refused, reads and streams end at once, changes that were sent may
//! bring their answer for ten seconds, and what is owed to the client is written. A second signal ends it there and then.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};

use crate::server::handler::Handler;
use crate::server::{Caller, SHUTDOWN_GRACE, Server};

use super::stdio::{Stdio, Watch};

/// After stdin ended, calls in flight have this long: a script that pipes requests in gets its answers.
const GRACE: Duration = Duration::from_millis(700);
/// Refusals have this long to be written: clients kill 100 ms after SIGINT.
const DRAIN: Duration = Duration::from_millis(80);
/// The same where nobody is in a hurry.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What hangs in the end is ended after this ...
const CEILING: Duration = Duration::from_secs(2);
/// ... and after this with changes under way.
const HARD_CEILING: Duration = Duration::from_secs(15);

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As it was asked to.
    Done,
    /// It was asked to, and what became of a change is not known.
    Unknown,
    /// Something of ours hangs (`EX_SOFTWARE`).
    Stuck,
    /// The client did not read (`EX_IOERR`).
    Unread,
    /// It was told twice; the signal's number.
    Forced(i32),
}

impl Exit {
    /// As the exit code of the process.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Unknown => 3,
            Self::Stuck => 70,
            Self::Unread => 74,
            Self::Forced(signal) => 128 + signal,
        }
    }
}

/// Why it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Ended,
    Signal,
    Unread,
    Exhausted,
}

/// Serves the client at stdin and stdout until that ends. `last_resort` ends the process if this does not come back.
///
/// # Errors
/// There are no signals or no threads to be had.
pub async fn serve(server: &Arc<Server>, last_resort: fn(Exit)) -> io::Result<Exit> {
    let mut signals = Signals::open()?.and_hangup()?;
    let (stdio, client) = Stdio::open()?;
    let handler = Handler::new(Arc::clone(server), Caller::local("stdio"));
    let ended = client.ended.clone();
    let session = tokio::spawn(async move {
        match handler.serve(stdio).await {
            Ok(service) => drop(service.waiting().await),
            Err(e) => tracing::debug!(error = %e, "the session did not begin"),
        }
        ended.cancel();
    });
    let why = tokio::select! {
        () = client.ended.cancelled() => Why::Ended,
        (name, _) = signals.next() => {
            tracing::info!("{name}: stopping");
            Why::Signal
        }
        () = client.stalled.cancelled() => {
            tracing::error!("the client has read nothing for ten seconds: stopping");
            Why::Unread
        }
        () = server.supervisor.exhausted() => Why::Exhausted,
    };
    let exit = tokio::select! {
        exit = drain(server, &client, why, last_resort) => exit,
        (name, number) = signals.next() => {
            tracing::warn!("{name} again: ending at once");
            Exit::Forced(number)
        }
    };
    session.abort();
    Ok(exit)
}

async fn drain(server: &Arc<Server>, client: &Watch, why: Why, last_resort: fn(Exit)) -> Exit {
    if why == Why::Ended {
        until(GRACE, || client.pending.none()).await;
    }
    ceiling(Arc::clone(server), why, last_resort);
    // Calls in flight answer `shutting_down`; changes that were sent go on.
    server.supervisor.shutdown.cancel();
    let known = timeout(SHUTDOWN_GRACE, server.supervisor.changes.settled()).await.is_ok();
    // Their answers, and the refusals, are written; where nobody reads, they are recorded at least.
    let recorded = || server.supervisor.slots.counts() == (0, 0);
    match why {
        Why::Unread => until(DRAIN, recorded).await,
        Why::Exhausted => until(LAST_WORDS, || client.pending.none()).await,
        Why::Ended | Why::Signal => until(DRAIN, || client.pending.none()).await,
    }
    match why {
        Why::Unread => Exit::Unread,
        Why::Exhausted => Exit::Stuck,
        Why::Ended | Why::Signal if known => Exit::Done,
        Why::Ended | Why::Signal => Exit::Unknown,
    }
}

async fn until(at_most: Duration, so: impl Fn() -> bool) {
    let by = Instant::now() + at_most;
    while !so() && Instant::now() < by {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Ends the process from a thread of its own: no timer of a busy runtime can be late for it.
fn ceiling(server: Arc<Server>, why: Why, last_resort: fn(Exit)) {
    let _no_thread = std::thread::Builder::new().name("ceiling".into()).spawn(move || {
        let began = std::time::Instant::now();
        let mut idle = began;
        while began.elapsed() < HARD_CEILING && idle.elapsed() < CEILING {
            std::thread::park_timeout(Duration::from_millis(50));
            if server.supervisor.changes.count() > 0 {
                idle = std::time::Instant::now();
            }
        }
        last_resort(match why {
            Why::Unread => Exit::Unread,
            _ if server.supervisor.changes.count() > 0 => Exit::Unknown,
            _ => Exit::Stuck,
        });
    });
}

/// The signals that mean: stop.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
    hup: Option<Signal>,
}

impl Signals {
    pub(super) fn open() -> io::Result<Self> {
        let [term, int] = [SignalKind::terminate(), SignalKind::interrupt()];
        Ok(Self { term: signal(term)?, int: signal(int)?, hup: None })
    }

    /// A session that loses its terminal stops like any other.
    fn and_hangup(self) -> io::Result<Self> {
        Ok(Self { hup: Some(signal(SignalKind::hangup())?), ..self })
    }

    /// The next one: its name and number.
    pub(super) async fn next(&mut self) -> (&'static str, i32) {
        let hup = async {
            match &mut self.hup {
                Some(hup) => hup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.term.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
            _ = self.int.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
            _ = hup => ("SIGHUP", SignalKind::hangup().as_raw_value()),
        }
    }
}
