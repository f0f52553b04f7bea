//! `docker_compose_logs`

use std::time::Duration;

use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::engine::logs::LogOptions;
use crate::engine::projects::Part;
use crate::output::{Cut, Draft, Keep as End};
use crate::policy::{Container, Level, Permit, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::context::Progress;
use crate::tool::time::{Moment, Span};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Rate, Spec, Tool, ToolError};
use crate::tools::containers::logs::window::{Keep, Window};
use crate::tools::containers::logs::{Tail, follow, following, scan};
use crate::tools::pattern;

use super::asking;
use super::merged::{self, merged};

pub struct Logs;

/// So many logs are read at once.
const AT_ONCE: usize = 8;
/// Bytes that are kept of each, however many there are.
const LEAST: usize = 4 << 10;
/// More are not followed at once.
const FOLLOWED: usize = 32;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project: Option<String>,
    /// Instead of project.
    file: Option<String>,
    services: Option<OneOrMany>,
    /// So many newest lines of each container, or "all".
    tail: Option<Tail>,
    /// Like "10m" (ago) or RFC 3339.
    since: Option<Moment>,
    until: Option<Moment>,
    /// Regex (Rust).
    grep: Option<String>,
    timestamps: Option<bool>,
    follow: Option<bool>,
    duration: Option<Span>,
}

impl Tool for Logs {
    const SPEC: Spec = Spec {
        name: "docker_compose_logs",
        title: "Compose logs",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: true,
        summary: "The newest lines of each container of a compose project, merged by time, each with its service.",
    };
    const RATE: Rate = Rate::Logs;
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        args.check()?;
        asking::asked(args.project.as_deref(), args.file.as_deref(), args.services.as_ref(), Part::Services)
    }

    fn asked_time(args: &Args) -> Option<Duration> {
        args.duration.map(|d| d.0)
    }

    fn class(args: &Args) -> Class {
        if args.follows() { Class::Stream } else { Class::Read }
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let tail = Tail::lines(args.tail, &ctx.settings.output)?;
        let pattern = args.grep.as_deref().map(|p| pattern::compile("grep", p)).transpose()?;
        let relative = [args.since, args.until].iter().flatten().any(|m| matches!(m, Moment::Ago(_)));
        let now = if relative { ctx.engine.now(&ctx.budget).await? } else { 0 };
        let nanos = |moment: Option<Moment>| moment.map(|m| m.nanos(now));
        let (since, until) = (nanos(args.since), nanos(args.until));
        // What is cut in the end need not be kept before: of many, each gets its share.
        let share = ctx.settings.output.max_bytes.saturating_mul(8) / permits.containers.len().max(1);
        let bytes = share.clamp(LEAST, ctx.settings.output.max_bytes.saturating_mul(2).max(LEAST));
        let keep = Keep { want: tail, pattern, invert: false, context: 0, bytes };
        let follows = args.follows();
        if follows && permits.containers.len() > FOLLOWED {
            return Err(ToolError::invalid(format!(
                "{} containers cannot be followed at once",
                permits.containers.len()
            ))
            .hint(format!("name services: at most {FOLLOWED} containers")));
        }
        let stamps = args.timestamps.unwrap_or(false);
        let mut parts = Vec::new();
        for some in permits.containers.chunks(if follows { FOLLOWED } else { AT_ONCE }) {
            let read = some.iter().map(|permit| {
                let keep = keep.clone();
                let ctx = &ctx;
                async move {
                    let label = label(permit);
                    let read = match follows {
                        true => followed(ctx, permit, (&label, stamps), keep, since).await,
                        false => {
                            let span = scan::Span { since, until, timestamps: true };
                            let found = scan::scan(ctx, permit, &keep, span).await;
                            found.map(|f| Read { window: f.window, older: f.older, broken: f.broken })
                        }
                    };
                    (label, read)
                }
            });
            parts.extend(join_all(read).await);
        }
        let project = permits.containers.iter().find_map(|p| p.target().project.clone());
        draft(parts, stamps, matches!(args.tail, Some(Tail::Lines(_)))).map(|d| d.with("project", project))
    }
}

