//! `docker_exec`

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Settings;
use crate::engine::EngineError;
use crate::guard::exec::{Place, quoted, spelled};
use crate::policy::{Level, Permits};
use crate::tool::time::Span;
use crate::tool::{Asked as Target, Class, Ctx, Effect, Kind, Output, Preview, Rate, Spec, Tool, ToolError};
use crate::tools::making::forms::{Argv, Texts};

use super::asked::Asked;
use super::copy_place::target;
use super::ended::{self, About};
use super::watch::{Sink, watch};

/// Smaller pieces cost more than they show, larger ones clients cut.
const CHUNK: std::ops::RangeInclusive<usize> = 256..=256 * 1024;

pub struct Exec;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub container: Option<String>,
    /// With `service`, instead of container.
    pub project: Option<String>,
    pub service: Option<String>,
    /// Program and arguments. A text is split into words; one with operators runs under `sh -c`.
    pub command: Argv,
    /// Absolute.
    pub workdir: Option<String>,
    /// Like "1000:1000".
    pub user: Option<String>,
    /// {"NAME": "value"}
    pub env: Option<Texts>,
    /// Text that it reads; at most 64 KiB.
    pub stdin: Option<String>,
    /// A terminal; it gets no end of input.
    pub tty: Option<bool>,
    /// Whole lines as progress messages while it runs, if the call has a progress token.
    pub stream: Option<bool>,
    /// Bytes of such a message, 256 to 262144.
    pub chunk_bytes: Option<usize>,
    /// It is killed after this: 30, "2m".
    pub timeout: Option<Span>,
}

impl Tool for Exec {
    const SPEC: Spec = Spec {
        name: "docker_exec",
        title: "Run a command",
        levels: &[Level::Exec],
        class: Class::Exec,
        effect: Effect::Changes,
        idempotent: false,
        foreign_text: true,
        summary: "Run a command in a running container: exit code, stdout, stderr. Give `command` as an array. An exit \
                  code other than 0 is a result, no error. What does not end in time is killed. docker_policy tells what \
                  a command would meet.",
    };
    const RATE: Rate = Rate::Exec;
    /// A long command and all that it may read.
    const ROOM: usize = 192 << 10;
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Target>, ToolError> {
        // What is wrong with the call itself is said before anything is looked up.
        Asked::of(args)?;
        target(args.container.as_deref(), args.project.as_deref(), args.service.as_deref())
    }

    fn asked_time(args: &Args) -> Option<Duration> {
        args.timeout.map(|span| span.0)
    }

    fn judge(args: &Args, settings: &Settings, places: &[Place]) -> Result<Vec<String>, ToolError> {
        let [place] = places else { return Err(ToolError::internal("a command without its place")) };
        let asked = Asked::of(args)?;
        let ready = asked.judge(args, settings, place)?;
        let mut because = vec![format!("what would run: {}", quoted(&asked.argv))];
        because.extend(ready.because);
        Ok(because)
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let ([permit], [place]) = (permits.containers.as_slice(), ctx.places.as_slice()) else {
            return Err(ToolError::internal("a command without its place"));
        };
        let asked = Asked::of(args)?;
        let ready = asked.judge(args, &ctx.settings, place)?;
        let user = ready.user.map(|user| format!(" as `{user}`")).unwrap_or_default();
        let mut line = format!("container `{}` runs `{}`{user}", permit.target().name, spelled(&asked.argv));
        if let Some(dir) = &args.workdir {
            line.push_str(&format!(", in `{dir}`"));
        }
        if !asked.env.is_empty() {
            let names: Vec<&str> = asked.env.keys().map(String::as_str).collect();
            line.push_str(&format!(", with the variables {}", names.join(", ")));
        }
        if args.tty == Some(true) {
            line.push_str(", on a terminal");
        }
        let mut lines = vec![line];
        if let Some(stdin) = &args.stdin {
            let text = spelled(std::slice::from_ref(stdin));
            lines.push(format!("it reads {} bytes: {text}", stdin.len()));
        }
        Ok(Preview { lines, state: Vec::new(), ..Preview::default() })
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        let (Some(permit), [place]) = (permits.containers.pop(), ctx.places.as_slice()) else {
            return Err(ToolError::internal("a command without its place"));
        };
        let name = permit.target().name.clone();
        let asked = Asked::of(&args)?;
        let ready = asked.judge(&args, &ctx.settings, place)?;
        let program = asked.program(&args, &ready);
        let made = ctx.engine.exec_make(&ctx.budget, &permit, program).await;
        let mut made = made.map_err(|e| unmade(e, &name))?;
        let started = ctx.engine.exec_start(&ctx.budget, &ctx.commit, &permit, &mut made).await;
        let about = About { name, argv: asked.argv, shell: asked.shell, user: ready.user };
        let run = ended::Run { ctx: &ctx, permit: Arc::new(permit), made: Arc::new(made), about };
        let mut attached = match started {
            Ok(attached) => attached,
            Err(unstarted) => return Err(run.unstarted(unstarted).await),
        };
        let chunk = args.chunk_bytes.unwrap_or(ctx.settings.output.chunk_bytes);
        let stream = args.stream == Some(true) && ctx.progress.wanted();
        let chunk = stream.then(|| chunk.clamp(*CHUNK.start(), *CHUNK.end()));
        let mut sink = Sink::new(&ctx, chunk);
        let why = watch(&ctx, &run.made, &mut attached, &mut sink).await;
        // An engine whose words nobody reads does not notice that the command ended.
        drop(attached);
        run.ended(why, sink).await
    }
}

/// The engine names an id where the caller has a name.
fn unmade(e: EngineError, name: &str) -> ToolError {
    let conflict = |what: &str, next: &str| {
        ToolError::new(Kind::Conflict, format!("container `{name}` {what}")).hint(next)
    };
    match e {
        EngineError::Status { code: 409, message } if message.contains("paused") => {
            conflict("is paused", "docker_unpause lets it go on")
        }
        EngineError::Status { code: 409, message } if message.contains("restarting") => {
            conflict("is restarting", "docker_logs shows why it does not stay up")
        }
        EngineError::Status { code: 409, message } if message.contains("not running") => {
            conflict("is not running", "docker_start starts it; docker_logs shows why it ended")
        }
        e => ToolError::of_object(e, "container", name),
    }
}
