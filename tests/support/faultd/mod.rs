//! A fault daemon: a socket that answers like an engine, or passes on to a real one, until a rule says otherwise.
//!
//! ```ignore
//! let faultd = Faultd::new().on(get("/containers/json").from(2), Fault::BodyStall { after: 10 });
//! let faultd = Faultd::before(&engine).on(post("/stop"), Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]));
//! let client = Launch::at(&faultd.host()).connect();
//! ```
//!
//! Rules may change while it runs; it remembers every request, and knows which connections are open.

pub mod backlog;
mod canned;
mod fault;
mod http;
mod serve;
mod sock;
#[cfg(test)]
mod tests;
pub mod tls;
mod toxic;
mod when;

use std::collections::HashMap;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

pub use canned::{ID, Made};
pub use fault::{Fault, Frames};
pub use http::{Answer, Request};
use sock::{Listener, Sock};
pub use toxic::{Poison, Toxic};
pub use when::{When, any, delete, get, post, put};

use super::Engine;

/// What the listening thread and the connections share.
#[derive(Debug, Default)]
struct Shared {
    /// The socket of a real engine, or none: canned answers.
    engine: Option<String>,
    /// The newest API that the canned engine speaks, where it is not the usual one.
    api: Mutex<Option<(u32, u32)>>,
    /// How far the canned engine's clock is ahead, in seconds.
    skew: AtomicI64,
    /// What the canned engine runs.
    made: Mutex<Vec<Made>>,
    rules: Mutex<Vec<(When, Fault)>>,
    seen: Mutex<Vec<Request>>,
    /// What is said before anything was asked.
    greeting: Mutex<Vec<u8>>,
    open: Mutex<HashMap<u64, Sock>>,
    changed: Condvar,
}

/// A running one. Dropping it closes everything.
#[derive(Debug)]
pub struct Faultd {
    dir: tempfile::TempDir,
    shared: Arc<Shared>,
    listening: Mutex<Option<Listening>>,
    host: String,
}

#[derive(Debug)]
struct Listening {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Faultd {
    /// Answers as a small healthy engine would, over a unix socket.
    pub fn new() -> Self {
        let faultd = Self::later();
        faultd.listen();
        faultd
    }

    /// The same, before anybody listens: there is no socket until [`Faultd::listen`].
    pub fn later() -> Self {
        Self::with(None)
    }

    /// The same over TCP, on a port of its own.
    pub fn tcp() -> Self {
        Self::with(None).over_tcp()
    }

    /// Passes on to a real engine, over a unix socket. One request a connection: the engine is asked to close it.
    pub fn before(engine: &Engine) -> Self {
        let faultd = Self::with(engine.socket());
        faultd.listen();
        faultd
    }

    /// The same over TCP.
    pub fn tcp_before(engine: &Engine) -> Self {
        Self::with(engine.socket()).over_tcp()
    }

    fn with(engine: Option<&str>) -> Self {
        let dir = tempfile::Builder::new().prefix("faultd-").tempdir().unwrap();
        let host = format!("unix://{}", dir.path().join("s").display());
        let shared = Shared { engine: engine.map(str::to_owned), ..Shared::default() };
        Self { dir, shared: Arc::new(shared), listening: Mutex::default(), host }
    }

    fn over_tcp(mut self) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        self.host = format!("tcp://{}", listener.local_addr().unwrap());
        self.serve(Listener::Tcp(listener));
        self
    }

    /// As `DOCKER_HOST`.
    pub fn host(&self) -> String {
        self.host.clone()
    }

    /// Where its unix socket is.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// The canned engine runs these containers.
    pub fn running(self, made: Vec<Made>) -> Self {
        *self.shared.made.lock().unwrap() = made;
        self
    }

    /// The canned engine speaks this API at most, and refuses what is asked in a newer one.
    pub fn speaks(&self, major: u32, minor: u32) {
        *self.shared.api.lock().unwrap() = Some((major, minor));
    }

    /// The canned engine's clock is ahead by so many seconds.
    pub fn ahead(self, seconds: i64) -> Self {
        self.shared.skew.store(seconds, Ordering::SeqCst);
        self
    }

