//! `docker_build`

mod bases;
mod context;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::config::Settings;
use crate::config::settings::BuildNetwork;
use crate::engine::build::{Built, Came, Failure, NotBuilt, Plan};
use crate::engine::change::{Lost, Outcome};
use crate::engine::error::{Clock, EngineError};
use crate::engine::snapshot::short;
use crate::guard::build as guard;
use crate::output::keys::KeySet;
use crate::output::{Draft, bytes};
use crate::policy::decide::Named;
use crate::policy::reference::ImageRef;
use crate::policy::{self, Ask, Level, Permits, Reference, Target};
use crate::tool::args::OneOrMany;
use crate::tool::error::Effect as Did;
use crate::tool::{Asked, Class, Ctx, Effect, Kind, Output, Phase, Preview, Retry, Spec, Tool, ToolError};
use crate::tools::changing;
use crate::tools::images::moving;
use crate::tools::words::count;

use context::Context;

/// More names for one image are a mistake.
const MOST_TAGS: usize = 20;

pub struct Build;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Folder on this host, below one of the build roots. No URL.
    pub(in crate::tools) context: String,
    /// In the context; `Dockerfile` by default.
    pub(in crate::tools) dockerfile: Option<String>,
    pub(in crate::tools) tags: OneOrMany,
    /// Values of ARGs. No secrets: they stay in the image's history.
    pub(in crate::tools) build_args: Option<BTreeMap<String, String>>,
    /// The stage to build; the last by default.
    pub(in crate::tools) target: Option<String>,
    /// Such as `linux/arm64`.
    pub(in crate::tools) platform: Option<String>,
    /// Run every step anew.
    pub(in crate::tools) no_cache: Option<bool>,
    /// Not served: docker_pull does it.
    pub(in crate::tools) pull: Option<bool>,
    /// What RUN reaches: `none` (the default), or `default` where the settings allow it.
    pub(in crate::tools) network: Option<Network>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::tools) enum Network {
    None,
    Default,
}

impl Tool for Build {
    const SPEC: Spec = Spec {
        name: "docker_build",
        title: "Build an image",
        levels: &[Level::Images],
        class: Class::Transfer,
        effect: Effect::Changes,
        idempotent: false,
        foreign_text: true,
        summary: "Build an image from a folder with a Dockerfile. RUN steps have no network unless the settings \
                  allow it; images that the Dockerfile names must pass the image filters.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        match args.tags.0.len() {
            0 => Err(ToolError::invalid("`tags` is empty").hint("name the image, such as `app:1`")),
            n if n > MOST_TAGS => Err(ToolError::invalid(format!("{n} tags; {MOST_TAGS} is the most"))),
            _ if args.tags.0.iter().any(|tag| tag.contains('@')) => {
                Err(ToolError::invalid("a tag with a digest: what is built has none yet"))
            }
            _ => Ok(args.tags.0.iter().cloned().map(Asked::Reference).collect()),
        }
    }

    fn guard(args: &Args, settings: &Settings) -> Result<(), ToolError> {
        context::local(&args.context)?;
        if args.pull == Some(true) {
            return Err(ToolError::invalid("`pull` is not served").hint("docker_pull fetches the base first"));
        }
        let word = |text: &Option<String>, more: &str| {
            text.as_ref().is_none_or(|text| {
                !text.is_empty()
                    && text.len() <= 128
                    && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
            })
        };
        if !word(&args.target, "_.-") {
            return Err(ToolError::invalid("`target` is no name of a stage"));
        }
        if !word(&args.platform, "/_.-") {
            return Err(ToolError::invalid("`platform` is none").hint("write it like `linux/arm64`"));
        }
        let keys = KeySet::new(&settings.redact.env_keys);
        for key in args.build_args.iter().flat_map(BTreeMap::keys) {
            plain_key(key)?;
            if !settings.bypass && (keys.matches(key) || KeySet::standard().matches(key)) {
                return Err(ToolError::new(
                    Kind::PermissionDenied,
                    format!("the build argument `{key}` names a secret, and build arguments stay in the image's history"),
                )
                .hint("give the container its secret when it runs"));
            }
        }
        if args.network == Some(Network::Default) && settings.build.network == BuildNetwork::None {
            return Err(ToolError::new(
                Kind::PermissionDenied,
                "`network = default` is off: network = \"none\" under [build]",
            )
            .hint("a person can set network = \"default\" under [build]; or copy what RUN needs into the context"));
        }
        Ok(())
    }

    async fn preview(ctx: &Ctx, permits: &Permits, args: &Args) -> Result<Preview, ToolError> {
        let (context, needed) = checked(ctx, permits, args).await?;
        let bases::Looked { missing, here } =
            bases::look(ctx, permits, &needed, args.platform.as_deref()).await?;
        let of =
            format!("{} in {} from `{}`", bytes(context.bytes), count(context.files, "file"), args.context);
        let built = permits.labels().map(|(kind, name)| format!("{kind} `{name}`: built of {of}"));
        let fetched = missing.iter().map(|base| format!("image `{}`: fetched first", base.image.familiar()));
        let lines = built.chain(fetched).collect();
        let (state, details) = shown(&context);
        let state = state.into_iter().chain(here).collect();
        Ok(Preview { lines, state, details: vec![details], ..Preview::default() })
    }

    async fn run(ctx: Ctx, mut permits: Permits, args: Args) -> Result<Output, ToolError> {
        make(&ctx, &mut permits, args).await
    }
}

