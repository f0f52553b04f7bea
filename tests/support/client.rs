//! An MCP client over the pipes of a server. It holds the server to the protocol: every line of stdout is a JSON-RPC
//! message, and every request gets one answer.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ExitStatus};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Reply, ToolResult};

/// Longer than any answer may take here: a test that waits this long failed.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// What the reading threads saw.
#[derive(Debug, Default)]
struct Seen {
    answers: HashMap<String, (Value, Instant)>,
    others: Vec<(Value, Instant)>,
    faults: Vec<String>,
    ended: bool,
    stderr: Vec<u8>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// One session with one server process.
#[derive(Debug)]
pub struct Client {
    child: Mutex<Child>,
    pid: u32,
    stdin: Mutex<Option<ChildStdin>>,
    shared: Arc<Shared>,
    sent: Mutex<HashMap<String, Instant>>,
    next: AtomicU64,
    /// Held open where nobody reads it.
    unread: Option<ChildStderr>,
    home: Arc<TempDir>,
}

impl Client {
    /// Of a process with three pipes.
    pub fn of(child: Child, home: impl Into<Arc<TempDir>>) -> Self {
        let mut client = Self::of_deaf(child, home);
        let (shared, stderr) = (Arc::clone(&client.shared), client.unread.take().unwrap());
        std::thread::spawn(move || read_stderr(&shared, stderr));
        client
    }

    /// Of a process whose stdout is read 4 KiB at a time, with a pause after each.
    pub fn of_slow(mut child: Child, home: impl Into<Arc<TempDir>>, pause: Duration) -> Self {
        let stdout = Slow { stdout: child.stdout.take().unwrap(), pause };
        let mut client = Self::over(child, home, BufReader::with_capacity(4096, stdout));
        let (shared, stderr) = (Arc::clone(&client.shared), client.unread.take().unwrap());
        std::thread::spawn(move || read_stderr(&shared, stderr));
        client
    }

    /// Of a process whose stderr nobody reads, though it is open.
    pub fn of_deaf(mut child: Child, home: impl Into<Arc<TempDir>>) -> Self {
        let stdout = child.stdout.take().unwrap();
        Self::over(child, home, BufReader::new(stdout))
    }

    fn over(mut child: Child, home: impl Into<Arc<TempDir>>, stdout: impl BufRead + Send + 'static) -> Self {
        let shared = Arc::<Shared>::default();
        let stderr = child.stderr.take().unwrap();
        let seen = Arc::clone(&shared);
        std::thread::spawn(move || read_stdout(&seen, stdout));
        Self {
            pid: child.id(),
            stdin: Mutex::new(child.stdin.take()),
            child: Mutex::new(child),
            shared,
            sent: Mutex::default(),
            next: AtomicU64::new(1),
            unread: Some(stderr),
            home: home.into(),
        }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The handshake of the older era.
    pub fn initialize(&self) -> Value {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                             "clientInfo": { "name": "docker-mcp-tests", "version": "1" } });
        let reply = self.request("initialize", params);
        self.notify("notifications/initialized", json!({}));
        reply.result().clone()
    }

    /// Sends bytes as they are.
    pub fn raw(&self, bytes: &[u8]) {
        let mut stdin = self.stdin.lock().unwrap();
        let pipe = stdin.as_mut().expect("stdin is open");
        // A server that is gone is seen by whoever waits for its answer.
        let _gone = pipe.write_all(bytes).and_then(|()| pipe.flush());
    }

    /// Sends a message as one line.
    pub fn send(&self, message: &Value) {
        if let Some(id) = message.get("id") {
            self.sent.lock().unwrap().insert(id.to_string(), Instant::now());
        }
        self.raw(format!("{message}\n").as_bytes());
    }

