//! Programs in the place of others, and what is left of them: processes as `/proc` shows them.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Client, Launch};

/// A circuit that stays closed, no probes beside, and two seconds for a call and for reaching an engine.
pub const CONFIG: &str = "[neverhang]\nread_timeout = \"2s\"\n\
    circuit_breaker = { failures = 100, early_recovery = false }\n";

/// A script that answers as an engine without any object.
pub const ENGINE: &str = r#"
cr=$(printf '\r')
while IFS= read -r line; do
    case $line in
        "$cr") printf 'HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nContent-Type: application/json\r\n'
            case $first in
                HEAD*) printf '\r\n' ;;
                *) printf 'Content-Length: 2\r\n\r\n[]' ;;
            esac ;;
        HEAD* | GET*) first=$line ;;
    esac
done
"#;

/// A program in the place of another, `ssh` unless it is said. It first notes its pid and its mark.
#[derive(Debug)]
pub struct Stub {
    dir: TempDir,
    name: &'static str,
}

impl Stub {
    /// With that script; `note WHAT` in it notes the pid of its shell, also in children that forgot their environment.
    pub fn new(script: &str) -> Self {
        Self::of("ssh", script)
    }

    /// The same in the place of that program.
    pub fn of(name: &'static str, script: &str) -> Self {
        let stub = Self { name, ..Self::empty() };
        let notes = stub.path("pids");
        let notes = notes.display();
        stub.write(&format!(
            "#!/bin/sh\nNOTE='echo $$ >> {notes}'\nnote() {{ eval \"$NOTE\"; }}\nnote\n{script}\n"
        ));
        stub
    }

    /// No program yet.
    pub fn empty() -> Self {
        Self { dir: tempfile::Builder::new().prefix("docker-mcp-stub-").tempdir().unwrap(), name: "ssh" }
    }

    /// Makes the program of this text.
    pub fn write(&self, text: &str) {
        // Written by a child: a descriptor of ours, open for writing in another test's fork, would forbid to run it.
        let mut writer = Command::new("sh")
            .args(["-c", "rm -f \"$0\" && cat > \"$0\" && chmod 700 \"$0\""])
            .arg(self.path(self.name))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
    }

    /// A file beside it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A server that reaches its engine through it.
    pub fn launch(&self) -> Launch {
        Launch::at("ssh://box").env("PATH", &self.search_path()).config(CONFIG)
    }

    /// `PATH` with its folder first.
    pub fn search_path(&self) -> String {
        format!("{}:{}", self.dir.path().display(), std::env::var("PATH").unwrap())
    }

    /// The pids that were noted.
    pub fn pids(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(self.path("pids")).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// The pids, as soon as there are so many.
    #[track_caller]
    pub fn pids_of(&self, count: usize) -> Vec<u32> {
        let start = Instant::now();
        while self.pids().len() < count {
            assert!(start.elapsed() < Duration::from_secs(10), "{:?} noted, not {count}", self.pids());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.pids()
    }

    /// Waits until all that was noted is gone, and nothing that names this stub's folder is left; how long that took.
    #[track_caller]
    pub fn gone_within(&self, limit: Duration) -> Duration {
        let pids = self.pids();
        assert!(!pids.is_empty(), "it never ran");
        let start = Instant::now();
        loop {
            let left: Vec<u32> = pids.iter().copied().filter(|pid| state(*pid).is_some()).collect();
            if left.is_empty() {
                return start.elapsed();
            }
            let what: Vec<String> = left.iter().map(|pid| shown(*pid)).collect();
            assert!(start.elapsed() < limit, "left after {:?}: {what:?}", start.elapsed());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The state of a process, such as `S`, or `Z` for a zombie; none if there is none.
pub fn state(pid: u32) -> Option<char> {
    fields(pid)?.first()?.chars().next()
}

/// The fields of `/proc/PID/stat` after the name.
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn shown(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("{pid} {:?} {}", state(pid), String::from_utf8_lossy(&line).replace('\0', " "))
}

/// Every process that carries a mark that this docker-mcp made.
pub fn marked(owner: u32) -> Vec<String> {
    pids().filter(|pid| *pid != owner && is_marked(*pid, owner)).map(shown).collect()
}

/// As [`marked`], and every child of it, zombies too.
pub fn offspring(owner: u32) -> Vec<String> {
    let child = |pid: u32| fields(pid).is_some_and(|fields| fields[1] == owner.to_string());
    pids().filter(|pid| *pid != owner && (child(*pid) || is_marked(*pid, owner))).map(shown).collect()
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn is_marked(pid: u32, owner: u32) -> bool {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environ.split(|byte| *byte == 0).any(|word| {
        let word = String::from_utf8_lossy(word);
        let mark = word.strip_prefix("DOCKER_MCP_JOB=").and_then(|mark| mark.split('-').nth(1));
        mark == Some(&owner.to_string())
    })
}

/// How many descriptors a process has open.
pub fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// How many threads a process has.
pub fn threads(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().count()
}

/// Waits until a server has no child, no zombie and no more descriptors than that.
#[track_caller]
pub fn settles(client: &Client, descriptors_before: usize, limit: Duration) {
    let start = Instant::now();
    loop {
        let (left, open) = (offspring(client.pid()), descriptors(client.pid()));
        if left.is_empty() && open <= descriptors_before {
            return;
        }
        let words = format!("{left:?} and {open} descriptors of {descriptors_before}");
        assert!(start.elapsed() < limit, "left after {:?}: {words}", start.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
}