    /// Says this as soon as somebody connects, as other services do.
    pub fn greeting(self, words: &[u8]) -> Self {
        *self.shared.greeting.lock().unwrap() = words.to_vec();
        self
    }

    /// One rule more. The first that fits a request is taken.
    pub fn on(self, when: When, fault: Fault) -> Self {
        self.add(when, fault);
        self
    }

    /// One rule more, while it runs.
    pub fn add(&self, when: When, fault: Fault) {
        self.shared.rules.lock().unwrap().push((when, fault));
    }

    /// This rule alone, from now on. What is held already is held on: see [`Faultd::hang_up`].
    pub fn set(&self, when: When, fault: Fault) {
        *self.shared.rules.lock().unwrap() = vec![(when, fault)];
    }

    /// No rule any more, and no greeting.
    pub fn clear(&self) {
        self.shared.greeting.lock().unwrap().clear();
        self.shared.rules.lock().unwrap().clear();
    }

    /// Ends every open connection.
    pub fn hang_up(&self) {
        self.shared.open.lock().unwrap().values().for_each(Sock::close);
    }

    /// Begins to listen, where there was nobody, or again with a new inode.
    pub fn listen(&self) {
        // What an earlier one left.
        let _none = std::fs::remove_file(self.path());
        self.serve(Listener::Unix(UnixListener::bind(self.path()).unwrap()));
    }

    /// Nobody listens any more; the socket's file stays, as after a kill.
    pub fn die(&self) {
        if let Some(Listening { stop, thread }) = self.listening.lock().unwrap().take() {
            stop.store(true, Ordering::SeqCst);
            // Wakes it.
            let _woken = match self.host.strip_prefix("tcp://") {
                Some(address) => std::net::TcpStream::connect(address).map(drop),
                None => UnixStream::connect(self.path()).map(drop),
            };
            thread.join().unwrap();
        }
        self.hang_up();
    }

    /// Nobody listens any more, and the socket's file is gone, as after a stop.
    pub fn vanish(&self) {
        self.die();
        let _gone = std::fs::remove_file(self.path());
    }

    fn serve(&self, listener: Listener) {
        let (stop, shared) = (Arc::<AtomicBool>::default(), Arc::clone(&self.shared));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for number in 0.. {
                let Ok(sock) = listener.accept() else { return };
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                serve::accept(&shared, number, sock);
            }
        });
        let before = self.listening.lock().unwrap().replace(Listening { stop, thread });
        assert!(before.is_none(), "it listens already");
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The first lines of all requests so far.
    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|r| r.line).collect()
    }

    /// How many requests of that kind came so far.
    pub fn count(&self, when: &When) -> usize {
        self.shared.seen.lock().unwrap().iter().filter(|r| when.fits(r)).count()
    }

    /// Waits until so many requests of that kind came.
    #[track_caller]
    pub fn wait_for(&self, when: &When, count: usize, within: Duration) {
        let until = Instant::now() + within;
        let mut seen = self.shared.seen.lock().unwrap();
        while seen.iter().filter(|r| when.fits(r)).count() < count {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not {count} of {when:?} within {within:?}: {seen:?}");
            seen = self.shared.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Connections that neither side closed.
    pub fn open_connections(&self) -> usize {
        self.shared.open.lock().unwrap().len()
    }

    /// Waits until there is none; how long that took.
    #[track_caller]
    pub fn wait_closed(&self, within: Duration) -> Duration {
        let start = Instant::now();
        while self.open_connections() > 0 {
            let open = self.open_connections();
            assert!(start.elapsed() < within, "{open} connections are open after {within:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
        start.elapsed()
    }
}

impl Drop for Faultd {
    fn drop(&mut self) {
        if !std::thread::panicking() || self.listening.lock().is_ok() {
            self.die();
        }
    }
}

/// The socket file at that path, for who needs one of no daemon.
pub fn host_of(path: &Path) -> String {
    format!("unix://{}", path.display())
}
