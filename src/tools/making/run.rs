//! `docker_run`

use std::time::Duration;

use crate::config::Settings;
use crate::engine::change::{Effect as Came, Outcome};
use crate::output::Draft;
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Preview, Spec, Tool, ToolError};
use crate::tools::containers::wait::{Until, Waited, wait_until};
use crate::tools::{changing, pattern};

use super::create::draft;
use super::options::{Options, WaitFor};
use super::{asks, made, plan};

pub struct Run;

/// What making and starting need at least.
const SHORTEST: Duration = Duration::from_secs(5);

impl Tool for Run {
    const SPEC: Spec = Spec {
        name: "docker_run",
        title: "Run a container",
        levels: &[Level::Create, Level::Lifecycle],
        class: Class::Lifecycle,
        effect: Effect::Changes,
        idempotent: false,
        foreign_text: true,
        summary: "Make a container and start it in the background; optionally wait until it is healthy or logs a line. One \
                  that does not start is removed again.",
    };
    type Args = Options;

    fn targets(args: &Options) -> Result<Vec<Asked>, ToolError> {
        match (args.wait_for, &args.pattern) {
            (Some(WaitFor::Log), None) => {
                return Err(
                    ToolError::invalid("`wait_for` = log needs `pattern`").hint("give the text to wait for")
                );
            }
            (Some(WaitFor::Log), Some(text)) => drop(pattern::compile("pattern", text)?),
            (_, Some(_)) => {
                return Err(ToolError::invalid("`pattern` is for `wait_for` = log").hint("leave it out"));
            }
            _ => {}
        }
        asks::targets(args)
    }

    fn asked_time(args: &Options) -> Option<Duration> {
        args.timeout.map(|time| time.0.max(SHORTEST))
    }

    fn guard(args: &Options, settings: &Settings) -> Result<(), ToolError> {
        asks::guard(args, settings)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Options) -> Result<Preview, ToolError> {
        plan::preview(ctx, permits, args).await
    }

    async fn run(mut ctx: Ctx, permits: Permits, args: Options) -> Result<Output, ToolError> {
        let ready = made::make(&mut ctx, permits, &args, Self::SPEC.name).await?;
        let mut draft = draft(&ready, &args);
        let permit = ready.made.permit;
        match ctx
            .engine
            .act(&ctx.budget, &ctx.commit, ready.made.start, crate::engine::lifecycle::Act::Start)
            .await
        {
            Err(e) => return Err(made::back(&ctx, permit, made::unstarted(e)).await),
            Ok(Outcome::Lost(lost)) => {
                // Not started for certain: it does not stay. Else it is there, whether it runs or not.
                let never = matches!(lost.finding.effect, Came::None);
                match changing::found(&ctx, ("container", &permit.target().name), *lost) {
                    Ok(note) => {
                        draft = draft.note(note);
                        if let Some(state) = made::state(&ctx, &permit).await {
                            draft = draft.with("state", state);
                        }
                    }
                    Err(why) if never => return Err(made::back(&ctx, permit, why).await),
                    Err(why) => {
                        let name = &permit.target().name;
                        let message = format!("`{name}` was made, and asked to start: {}", why.message);
                        return Err(ToolError { message, ..why });
                    }
                }
            }
            Ok(Outcome::Answered(acted)) => {
                if let Some(now) = acted.now {
                    let ended = now.status == "exited";
                    draft = draft.with("state", now.status);
                    if ended {
                        draft = draft
                            .with("exit_code", now.exit_code)
                            .note("it has ended already; docker_logs shows what it wrote");
                    }
                }
            }
        }
        let until = match args.wait_for {
            None => return Ok(draft),
            Some(WaitFor::Running) => Until::Running,
            Some(WaitFor::Healthy) => Until::Healthy,
            Some(WaitFor::Log) => Until::Log,
        };
        // The container runs, whatever comes of the waiting.
        Ok(match wait_until(&ctx, &permit, until, args.pattern.as_deref()).await {
            Ok(waited) => told(draft, waited),
            Err(e) => draft.with("met", false).note(format!("it runs, but waiting failed: {}", e.message)),
        })
    }
}

fn told(draft: Draft, waited: Waited) -> Draft {
    let mut draft = draft.with("met", waited.met).with("state", waited.state);
    if let Some(health) = waited.health {
        draft = draft.with("health", health);
    }
    if let Some(code) = waited.exit_code {
        draft = draft.with("exit_code", code);
    }
    if let Some(line) = waited.line {
        draft = draft.with("matched_line", line);
    }
    match waited.hint {
        Some(hint) => draft.note(hint),
        None => draft,
    }
}
