//! Settings that are read again while a server runs.

use super::Settings;
use crate::config::provenance::Described;

/// Keys that are used once, at the start: the engine and its circuit, the log and the records, the socket.
const AT_START: &[&str] = &[
    "audit.dir",
    "audit.enabled",
    "audit.retention_days",
    "docker.",
    "exec_safety.max_concurrent",
    "fallback.",
    "hosts.",
    "http.listen",
    "http.tls",
    "limits.max_concurrent",
    "log.",
    "neverhang.circuit_breaker",
    "state.",
];

fn stays(key: &str) -> bool {
    AT_START.iter().any(|start| key.starts_with(start))
}

impl Settings {
    /// These in place of those that a server runs with: what only a start can change stays as it is there. Also the keys that
    /// say something else and have no effect yet.
    #[must_use]
    pub fn in_place_of(mut self, running: &Self) -> (Self, Vec<String>) {
        let (starts, renewed): (Vec<_>, Vec<_>) = self.described.into_iter().partition(|d| stays(&d.key));
        let kept: Vec<_> = running.described.iter().filter(|d| stays(&d.key)).cloned().collect();
        let is_kept = |d: &Described| kept.iter().any(|k| k.key == d.key && k.value == d.value);
        let others = starts.iter().filter(|d| !is_kept(d));
        let gone = kept.iter().filter(|k| starts.iter().all(|d| d.key != k.key));
        let without_effect = others.chain(gone).map(|d| d.key.clone()).collect();

        self.described = renewed.into_iter().chain(kept).collect();
        self.docker.clone_from(&running.docker);
        self.hosts.clone_from(&running.hosts);
        self.audit.enabled = running.audit.enabled;
        self.audit.dir.clone_from(&running.audit.dir);
        self.audit.retention_days = running.audit.retention_days;
        self.neverhang.breaker = running.neverhang.breaker;
        self.limits.max_concurrent = running.limits.max_concurrent;
        self.exec.max_concurrent = running.exec.max_concurrent;
        self.log.clone_from(&running.log);
        self.http.listen = running.http.listen;
        self.http.tls.clone_from(&running.http.tls);
        self.state.clone_from(&running.state);
        self.fallback.clone_from(&running.fallback);
        self.bypass = running.bypass;
        (self, without_effect)
    }
}