    /// Sends a notification.
    pub fn notify(&self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request and does not wait; its id.
    pub fn begin(&self, method: &str, params: Value) -> Value {
        let id = json!(self.next.fetch_add(1, Ordering::Relaxed));
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// Begins a call of a tool.
    pub fn begin_call(&self, tool: &str, arguments: &Value) -> Value {
        self.begin("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// Sends a request and waits for its answer.
    #[track_caller]
    pub fn request(&self, method: &str, params: Value) -> Reply {
        let id = self.begin(method, params);
        self.wait(&id)
    }

    /// Calls a tool.
    #[track_caller]
    pub fn call(&self, tool: &str, arguments: &Value) -> ToolResult {
        let id = self.begin_call(tool, arguments);
        self.wait(&id).tool()
    }

    /// The tools that are served.
    pub fn tools(&self) -> Vec<Value> {
        self.request("tools/list", json!({})).result()["tools"].as_array().unwrap().clone()
    }

    /// The answer to a request.
    #[track_caller]
    pub fn wait(&self, id: &Value) -> Reply {
        match self.answer_within(id, PATIENCE) {
            Some(reply) => reply,
            None => panic!("no answer to {id}; stderr: {}", tail(&self.stderr())),
        }
    }

    /// The answer to a request, if it comes in time.
    pub fn answer_within(&self, id: &Value, limit: Duration) -> Option<Reply> {
        let key = id.to_string();
        let sent = self.sent.lock().unwrap().get(&key).copied();
        let (message, at) = self.watch(limit, |seen| seen.answers.get(&key).cloned())?;
        Some(Reply { message, took: sent.map_or(Duration::ZERO, |sent| at - sent) })
    }

    /// When the answer to a request came, if it does in time.
    pub fn answer_at(&self, id: &Value, limit: Duration) -> Option<Instant> {
        let key = id.to_string();
        self.watch(limit, |seen| seen.answers.get(&key).map(|(_, at)| *at))
    }

    /// The first message without an answer's id that fits, if it comes in time: a notification, or an error with `id: null`.
    pub fn other_within(&self, limit: Duration, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        self.watch(limit, |seen| seen.others.iter().find(|(m, _)| fits(m)).map(|(m, _)| m.clone()))
    }

    /// Every message so far that answers no request.
    pub fn others(&self) -> Vec<(Value, Instant)> {
        self.shared.seen.lock().unwrap().others.clone()
    }

    fn watch<T>(&self, limit: Duration, look: impl Fn(&Seen) -> Option<T>) -> Option<T> {
        let until = Instant::now() + limit;
        let mut seen = self.shared.seen.lock().unwrap();
        loop {
            if let Some(found) = look(&seen) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            if seen.ended {
                return None;
            }
            seen = self.shared.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// The client has nothing more to say.
    pub fn close_stdin(&self) {
        drop(self.stdin.lock().unwrap().take());
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent =
            std::process::Command::new("kill").args(["-s", name, &self.pid.to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// How and when the process ended, if it does in time.
    pub fn wait_exit(&self, limit: Duration) -> Option<(ExitStatus, Duration)> {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                let took = start.elapsed();
                // What it wrote last is read first.
                let _rest = self.watch(Duration::from_secs(2), |seen| seen.ended.then_some(()));
                return Some((status, took));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Runs the program beside the server, with the same configuration and home; stdin is no terminal.
    pub fn beside(&self, args: &[&str]) -> std::process::Output {
        let home = self.home.path();
        let mut command = std::process::Command::new(super::launch::PROGRAM);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", home).env("XDG_STATE_HOME", home.join("state")).args(args).current_dir(home);
        command.arg("--config").arg(home.join("config.toml"));
        command.stdin(std::process::Stdio::null()).output().expect("the program runs")
    }

    /// What such a program printed, where it went well.
    #[track_caller]
    pub fn prints(&self, args: &[&str]) -> String {
        let output = self.beside(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.shared.seen.lock().unwrap().stderr).into_owned()
    }

    /// The lines of its audit log, raw.
    pub fn audit_text(&self) -> String {
        super::text::audit_below(self.home.path())
    }

    /// Its home, for one more server in it.
    pub fn shared_home(&self) -> Arc<TempDir> {
        Arc::clone(&self.home)
    }

    /// Its home.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// The lines of its audit log.
    pub fn audit_lines(&self) -> Vec<Value> {
        self.audit_text().lines().map(|l| serde_json::from_str(l).expect("an audit line is JSON")).collect()
    }

    /// The lines of its audit log, when there are so many: they are written beside the calls. Fewer fail the test.
    #[track_caller]
    pub fn audit_wait(&self, count: usize) -> Vec<Value> {
        let start = Instant::now();
        while self.audit_text().lines().count() < count && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let lines = self.audit_lines();
        assert!(lines.len() >= count, "{} audit lines of {count}: {lines:?}", lines.len());
        lines
    }

    /// What broke the protocol so far.
    pub fn faults(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().faults.clone()
    }
}

/// The one result of a change of one object, which goes well.
#[track_caller]
pub fn one(client: &Client, tool: &str, arguments: Value) -> Value {
    let result = client.call(tool, &arguments).ok();
    let results = result.structured["results"].as_array().unwrap_or_else(|| panic!("{}", result.text));
    assert_eq!(results.len(), 1, "{}", result.text);
    results[0].clone()
}

impl Drop for Client {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        let (_gone, _status) = (child.kill(), child.wait());
        let faults = self.faults();
        assert!(std::thread::panicking() || faults.is_empty(), "stdout held more than protocol: {faults:?}");
    }
}

/// Reads as somebody does who has other things to do.
struct Slow {
    stdout: std::process::ChildStdout,
    pause: Duration,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::thread::sleep(self.pause);
        self.stdout.read(buffer)
    }
}

fn read_stdout(shared: &Shared, mut stdout: impl BufRead) {
    let mut line = Vec::new();
    while stdout.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let at = Instant::now();
        let mut seen = shared.seen.lock().unwrap();
        match message(&line) {
            Err(fault) => seen.faults.push(fault),
            Ok(message) => match message.get("id").filter(|id| !id.is_null()).map(ToString::to_string) {
                None => seen.others.push((message, at)),
                Some(_) if message.get("method").is_some() => seen.others.push((message, at)),
                Some(id) => {
                    if seen.answers.insert(id.clone(), (message, at)).is_some() {
                        seen.faults.push(format!("two answers to {id}"));
                    }
                }
            },
        }
        shared.changed.notify_all();
        line.clear();
    }
    shared.seen.lock().unwrap().ended = true;
    shared.changed.notify_all();
}

/// A line as a JSON-RPC message, or what is wrong with it.
fn message(line: &[u8]) -> Result<Value, String> {
    let wrong = |why: &str| Err(format!("{why}: {}", String::from_utf8_lossy(&line[..line.len().min(300)])));
    if line.last() != Some(&b'\n') {
        return wrong("a line without its end");
    }
    let Ok(message) = serde_json::from_slice::<Value>(line) else { return wrong("no JSON") };
    if message["jsonrpc"] != "2.0" {
        return wrong("no JSON-RPC 2.0");
    }
    let (method, result, error) = (message.get("method"), message.get("result"), message.get("error"));
    match (method.is_some(), result.is_some(), error.is_some()) {
        (true, false, false) | (false, true, false) | (false, false, true) => Ok(message),
        _ => wrong("neither a request, an answer nor a notification"),
    }
}

fn read_stderr(shared: &Shared, mut stderr: impl Read) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = stderr.read(&mut buffer) {
        shared.seen.lock().unwrap().stderr.extend_from_slice(&buffer[..read]);
    }
}

fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(2000);
    &text[text.ceil_char_boundary(from)..]
}
