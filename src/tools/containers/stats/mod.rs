//! `docker_stats`

mod watch;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::engine::EngineError;
use crate::engine::stats::Usage;
use crate::output::{Draft, Row, bytes, memory};
use crate::policy::{Level, Permits};
use crate::tool::time::Span;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::words::not_running;

pub struct Stats;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Name or id; all running ones by default.
    container: Option<String>,
    /// false: watch for `duration`, with minimum, average and maximum.
    no_stream: Option<bool>,
    /// How long to watch; 10s by default.
    duration: Option<Span>,
}

/// How long to watch where nobody says.
const WATCH: Duration = Duration::from_secs(10);
/// A processor's use is measured between two samples.
const SHORTEST: Duration = Duration::from_secs(1);
const SHAPE: &[&str] = &["stats"];
const COLUMNS: &[&str] = &["container", "cpu", "memory", "mem%", "rx", "tx", "read", "write", "pids"];
impl Args {
    fn watch(&self) -> Option<Duration> {
        match (self.no_stream, self.duration) {
            (Some(true), _) | (None, None) => None,
            (_, duration) => Some(duration.map_or(WATCH, |Span(d)| d.max(SHORTEST))),
        }
    }
}

impl Tool for Stats {
    const SPEC: Spec = Spec {
        name: "docker_stats",
        title: "Resource usage",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "Show CPU, memory, network and disk use of running containers, the busiest first.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(args.container.iter().cloned().map(Asked::Container).collect())
    }

    fn asked_time(args: &Args) -> Option<Duration> {
        args.watch()
    }

    fn class(args: &Args) -> Class {
        if args.watch().is_some() { Class::Stream } else { Class::Read }
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        if let Some(time) = args.watch() {
            return watch::watch(&ctx, &permits, &args, time).await;
        }
        let (mut usages, missing) = match permits.containers.first() {
            None => ctx.engine.usages(&ctx.budget, &permits.world).await?,
            Some(permit) => {
                let usage = ctx.engine.usage(&ctx.budget, permit).await.map_err(|e| failed(e, &args))?;
                let name = permit.target().name.clone();
                (vec![(name.clone(), usage.ok_or_else(|| not_running(&name))?)], Vec::new())
            }
        };
        usages.sort_by(|(a, x), (b, y)| y.cpu_percent.total_cmp(&x.cpu_percent).then_with(|| a.cmp(b)));
        let rows = usages.iter().map(|(name, usage)| row(name, usage)).collect();
        Ok(draft(COLUMNS, rows, missing))
    }
}

fn failed(e: EngineError, args: &Args) -> ToolError {
    match &args.container {
        Some(asked) => ToolError::of_object(e, "container", asked),
        None => e.into(),
    }
}

fn draft(columns: &'static [&'static str], rows: Vec<Row>, mut missing: Vec<String>) -> Draft {
    let mut draft = Draft::list("stats", columns, rows).hint("name one container").keep_empty(SHAPE);
    if !missing.is_empty() {
        missing.sort();
        draft = draft.note("those in `missing` run, but gave no numbers in time").with("missing", missing);
    }
    draft
}

fn row(name: &str, usage: &Usage) -> Row {
    row_with(name, usage, Map::new())
}

/// What is said besides follows the processor's use.
fn row_with(name: &str, usage: &Usage, besides: Map<String, Value>) -> Row {
    #[expect(clippy::cast_precision_loss, reason = "a percentage of bytes")]
    let of_limit = match usage.memory_limit {
        0 => 0.0,
        limit => usage.memory as f64 / limit as f64 * 100.0,
    };
    let cpu = percent(usage.cpu_percent);
    let mem = format!("{} / {}", memory(usage.memory), memory(usage.memory_limit));
    let mem_percent = percent(of_limit);
    let traffic = [usage.received, usage.sent, usage.read, usage.written].map(bytes);
    let [rx, tx, read, write] = &traffic;
    let mut json = json!({
        "container": name, "cpu": cpu, "memory": mem, "memory_percent": mem_percent,
        "network_rx": rx, "network_tx": tx, "disk_read": read, "disk_write": write, "pids": usage.pids,
    });
    let mut cells = vec![name.to_owned(), cpu];
    cells.extend(besides.values().filter_map(Value::as_str).map(str::to_owned));
    if let Value::Object(map) = &mut json {
        map.extend(besides);
    }
    cells.extend([mem, mem_percent]);
    cells.extend(traffic);
    cells.push(usage.pids.to_string());
    Row::new(json, cells)
}

/// `2.5%`, `50%`.
fn percent(n: f64) -> String {
    let text = format!("{n:.1}");
    format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(cpu_percent: f64, memory: u64) -> Usage {
        Usage {
            cpu_percent,
            memory,
            memory_limit: 512 << 20,
            received: 1_200_000_000,
            sent: 450_000_000,
            read: 100_000_000,
            written: 50_000_000,
            pids: 3,
        }
    }

    #[test]
    fn the_shape_of_the_seed() {
        let Row { json, cells } = row("myapp-web", &usage(2.5, 256 << 20));
        assert_eq!(
            json,
            json!({
                "container": "myapp-web", "cpu": "2.5%", "memory": "256M / 512M", "memory_percent": "50%",
                "network_rx": "1.2GB", "network_tx": "450MB", "disk_read": "100MB", "disk_write": "50MB", "pids": 3
            })
        );
        assert_eq!(cells.len(), COLUMNS.len());
    }

    #[test]
    fn when_to_watch() {
        let args = |value| serde_json::from_value::<Args>(value).unwrap().watch().map(|d| d.as_secs());
        assert_eq!(args(json!({})), None);
        assert_eq!(args(json!({ "no_stream": true, "duration": 3 })), None);
        assert_eq!(args(json!({ "no_stream": false })), Some(10));
        assert_eq!(args(json!({ "duration": "3s" })), Some(3));
        assert_eq!(args(json!({ "duration": 0 })), Some(1));
    }
}
