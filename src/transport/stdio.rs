//! MCP over stdin and stdout, one JSON message a line.
//!
//! Reading and writing have a thread each: pipes, files and terminals behave alike, a client that stops reading blocks no
//! runtime, and the process can end while a read is pending. Every line gets an answer: also one that is no JSON, and one
//! that is too long.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::{Value, json};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// The longest line that is read, in bytes: as large as an HTTP body may be.
pub const MAX_LINE: usize = 4 << 20;
/// Lines that may wait, in each direction.
const QUEUE: usize = 256;
/// Requests that may be unanswered. A client that sends and does not read waits then, and costs no more memory.
const OWED: usize = 2048;

/// The two ends of a client.
#[derive(Debug)]
pub struct Stdio {
    lines: mpsc::Receiver<Line>,
    out: mpsc::Sender<Job>,
    /// Cancelled when stdin ends.
    ended: CancellationToken,
    /// Before the first request, notifications are dropped: rmcp ends the session over one.
    begun: bool,
    pending: Pending,
}

/// Requests that have no answer yet.
#[derive(Debug, Clone, Default)]
pub struct Pending(Arc<Mutex<HashSet<String>>>);

impl Pending {
    fn set(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> usize {
        self.set().len()
    }

    /// Nothing is owed to the client.
    #[must_use]
    pub fn none(&self) -> bool {
        self.set().is_empty()
    }
}

enum Line {
    Whole(Vec<u8>),
    /// Longer than [`MAX_LINE`]: its beginning.
    TooLong(Vec<u8>),
}

/// Bytes to write, and who waits for it.
type Job = (Vec<u8>, oneshot::Sender<()>);

impl Stdio {
    /// Takes the process's stdin and stdout. `ended` is cancelled when stdin ends.
    ///
    /// # Errors
    /// The threads could not be started.
    pub fn open(ended: CancellationToken) -> std::io::Result<Self> {
        let (line_sender, lines) = mpsc::channel(QUEUE);
        let (out, writes) = mpsc::channel(QUEUE);
        std::thread::Builder::new().name("stdin".into()).spawn(move || {
            read_lines(&mut BufReader::with_capacity(64 << 10, std::io::stdin()), &line_sender);
        })?;
        let broken = ended.clone();
        std::thread::Builder::new().name("stdout".into()).spawn(move || {
            write_all(writes);
            broken.cancel();
        })?;
        Ok(Self { lines, out, ended, begun: false, pending: Pending::default() })
    }

    /// What is owed to the client.
    #[must_use]
    pub fn pending(&self) -> Pending {
        self.pending.clone()
    }

    /// Hands bytes to the writer; the future resolves when they are written.
    fn write(&self, bytes: Vec<u8>) -> impl Future<Output = Result<(), Gone>> + Send + 'static + use<> {
        let (done, written) = oneshot::channel();
        // The writer has room almost always, and then the order of messages is the order of calls.
        let late = match self.out.try_send((bytes, done)) {
            Ok(()) | Err(TrySendError::Closed(_)) => None,
            Err(TrySendError::Full(job)) => Some((self.out.clone(), job)),
        };
        async move {
            if let Some((out, job)) = late {
                out.send(job).await.map_err(|_| Gone)?;
            }
            written.await.map_err(|_| Gone)
        }
    }

    fn complain(&self, id: Value, code: i32, message: &str) {
        let error = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } });
        if let Ok(line) = line_of(&error) {
            tokio::spawn(self.write(line));
        }
    }

    /// A message for rmcp, or an answer given here.
    fn understand(&mut self, line: Line) -> Option<ClientJsonRpcMessage> {
        let bytes = match line {
            Line::Whole(bytes) => bytes,
            Line::TooLong(start) => {
                let id = id_in(&start).unwrap_or(Value::Null);
                self.complain(id, -32600, &format!("the line is longer than {MAX_LINE} bytes"));
                return None;
            }
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let value: Value = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(e) => {
                self.complain(Value::Null, -32700, &format!("the line is no JSON: {e}"));
                return None;
            }
        };
        let id = value.get("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64()).cloned();
        let method = value.get("method").and_then(Value::as_str).map(str::to_owned);
        let message = match serde_json::from_value::<ClientJsonRpcMessage>(value) {
            Ok(message) => message,
            Err(_) => {
                let why = "not a JSON-RPC 2.0 request, response or notification (batches are not served)";
                self.complain(id.unwrap_or(Value::Null), -32600, why);
                return None;
            }
        };
        match &message {
            JsonRpcMessage::Request(request) => {
                self.begun = true;
                self.pending.set().insert(request.id.to_string());
            }
            JsonRpcMessage::Notification(_) => {
                if !self.begun {
                    return None;
                }
                if method.as_deref() == Some("notifications/cancelled") {
                    self.forget_cancelled(&bytes);
                }
            }
            _ => {}
        }
        Some(message)
    }

    /// A cancelled request gets no answer: nothing is owed for it.
    fn forget_cancelled(&self, bytes: &[u8]) {
        let id =
            serde_json::from_slice::<Value>(bytes).ok().and_then(|v| v.pointer("/params/requestId").cloned());
        if let Some(id) = id {
            self.pending.set().remove(&id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        }
    }
}

/// The client is gone.
#[derive(Debug)]
pub struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the client does not read any more")
    }
}