/// What must be the same when it is built, and the Dockerfile for a person to see.
fn shown(context: &Context) -> (Vec<String>, String) {
    let text = hex::encode(Sha256::digest(&context.dockerfile));
    let details =
        format!("Dockerfile {}: {}", context.file, serde_json::Value::from(context.dockerfile.as_str()));
    (vec![text, context.print.clone()], details)
}

/// The same for those who build with others. Waits for the disk.
///
/// # Errors
/// There is no such context, or it cannot be read.
pub(in crate::tools) fn contents(
    args: &Args,
    settings: &Settings,
) -> Result<(Vec<String>, String), ToolError> {
    context::look(&settings.build.roots, &args.context, args.dockerfile.as_deref())
        .map(|context| shown(&context))
}

/// Builds an image; its names are those of the permits, which are used up.
pub(in crate::tools) async fn make(
    ctx: &Ctx,
    permits: &mut Permits,
    args: Args,
) -> Result<Output, ToolError> {
    let (context, needed) = checked(ctx, permits, &args).await?;
    let looked = bases::look(ctx, permits, &needed, args.platform.as_deref()).await?;
    let space = moving::space(ctx, permits).await?;
    bases::fetch(ctx, permits, &space, looked.missing).await?;
    let tags: Vec<String> = permits.references.iter().map(|p| p.target().image.familiar()).collect();
    let (files, size) = (context.files, context.bytes);
    let plan = Plan {
        context: context.folder,
        file: context.file,
        dockerfile: context.dockerfile,
        ignore: context.ignore,
        leaves_out: context.leaves_out,
        buildkit: context.buildkit,
        build_args: args.build_args.unwrap_or_default(),
        target: args.target,
        platform: args.platform,
        no_cache: args.no_cache.unwrap_or(false),
        networked: args.network == Some(Network::Default),
        trusted: ctx.settings.bypass,
    };
    let (news, mut told) = mpsc::channel::<String>(64);
    let ending = ctx.cancel.child_token();
    let steps = (&*ctx.commit, &ending);
    let names = std::mem::take(&mut permits.references);
    let building = ctx.engine.build(&ctx.budget, steps, names, plan, news);
    let telling = async {
        while let Some(text) = told.recv().await {
            ctx.progress.say(text).await;
        }
        std::future::pending::<()>().await
    };
    let mut filled = false;
    let filling = async {
        space.runs_out().await;
        filled = true;
        ending.cancel();
        std::future::pending::<()>().await
    };
    // Who listens slowly does not hold up what is told.
    let came = tokio::select! {
        came = building => came,
        () = telling => return Err(ToolError::internal("telling of a build does not end")),
        () = filling => return Err(ToolError::internal("a disk that is full does not end")),
    };
    match came.map_err(not_built)? {
        Outcome::Answered(Came::Built(built)) => Ok(draft(ctx, &tags, built, (files, size))),
        Outcome::Answered(Came::Failed(failure)) => Err(failed(failure)),
        Outcome::Lost(lost) if filled => lost_one(ctx, *lost, &tags).map_err(|e| {
            let full = moving::full("a step filled it, and the build was ended");
            ToolError { effect: e.effect, ..full }
        }),
        Outcome::Lost(lost) => lost_one(ctx, *lost, &tags),
    }
}

