//! How a server is started: with a home, a configuration and an environment of its own.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::Client;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_docker-mcp");
/// A user without rights.
const NOBODY: u32 = 65534;

/// A test asks as often as it likes, unless it says how often one may.
const UNLIMITED: &str = "\n[limits]\nlogs_per_minute = 0\nexec_per_minute = 0\nloop_guard = 0\n";

/// A server to be started.
#[derive(Debug)]
pub struct Launch {
    config: String,
    env: Vec<(String, String)>,
    unset: Vec<String>,
    args: Vec<String>,
    under: Vec<String>,
    nobody: bool,
}

/// A server whose pipes the test holds itself.
#[derive(Debug)]
pub struct Bare {
    /// The process.
    pub child: Child,
    /// Where its files are.
    pub home: TempDir,
}

impl Drop for Bare {
    fn drop(&mut self) {
        let (_gone, _status) = (self.child.kill(), self.child.wait());
    }
}

impl Launch {
    /// Without an engine: the socket it is told does not exist.
    pub fn without_engine() -> Self {
        Self::at("unix:///nonexistent/docker-mcp-test.sock")
    }

    /// With the engine at this `DOCKER_HOST`.
    pub fn at(host: &str) -> Self {
        let env = vec![("DOCKER_HOST".to_owned(), host.to_owned())];
        let (unset, args, under) = (Vec::new(), Vec::new(), Vec::new());
        Self { config: String::new(), env, unset, args, under, nobody: false }
    }

    /// The text of its configuration file. Without it, the defaults.
    pub fn config(mut self, toml: &str) -> Self {
        toml.clone_into(&mut self.config);
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Without this variable.
    pub fn unset(mut self, key: &str) -> Self {
        self.unset.push(key.to_owned());
        self
    }

    /// Started by another program, whose arguments end with the server and its own.
    pub fn under(mut self, program: &[&str]) -> Self {
        self.under = program.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// One more argument.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// By a shell script that ends with `exec "$@"`.
    pub fn through(self, script: &str) -> Self {
        self.under(["sh", "-c", script, "sh"].as_slice())
    }

    /// As a user without rights, where this process may choose.
    pub fn by_nobody(mut self) -> Self {
        self.nobody = true;
        self
    }

    /// Starts it; the client has not said anything yet.
    pub fn start(&self) -> Client {
        let home = home();
        Client::of(self.spawn(home.path()), home)
    }

    /// Starts it for a test that holds its pipes itself.
    pub fn bare(&self) -> Bare {
        let home = home();
        Bare { child: self.spawn(home.path()), home }
    }

    /// Starts it for a client that reads 4 KiB, pauses and reads on, and says hello.
    pub fn connect_slow(&self, pause: Duration) -> Client {
        let home = home();
        let client = Client::of_slow(self.spawn(home.path()), home, pause);
        client.initialize();
        client
    }

    /// Starts it for a client that never reads stderr, and says hello.
    pub fn connect_deaf(&self) -> Client {
        let home = home();
        let client = Client::of_deaf(self.spawn(home.path()), home);
        client.initialize();
        client
    }

    /// Starts one more in the home of that client's server, and says hello.
    pub fn connect_beside(&self, client: &Client) -> Client {
        let home = client.shared_home();
        let client = Client::of(self.spawn(home.path()), home);
        client.initialize();
        client
    }

    fn spawn(&self, home: &Path) -> Child {
        let mut command = self.command(home, UNLIMITED);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    /// Starts it and says hello.
    pub fn connect(&self) -> Client {
        let client = self.start();
        client.initialize();
        client
    }

    /// Runs it to its end, with nothing on stdin.
    pub fn output(&self) -> Output {
        let home = home();
        self.command(home.path(), "").stdin(Stdio::null()).output().expect("the program runs")
    }

    fn command(&self, home: &Path, limits: &str) -> Command {
        let config = home.join("config.toml");
        if !self.config.is_empty() {
            let limits = if self.config.contains("[limits]") { "" } else { limits };
            std::fs::write(&config, format!("{}{limits}", self.config)).unwrap();
            std::fs::set_permissions(&config, PermissionsExt::from_mode(0o600)).unwrap();
        }
        let mut command = match (self.nobody, self.under.split_first()) {
            (false, None) => Command::new(PROGRAM),
            (false, Some((program, rest))) => {
                let mut command = Command::new(program);
                command.args(rest).arg(PROGRAM);
                command
            }
            (true, _) => as_nobody(home, &self.under),
        };
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", home)
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_CONFIG_HOME", home.join("etc"));
        command.envs(self.env.iter().map(|(k, v)| (k, v))).args(&self.args);
        for key in &self.unset {
            command.env_remove(key);
        }
        if !self.config.is_empty() {
            command.arg("--config").arg(config);
        }
        command.current_dir(home);
        command
    }
}

fn home() -> TempDir {
    tempfile::Builder::new().prefix("docker-mcp-test-").tempdir().unwrap()
}

/// The program as a user without rights. It may not reach the folder of the build: it gets a copy.
fn as_nobody(home: &Path, under: &[String]) -> Command {
    let copy: PathBuf = home.join("docker-mcp");
    std::fs::copy(PROGRAM, &copy).unwrap();
    let config = home.join("config.toml");
    for path in [home, &copy, &config].into_iter().filter(|p| p.exists()) {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut command = Command::new("setpriv");
    let (uid, gid) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    command.args([&uid, &gid, "--clear-groups", "--"]).args(under).arg(copy);
    command
}

/// This process may become somebody else.
pub fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|s| s.lines().any(|l| l.starts_with("Uid:") && l.split_whitespace().nth(2) == Some("0")))
}