impl std::error::Error for Gone {}

impl Transport<RoleServer> for Stdio {
    type Error = Gone;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let answered = answered(&item);
        let written = line_of(&item).map(|line| self.write(line));
        let pending = self.pending.clone();
        async move {
            let result = match written {
                Ok(written) => written.await,
                Err(_) => Err(Gone),
            };
            if let Some(id) = answered {
                pending.set().remove(&id);
            }
            result
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            while self.pending.count() >= OWED {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let Some(line) = self.lines.recv().await else {
                // Only now: lines that wait in the queue are requests as well.
                self.ended.cancel();
                return None;
            };
            if let Some(message) = self.understand(line) {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.ended.cancel();
        Ok(())
    }
}

fn answered(item: &ServerJsonRpcMessage) -> Option<String> {
    match item {
        JsonRpcMessage::Response(response) => Some(response.id.to_string()),
        JsonRpcMessage::Error(error) => error.id.as_ref().map(ToString::to_string),
        _ => None,
    }
}

fn line_of(message: &impl serde::Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn read_lines(input: &mut impl BufRead, lines: &mpsc::Sender<Line>) {
    loop {
        let mut line = Vec::new();
        let read = input.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
        let complete = line.last() == Some(&b'\n');
        let line = match read {
            Err(_) | Ok(0) => return,
            Ok(_) if !complete && line.len() > MAX_LINE => {
                line.truncate(4096);
                if !skip_line(input) {
                    return;
                }
                Line::TooLong(line)
            }
            // A last line without its newline is a line.
            Ok(_) => Line::Whole(line),
        };
        if lines.blocking_send(line).is_err() {
            return;
        }
    }
}

/// Reads on to the end of the line without keeping it.
fn skip_line(input: &mut impl BufRead) -> bool {
    loop {
        let (used, done) = match input.fill_buf() {
            Err(_) => return false,
            Ok([]) => return true,
            Ok(buffer) => match buffer.iter().position(|b| *b == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), false),
            },
        };
        input.consume(used);
        if done {
            return true;
        }
    }
}

fn write_all(mut writes: mpsc::Receiver<Job>) {
    let mut out = std::io::stdout().lock();
    while let Some((bytes, done)) = writes.blocking_recv() {
        if out.write_all(&bytes).and_then(|()| out.flush()).is_err() {
            return;
        }
        let _nobody_waits = done.send(());
    }
}

/// The request's id in the beginning of a line that is too long to be parsed.
fn id_in(start: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(start);
    let after = text.split_once("\"id\"")?.1.trim_start().strip_prefix(':')?.trim_start();
    let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
    values.next()?.ok().filter(|id| id.is_string() || id.is_number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_line_that_is_too_long() {
        assert_eq!(id_in(br#"{"jsonrpc":"2.0","id":7,"method":"x","params":{"a":"aaaa"#), Some(json!(7)));
        assert_eq!(id_in(br#"{"id": "a-1","#), Some(json!("a-1")));
        assert_eq!(id_in(b"[[[["), None);
    }

    #[test]
    fn long_lines_are_skipped_and_the_next_one_is_read() {
        let mut input = vec![b'x'; MAX_LINE + 10];
        input.extend_from_slice(b"\n{}\nlast");
        let (sender, mut lines) = mpsc::channel(8);
        read_lines(&mut BufReader::new(input.as_slice()), &sender);
        assert!(matches!(lines.try_recv(), Ok(Line::TooLong(_))));
        assert!(matches!(lines.try_recv(), Ok(Line::Whole(l)) if l == b"{}\n"));
        assert!(matches!(lines.try_recv(), Ok(Line::Whole(l)) if l == b"last"));
    }
}