fn plain_key(key: &str) -> Result<(), ToolError> {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match plain {
        true if guard::steers_the_builder(key) => Err(ToolError::new(
            Kind::PermissionDenied,
            format!("the build argument `{key}` steers the builder itself"),
        )
        .hint("it can name another frontend, which is code")),
        true => Ok(()),
        false => Err(ToolError::invalid(format!("`{key}` cannot be the name of a build argument"))
            .hint("letters, digits and `_`")),
    }
}

/// The context, its Dockerfile, and every image in it decided on; and those that this build needs.
async fn checked(
    ctx: &Ctx,
    permits: &Permits,
    args: &Args,
) -> Result<(Context, Vec<guard::Needed>), ToolError> {
    let (roots, folder, file) =
        (ctx.settings.build.roots.clone(), args.context.clone(), args.dockerfile.clone());
    let looking = tokio::task::spawn_blocking(move || context::look(&roots, &folder, file.as_deref()));
    let mut context = looking.await.map_err(|e| ToolError::internal(e.to_string()))??;
    if ctx.settings.bypass {
        return Ok((context, Vec::new()));
    }
    let empty = BTreeMap::new();
    let read = guard::read(&context.dockerfile, args.build_args.as_ref().unwrap_or(&empty));
    let dockerfile = read.map_err(refused)?;
    for guard::Named { line, image } in &dockerfile.images {
        let target = Target::Reference(Reference { image: image.clone() });
        let targets = vec![Named { asked: image.familiar(), target }];
        let ask = Ask { tool: Build::SPEC.name, needs: Build::SPEC.levels, targets };
        if policy::check(permits.world.rules(), &ask).is_err() {
            return Err(hidden(*line, image));
        }
    }
    from_allowed_registries(ctx, permits, &dockerfile.images).await?;
    let needed = dockerfile.needs(args.target.as_deref());
    context.buildkit = dockerfile.here_documents
        || dockerfile.frontend.is_some()
        // The engine's own builder builds all stages: what those that nobody needs begin with was not looked at.
        || needed.len() < dockerfile.images.len();
    Ok((context, needed))
}

fn hidden(line: usize, image: &ImageRef) -> ToolError {
    ToolError::new(
        Kind::PermissionDenied,
        format!("line {line} of the Dockerfile: the filters do not allow an image `{}`", image.familiar()),
    )
    .hint("docker_policy shows the whitelists; a person can change whitelist_images and blacklist_images")
}

/// What is not here would be fetched: from registries that the settings name, if they name any.
async fn from_allowed_registries(
    ctx: &Ctx,
    permits: &Permits,
    images: &[guard::Named],
) -> Result<(), ToolError> {
    let allowed = &ctx.settings.registries.allow;
    if allowed.is_empty() {
        return Ok(());
    }
    let here = ctx.engine.images(&ctx.budget, &permits.world).await?;
    let known = |named: &&guard::Named| here.iter().any(|i| i.identity.references.contains(&named.image));
    for guard::Named { line, image } in images.iter().filter(|named| !known(named)) {
        let registry = image.repository().split('/').next().unwrap_or_default();
        if !allowed.iter().any(|entry| entry.text == registry) {
            return Err(ToolError::new(
                Kind::PermissionDenied,
                format!("line {line} of the Dockerfile: `{}` is not here, and [registries] allow does not name its registry", image.familiar()),
            )
            .hint("a person can add the registry to allow under [registries]"));
        }
    }
    Ok(())
}

fn refused(why: guard::Refused) -> ToolError {
    match why.mistake {
        true => ToolError::invalid(why.to_string()),
        false => ToolError::new(Kind::PermissionDenied, why.to_string())
            .hint("builds run without it here; change that line"),
    }
}

