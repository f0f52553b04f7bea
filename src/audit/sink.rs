//! The first sink: a JSON-lines file a day, appended to by a thread of its own, so that a slow disk delays nobody.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::record::Record;

/// Lines that may wait for the disk.
const QUEUE: usize = 4096;

/// Where records go.
#[derive(Debug)]
pub struct Sink {
    lines: Option<SyncSender<Message>>,
    key: [u8; 16],
    fault: Arc<Mutex<Option<String>>>,
    dir: Option<PathBuf>,
}

#[derive(Debug)]
enum Message {
    Line(Box<Record>, Timestamp),
    Flush(SyncSender<()>),
}

/// A record with what the writer adds.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    ts: String,
    boot: &'a str,
    #[serde(flatten)]
    record: &'a Record,
    prev: &'a str,
}

impl Sink {
    /// A sink that keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { lines: None, key: [0; 16], fault: Arc::default(), dir: None }
    }

    /// Appends to `<dir>/audit-<yyyyMMdd>.jsonl`. The folder is made when the first line is written.
    #[must_use]
    pub fn file(dir: PathBuf) -> Self {
        let mut key = [0; 16];
        let mut boot = [0; 8];
        let random = getrandom::fill(&mut key).and_then(|()| getrandom::fill(&mut boot));
        let fault: Arc<Mutex<Option<String>>> = Arc::default();
        if let Err(e) = random {
            set(&fault, Some(format!("no randomness: {e}")));
        }
        let (sender, receiver) = sync_channel(QUEUE);
        let writer = Writer {
            dir: dir.clone(),
            boot: boot.iter().map(|b| format!("{b:02x}")).collect(),
            seq: 0,
            prev: String::new(),
            open: None,
            fault: Arc::clone(&fault),
        };
        let spawned = std::thread::Builder::new().name("audit".into()).spawn(move || writer.run(&receiver));
        if let Err(e) = spawned {
            set(&fault, Some(format!("no thread for it: {e}")));
        }
        Self { lines: Some(sender), key, fault, dir: Some(dir) }
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

    /// Why the log cannot be written, if so.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands a record over without waiting.
    pub fn write(&self, record: Record) {
        let Some(lines) = &self.lines else { return };
        match lines.try_send(Message::Line(Box::new(record), Timestamp::now())) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                set(&self.fault, Some("the disk is too slow; a line was lost".into()))
            }
            Err(TrySendError::Disconnected(_)) => set(&self.fault, Some("its writer ended".into())),
        }
    }

    /// Waits until everything handed over is written, at most `wait`.
    pub fn flush(&self, wait: Duration) {
        let Some(lines) = &self.lines else { return };
        let (done, finished) = sync_channel(1);
        if lines.try_send(Message::Flush(done)).is_ok() {
            let _late = finished.recv_timeout(wait);
        }
    }
}

fn set(fault: &Mutex<Option<String>>, text: Option<String>) {
    *fault.lock().unwrap_or_else(PoisonError::into_inner) = text;
}

struct Writer {
    dir: PathBuf,
    boot: String,
    seq: u64,
    /// The hash of the line before: the chain is proved over the raw bytes.
    prev: String,
    open: Option<(String, File)>,
    fault: Arc<Mutex<Option<String>>>,
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        for message in messages {
            match message {
                Message::Line(record, at) => match self.append(&record, at) {
                    Ok(()) => set(&self.fault, None),
                    Err(e) => {
                        self.open = None;
                        let text = format!("{}: {e}", self.dir.display());
                        tracing::error!(error = text, "audit line not written");
                        set(&self.fault, Some(text));
                    }
                },
                Message::Flush(done) => drop(done.try_send(())),
            }
        }
    }

    fn append(&mut self, record: &Record, at: Timestamp) -> std::io::Result<()> {
        let utc = at.to_zoned(jiff::tz::TimeZone::UTC);
        let day = format!("{:04}{:02}{:02}", utc.year(), utc.month(), utc.day());
        let line = Line { seq: self.seq, ts: format!("{at:.6}"), boot: &self.boot, record, prev: &self.prev };
        let mut bytes = escape(&serde_json::to_string(&line)?).into_bytes();
        let hash: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        bytes.push(b'\n');
        // One write a line: several processes may append to the same file.
        self.file(&day)?.write_all(&bytes)?;
        self.seq += 1;
        self.prev = hash;
        Ok(())
    }

    fn file(&mut self, day: &str) -> std::io::Result<&mut File> {
        if self.open.as_ref().is_none_or(|(open, _)| open != day) {
            make_dir(&self.dir)?;
            let path = self.dir.join(format!("audit-{day}.jsonl"));
            self.open = Some((day.to_owned(), open(&path)?));
        }
        match &mut self.open {
            Some((_, file)) => Ok(file),
            None => Err(std::io::Error::other("no file")),
        }
    }
}

#[cfg(unix)]
fn make_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make_dir(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)
}

#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // A FIFO or device in its place could block the writer or swallow the log.
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("not a regular file")) }
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// serde escapes C0; a viewer must not be steered by the rest either.
fn escape(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}
