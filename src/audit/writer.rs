//! The thread that writes: lines into a file a day, chained, made durable where somebody's change waits for it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::boots::Mark;
use super::file::LogFile;
use super::record::Record;
use super::sink::{Faults, Message, Need, Shared};
use super::{days, read};

/// What the line is called that says which files went.
pub(super) const RETENTION: &str = "(retention)";

/// Lines that share one wait for the disk.
const BATCH: usize = 256;

pub(super) struct Writer {
    dir: PathBuf,
    boot: String,
    seq: u64,
    /// The hash of the line before: the chain is proved over the raw bytes.
    prev: String,
    open: Option<LogFile>,
    /// Torn ends of files that were closed with a newline.
    torn: u64,
    /// How many days files are kept.
    keep: u32,
    /// A file was begun: older ones may be due.
    begun: bool,
    /// Changes whose outcome is still to come, and the mark that says so to whoever starts next.
    intents: HashSet<String>,
    mark: Option<Mark>,
    shared: Arc<Shared>,
}

/// A record with what the writer adds.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    ts: String,
    boot: &'a str,
    /// Lines before this one that could not be written. Their numbers are missing.
    #[serde(skip_serializing_if = "is_zero")]
    lost: u64,
    #[serde(flatten)]
    record: &'a Record,
    prev: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Writer {
    pub fn new(dir: PathBuf, keep: u32, boot: String, shared: Arc<Shared>) -> Self {
        let (prev, intents) = (String::new(), HashSet::new());
        Self { dir, boot, seq: 0, prev, open: None, torn: 0, keep, begun: false, intents, mark: None, shared }
    }

    pub fn run(mut self, messages: &Receiver<Message>) {
        while let Ok(first) = messages.recv() {
            let rest = messages.try_iter().take(BATCH - 1);
            let batch: Vec<Message> = std::iter::once(first).chain(rest).collect();
            self.busy(Some(Instant::now()));
            self.take(batch);
            self.busy(None);
        }
    }

    fn busy(&self, since: Option<Instant>) {
        *self.shared.busy.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn take(&mut self, batch: Vec<Message>) {
        // Where a file changes within the batch, the one before is not given up with lines that somebody waits for.
        let mut durable = Ok(());
        let (mut told, mut flushed, mut sync) = (Vec::new(), Vec::new(), false);
        for message in batch {
            match message {
                Message::Line(record, at, need) => {
                    self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                    let written = self.line(&record, at, &need, &mut durable);
                    self.note(|faults| &mut faults.write, written.as_ref().err());
                    if let Err(why) = &written {
                        self.shared.lost.fetch_add(1, Ordering::Relaxed);
                        if let Need::Told(waits) = need {
                            let _gave_up = waits.send(Err(why.clone()));
                        }
                        continue;
                    }
                    sync |= !matches!(need, Need::Written);
                    if let Need::Told(waits) = need {
                        told.push(waits);
                    }
                }
                Message::Check(waits) => {
                    let fine = self.file(Timestamp::now(), &mut durable).map(|_| ());
                    let fine = fine.map_err(|e| self.words(&e));
                    self.note(|faults| &mut faults.write, fine.as_ref().err());
                    // A new file's folders are made durable now, beside the start; the first change then waits less.
                    sync |= fine.is_ok();
                    let _gave_up = waits.try_send(fine);
                }
                Message::Flush(waits) => flushed.push(waits),
                Message::End => {
                    if self.intents.is_empty()
                        && let Some(mark) = self.mark.take()
                    {
                        mark.remove();
                    }
                }
            }
        }
        self.expire(&mut durable);
        if sync {
            let synced = self.sync();
            durable = durable.and(synced);
            self.note(|faults| &mut faults.sync, durable.as_ref().err());
        }
        for waits in told {
            let _gave_up = waits.send(durable.clone());
        }
        for waits in flushed {
            let _gave_up = waits.try_send(());
        }
    }

    /// Writes it, and keeps in mind what is still to come.
    fn line(
        &mut self,
        record: &Record,
        at: Timestamp,
        need: &Need,
        durable: &mut Result<(), String>,
    ) -> Result<(), String> {
        let intends = matches!(need, Need::Told(_));
        if intends && !self.mark.as_ref().is_some_and(Mark::is_seen) {
            // The file first: it says best what is wrong with the folder.
            let marked = self.file(at, durable).map(drop).and_then(|()| Mark::of(&self.dir, &self.boot));
            self.mark = Some(marked.map_err(|e| self.words(&e))?);
        }
        self.append(record, at, durable)?;
        if intends {
            self.intents.insert(record.call.clone());
        } else {
            self.intents.remove(&record.call);
        }
        Ok(())
    }

    /// With a new day's file, those that are too old go; which ones is on record.
    fn expire(&mut self, durable: &mut Result<(), String>) {
        if !std::mem::take(&mut self.begun) {
            return;
        }
        match days::expire(&self.dir, self.keep, days::of(Timestamp::now())) {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => {
                let record = Record::of_the_log(RETENTION, gone);
                let written = self.append(&record, Timestamp::now(), durable);
                self.note(|faults| &mut faults.write, written.as_ref().err());
            }
            Err(e) => tracing::warn!(error = %e, "old files of the audit log cannot be removed"),
        }
    }

    fn append(
        &mut self,
        record: &Record,
        at: Timestamp,
        durable: &mut Result<(), String>,
    ) -> Result<(), String> {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        let seq = self.seq + lost;
        let line = Line { seq, ts: format!("{at:.6}"), boot: &self.boot, lost, record, prev: &self.prev };
        let json = serde_json::to_string(&line).map_err(|e| e.to_string())?;
        let mut bytes = escape(&json).into_bytes();
        bytes.pop();
        let mut hash = String::new();
        let whole = |above: Option<&str>| {
            if let Some(above) = above {
                bytes.extend_from_slice(format!(",\"above\":\"{above}\"").as_bytes());
            }
            let sum = read::sum(&bytes);
            bytes.extend_from_slice(format!(",\"sum\":\"{sum}\"}}").as_bytes());
            hash = hex::encode(Sha256::digest(&bytes));
            bytes
        };
        let written = match self.open_at(at, durable) {
            Ok(mut file) => {
                let written = file.append(whole);
                self.open = Some(file);
                written
            }
            Err(e) => Err(e),
        };
        let torn = written.map_err(|e| self.words(&e))?;
        if torn {
            self.torn += 1;
            tracing::warn!(torn = self.torn, "the audit log ended within a line; it was closed");
        }
        self.shared.lost.fetch_sub(lost, Ordering::Relaxed);
        self.seq = seq + 1;
        self.prev = hash;
        Ok(())
    }

    /// The file of that day, opened anew where another one stands in its place or none.
    fn file(&mut self, at: Timestamp, durable: &mut Result<(), String>) -> std::io::Result<&mut LogFile> {
        let name = days::name(days::of(at));
        if self.open.as_ref().is_some_and(|open| !open.is_in_place(&self.dir, &name)) {
            let left = self.sync();
            if durable.is_ok() {
                *durable = left;
            }
            self.open = None;
        }
        match &mut self.open {
            Some(open) => Ok(open),
            none => {
                let open = none.insert(LogFile::open(&self.dir, &name)?);
                self.begun = true;
                Ok(open)
            }
        }
    }

    /// The same, for whoever gives it back.
    fn open_at(&mut self, at: Timestamp, durable: &mut Result<(), String>) -> std::io::Result<LogFile> {
        self.file(at, durable)?;
        self.open.take().ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    fn sync(&mut self) -> Result<(), String> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let synced = open.sync();
        synced.map_err(|e| {
            // After a failed one the kernel may call the same pages clean: a file opened anew hides nothing.
            self.open = None;
            self.words(&e)
        })
    }

    fn words(&self, e: &std::io::Error) -> String {
        let (dir, text) = (self.dir.display().to_string(), e.to_string());
        if text.starts_with(&dir) { text } else { format!("{dir}: {text}") }
    }

    /// What changed is told once, not for every line.
    fn note(&self, which: impl Fn(&mut Faults) -> &mut Option<String>, fault: Option<&String>) {
        let mut faults = self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = which(&mut faults);
        if slot.as_ref() == fault {
            return;
        }
        *slot = fault.cloned();
        drop(faults);
        match fault {
            Some(why) => tracing::error!(error = why, "the audit log cannot be written"),
            None => tracing::info!("the audit log can be written again"),
        }
    }
}

/// JSON that steers no viewer and hides nothing from one: serde escapes C0; so are the other controls, and what is not seen.
#[must_use]
pub fn escape(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}' => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out
}
