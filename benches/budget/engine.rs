//! A private engine that may be stopped.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub struct Engine {
    pub host: String,
    socket: String,
    pid: String,
}

fn script(arguments: &[&str]) -> Result<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engine");
    let output = Command::new(path).args(arguments).output().map_err(|e| e.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned())
    }
}

impl Engine {
    pub fn new() -> Result<Self, String> {
        let text = script(&["new", "bench"])?;
        let value =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().to_owned();
        let host = value("DOCKER_HOST=");
        let socket = host.strip_prefix("unix://").ok_or("the engine has no socket")?.to_owned();
        Ok(Self { host, socket, pid: value("PID=") })
    }

    fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", &self.host).args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Starts that many small containers, `bench-1` and on, that have labels and environments like real ones.
    pub fn fill(&self, count: usize) {
        for i in 1..=count {
            let name = format!("bench-{i}");
            let arguments = [
                "run",
                "-d",
                "--name",
                &name,
                "--network",
                "none",
                "--label",
                "com.example.team=shop",
                "--label",
                "com.example.tier=web",
                "-e",
                "MODE=production",
                "-e",
                "API_TOKEN=bench-0123456789abcdef",
                "docker-mcp/base",
                "sleep",
                "36000",
            ];
            assert!(self.docker(&arguments).status().expect("docker").success(), "{name} did not start");
        }
    }

    /// A container that has written so many megabytes.
    pub fn big_log(&self, name: &str, megabytes: usize) {
        let write = format!(
            "yes 'a line of a log that is neither short nor very long, as most are 0123456789' | head -c {megabytes}000000"
        );
        assert!(
            self.docker(&["run", "--name", name, "--network", "none", "docker-mcp/base", "sh", "-c", &write])
                .status()
                .expect("docker")
                .success()
        );
    }

    /// How long a docker command takes.
    pub fn timed(&self, arguments: &[&str]) -> Duration {
        let began = Instant::now();
        assert!(self.docker(arguments).status().expect("docker").success());
        began.elapsed()
    }

    /// A request with nothing between us and the socket; gives the time and the size.
    pub fn raw(&self, path: &str) -> (Duration, usize) {
        let began = Instant::now();
        let mut stream = UnixStream::connect(&self.socket).expect("the socket");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").expect("a write");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        (began.elapsed(), answer.len())
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.pid]).status().expect("kill");
        assert!(sent.success());
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.signal("CONT");
        if let Err(why) = script(&["rm", "bench"]) {
            eprintln!("the bench engine was not removed: {why}");
        }
    }
}
