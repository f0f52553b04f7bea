//! `docker_logs`

pub(in crate::tools) mod follow;
pub mod masked;
pub(in crate::tools) mod scan;
pub(in crate::tools) mod window;

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::config::settings;
use crate::engine::logs::LogOptions;
use crate::output::{Cut, Draft};
use crate::policy::{Level, Permits};
use crate::tool::time::{Moment, Span};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Rate, Spec, Tool, ToolError};
use crate::tools::pattern;

use window::{Keep, Window};

pub struct Logs;

/// Lines around a hit, at most.
const CONTEXT_MAX: usize = 50;
/// A search while following looks back this far first.
const LOOK_BACK: usize = 1_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    container: String,
    /// So many newest lines, or hits with grep; or "all".
    tail: Option<Tail>,
    /// Like "10m" (ago) or RFC 3339.
    since: Option<Moment>,
    until: Option<Moment>,
    /// Regex (Rust); `(?i)` ignores case.
    grep: Option<String>,
    /// Lines that do not match.
    invert: Option<bool>,
    /// Lines around each hit.
    context: Option<usize>,
    timestamps: Option<bool>,
    /// Wait for new lines.
    follow: Option<bool>,
    /// How long to follow: 30, "2m".
    duration: Option<Span>,
}

/// How much of the end of a log.
#[derive(Debug, Clone, Copy)]
pub(in crate::tools) enum Tail {
    All,
    Lines(usize),
}

impl Tool for Logs {
    const SPEC: Spec = Spec {
        name: "docker_logs",
        title: "Read a container's log",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: true,
        summary: "The newest lines of a container's stdout and stderr, also of a stopped one. grep searches back from the \
                  end; follow waits for new lines for a limited time.",
    };
    const RATE: Rate = Rate::Logs;
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        args.check()?;
        Ok(vec![Asked::Container(args.container.clone())])
    }

    fn asked_time(args: &Args) -> Option<Duration> {
        args.duration.map(|d| d.0)
    }

    fn class(args: &Args) -> Class {
        if args.follows() { Class::Stream } else { Class::Read }
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let permit = super::the_container(&permits)?;
        let tail = Tail::lines(args.tail, &ctx.settings.output)?;
        let pattern = args.grep.as_deref().map(|p| pattern::compile("grep", p)).transpose()?;
        let relative = [args.since, args.until].iter().flatten().any(|m| matches!(m, Moment::Ago(_)));
        let now = if relative { ctx.engine.now(&ctx.budget).await? } else { 0 };
        let nanos = |moment: Option<Moment>| moment.map(|m| m.nanos(now));
        let (since, until) = (nanos(args.since), nanos(args.until));
        let timestamps = args.timestamps.unwrap_or(false);
        let mut keep = Keep {
            want: tail,
            pattern,
            invert: args.invert.unwrap_or(false),
            context: args.context.unwrap_or(0),
            bytes: ctx.settings.output.max_bytes.saturating_mul(2),
        };
        let name = &permit.target().name;
        if args.follows() {
            let look_back = if keep.pattern.is_some() { tail.max(LOOK_BACK) } else { tail };
            keep.want = ctx.settings.output.log_tail_max;
            let options = LogOptions { tail: look_back as u64, since, until: None, follow: true, timestamps };
            let followed = follow::follow(&ctx, permit, keep, &options).await?;
            let draft = draft(name, &followed.window, timestamps).with("ended", followed.ended);
            let draft = match followed.ended {
                "container_exit" => draft.note("the container ended, or its log did"),
                "byte_limit" => {
                    draft.note("it writes too much to follow for longer; grep picks the lines that matter")
                }
                _ => draft,
            };
            return Ok(broken(draft, followed.broken));
        }
        let span = scan::Span { since, until, timestamps };
        let searched = keep.pattern.is_some();
        let found = scan::scan(&ctx, permit, &keep, span).await?;
        let mut draft = draft(name, &found.window, timestamps);
        if searched {
            draft = draft
                .with("hits", found.window.hits())
                .with("scanned", json!({ "lines": found.window.seen(), "back_to": found.back_to }));
        }
        let unit = if searched { "hits" } else { "lines" };
        let said =
            matches!(args.tail, Some(Tail::Lines(_))) && !found.out_of_time && !found.window.squeezed();
        if found.older && !said {
            let hint = match (found.out_of_time, &found.back_to) {
                (true, Some(at)) => format!(
                    "the time was over; older lines than {at} were not searched: narrow with since, or give until"
                ),
                _ if found.window.squeezed() => {
                    "the lines are long: narrow with grep, since or until".to_owned()
                }
                _ => format!(
                    "older {unit}: raise tail (at most {}), or narrow with since, until, grep",
                    ctx.settings.output.log_tail_max
                ),
            };
            draft = draft.cut(Cut {
                total: None,
                shown: u64::try_from(found.window.kept_hits()).ok(),
                what: unit,
                hint,
            });
        }
        Ok(broken(draft, found.broken))
    }
}

