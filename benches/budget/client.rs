//! A client of the release binary over stdio.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engine::Engine;

pub const BINARY: &str = env!("CARGO_BIN_EXE_docker-mcp");

pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next: u64,
    /// From before the process was started to the answer of `initialize`.
    pub initialized_in: Duration,
    _home: TempDir,
}

impl Client {
    pub fn start(config: &str, engine: Option<&Engine>) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("config.toml");
        std::fs::write(&file, format!("dry_run = false\n{config}")).expect("a file");
        let mut command = Command::new(BINARY);
        command.arg("--config").arg(&file).arg("--log-level").arg("error");
        command.env("HOME", home.path()).env("XDG_STATE_HOME", home.path());
        if let Some(engine) = engine {
            command.env("DOCKER_HOST", &engine.host);
        }
        let began = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        let mut client = Self { child, stdin, stdout, next: 0, initialized_in: Duration::ZERO, _home: home };
        let hello = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bench", "version": "0" },
        });
        client.request("initialize", hello);
        client.initialized_in = began.elapsed();
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    fn send(&mut self, message: &Value) {
        let stdin = self.stdin.as_mut().expect("stdin");
        stdin.write_all(format!("{message}\n").as_bytes()).and_then(|()| stdin.flush()).expect("a write");
    }

    /// Sends a request; gives the time to its answer, and the answer.
    pub fn request(&mut self, method: &str, params: Value) -> (Duration, Value) {
        self.next += 1;
        let id = self.next;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let began = Instant::now();
        self.send(&message);
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("an answer");
        let took = began.elapsed();
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(answer["id"], json!(id), "{line}");
        (took, answer)
    }

    pub fn call(&mut self, tool: &str, arguments: Value) -> (Duration, Value) {
        self.request("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// Resident memory in bytes.
    pub fn rss(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most it ever was.
    pub fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, key: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("the line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stdin.take();
        let _status = self.child.wait();
    }
}
