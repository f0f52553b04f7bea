//! Where records go: to a thread of its own, so that a slow disk delays nobody.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::boots::Dead;
use super::record::Record;
use super::writer::Writer;

/// Lines that may wait for the disk.
const QUEUE: usize = 4096;
/// How long a change waits for its intent to be durable.
pub(super) const WAIT: Duration = Duration::from_secs(1);

/// Where records go.
#[derive(Debug)]
pub struct Sink {
    lines: Option<Sender<Message>>,
    key: [u8; 16],
    shared: Arc<Shared>,
    dir: Option<PathBuf>,
}

/// What the writer and those who hand over know of each other.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Lines that wait.
    pub waiting: AtomicUsize,
    /// Lines since the last one that was written which were not.
    pub lost: AtomicU64,
    pub faults: Mutex<Faults>,
    /// Since when the writer is at its lines; none while it waits for some.
    pub busy: Mutex<Option<Instant>>,
}

/// Why the log cannot be written, and why it cannot be made durable.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub write: Option<String>,
    pub sync: Option<String>,
}

impl Shared {
    /// The writer is at it for longer than a change would wait for it.
    fn is_slow(&self) -> bool {
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.is_some_and(|since| since.elapsed() >= WAIT)
    }

    fn set_write(&self, text: &str) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.write.get_or_insert_with(|| text.to_owned());
    }
}

/// How sure its writer must be.
#[derive(Debug)]
pub(super) enum Need {
    /// It may wait for the system's own time.
    Written,
    /// On the disk soon; nobody waits.
    Durable,
    /// On the disk, and somebody waits to hear of it.
    Told(oneshot::Sender<Result<(), String>>),
}

#[derive(Debug)]
pub(super) enum Message {
    Line(Box<Record>, Timestamp, Need),
    /// Can a line be written?
    Check(SyncSender<Result<(), String>>),
    Flush(SyncSender<()>),
    /// The process is about to end.
    End,
}

const ENDED: &str = "its writer ended";
const FULL: &str = "the disk is too slow: too many lines wait for it";
pub(super) const SLOW: &str = "the disk is too slow: what was written was not durable in time";