fn not_built(why: NotBuilt) -> ToolError {
    match why {
        NotBuilt::Engine(e) => e.into(),
        NotBuilt::Child(e) => e.into(),
        NotBuilt::NoBuildx(why) => ToolError::new(Kind::ChildUnavailable, why)
            .hint("install docker with its buildx plugin, 0.13 or newer, where docker-mcp runs"),
        NotBuilt::Host(why) => {
            ToolError::new(Kind::ChildUnavailable, format!("no folder for the build: {why}"))
                .hint("the temporary folder of the host must be writable")
        }
        NotBuilt::Context(why) => context::unread(&why),
        NotBuilt::Endpoint(why) => ToolError::new(Kind::Unsupported, why),
        NotBuilt::Taken(image) => ToolError::new(
            Kind::PermissionDenied,
            format!("the filters do not allow `{}` to be taken from the image that has it", image.familiar()),
        )
        .hint("choose another tag"),
    }
}

fn failed(failure: Failure) -> ToolError {
    let Failure { step, said, lines } = failure;
    let step = if step.is_empty() { "the build".to_owned() } else { format!("the step `{step}`") };
    let mut message = format!("{step} failed: {said}");
    if !lines.is_empty() {
        message.push_str("; its last lines: ");
        // The end is what matters, and a message has an end of its own.
        let mut from = lines.len();
        let mut room = 700_usize.saturating_sub(message.len().min(400));
        while let Some(line) = from.checked_sub(1).and_then(|at| lines.get(at))
            && room > line.len()
        {
            room -= line.len();
            from -= 1;
        }
        message.push_str(&lines.get(from..).unwrap_or_default().join(" | "));
    }
    ToolError::new(Kind::DaemonError, message)
        .hint("nothing was made and no tag was given; mend it and build again")
}

/// The clocks of a build are its child's: what the engine is at is known by the tags.
fn lost_one(ctx: &Ctx, lost: Lost, tags: &[String]) -> Result<Output, ToolError> {
    let (ended, clock) = match lost.cause {
        EngineError::Withdrawn => ("the caller gave up, and the build was ended", None),
        EngineError::Timeout { clock: Clock::Idle, limit } => {
            ("the engine fell silent, and the build was ended", Some((Phase::Idle, limit)))
        }
        EngineError::Timeout { limit, .. } => {
            ("the build took too long and was ended", Some((Phase::Total, limit)))
        }
        _ => ("", None),
    };
    match changing::found(ctx, ("image", tags.first().map_or("", String::as_str)), lost) {
        Ok(note) => Ok(Draft::default()
            .with("image", tags.first().cloned())
            .with("tags", tags.to_vec())
            .with("changed", true)
            .note(note)),
        Err(e) if ended.is_empty() => Err(e),
        Err(e) => {
            let seen = e.message.split_once("; ").map_or("", |(_, seen)| seen);
            let kind = if clock.is_some() { Kind::ChildTimeout } else { Kind::Cancelled };
            let retry = if e.effect == Did::None { Retry::Safe } else { Retry::No };
            let error =
                ToolError { effect: e.effect, retry, ..ToolError::new(kind, format!("{ended}; {seen}")) }
                    .hint("transfer_timeout and transfer_idle under [neverhang] are its time; what it finished is cached");
            Err(match clock {
                Some((phase, limit)) => error.clock(phase, limit),
                None => error,
            })
        }
    }
}

fn draft(ctx: &Ctx, tags: &[String], built: Built, (files, size): (usize, u64)) -> Output {
    let Built { id, changed, steps, cached } = built;
    if !changed {
        ctx.after.unchanged();
    }
    let names = tags.join(", ");
    let what = if changed { "built" } else { "unchanged, all of it was there" };
    let head = format!("{names}: {what}; {} ({cached} cached), id {}", count(steps, "step"), short(&id));
    Draft::default()
        .head(head)
        .with("image", tags.first().cloned())
        .with("id", id)
        .with("tags", tags.to_vec())
        .with("changed", changed)
        .with("steps", steps)
        .with("cached", cached)
        .with("context_files", files)
        .with("context_bytes", size)
        .told(&["image", "id", "tags", "changed", "steps", "cached"])
}