/// What was read of one log.
struct Read {
    window: Window,
    older: bool,
    broken: Option<String>,
}

/// Follows one; its lines go out under its name.
async fn followed(
    ctx: &Ctx,
    permit: &Permit<Container>,
    (label, stamps): (&str, bool),
    mut keep: Keep,
    since: Option<i128>,
) -> Result<Read, ToolError> {
    let tail = keep.want as u64;
    keep.want = ctx.settings.output.log_tail_max;
    let options = LogOptions { tail, since, until: None, follow: true, timestamps: true };
    let (sender, mut pieces) = mpsc::channel::<String>(1);
    let mut its = ctx.clone();
    if ctx.progress.wanted() {
        its.progress = Progress::to(sender);
    } else {
        drop(sender);
    }
    let reading = async {
        let followed = follow::follow(&its, permit, keep, &options).await;
        drop(its);
        followed
    };
    let relaying = async {
        while let Some(piece) = pieces.recv().await {
            let lines: Vec<String> = piece.lines().map(|line| named(line, label, stamps)).collect();
            ctx.progress.say(lines.join("\n")).await;
        }
    };
    let (followed, ()) = tokio::join!(reading, relaying);
    followed.map(|f| Read { window: f.window, older: false, broken: f.broken })
}

fn named(line: &str, label: &str, stamps: bool) -> String {
    let bare = match line.split_once(' ') {
        Some((stamp, rest)) if !stamps && crate::engine::clock::read(stamp).is_some() => rest,
        _ => line,
    };
    format!("{label} | {bare}")
}

/// `web-1`: as compose calls it, without the project. What is called otherwise is called by its name.
fn label(permit: &Permit<Container>) -> String {
    let who = permit.target();
    let short = who.project.as_ref().and_then(|project| {
        let rest = who.name.strip_prefix(project.as_str())?.strip_prefix(['-', '_'])?;
        let its = who.service.as_ref().is_some_and(|service| rest.starts_with(service.as_str()));
        its.then(|| rest.to_owned())
    });
    match (&short, &who.service) {
        (Some(short), _) => short.clone(),
        (None, Some(service)) if !who.name.contains(service.as_str()) => format!("{service} ({})", who.name),
        _ => who.name.clone(),
    }
}

fn draft(
    read: Vec<(String, Result<Read, ToolError>)>,
    stamps: bool,
    asked: bool,
) -> Result<Draft, ToolError> {
    let (mut parts, mut notes, mut older, mut failed) = (Vec::new(), Vec::new(), false, None);
    for (label, read) in read {
        match read {
            Ok(Read { window, older: more, broken }) => {
                older |= more && (!asked || window.squeezed());
                notes.extend(broken.map(|why| format!("the log of {label} broke off: {why}")));
                parts.push(merged::Part { label, window });
            }
            Err(e) => {
                notes.push(format!("the log of {label} cannot be read: {}", e.message));
                failed = failed.or(Some(e));
            }
        }
    }
    if let (Some(e), true) = (failed, parts.is_empty()) {
        return Err(e);
    }
    let lines: usize = parts.iter().map(|part| part.window.len()).sum();
    let mut draft = Draft::body("logs", merged(&parts, stamps), End::Tail)
        .with("lines", lines)
        .with("containers", parts.into_iter().map(|part| part.label).collect::<Vec<_>>())
        .keep_empty(&["project", "logs", "lines"]);
    if !notes.is_empty() {
        draft = draft.with("partial", true);
    }
    if older {
        let hint = "older lines: raise tail, or narrow with services, since, until, grep".to_owned();
        draft = draft.cut(Cut { total: None, shown: u64::try_from(lines).ok(), what: "lines", hint });
    }
    Ok(notes.into_iter().fold(draft, Draft::note))
}

impl Args {
    fn follows(&self) -> bool {
        self.follow.unwrap_or(self.duration.is_some())
    }

    fn check(&self) -> Result<(), ToolError> {
        following(self.follows(), self.until, self.duration)?;
        // Refused before the engine is asked for anything.
        self.grep.as_deref().map_or(Ok(()), |p| pattern::compile("grep", p).map(drop))
    }
}
