//! Engines that belong to one test: it may stop, kill and restart them.

use std::path::PathBuf;
use std::process::Command;

use super::{Engine, fixture};

/// One of them; removed at the end.
#[derive(Debug)]
pub struct Private {
    /// As the docker CLI reaches it.
    pub engine: Engine,
    name: String,
    pid: u32,
}

impl Private {
    /// None where there can be none: it takes root and Linux.
    pub fn new() -> Option<Self> {
        let name = fixture::unique();
        let said = script(&["new", &name])?;
        let value = |key: &str| said.lines().find_map(|l| l.strip_prefix(key)).map(str::to_owned);
        let engine = Engine { host: value("DOCKER_HOST=")? };
        Some(Self { engine, pid: value("PID=")?.parse().unwrap(), name })
    }

    /// Sends its dockerd a signal.
    pub fn signal(&self, name: &str) {
        signal(self.pid, name);
    }

    /// Starts it anew; by the way it kills it first, if it lives.
    pub fn restart_killed(&mut self) {
        let said = script(&["restart", &self.name, "--kill"]).unwrap();
        self.pid = said.lines().find_map(|l| l.strip_prefix("PID=")).unwrap().parse().unwrap();
    }

    /// Its containerd.
    pub fn containerd(&self) -> u32 {
        children(self.pid)
            .into_iter()
            .find(|pid| {
                std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "containerd")
            })
            .expect("dockerd has a containerd")
    }

    /// Where its socket and its `daemon.json` are.
    pub fn dir(&self) -> PathBuf {
        PathBuf::from(self.engine.socket().unwrap()).parent().unwrap().to_owned()
    }

    /// Its dockerd.
    pub const fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // One that was stopped in its tracks cannot be ended by SIGTERM.
        let _gone = Command::new("kill").args(["-s", "CONT", &self.pid.to_string()]).status();
        script(&["rm", &self.name]);
    }
}

/// Sends a process a signal.
#[track_caller]
pub fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap().success());
}

fn children(pid: u32) -> Vec<u32> {
    let of =
        |tid: std::fs::DirEntry| std::fs::read_to_string(tid.path().join("children")).unwrap_or_default();
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists = tasks.flatten().map(of);
    lists.flat_map(|list| list.split_whitespace().map(|p| p.parse().unwrap()).collect::<Vec<_>>()).collect()
}

fn script(args: &[&str]) -> Option<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engine");
    let run = Command::new(path).args(args).output().unwrap();
    // 3: none can be had here.
    assert!([Some(0), Some(3)].contains(&run.status.code()), "{}", String::from_utf8_lossy(&run.stderr));
    run.status.success().then(|| String::from_utf8(run.stdout).unwrap())
}
