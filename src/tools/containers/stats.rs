//! `docker_stats`

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::engine::stats::{Sample, Usage};
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
/// The list, the first sample and a slow last one fit in here.
const AROUND: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_secs(1);
/// Containers in a progress message.
const REPORTED: usize = 5;
const SHAPE: &[&str] = &["stats"];
const COLUMNS: &[&str] = &["container", "cpu", "memory", "mem%", "rx", "tx", "read", "write", "pids"];
const WATCHED: &[&str] =
    &["container", "cpu", "min", "avg", "max", "memory", "mem%", "mem max", "rx", "tx", "read", "write", "pids"];

impl Args {
    fn watch(&self) -> Option<Duration> {
        match (self.no_stream, self.duration) {
            (Some(true), _) | (None, None) => None,
            (_, duration) => Some(duration.map_or(WATCH, |Span(d)| d)),
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
        args.watch().map(|time| time.saturating_add(AROUND))
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        if let Some(time) = args.watch() {
            return watch(&ctx, &permits, &args, time).await;
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
        let rows = usages.iter().map(|(name, usage)| row(name, usage, None)).collect();
        Ok(draft(COLUMNS, rows, missing))
    }
}

fn failed(e: crate::engine::EngineError, args: &Args) -> ToolError {
    match (&args.container, e.is_gone()) {
        (Some(asked), true) => ToolError::not_found("container", asked),
        _ => ToolError::of_object(e),
    }
}

fn draft(columns: &'static [&'static str], rows: Vec<Row>, mut missing: Vec<String>) -> Draft {
    let mut draft = Draft::list("stats", columns, rows).narrow("name one container").keep_empty(SHAPE);
    if !missing.is_empty() {
        missing.sort();
        draft = draft.note("those in `missing` run, but gave no numbers in time").with("missing", missing);
    }
    draft
}

/// The course of one container's use.
#[derive(Debug, Default)]
struct Course {
    last: Option<Sample>,
    cpu: Vec<f64>,
    memory_max: u64,
    usage: Option<Usage>,
}

async fn watch(
    ctx: &Ctx,
    permits: &Permits,
    args: &Args,
    time: Duration,
) -> Result<Output, ToolError> {
    let named = permits.containers.first();
    let start = Instant::now();
    // The answer must be out before the call's own deadline.
    let end = start + time.min(ctx.budget.left().saturating_sub(AROUND));
    let mut courses: BTreeMap<String, Course> = BTreeMap::new();
    let mut missing = Vec::new();
    let mut broken_off = None;
    let mut next = start;
    loop {
        let samples = match named {
            None => ctx.engine.round(&ctx.budget, &permits.world).await.map(|round| {
                missing = round.missing;
                round.samples.into_iter().map(|(who, sample)| (who.name, sample)).collect()
            }),
            Some(permit) => ctx.engine.sample(&ctx.budget, permit).await.map(|sample| {
                sample.map(|sample| (permit.target().name.clone(), sample)).into_iter().collect::<Vec<_>>()
            }),
        };
        let samples = match (samples, named) {
            (Ok(samples), Some(permit)) if samples.is_empty() && courses.is_empty() => {
                return Err(not_running(&permit.target().name));
            }
            (Ok(samples), Some(_)) if samples.is_empty() => {
                broken_off = Some("it stopped while it was watched");
                break;
            }
            (Ok(samples), _) => samples,
            (Err(e), _) if courses.is_empty() => return Err(failed(e, args)),
            // What was seen until then is the answer.
            (Err(_), _) => {
                broken_off = Some("no more numbers came: docker_health shows whether the engine answers");
                break;
            }
        };
        for (name, sample) in samples {
            courses.entry(name).or_default().take(sample);
        }
        report(ctx, &courses, start.elapsed()).await;
        let now = Instant::now();
        if now >= end {
            break;
        }
        next = (next + EVERY).max(now);
        sleep_until(next.min(end)).await;
    }
    let mut seen: Vec<(&String, &Course)> = courses.iter().filter(|(_, c)| c.usage.is_some()).collect();
    seen.sort_by(|(_, x), (_, y)| y.average().total_cmp(&x.average()));
    let rows = seen.iter().filter_map(|(name, c)| Some(row(name, c.usage.as_ref()?, Some(c)))).collect();
    let draft = broken_off.into_iter().fold(draft(WATCHED, rows, missing), Draft::note);
    Ok(draft
        .with("watched", crate::output::duration(start.elapsed().as_secs()))
        .with("samples", seen.iter().map(|(_, c)| c.cpu.len()).max().unwrap_or(0)))
}

impl Course {
    fn take(&mut self, sample: Sample) {
        if let Some(last) = &self.last {
            let usage = sample.usage_since(last);
            self.cpu.push(usage.cpu_percent);
            self.memory_max = self.memory_max.max(usage.memory);
            self.usage = Some(usage);
        }
        self.last = Some(sample);
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred samples")]
    fn average(&self) -> f64 {
        self.cpu.iter().sum::<f64>() / self.cpu.len().max(1) as f64
    }

    fn extremes(&self) -> (f64, f64) {
        let (low, high) = self.cpu.iter().fold((f64::MAX, 0.0_f64), |(low, high), n| (low.min(*n), high.max(*n)));
        (low.min(high), high)
    }
}

async fn report(ctx: &Ctx, courses: &BTreeMap<String, Course>, elapsed: Duration) {
    if !ctx.progress.wanted() {
        return;
    }
    let mut now: Vec<(&String, &Usage)> = courses.iter().filter_map(|(n, c)| Some((n, c.usage.as_ref()?))).collect();
    now.sort_by(|(_, x), (_, y)| y.cpu_percent.total_cmp(&x.cpu_percent));
    let busiest: Vec<String> = now
        .iter()
        .take(REPORTED)
        .map(|(name, u)| format!("{name} {} {}", percent(u.cpu_percent), memory(u.memory)))
        .collect();
    if !busiest.is_empty() {
        ctx.progress.say(format!("{}s: {}", elapsed.as_secs(), busiest.join(", "))).await;
    }
}

fn row(name: &str, usage: &Usage, course: Option<&Course>) -> Row {
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
    let mut peak = None;
    if let (Some(course), Value::Object(map)) = (course, &mut json) {
        let (low, high) = course.extremes();
        for (key, text) in
            [("cpu_min", percent(low)), ("cpu_avg", percent(course.average())), ("cpu_max", percent(high))]
        {
            map.insert(key.into(), text.as_str().into());
            cells.push(text);
        }
        map.insert("memory_max".into(), memory(course.memory_max).into());
        peak = Some(memory(course.memory_max));
    }
    cells.extend([mem, mem_percent].into_iter().chain(peak));
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
        let Row { json, cells } = row("myapp-web", &usage(2.5, 256 << 20), None);
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
    fn a_course_is_summed_up() {
        let course = Course { cpu: vec![1.0, 4.0, 1.0], memory_max: 300 << 20, ..Course::default() };
        let Row { json, cells } = row("web", &usage(1.0, 256 << 20), Some(&course));
        assert_eq!(json["cpu_min"], "1%");
        assert_eq!(json["cpu_avg"], "2%");
        assert_eq!(json["cpu_max"], "4%");
        assert_eq!(json["memory_max"], "300M");
        assert_eq!(cells.len(), WATCHED.len());
    }

    #[test]
    fn when_to_watch() {
        let args = |value| serde_json::from_value::<Args>(value).unwrap().watch().map(|d| d.as_secs());
        assert_eq!(args(json!({})), None);
        assert_eq!(args(json!({ "no_stream": true, "duration": 3 })), None);
        assert_eq!(args(json!({ "no_stream": false })), Some(10));
        assert_eq!(args(json!({ "duration": "3s" })), Some(3));
    }
}
