//! A disk that is slow or fails, and a wall clock that jumps, for one server alone: a library between it and libc.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{Launch, engine};

/// The library, and the knobs that it looks at.
#[derive(Debug)]
pub struct Shim(TempDir);

impl Shim {
    /// None where there can be none, which is noted.
    pub fn new(test: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/shim.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(dir.path().join("shim.so")).arg(source);
        let made = cc.output();
        if !cfg!(all(target_os = "linux", target_env = "gnu")) || made.is_err() {
            engine::left_out(test);
            return None;
        }
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(Self(dir))
    }

    /// That server goes by it.
    pub fn under(&self, launch: Launch) -> Launch {
        let file = |name: &str| self.file(name).to_str().unwrap().to_owned();
        let launch = launch.env("LD_PRELOAD", &file("shim.so"));
        ["SHIM_FSYNC", "SHIM_WRITE", "SHIM_CLOCK"]
            .into_iter()
            .fold(launch, |l, knob| l.env(knob, &file(knob)))
    }

    /// How long fsync takes longer, in ms; -1: it fails.
    pub fn fsync(&self, ms: i64) {
        self.set("SHIM_FSYNC", ms);
    }

    /// How long a write to a file takes longer, in ms.
    pub fn write(&self, ms: i64) {
        self.set("SHIM_WRITE", ms);
    }

    /// How far the wall clock is ahead, in seconds.
    pub fn clock(&self, seconds: i64) {
        self.set("SHIM_CLOCK", seconds);
    }

    fn set(&self, knob: &str, number: i64) {
        // In one step: a reader in between would see an empty file.
        let new = self.file("new");
        std::fs::write(&new, number.to_string()).unwrap();
        std::fs::rename(new, self.file(knob)).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
