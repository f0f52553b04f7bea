//! MCP over stdin and stdout, one JSON message a line.
//!
//! Reading and writing have a thread each: pipes, files and terminals behave alike, a client that stops reading blocks no
//! runtime, and the process can end while a read is pending. Every line gets an answer: also one that is no JSON, and one
//! that is too long.

mod lines;
mod writer;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{
    ClientJsonRpcMessage, JsonRpcMessage, ProgressToken, RequestId, ServerJsonRpcMessage, ServerNotification,
};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use lines::MAX_LINE;
use lines::{Line, id_in};
pub use writer::Gone;
use writer::Writer;

/// Requests that may be unanswered. A client that sends and does not read waits then, and costs no more memory.
const OWED: usize = 2048;
/// Bytes that may wait for a client that does not read before nothing more is read of it.
const UNREAD: usize = 8 << 20;

/// The two ends of a client.
#[derive(Debug)]
pub struct Stdio {
    lines: mpsc::Receiver<Line>,
    writer: Writer,
    watch: Watch,
    /// Before the first request, notifications are dropped: rmcp ends the session over one.
    begun: bool,
}

/// What a session's end is told by.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Cancelled when stdin ends, or stdout is closed.
    pub ended: CancellationToken,
    /// Cancelled when the client does not read.
    pub stalled: CancellationToken,
    /// What is owed to the client.
    pub pending: Pending,
}

/// Requests that have no answer yet.
#[derive(Debug, Clone, Default)]
pub struct Pending(Arc<Mutex<Owed>>);

#[derive(Debug, Default)]
struct Owed {
    requests: HashMap<RequestId, Option<ProgressToken>>,
    /// Of these requests: nothing is reported of one that was answered.
    tokens: HashSet<ProgressToken>,
}

impl Pending {
    fn owed(&self) -> std::sync::MutexGuard<'_, Owed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more. False: there is one of that id.
    fn add(&self, id: RequestId, token: Option<ProgressToken>) -> bool {
        let mut owed = self.owed();
        if owed.requests.contains_key(&id) {
            return false;
        }
        owed.tokens.extend(token.clone());
        owed.requests.insert(id, token);
        true
    }

    fn remove(&self, id: &RequestId) {
        let mut owed = self.owed();
        if let Some(Some(token)) = owed.requests.remove(id) {
            owed.tokens.remove(&token);
        }
    }

    /// Its answer is on its way: nothing is reported any more.
    fn silence(&self, id: &RequestId) {
        let mut owed = self.owed();
        if let Some(token) = owed.requests.get_mut(id).and_then(Option::take) {
            owed.tokens.remove(&token);
        }
    }

    /// Its request has no answer.
    fn reports(&self, token: &ProgressToken) -> bool {
        self.owed().tokens.contains(token)
    }

    fn count(&self) -> usize {
        self.owed().requests.len()
    }

    /// Nothing is owed to the client.
    #[must_use]
    pub fn none(&self) -> bool {
        self.count() == 0
    }
}

impl Stdio {
    /// Takes the process's stdin and stdout.
    ///
    /// # Errors
    /// The threads could not be started.
    pub fn open() -> std::io::Result<(Self, Watch)> {
        let watch = Watch::default();
        let writer = Writer::spawn(watch.ended.clone(), watch.stalled.clone())?;
        Ok((Self { lines: lines::spawn()?, writer, watch: watch.clone(), begun: false }, watch))
    }

    fn complain(&self, id: Value, code: i32, message: &str) {
        let error = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } });
        if let Ok(line) = line_of(&error) {
            tokio::spawn(self.writer.write(line));
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
        let token = value.pointer("/params/_meta/progressToken").cloned();
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
                let token = token.and_then(|token| serde_json::from_value(token).ok());
                if !self.watch.pending.add(request.id.clone(), token) {
                    let why = "a request of this id has no answer yet";
                    self.complain(id.unwrap_or(Value::Null), -32600, why);
                    return None;
                }
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
        let id = serde_json::from_slice::<Value>(bytes).ok();
        let id = id.and_then(|v| serde_json::from_value(v.pointer("/params/requestId")?.clone()).ok());
        if let Some(id) = id {
            self.watch.pending.remove(&id);
        }
    }
}

impl Transport<RoleServer> for Stdio {
    type Error = Gone;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let answered = answered(&item);
        let pending = self.watch.pending.clone();
        if let Some(id) = &answered {
            pending.silence(id);
        }
        // A report that was overtaken by its answer is for nobody.
        let late = reported(&item).is_some_and(|token| !pending.reports(token));
        let written = if late { None } else { Some(line_of(&item).map(|line| self.writer.write(line))) };
        async move {
            let result = match written {
                Some(Ok(written)) => written.await,
                Some(Err(_)) => Err(Gone),
                None => Ok(()),
            };
            if let Some(id) = answered {
                pending.remove(&id);
            }
            result
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            while self.watch.pending.count() >= OWED || self.writer.waiting() >= UNREAD {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let Some(line) = self.lines.recv().await else {
                // Only now: lines that wait in the queue are requests as well. rmcp is not told: it would give answers
                // that come later five seconds and no progress. Whoever watches ends the session.
                self.watch.ended.cancel();
                return std::future::pending().await;
            };
            if let Some(message) = self.understand(line) {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.watch.ended.cancel();
        Ok(())
    }
}

fn answered(item: &ServerJsonRpcMessage) -> Option<RequestId> {
    match item {
        JsonRpcMessage::Response(response) => Some(response.id.clone()),
        JsonRpcMessage::Error(error) => error.id.clone(),
        _ => None,
    }
}

fn reported(item: &ServerJsonRpcMessage) -> Option<&ProgressToken> {
    match item {
        JsonRpcMessage::Notification(notification) => match &notification.notification {
            ServerNotification::ProgressNotification(progress) => Some(&progress.params.progress_token),
            _ => None,
        },
        _ => None,
    }
}

fn line_of(message: &impl serde::Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes)
}
