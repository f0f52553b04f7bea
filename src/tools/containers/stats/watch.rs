//! Watching for a while: a sample each second, told as it comes, summed up at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until};

use super::{Args, draft, failed, percent, row_with};
use crate::engine::Budget;
use crate::engine::stats::{Sample, Usage};
use crate::output::{Draft, memory};
use crate::policy::Permits;
use crate::tool::{Ctx, Output, ToolError};
use crate::tools::words::not_running;

const EVERY: Duration = Duration::from_secs(1);
/// What a last sample needs.
const LAST: Duration = Duration::from_millis(100);
/// Containers in a progress message.
const REPORTED: usize = 5;
const WATCHED: &[&str] = &[
    "container",
    "cpu",
    "avg",
    "max",
    "min",
    "mem max",
    "memory",
    "mem%",
    "rx",
    "tx",
    "read",
    "write",
    "pids",
];

/// The course of one container's use.
#[derive(Debug, Default)]
struct Course {
    last: Option<Sample>,
    cpu: Vec<f64>,
    memory_max: u64,
    usage: Option<Usage>,
}

pub(super) async fn watch(
    ctx: &Ctx,
    permits: &Permits,
    args: &Args,
    time: Duration,
) -> Result<Output, ToolError> {
    let named = permits.containers.first();
    let start = Instant::now();
    let end = ctx.ends_by().min(start + time);
    let every = EVERY.min(time / 3);
    // A stuck container may delay a sample, never the answer.
    let budget = Budget { deadline: end, ..ctx.budget };
    let mut courses: BTreeMap<String, Course> = BTreeMap::new();
    let mut missing = Vec::new();
    let mut broken_off = None;
    let mut next = start;
    loop {
        let samples = match named {
            None => ctx.engine.round(&budget, &permits.world).await.map(|round| {
                missing = round.missing;
                round.samples.into_iter().map(|(who, sample)| (who.name, sample)).collect()
            }),
            Some(permit) => ctx.engine.sample(&budget, permit).await.map(|sample| {
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
        next = (next + every).max(Instant::now());
        if next + LAST > end {
            break;
        }
        sleep_until(next).await;
    }
    let mut seen: Vec<(&String, &Course)> = courses.iter().filter(|(_, c)| c.usage.is_some()).collect();
    seen.sort_by(|(_, x), (_, y)| y.average().total_cmp(&x.average()));
    let rows =
        seen.iter().filter_map(|(name, c)| Some(row_with(name, c.usage.as_ref()?, c.told()))).collect();
    let draft = broken_off.into_iter().fold(draft(WATCHED, rows, missing), Draft::note);
    Ok(draft
        .with("watched", crate::output::duration((start.elapsed() + Duration::from_millis(500)).as_secs()))
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

    /// In the order of the columns, which is the alphabet's.
    fn told(&self) -> Map<String, Value> {
        let low = self.cpu.iter().copied().fold(f64::MAX, f64::min);
        let high = self.cpu.iter().copied().fold(0.0, f64::max);
        let told = [
            ("cpu_avg", percent(self.average())),
            ("cpu_max", percent(high)),
            ("cpu_min", percent(low.min(high))),
            ("memory_max", memory(self.memory_max)),
        ];
        told.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect()
    }
}

async fn report(ctx: &Ctx, courses: &BTreeMap<String, Course>, elapsed: Duration) {
    if !ctx.progress.wanted() {
        return;
    }
    let mut now: Vec<(&String, &Usage)> =
        courses.iter().filter_map(|(n, c)| Some((n, c.usage.as_ref()?))).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Row;

    #[test]
    fn a_course_is_summed_up() {
        let course = Course { cpu: vec![1.0, 4.0, 1.0], memory_max: 300 << 20, ..Course::default() };
        let usage = Sample::default().usage_since(&Sample::default());
        let Row { json, cells } = row_with("web", &usage, course.told());
        assert_eq!(json["cpu_min"], "1%");
        assert_eq!(json["cpu_avg"], "2%");
        assert_eq!(json["cpu_max"], "4%");
        assert_eq!(json["memory_max"], "300M");
        assert_eq!(cells.len(), WATCHED.len());
        assert_eq!(cells.get(1..6).unwrap(), ["0%", "2%", "4%", "1%", "300M"]);
    }
}