/// Do these go together?
pub(in crate::tools) fn following(
    follows: bool,
    until: Option<Moment>,
    duration: Option<Span>,
) -> Result<(), ToolError> {
    if follows && until.is_some() {
        return Err(
            ToolError::invalid("`until` and `follow` exclude each other").hint("duration ends a follow")
        );
    }
    if !follows && duration.is_some() {
        return Err(
            ToolError::invalid("`duration` is for following").hint("leave it out, or set follow = true")
        );
    }
    Ok(())
}

impl Args {
    fn follows(&self) -> bool {
        self.follow.unwrap_or(self.duration.is_some())
    }

    fn check(&self) -> Result<(), ToolError> {
        following(self.follows(), self.until, self.duration)?;
        if self.grep.is_none() && (self.invert.is_some_and(|i| i) || self.context.is_some_and(|c| c > 0)) {
            return Err(ToolError::invalid("`invert` and `context` need `grep`").hint("give grep a pattern"));
        }
        if self.context.is_some_and(|c| c > CONTEXT_MAX) {
            return Err(
                ToolError::invalid("`context` is too large").hint(format!("at most {CONTEXT_MAX} lines"))
            );
        }
        // Refused before the engine is asked for anything.
        self.grep.as_deref().map_or(Ok(()), |p| pattern::compile("grep", p).map(drop))
    }
}

impl Tail {
    /// As many lines as the settings let a call read.
    pub(in crate::tools) fn lines(tail: Option<Self>, output: &settings::Output) -> Result<usize, ToolError> {
        match tail {
            None => Ok(output.log_tail),
            Some(Tail::All) => Ok(output.log_tail_max),
            Some(Tail::Lines(n)) if n <= output.log_tail_max => Ok(n),
            Some(Tail::Lines(n)) => {
                Err(ToolError::invalid(format!("`tail` = {n} is more than a call may read")).hint(format!(
                    "at most {} (output.log_tail_max); grep searches further back",
                    output.log_tail_max
                )))
            }
        }
    }
}

fn draft(name: &str, window: &Window, timestamps: bool) -> Draft {
    let (out, err) = window.sources();
    let mut draft = Draft::body("logs", window.text(timestamps), crate::output::Keep::Tail)
        .with("container", name)
        .with("lines", window.len())
        .keep_empty(&["container", "logs", "lines"]);
    if err > 0 {
        draft = draft.with("streams", json!({ "stdout": out, "stderr": err }));
    }
    draft
}

/// A log that broke off is still worth what came.
fn broken(draft: Draft, why: Option<String>) -> Draft {
    match why {
        Some(why) => {
            draft.with("partial", true).note(format!("the log broke off: {why}; call again for the rest"))
        }
        None => draft,
    }
}

impl<'de> Deserialize<'de> for Tail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lines = |n: u64| usize::try_from(n).ok().map(Self::Lines);
        match Value::deserialize(deserializer)? {
            Value::Number(n) => n.as_u64().and_then(lines),
            Value::String(s) if s.eq_ignore_ascii_case("all") => Some(Self::All),
            Value::String(s) => s.trim().parse().ok().and_then(lines),
            _ => None,
        }
        .ok_or_else(|| D::Error::custom("expected a number of lines, or \"all\""))
    }
}

impl JsonSchema for Tail {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tail".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"] })
    }
}
