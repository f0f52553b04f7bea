//! One answer of the engine, and what two of them say.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::raw::nullable;

/// What a container uses at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Of one processor: 200 is two of them.
    pub cpu_percent: f64,
    /// Bytes, without the cache that can be dropped.
    pub memory: u64,
    /// Bytes; the host's memory where there is no limit.
    pub memory_limit: u64,
    /// Bytes since it started.
    pub received: u64,
    /// Bytes since it started.
    pub sent: u64,
    /// Bytes since it started.
    pub read: u64,
    /// Bytes since it started.
    pub written: u64,
    /// Processes and threads.
    pub pids: u64,
}

/// One answer of the engine, to be compared with the next.
#[derive(Debug, Clone, Default)]
pub struct Sample(Raw);

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    read: String,
    cpu_stats: Cpu,
    memory_stats: Memory,
    #[serde(deserialize_with = "nullable")]
    networks: Map<String, Value>,
    blkio_stats: Disk,
    pids_stats: Pids,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Cpu {
    cpu_usage: CpuUsage,
    system_cpu_usage: u64,
    online_cpus: u32,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct CpuUsage {
    total_usage: u64,
    #[serde(deserialize_with = "nullable")]
    percpu_usage: Vec<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Memory {
    usage: u64,
    limit: u64,
    #[serde(deserialize_with = "nullable")]
    stats: Map<String, Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Disk {
    #[serde(deserialize_with = "nullable")]
    io_service_bytes_recursive: Vec<Transfer>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Transfer {
    op: String,
    value: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Pids {
    current: u64,
}

impl Sample {
    /// None for a stopped container: the engine gives zeros then, and the year one.
    pub(super) fn of_running(raw: Raw) -> Option<Self> {
        if raw.read.starts_with("0001-") { None } else { Some(Self(raw)) }
    }

    /// What it uses, its processor time counted since the earlier sample.
    #[must_use]
    pub fn usage_since(&self, earlier: &Self) -> Usage {
        let (now, before) = (&self.0, &earlier.0);
        let counter = |key: &str| {
            let of = |n: &Value| n.get(key).and_then(Value::as_u64).unwrap_or(0);
            now.networks.values().map(of).fold(0, u64::saturating_add)
        };
        let disk = |op: &str| {
            let is = |t: &&Transfer| t.op.eq_ignore_ascii_case(op);
            now.blkio_stats
                .io_service_bytes_recursive
                .iter()
                .filter(is)
                .map(|t| t.value)
                .fold(0, u64::saturating_add)
        };
        Usage {
            cpu_percent: cpu_percent(&now.cpu_stats, &before.cpu_stats),
            memory: used(&now.memory_stats),
            memory_limit: now.memory_stats.limit,
            received: counter("rx_bytes"),
            sent: counter("tx_bytes"),
            read: disk("read"),
            written: disk("write"),
            pids: now.pids_stats.current,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "differences of nanoseconds over seconds")]
fn cpu_percent(now: &Cpu, before: &Cpu) -> f64 {
    let container = now.cpu_usage.total_usage.saturating_sub(before.cpu_usage.total_usage) as f64;
    let system = now.system_cpu_usage.saturating_sub(before.system_cpu_usage) as f64;
    let cpus = match now.online_cpus {
        0 => now.cpu_usage.percpu_usage.len() as f64,
        n => f64::from(n),
    };
    if system > 0.0 { container / system * cpus * 100.0 } else { 0.0 }
}

/// As `docker stats` counts: file cache that nobody uses is not in use. The first name is that of cgroup v1.
fn used(memory: &Memory) -> u64 {
    let cache =
        ["total_inactive_file", "inactive_file"].iter().find_map(|key| memory.stats.get(*key)?.as_u64());
    match cache {
        Some(cache) if cache < memory.usage => memory.usage - cache,
        _ => memory.usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample(value: Value) -> Sample {
        Sample(serde_json::from_value(value).unwrap())
    }

    #[test]
    fn two_samples_make_a_usage() {
        let before = sample(
            json!({ "cpu_stats": { "cpu_usage": { "total_usage": 1_000 }, "system_cpu_usage": 100_000 } }),
        );
        let now = sample(json!({
            "read": "2026-01-01T00:00:00Z",
            "cpu_stats": { "cpu_usage": { "total_usage": 26_000 }, "system_cpu_usage": 200_000, "online_cpus": 4 },
            "memory_stats": { "usage": 1000, "limit": 4000, "stats": { "inactive_file": 5, "total_inactive_file": 200 } },
            "networks": { "eth0": { "rx_bytes": 10, "tx_bytes": 1 }, "eth1": { "rx_bytes": 5, "tx_bytes": 2 } },
            "blkio_stats": { "io_service_bytes_recursive": [
                { "op": "Read", "value": 3 }, { "op": "write", "value": 4 }, { "op": "read", "value": 1 }, { "op": "Total", "value": 9 } ] },
            "pids_stats": { "current": 7 }
        }));
        let usage = now.usage_since(&before);
        assert!((usage.cpu_percent - 100.0).abs() < 1e-9, "{usage:?}");
        let rest = Usage { cpu_percent: 0.0, ..usage };
        let want = Usage {
            cpu_percent: 0.0,
            memory: 800,
            memory_limit: 4000,
            received: 15,
            sent: 3,
            read: 4,
            written: 4,
            pids: 7,
        };
        assert_eq!(rest, want);
    }

    #[test]
    fn nulls_and_nonsense_are_zeros() {
        let odd = sample(json!({
            "networks": null, "blkio_stats": { "io_service_bytes_recursive": null },
            "memory_stats": { "usage": 5, "stats": { "inactive_file": 9 } }, "unknown": {}
        }));
        let usage = odd.usage_since(&odd);
        assert_eq!((usage.cpu_percent, usage.memory, usage.received), (0.0, 5, 0));
        assert_eq!(sample(json!({})).usage_since(&odd).cpu_percent, 0.0);
        let stopped = serde_json::from_value(json!({ "read": "0001-01-01T00:00:00Z" })).unwrap();
        assert!(Sample::of_running(stopped).is_none());
    }
}
