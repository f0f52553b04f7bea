//! The log on stderr, written by a thread of its own: a client that does not read stderr must not stop the server.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use serde::de::IgnoredAny;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

use crate::config::{LogFormat, LogLevel, Settings};
use crate::output::{Learned, Redactor};
use crate::server::in_force::redactor;

use super::out;

/// Lines that may wait; more are dropped, and how many is said when there is room again.
const QUEUE: usize = 1024;

/// Masks every line: what a library, an engine or a child said may stand in one.
static REDACTOR: OnceLock<Redactor> = OnceLock::new();
static LINES: OnceLock<SyncSender<Message>> = OnceLock::new();

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Whoever watches a server.
    Server,
    /// What collects the lines of a server of many.
    Collector,
    /// Nobody: the command answers a person. Warnings only, unless `--log-level` asks for more.
    Command,
}

/// Starts the log. Logs go to stderr only: stdout belongs to the protocol.
pub(super) fn start(settings: &Settings, reader: For, wanted: bool) {
    let level = match settings.log.level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let level = if reader == For::Command && !wanted { level.min(LevelFilter::WARN) } else { level };
    // Libraries log whole messages, arguments included, and know nothing of redaction.
    let ours = Targets::new().with_default(level.min(LevelFilter::ERROR)).with_target("docker_mcp", level);
    let layer = tracing_subscriber::fmt::layer().with_writer(Queue).with_target(false);
    let unsaid = if reader == For::Collector { LogFormat::Json } else { LogFormat::Text };
    let json = settings.log.format.unwrap_or(unsaid) == LogFormat::Json;
    let registry = tracing_subscriber::registry();
    let _second = REDACTOR.set(redactor(settings));
    // A second log in one process means a test runs commands in it: the first one stays.
    let _second = if json {
        registry.with(layer.json().with_span_list(false).with_filter(ours)).try_init()
    } else {
        registry.with(layer.with_ansi(out::stderr_is_coloured()).with_filter(ours)).try_init()
    };
}

/// Waits until what was logged is written, at most `wait`.
pub(super) fn flush(wait: Duration) {
    let Some(lines) = LINES.get() else { return };
    let (done, written) = sync_channel(1);
    if lines.try_send(Message::Flush(done)).is_ok() {
        let _late = written.recv_timeout(wait);
    }
}

/// Hands each line to the thread.
#[derive(Debug, Clone, Copy)]
struct Queue;

impl MakeWriter<'_> for Queue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for Queue {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static DROPPED: AtomicUsize = AtomicUsize::new(0);

        let lines = LINES.get_or_init(spawn);
        let dropped = DROPPED.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let note = format!("({dropped} log lines were dropped: stderr is not read)\n");
            if lines.try_send(Message::Line(note.into_bytes())).is_err() {
                DROPPED.fetch_add(dropped, Ordering::Relaxed);
            }
        }
        if let Err(TrySendError::Full(_)) = lines.try_send(Message::Line(bytes.to_vec())) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The log's own writer has sanitised it; colours are its own.
fn masked(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    match REDACTOR.get() {
        Some(redactor) => masked_by(redactor, &line),
        None => line.into_owned(),
    }
}

fn masked_by(redactor: &Redactor, line: &str) -> String {
    let text = redactor.text(line, &Learned::default());
    // A secret that seems to go on behind its string takes the quote with it: then each string is masked for itself, for
    // who collects lines drops those that are no JSON.
    if line.starts_with('{')
        && serde_json::from_str::<IgnoredAny>(&text).is_err()
        && let Ok(mut json) = serde_json::from_str(line)
    {
        redactor.json(&mut json, &Learned::default());
        return format!("{json}\n");
    }
    text.into_owned()
}

fn spawn() -> SyncSender<Message> {
    let (sender, messages) = sync_channel(QUEUE);
    let _no_thread = std::thread::Builder::new().name("log".into()).spawn(move || {
        for message in messages {
            match message {
                Message::Line(bytes) => {
                    let _closed = std::io::stderr().write_all(masked(&bytes).as_bytes());
                }
                Message::Flush(done) => drop(done.try_send(())),
            }
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_line_of_json_stays_one_and_says_no_secret() {
        let settings = crate::config::Settings::default();
        let (redactor, mut broken) = (redactor(&settings), 0);
        for what in [
            "password=hunter2hunter2",
            "password=\"hunter2hunter2",
            "password: 'hunter2hunter2",
            "said \"token\": \"hunter2hunter2",
            "url postgres://u:hunter2hunter2@db/x",
            "Authorization: Bearer hunter2hunter2hunter2",
            "-----BEGIN PRIVATE KEY-----\nhunter2hunter2",
            "key {\"password\":\"hunter2hunter2\"",
            "SECRET_KEY=hunter2hunter2\\",
        ] {
            let line = json!({ "level": "INFO", "fields": { "what": what, "message": "call failed" },
                               "span": { "id": "a1", "request_id": "order-66" } });
            let plainly = redactor.text(&line.to_string(), &Learned::default()).into_owned();
            broken += usize::from(serde_json::from_str::<Value>(&plainly).is_err());
            let said = masked_by(&redactor, &format!("{line}\n"));
            let json: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
            assert!(!said.contains("hunter2"), "{said}");
            assert!(
                said.ends_with('\n') && json["level"] == "INFO" && json["span"]["request_id"] == "order-66",
                "{said}"
            );
        }
        assert!(broken > 0, "none of them needs more than masking the line");
    }
}