impl Sink {
    /// A sink that keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { lines: None, key: [0; 16], shared: Arc::default(), dir: None }
    }

    /// A sink that should keep everything and cannot.
    #[must_use]
    pub fn nowhere(why: &str) -> Self {
        let (lines, _nobody) = channel();
        let sink = Self { lines: Some(lines), ..Self::none() };
        sink.shared.set_write(why);
        sink
    }

    /// Appends to `<dir>/audit-<yyyyMMdd>.jsonl`, and removes files that are more than `keep` days old. The folder is made
    /// when the first line is written.
    #[must_use]
    pub fn file(dir: PathBuf, keep: u32) -> Self {
        let (sink, writer) = Self::with_writer(dir, keep);
        let spawned = std::thread::Builder::new().name("audit".into()).spawn(writer);
        if let Err(e) = spawned {
            sink.shared.set_write(&format!("no thread for it: {e}"));
        }
        sink
    }

    /// The sink, and what its thread does.
    pub(super) fn with_writer(dir: PathBuf, keep: u32) -> (Self, impl FnOnce() + Send + use<>) {
        let mut key = [0; 16];
        let mut boot = [0; 8];
        let random = getrandom::fill(&mut key).and_then(|()| getrandom::fill(&mut boot));
        let shared = Arc::<Shared>::default();
        if let Err(e) = random {
            shared.set_write(&format!("no randomness: {e}"));
        }
        let (sender, receiver) = channel();
        let boot = hex::encode(boot);
        let writer = Writer::new(dir.clone(), keep, boot, Arc::clone(&shared));
        (Self { lines: Some(sender), key, shared, dir: Some(dir) }, move || writer.run(&receiver))
    }

    /// The key of argument hashes: random, for this process only.
    #[must_use]
    pub const fn key(&self) -> &[u8; 16] {
        &self.key
    }

    /// Where it writes.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// Why the log cannot be written, or not be made durable, if so.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let faults = self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let slow = || self.shared.is_slow().then(|| SLOW.to_owned());
        faults.write.clone().or_else(|| faults.sync.clone()).or_else(slow)
    }

    /// Hands a record over without waiting.
    pub fn write(&self, record: Record) {
        if self.has_room() {
            let _ended = self.send(record, Need::Written);
        } else {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            self.shared.set_write(FULL);
        }
    }

    /// Hands over how a change ended. Its intent got a place; so does it.
    pub(super) fn outcome(&self, record: Record) {
        let _ended = self.send(record, Need::Durable);
    }

    /// Hands over what is about to be changed. The receiver hears when it is durable; none: nothing is kept here.
    pub(super) fn intent(
        &self,
        record: Record,
    ) -> Result<Option<oneshot::Receiver<Result<(), String>>>, String> {
        if self.lines.is_none() {
            return Ok(None);
        }
        // What kept others waiting for so long would keep this one waiting as well.
        if self.shared.is_slow() {
            return Err(SLOW.into());
        }
        if !self.has_room() {
            return Err(FULL.into());
        }
        let (told, durable) = oneshot::channel();
        self.send(record, Need::Told(told))?;
        Ok(Some(durable))
    }

    /// Nobody takes lines any more; a reason that is known already says more.
    fn ended(&self) -> String {
        self.shared.set_write(ENDED);
        self.fault().unwrap_or_default()
    }

    fn has_room(&self) -> bool {
        self.shared.waiting.load(Ordering::Relaxed) < QUEUE
    }

    fn send(&self, record: Record, need: Need) -> Result<(), String> {
        let Some(lines) = &self.lines else { return Ok(()) };
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        lines.send(Message::Line(Box::new(record), Timestamp::now(), need)).map_err(|_ended| self.ended())
    }

    /// Whether a line could be written now. None: that was not to be learned within `wait`.
    #[must_use]
    pub fn check(&self, wait: Duration) -> Option<Result<(), String>> {
        let Some(lines) = &self.lines else { return Some(Ok(())) };
        let (say, said) = sync_channel(1);
        if lines.send(Message::Check(say)).is_err() {
            return Some(Err(self.ended()));
        }
        said.recv_timeout(wait).ok()
    }

    /// Closes what processes that died left open: each intent without an outcome gets one, which says that nobody knows.
    /// Waits for the disk; meant for a thread of its own, once at the start.
    pub fn reconcile(&self, wait: Duration) {
        let Some(dir) = &self.dir else { return };
        let left = Dead::all(dir).and_then(|dead| Ok((Dead::left(&dead, dir)?, dead)));
        let (records, dead) = match left {
            Ok(left) => left,
            Err(e) => {
                return tracing::warn!(error = %e, "what earlier processes left open cannot be looked up");
            }
        };
        for record in records {
            tracing::warn!(
                tool = record.tool,
                call = record.call,
                "a change was begun and its server ended; see `docker-mcp audit`"
            );
            self.outcome(record);
        }
        self.flush(wait);
        // What could not be written is tried again at the next start.
        if self.fault().is_none() {
            dead.into_iter().for_each(Dead::forget);
        }
    }

    /// The process is about to end; nothing is handed over any more. At most `wait`.
    pub fn end(&self, wait: Duration) {
        if let Some(lines) = &self.lines {
            let _ended = lines.send(Message::End);
        }
        self.flush(wait);
    }

    /// Waits until everything handed over is written, at most `wait`.
    pub fn flush(&self, wait: Duration) {
        let Some(lines) = &self.lines else { return };
        let (done, finished) = sync_channel(1);
        if lines.send(Message::Flush(done)).is_ok() {
            let _late = finished.recv_timeout(wait);
        }
    }
}
