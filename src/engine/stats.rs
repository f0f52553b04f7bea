//! What containers use: two samples a short while apart, because the engine's own answer takes two seconds.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::policy::{Container, Permit, World};

use super::Engine;
use super::budget::Budget;
use super::error::EngineError;
use super::raw::nullable;

/// Requests at once.
const AT_ONCE: usize = 16;
/// A container that does not answer in this time is left out: a stuck one hangs for ever, a well one takes 14 ms.
const EACH: Duration = Duration::from_millis(1500);
/// All of them together: with containerd stuck, every single one hangs.
const ALL: Duration = Duration::from_secs(8);
/// Between the two samples of a processor's use.
const APART: Duration = Duration::from_millis(250);

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

/// The samples of one moment, or what became of them.
#[derive(Debug, Default)]
pub struct Round {
    /// By id.
    pub samples: Vec<(Container, Sample)>,
    /// Those that did not answer in time.
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Raw {
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

impl Engine {
    /// What one container uses; none where it does not run.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn usage(&self, budget: &Budget, permit: &Permit<Container>) -> Result<Option<Usage>, EngineError> {
        let Some(first) = self.sample(budget, permit).await? else { return Ok(None) };
        tokio::time::sleep(APART).await;
        Ok(self.sample(budget, permit).await?.map(|second| second.usage_since(&first)))
    }

    /// One sample of one container; none where it does not run.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn sample(&self, budget: &Budget, permit: &Permit<Container>) -> Result<Option<Sample>, EngineError> {
        self.sample_id(&budget.at_most(EACH), &permit.target().id).await
    }

    /// What every visible running container uses, and the names of those that did not answer in time.
    ///
    /// # Errors
    /// The list of containers could not be had.
    pub async fn usages(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
    ) -> Result<(Vec<(String, Usage)>, Vec<String>), EngineError> {
        let who = self.running(budget, permit).await?;
        let all = budget.at_most(ALL);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked: FuturesUnordered<_> = who
            .into_iter()
            .map(|c| {
                let places = Arc::clone(&places);
                async move {
                    let first = self.in_turn(&all, &places, &c.id).await;
                    let Ok(Some(first)) = first else { return (c.name, first.map(|_| None)) };
                    // A place is not held while there is nothing to wait for but time.
                    sleep_until(Instant::now() + APART).await;
                    let second = self.in_turn(&all, &places, &c.id).await;
                    (c.name, second.map(|s| s.map(|s| s.usage_since(&first))))
                }
            })
            .collect();
        let (mut usages, mut missing) = (Vec::new(), Vec::new());
        while let Some((name, result)) = asked.next().await {
            match result {
                Ok(Some(usage)) => usages.push((name, usage)),
                // It ended meanwhile.
                Ok(None) => {}
                Err(e) if e.is_gone() => {}
                Err(_) => missing.push(name),
            }
        }
        Ok((usages, missing))
    }

    /// A sample of every visible running container.
    ///
    /// # Errors
    /// The list of containers could not be had.
    pub async fn round(&self, budget: &Budget, permit: &Permit<World>) -> Result<Round, EngineError> {
        let who = self.running(budget, permit).await?;
        let all = budget.at_most(ALL);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked: FuturesUnordered<_> = who
            .into_iter()
            .map(|c| {
                let places = Arc::clone(&places);
                async move { (self.in_turn(&all, &places, &c.id).await, c) }
            })
            .collect();
        let mut round = Round::default();
        while let Some((result, who)) = asked.next().await {
            match result {
                Ok(Some(sample)) => round.samples.push((who, sample)),
                Ok(None) => {}
                Err(e) if e.is_gone() => {}
                Err(_) => round.missing.push(who.name),
            }
        }
        Ok(round)
    }

    async fn running(&self, budget: &Budget, permit: &Permit<World>) -> Result<Vec<Container>, EngineError> {
        let seen = self.containers(budget, permit).await?;
        Ok(seen.into_iter().filter(|s| matches!(s.raw.state.as_str(), "running" | "paused")).map(|s| s.identity).collect())
    }

    async fn in_turn(&self, all: &Budget, places: &Semaphore, id: &str) -> Result<Option<Sample>, EngineError> {
        let _place = places.acquire().await;
        self.sample_id(&all.at_most(EACH), id).await
    }

    async fn sample_id(&self, budget: &Budget, id: &str) -> Result<Option<Sample>, EngineError> {
        let path = format!("/containers/{id}/stats");
        let query = [("stream", "false"), ("one-shot", "true")];
        let raw: Raw = self.wire.json(budget, &path, &query).await.map_err(|e| self.scrubbed(e))?;
        // A stopped container has zeros and the year one.
        Ok(if raw.read.starts_with("0001-") { None } else { Some(Sample(raw)) })
    }
}

impl Sample {
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
            now.blkio_stats.io_service_bytes_recursive.iter().filter(is).map(|t| t.value).fold(0, u64::saturating_add)
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
    let cache = ["total_inactive_file", "inactive_file"].iter().find_map(|key| memory.stats.get(*key)?.as_u64());
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
        let before = sample(json!({ "cpu_stats": { "cpu_usage": { "total_usage": 1_000 }, "system_cpu_usage": 100_000 } }));
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
    }
}
