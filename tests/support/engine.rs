//! The engine that the tests may use, driven past the server with the docker CLI.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// An engine that answers.
#[derive(Debug, Clone)]
pub struct Engine {
    /// As `DOCKER_HOST`.
    pub host: String,
}

/// The engine, or none; then the test's name is noted among those left out.
pub fn at_hand(test: &str) -> Option<Engine> {
    if std::env::var_os("DOCKER_MCP_TEST_ENGINE").is_some_and(|v| v == "1") {
        let usual = || "unix:///var/run/docker.sock".to_owned();
        return Some(Engine { host: std::env::var("DOCKER_HOST").unwrap_or_else(|_| usual()) });
    }
    left_out(test);
    None
}

/// Notes a test that what is at hand here does not allow.
pub fn left_out(test: &str) {
    if let Some(file) = std::env::var_os("DOCKER_MCP_TEST_LEFT_OUT") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(file);
        file.and_then(|mut f| writeln!(f, "{test}")).expect("the list of what was left out can be written");
    }
}

/// The image that `scripts/engine` makes: busybox.
pub const BASE: &str = "docker-mcp/base:latest";

impl Engine {
    /// Runs the docker CLI; its stdout, trimmed. The test fails where the command does.
    #[track_caller]
    pub fn docker(&self, args: &[&str]) -> String {
        match self.try_docker(args) {
            Ok(out) => out,
            Err(e) => panic!("docker {args:?}: {e}"),
        }
    }

    /// Runs the docker CLI: its stdout, trimmed, or its stderr.
    pub fn try_docker(&self, args: &[&str]) -> Result<String, String> {
        let run =
            Command::new("docker").args(args).env("DOCKER_HOST", &self.host).stdin(Stdio::null()).output();
        let run = run.map_err(|e| format!("no docker CLI: {e}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if run.status.success() { Ok(text(&run.stdout)) } else { Err(text(&run.stderr)) }
    }

    /// `docker inspect` of one object.
    #[track_caller]
    pub fn inspect(&self, kind: &str, name: &str) -> Value {
        let text = self.docker(&["inspect", "--type", kind, name]);
        serde_json::from_str::<Value>(&text).unwrap()[0].take()
    }

    /// Waits until a container is in this state, such as `exited`.
    pub fn wait_state(&self, name: &str, state: &str) {
        for _ in 0..300 {
            if self.docker(&["inspect", "--type", "container", "--format", "{{.State.Status}}", name])
                == state
            {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("{name} is not {state} after 30 s");
    }

    /// The path of its unix socket, if that is how it is reached.
    pub fn socket(&self) -> Option<&str> {
        self.host.strip_prefix("unix://")
    }
}
