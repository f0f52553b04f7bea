//! What the tests of NEVERHANG saw, for `docs/NEVERHANG.md`: one small file a sighting, in the folder that
//! `DOCKER_MCP_LEDGER` names. Without it nothing is kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ToolResult;
use crate::neverhang::rows;

/// One answer under one fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seen {
    /// The row of the catalogue of faults.
    pub id: String,
    /// The time that the promise gives: the class's, as configured in the test.
    pub promised_ms: u64,
    /// How long the answer took, by the client's clock.
    pub took_ms: u64,
    /// The kind of error; `ok` for a success; words where it was no call.
    pub kind: String,
    /// What it meant for the circuit: `0`, `+1`, `open`; empty where it was not looked at.
    pub circuit: String,
    /// How much the server's memory grew at most, in KiB, where it was measured.
    pub memory_kib: Option<u64>,
}

impl Seen {
    /// A call's answer: its kind and its time.
    pub fn of(result: &ToolResult, promised: Duration) -> Self {
        let kind = if result.is_error { result.kind() } else { "ok" };
        Self::new(kind, result.took, promised)
    }

    /// Something that is no call's answer.
    pub fn new(kind: &str, took: Duration, promised: Duration) -> Self {
        Self {
            id: String::new(),
            promised_ms: millis(promised),
            took_ms: millis(took),
            kind: kind.to_owned(),
            circuit: String::new(),
            memory_kib: None,
        }
    }

    /// What it meant for the circuit.
    pub fn circuit(mut self, what: &str) -> Self {
        what.clone_into(&mut self.circuit);
        self
    }

    /// How much memory it took, in bytes.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory_kib = Some(bytes / 1024);
        self
    }

    /// How much longer than promised.
    pub fn over_ms(&self) -> u64 {
        self.took_ms.saturating_sub(self.promised_ms)
    }
}

/// Notes what was seen under the fault of that row, and holds it to N0: the promised time and a second.
#[track_caller]
pub fn saw(id: &str, seen: Seen) {
    let row = rows::find(id).unwrap_or_else(|| panic!("no row `{id}` in tests/neverhang/rows.rs"));
    assert!(row.later.is_none(), "{id} is tested now: take its `later` out of tests/neverhang/rows.rs");
    assert!(seen.over_ms() <= 1000, "{id}: {} ms, {} promised", seen.took_ms, seen.promised_ms);
    let Some(dir) = std::env::var_os("DOCKER_MCP_LEDGER") else { return };
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("{id}-{}-{}.json", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let seen = Seen { id: id.to_owned(), ..seen };
    std::fs::write(std::path::Path::new(&dir).join(name), serde_json::to_vec(&seen).unwrap()).unwrap();
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}
