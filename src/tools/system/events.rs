//! `docker_events`

use std::collections::VecDeque;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::engine::clock;
use crate::engine::events::{Event, EventOptions, KINDS};
use crate::output::{Cut, Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::failure::broke_off;
use crate::tool::time::{Moment, Span};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

pub struct Events;

/// The default span.
const MINUTES: Duration = Duration::from_secs(600);
/// The newest so many are given.
const ROWS: usize = 1_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Like "10m" (ago, the default) or RFC 3339.
    since: Option<Moment>,
    until: Option<Moment>,
    /// Wait so long for new ones: 30, "2m".
    duration: Option<Span>,
    filter: Option<Filter>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// container, image, network, volume, ...
    r#type: Option<String>,
    /// start, die, oom, health_status, ...
    event: Option<String>,
    container: Option<String>,
}

impl Tool for Events {
    const SPEC: Spec = Spec {
        name: "docker_events",
        title: "What happened at the engine",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "Events of containers, images, networks and volumes, newest last; of the last 10 minutes, or with duration from now on.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        if args.duration.is_some() && args.until.is_some() {
            return Err(ToolError::invalid("`until` and `duration` exclude each other")
                .hint("duration waits for new events"));
        }
        let Some(filter) = &args.filter else { return Ok(Vec::new()) };
        if let Some(kind) = filter.r#type.as_ref().filter(|kind| !KINDS.contains(&kind.as_str())) {
            return Err(ToolError::invalid(format!("`filter.type`: no events of type `{kind}`"))
                .hint(format!("one of {}", KINDS.join(", "))));
        }
        Ok(filter.container.iter().cloned().map(Asked::Container).collect())
    }

    fn asked_time(args: &Args) -> Option<Duration> {
        args.duration.map(|d| d.0)
    }

    fn class(args: &Args) -> Class {
        if args.duration.is_some() { Class::Stream } else { Class::Read }
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let filter = args.filter.unwrap_or_default();
        let live = args.duration.is_some();
        let now = ctx.engine.now(&ctx.budget).await?;
        let since = match args.since {
            Some(since) => Some(since.nanos(now)),
            None => (!live).then(|| Moment::Ago(MINUTES).nanos(now)),
        };
        // The future cannot be read: what ends later than now ends now.
        let until = (!live).then(|| args.until.map_or(now, |u| u.nanos(now)).min(now));
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            return Err(
                ToolError::invalid("`since` is later than `until`").hint("duration waits for what comes")
            );
        }
        let executions = filter.event.is_some();
        let options = EventOptions { since, until, kind: filter.r#type, action: filter.event };
        let end = ctx.ends_by();
        let mut stream =
            ctx.engine.events(&ctx.budget, &permits.world, permits.containers.first(), options).await?;
        let mut rows = Rows::new(ctx.settings.output.max_bytes);
        let time_is_over = sleep_until(end);
        tokio::pin!(time_is_over);
        let (mut ended, mut left_out, mut broken) = (None, 0_u64, None);
        loop {
            let event = tokio::select! {
                biased;
                () = ctx.cancel.cancelled() => { ended = Some("cancelled"); break }
                () = &mut time_is_over => { ended = Some("time_limit"); break }
                event = stream.next() => event,
            };
            match event {
                // Health checks would drown the rest.
                Ok(Some(event)) if event.action.starts_with("exec_") && !executions => left_out += 1,
                Ok(Some(event)) => {
                    if live {
                        let _slow_listener = timeout_at(end, ctx.progress.say(line(&event))).await;
                    }
                    rows.push(&event);
                }
                Ok(None) => break,
                Err(e) if rows.total == 0 => return Err(e.into()),
                Err(e) => {
                    broken = Some(broke_off(e));
                    break;
                }
            }
            if Instant::now() >= end {
                ended = Some("time_limit");
                break;
            }
        }
        let mut draft = rows.draft(left_out);
        if live {
            draft = draft.with("ended", ended.unwrap_or("engine_stopped"));
        }
        if let Some(why) = broken {
            draft = draft.with("partial", true).note(format!("the events broke off: {why}"));
        }
        Ok(draft)
    }
}

