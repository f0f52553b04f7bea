//! A call meets a fault: what must be answered, when, and what the circuit makes of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::faultd::{Fault, Faultd, When, get};
use crate::support::ledger::{Seen, saw};
use crate::support::{Client, Launch, ToolResult};

/// A circuit that stays closed, so that the count of faults can be read.
pub const PATIENT: &str = "circuit_breaker = { failures = 100 }\n";

/// The time of a class, for faults that are seen at once.
pub const CLASS: Duration = Duration::from_secs(2);
/// The same in the configuration.
pub const SHORT: &str = "read_timeout = \"2s\"\nstream_timeout = \"2s\"\n";

/// One fault, and what `docker_ps` is expected to say under it.
#[derive(Debug)]
pub struct Case {
    pub row: &'static str,
    /// In which answers the fault is; the list of containers where nothing else is said.
    pub when: When,
    pub fault: Fault,
    pub kind: &'static str,
    pub phase: Option<&'static str>,
    /// How many faults the circuit counts afterwards.
    pub counts: u64,
    /// The clock that ends it.
    pub promised: Duration,
    /// Words of the answer.
    pub says: &'static str,
}

impl Case {
    /// `docker_ps` under a fault that the circuit counts, answered within a class of two seconds.
    pub fn new(row: &'static str, fault: Fault, kind: &'static str) -> Self {
        Self {
            row,
            when: get("/containers/json"),
            fault,
            kind,
            phase: None,
            counts: 1,
            promised: CLASS,
            says: "",
        }
    }

    pub fn at(mut self, phase: &'static str, promised: Duration) -> Self {
        (self.phase, self.promised) = (Some(phase), promised);
        self
    }

    pub fn within(mut self, promised: Duration) -> Self {
        self.promised = promised;
        self
    }

    pub fn uncounted(mut self) -> Self {
        self.counts = 0;
        self
    }

    pub fn on(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    pub fn says(mut self, words: &'static str) -> Self {
        self.says = words;
        self
    }

    /// Over an engine of its own.
    pub fn over(self, faultd: Faultd, neverhang: &str) -> Running {
        let client = connect(&faultd.host(), neverhang);
        faultd.set(self.when, self.fault.clone());
        let id = client.begin_call("docker_ps", &json!({}));
        let Self { row, fault, kind, phase, counts, promised, says, .. } = self;
        let want = Want { row, fault, kind, phase, counts, promised, says };
        Running { faultd, client, id, want }
    }
}

/// What is left of a case when its rule is with the daemon.
#[derive(Debug)]
pub struct Want {
    row: &'static str,
    fault: Fault,
    kind: &'static str,
    phase: Option<&'static str>,
    counts: u64,
    promised: Duration,
    says: &'static str,
}

/// A call on its way.
#[derive(Debug)]
pub struct Running {
    faultd: Faultd,
    client: Client,
    id: Value,
    want: Want,
}

impl Running {
    /// Waits for the answer and holds it to what is expected; the daemon, without its fault, and the client afterwards.
    #[track_caller]
    pub fn check(self) -> (Faultd, Client, ToolResult) {
        let Self { faultd, client, id, want } = self;
        let result = client.wait(&id).tool();
        let what = format!("{} {:.60}", want.row, format!("{:?}", want.fault));
        eprintln!("{what}: {} in {:?}", result.text.lines().next().unwrap_or_default(), result.took);
        assert_eq!(result.kind(), want.kind, "{what}: {}", result.text);
        let error = &result.structured["error"];
        assert_eq!(error["effect"], "none", "{what}: {error}");
        assert_eq!(error["phase"].as_str(), want.phase, "{what}: {error}");
        let own_words = ["daemon_error", "unsupported"].contains(&want.kind);
        assert!(own_words || error["hint"].as_str().is_some_and(|h| !h.is_empty()), "{what}: {error}");
        assert!(result.text.contains(want.says), "{what}: {}", result.text);
        if let Some(phase) = want.phase {
            let limit = u64::try_from(want.promised.as_millis()).unwrap();
            assert_eq!(error["limit_ms"], limit, "{what} {phase}: {error}");
            assert!(result.took + Duration::from_millis(50) >= want.promised, "{what}: {:?}", result.took);
        }
        // Our side hangs up, whatever the other side does.
        faultd.wait_closed(Duration::from_secs(1));
        let failures = failures(&client);
        assert_eq!(failures, want.counts, "{what}: counted by the circuit");
        let circuit = if failures == 0 { "0" } else { "+1" };
        saw(want.row, Seen::of(&result, want.promised).circuit(circuit));
        // A late answer is nobody's, and the next call is served.
        faultd.clear();
        client.call("docker_ps", &json!({})).ok();
        (faultd, client, result)
    }
}

/// A server over that engine, with these keys of `[neverhang]`.
pub fn connect(host: &str, neverhang: &str) -> Client {
    Launch::at(host).config(&format!("[neverhang]\n{PATIENT}{neverhang}")).connect()
}

/// What the circuit has counted.
#[track_caller]
pub fn failures(client: &Client) -> u64 {
    let health = client.call("docker_health", &json!({})).ok();
    health.structured["circuit"]["failures"].as_u64().unwrap_or_else(|| panic!("{}", health.text))
}

/// All at once, each with a canned engine of its own.
#[track_caller]
pub fn all(neverhang: &str, cases: Vec<Case>) {
    let running: Vec<_> = cases.into_iter().map(|case| case.over(Faultd::new(), neverhang)).collect();
    for running in running {
        running.check();
    }
}