/// The newest rows that fit.
struct Rows {
    rows: VecDeque<(Row, usize)>,
    bytes: usize,
    max: usize,
    total: u64,
}

impl Rows {
    const fn new(max: usize) -> Self {
        // Half: the JSON's keys and the table's padding cost as much as the facts.
        Self { rows: VecDeque::new(), bytes: 0, max: max / 2, total: 0 }
    }

    fn push(&mut self, event: &Event) {
        self.total += 1;
        let row = row(event);
        let size = row.json.to_string().len();
        self.bytes += size;
        self.rows.push_back((row, size));
        while self.rows.len() > ROWS || (self.bytes > self.max && self.rows.len() > 1) {
            self.bytes -= self.rows.pop_front().map_or(0, |(_, size)| size);
        }
    }

    fn draft(self, left_out: u64) -> Draft {
        let shown = self.rows.len() as u64;
        let rows = self.rows.into_iter().map(|(row, _)| row).collect();
        let mut draft = Draft::list("events", &["time", "type", "action", "name", "id", "details"], rows)
            .keep_empty(&["events"])
            .hint("narrow with since, until or filter");
        if left_out > 0 {
            draft = draft
                .with("executions_left_out", left_out)
                .note("commands in containers, health checks too, are left out; filter.event = exec_start shows them");
        }
        if shown < self.total {
            draft = draft.cut(Cut {
                total: Some(self.total),
                shown: Some(shown),
                what: "events",
                hint: "older ones were left out: narrow with since, until or filter".to_owned(),
            });
        }
        draft
    }
}

/// Few attributes: labels, and whatever else an event carries, are for docker_inspect.
fn details(event: &Event) -> Vec<(&'static str, Value)> {
    let text = |v: &Option<String>| v.clone().map(Value::from);
    let all = [
        ("image", text(&event.image)),
        ("exit_code", event.exit_code.map(Value::from)),
        ("signal", text(&event.signal)),
        ("old_name", text(&event.old_name)),
        ("project", text(&event.project)),
        ("service", text(&event.service)),
        ("container", text(&event.container)),
    ];
    all.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect()
}

fn words(event: &Event) -> String {
    let word = |(key, value): &(&str, Value)| match value {
        Value::String(s) => format!("{key}={s}"),
        other => format!("{key}={other}"),
    };
    details(event).iter().map(word).collect::<Vec<_>>().join(" ")
}

fn row(event: &Event) -> Row {
    let time = clock::show(event.at);
    let mut json = json!({ "time": time, "type": event.kind, "action": event.action });
    if let Value::Object(map) = &mut json {
        let text = |v: &Option<String>| v.clone().map(Value::from);
        map.extend(text(&event.name).map(|v| ("name".to_owned(), v)));
        map.extend(text(&event.id).map(|v| ("id".to_owned(), v)));
        let attributes: Map<_, _> = details(event).into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        map.extend((!attributes.is_empty()).then(|| ("attributes".to_owned(), attributes.into())));
    }
    let cell = |v: &Option<String>| v.clone().unwrap_or_default();
    Row::new(
        json,
        [time, event.kind.clone(), event.action.clone(), cell(&event.name), cell(&event.id), words(event)],
    )
}

fn line(event: &Event) -> String {
    let name = event.name.as_deref().unwrap_or_default();
    format!("{} {} {} {name} {}", clock::show(event.at), event.kind, event.action, words(event))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_events_stay() {
        let mut rows = Rows::new(2_000);
        for at in 0..50 {
            rows.push(&Event { at, kind: "container".into(), action: "start".into(), ..Event::default() });
        }
        let draft = rows.draft(0);
        let cut = draft.truncated.unwrap();
        let list = draft.list.unwrap().rows;
        assert_eq!((cut.total, cut.shown), (Some(50), Some(list.len() as u64)));
        assert!((5..50).contains(&list.len()));
        assert_eq!(list.last().unwrap().json["time"], "1970-01-01T00:00:00.000Z");
    }
}
