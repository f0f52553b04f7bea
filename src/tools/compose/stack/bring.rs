//! Bringing a project up: images first, then compose on the model that was decided on, then a look at what came of it.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::sync::mpsc;

use crate::engine::change::{Effect as Came, Finding, Outcome};
use crate::engine::compose::stack::Stack;
use crate::engine::compose::{Up, UpCame};
use crate::engine::error::{Clock, EngineError};
use crate::engine::image_names::Holder;
use crate::guard::compose::frozen;
use crate::output::{Draft, Learned};
use crate::policy::{self, Permits};
use crate::tool::error::Effect;
use crate::tool::{Class, Clocks, Ctx, Kind, Output, Phase, Preview, Retry, ToolError};
use crate::tools::changing;
use crate::tools::words::count;

use super::super::not_read::not_begun;
use super::after::{self, Is, Stand};
use super::changes::{Change, Does, changes};
use super::{images, judge, networks};

/// How it is brought up.
#[derive(Debug, Clone, Copy)]
pub(in crate::tools::compose) struct How {
    /// The tool.
    pub tool: &'static str,
    pub build: bool,
    pub force_recreate: bool,
    /// Seconds that a container has to end.
    pub timeout: Option<u64>,
}

/// What it would do, in a line an object.
pub(in crate::tools::compose) async fn preview(
    ctx: &Ctx,
    permits: &Permits,
    stack: &Stack,
    how: How,
) -> Result<Preview, ToolError> {
    judge::judge(ctx, permits, stack).await?;
    let built_of = if how.build { images::buildable(ctx, stack).await? } else { Preview::default() };
    let mut lines: Vec<String> = Vec::new();
    let built = stack.builds();
    let comes = |text: &&str| permits.image_of(text).is_none() && permits.brings(text);
    let built_now = built.iter().filter(|_| how.build).map(|name| (name.familiar(), "built"));
    let pulled = stack.uses().into_iter().filter(comes).map(|text| (text.to_owned(), "pulled"));
    lines.extend(built_now.chain(pulled).map(|(name, does)| format!("image `{name}`: {does}")));
    lines.extend(permits.new_networks.iter().map(|p| format!("network `{}`: create", p.target().name)));
    lines.extend(permits.new_volumes.iter().map(|p| format!("volume `{}`: create", p.target().name)));
    let networks = networks::differing(ctx, permits, stack).await?;
    lines.extend(networks.iter().map(networks::Differs::line));
    let changes = changes(ctx, permits, stack, how.force_recreate).await?;
    let fresh = |change: &Change| {
        let service = stack.model.services.iter().find(|service| service.name == change.service);
        service.is_some_and(|service| permits.brings(&stack.built_as(service)))
    };
    lines.extend(changes.iter().map(|change| line(change, fresh(change))));
    let state = changes.iter().map(|change| format!("{change:?}"));
    let state = state
        .chain(networks.iter().map(|network| format!("{network:?}")))
        .chain([model_hash(stack)])
        .chain(built_of.state)
        .collect();
    // What is in a container that is made anew, and in no volume, is gone.
    let destroys = changes.iter().any(|change| matches!(change.does, Does::Recreate(_) | Does::Remove))
        || networks.iter().any(|network| network.made_anew);
    let details = details(stack, &changes).into_iter().chain(built_of.details).collect();
    Ok(Preview { lines, details, state, destroys })
}

/// What is made: the call names a file, and whoever asks may have written it.
fn details(stack: &Stack, changes: &[Change]) -> Vec<String> {
    let services: BTreeSet<&str> = changes
        .iter()
        .filter(|change| !matches!(change.does, Does::Leave | Does::Remove))
        .map(|change| change.service.as_str())
        .collect();
    let written =
        |name: &&str| stack.json.get("services")?.get(*name).map(|json| (name.to_string(), json.clone()));
    services.iter().filter_map(written).map(|(name, json)| format!("service `{name}` is {json}")).collect()
}

fn line(change: &Change, fresh: bool) -> String {
    let Change { service, container, does, .. } = change;
    let why = match does {
        Does::Recreate(keys) if !keys.is_empty() => format!(" ({} changed)", keys.join(", ")),
        Does::Leave | Does::Start if fresh => ", or recreate where its image is new".to_owned(),
        _ => String::new(),
    };
    format!("service `{service}`: container `{container}`: {}{why}", does.word())
}

/// A confirmation is for exactly this model.
fn model_hash(stack: &Stack) -> String {
    use sha2::Digest as _;
    let text = stack.json.to_string();
    hex::encode(sha2::Sha256::digest(text.as_bytes()))
}

/// Does it.
pub(in crate::tools::compose) async fn bring(
    ctx: &mut Ctx,
    mut permits: Permits,
    stack: &Stack,
    how: How,
) -> Result<Output, ToolError> {
    judge::judge(ctx, &permits, stack).await?;
    let differing = networks::differing(ctx, &permits, stack).await?;
    let planned = changes(ctx, &permits, stack, how.force_recreate).await?;
    let mut ready = prepare(ctx, &mut permits, stack, how).await?;
    if !permits.references.is_empty() {
        // What images bring along is known now.
        let judged = judge::judge(ctx, &permits, stack).await;
        judged.map_err(|why| images_stay(ctx, &ready, why))?;
    }
    ready.0.extend(differing.iter().map(networks::Differs::line));
    let up = Up {
        name: stack.name.clone(),
        project_dir: stack.project_dir.clone(),
        model: frozen(stack.json.clone(), &ctx.settings.create, stack.trusted),
        services: stack.services.clone(),
        force_recreate: how.force_recreate,
        timeout: how.timeout,
        passed: stack.passed.clone(),
    };
    let (news, mut told) = mpsc::channel::<String>(64);
    let cancel = ctx.cancel.clone();
    let bringing = ctx.engine.compose_up(&ctx.budget, (&*ctx.commit, &cancel), &permits, up, news);
    let telling = async {
        while let Some(text) = told.recv().await {
            ctx.progress.say(text).await;
        }
        std::future::pending::<()>().await
    };
    let came = tokio::select! {
        came = bringing => came,
        () = telling => return Err(ToolError::internal("telling of a project does not end")),
    };
    let said = match came.map_err(|why| images_stay(ctx, &ready, not_begun(why)))? {
        Outcome::Answered(UpCame::Done { .. }) => None,
        Outcome::Answered(UpCame::Failed { said, service, .. }) => {
            Some((said.replace("Error response from daemon: ", ""), service))
        }
        Outcome::Lost(lost) => return Err(images_stay(ctx, &ready, lost_one(ctx, *lost, &stack.name))),
    };
    let looked = match &said {
        None => after::wait(ctx, &permits, stack).await,
        Some(_) => after::look(ctx, &permits, stack).await,
    };
    let mut all = looked.map_err(unseen)?;
    if let Some((_, Some(service))) = &said {
        // Compose says who failed; what runs without a check looks well.
        all.iter_mut()
            .filter(|is| is.service == *service && is.stand == Stand::NotYet)
            .for_each(|is| is.stand = Stand::Failed);
    }
    after::last_words(ctx, &permits, how.tool, &mut all).await;
    let more = after::more(ctx, &permits, stack, &planned).await.map_err(unseen)?;
    let remade = networks::remade(ctx, &permits, &differing).await;
    // Also where no container came of it.
    ready.1 |= !permits.new_networks.is_empty()
        || !permits.new_volumes.is_empty()
        || !remade.is_empty()
        || differing.iter().any(|network| network.made_anew);
    ready.0.extend(remade);
    let missing = if said.is_none() { after::missing(stack, &all) } else { Vec::new() };
    told_of(ctx, stack, (planned, ready, [more, missing]), said, all)
}

/// Images are built and fetched; what follows has the clocks of a project, unless the caller named a time.
async fn prepare(
    ctx: &mut Ctx,
    permits: &mut Permits,
    stack: &Stack,
    how: How,
) -> Result<(Vec<String>, bool), ToolError> {
    let (mut notes, mut changed) = (Vec::new(), false);
    if permits.references.is_empty() {
        return Ok((notes, changed));
    }
    stack.keep_what_comes(permits);
    let (mut ones, mut built) = match how.build {
        true => images::build(ctx, permits, stack).await,
        false => (Vec::new(), Vec::new()),
    };
    ones.extend(images::pull(ctx, permits).await);
    permits.references.append(&mut built);
    let mut failed = None;
    for one in ones {
        let name = one.name().to_owned();
        match one.into_came() {
            Ok(well) => {
                changed |= well.has_changed();
                notes.push(format!("{name}: {}", well.is_shown()));
            }
            Err(why) => {
                let message = format!("{}; no container was touched", why.message);
                failed = failed.or(Some(ToolError { message, ..why }));
            }
        }
    }
    let well = match failed {
        Some(why) => Err(why),
        None => arrived(ctx, permits, how.tool).await,
    };
    if let Err(why) = well {
        return Err(images_stay(ctx, &(notes, changed), why));
    }
    let clocks = Clocks::of(Class::Compose, &ctx.settings.neverhang);
    ctx.budget = ctx.budget.at_most(clocks.total).streaming();
    Ok((notes, changed))
}

/// No container came of it, and images did: that is told with whatever went wrong.
fn images_stay(ctx: &Ctx, (notes, changed): &(Vec<String>, bool), why: ToolError) -> ToolError {
    if !changed || why.effect != Effect::None {
        return why;
    }
    let evidence = format!("images came, and stay ({})", notes.join(", "));
    let message = format!("{}; {evidence}", why.message);
    ctx.after.known(Finding { effect: Came::Done, evidence });
    ToolError { message, effect: Effect::Done, ..why }
}

/// The same decision on the images that came: they may have other names, which the filters hide.
async fn arrived(ctx: &Ctx, permits: &mut Permits, tool: &str) -> Result<(), ToolError> {
    for permit in &permits.references {
        let name = permit.target().image.familiar();
        let hidden = || {
            ToolError::new(
                Kind::PermissionDenied,
                format!("the filters do not allow an image `{name}`; no container was touched"),
            )
            .hint("choose another image; docker_policy shows the whitelists")
        };
        match ctx.engine.holds(&ctx.budget, (&permits.world, permit)).await? {
            Holder::Image { image, .. } => {
                permits.images.push(policy::arrived(permit, tool, image).map_err(|_| hidden())?);
            }
            Holder::Hidden => return Err(hidden()),
            Holder::Nobody => {
                let gone = format!("`{name}` was fetched, and is gone already; no container was touched");
                return Err(ToolError::new(Kind::Conflict, gone).hint("ask again"));
            }
        }
    }
    Ok(())
}

/// Compose is done, and what it did was not seen.
fn unseen(why: ToolError) -> ToolError {
    let message = format!("compose has ended, and what came of it cannot be seen: {}", why.message);
    ToolError { message, effect: Effect::Unknown, retry: Retry::No, retry_after: None, ..why }
        .hint("docker_compose_ps shows it, before it is brought up again")
}

/// The clocks of it are its child's: what the engine is at is known by the project's containers.
fn lost_one(ctx: &Ctx, lost: crate::engine::change::Lost, name: &str) -> ToolError {
    let (ended, clock) = match lost.cause {
        EngineError::Withdrawn => ("the caller gave up, and compose was ended", None),
        EngineError::Timeout { clock: Clock::Idle, limit } => {
            ("the engine fell silent, and compose was ended", Some((Phase::Idle, limit)))
        }
        EngineError::Timeout { limit, .. } => {
            ("compose took too long and was ended", Some((Phase::Total, limit)))
        }
        _ => ("", None),
    };
    let error = match changing::found(ctx, ("project", name), lost) {
        // Something changed; how far it came nobody knows.
        Ok(seen) => ToolError {
            effect: Effect::Unknown,
            retry: Retry::No,
            ..ToolError::new(Kind::OutcomeUnknown, seen)
        },
        Err(e) => e,
    };
    if ended.is_empty() {
        return error;
    }
    let seen = error.message.split_once("; ").map_or(error.message.as_str(), |(_, seen)| seen);
    let kind = if clock.is_some() { Kind::ChildTimeout } else { Kind::Cancelled };
    let retry = if error.effect == Effect::None { Retry::Safe } else { Retry::No };
    let error = ToolError { effect: error.effect, retry, ..ToolError::new(kind, format!("{ended}; {seen}")) }
        .hint("docker_compose_ps shows how far it came; compose_timeout under [neverhang] is its time");
    match clock {
        Some((phase, limit)) => error.clock(phase, limit),
        None => error,
    }
}

/// What came of it, in one answer.
fn told_of(
    ctx: &Ctx,
    stack: &Stack,
    (planned, (notes, images), [more, missing]): (Vec<Change>, (Vec<String>, bool), [Vec<String>; 2]),
    said: Option<(String, Option<String>)>,
    all: Vec<Is>,
) -> Result<Output, ToolError> {
    // By their ids: an image that was fetched on the way makes another container of what was to be left.
    let did = |is: &Is| match planned.iter().find(|change| change.container == is.container) {
        Some(Change { id: Some(id), .. }) if *id != is.id => "recreated",
        None | Some(Change { id: None, .. }) => "created",
        Some(Change { does: Does::Start, .. }) => "started",
        Some(Change { does: Does::Remove, .. }) => "not removed",
        Some(_) => "left as it was",
    };
    let failed: Vec<Is> = all.iter().filter(|is| is.stand == Stand::Failed).cloned().collect();
    let waits = all.iter().filter(|is| is.stand == Stand::NotYet).count();
    let running = all.iter().filter(|is| is.state == "running").count();
    let summary = match (failed.len(), waits) {
        (0, 0) => format!("{running} running"),
        (0, waits) => format!("{running} running, {waits} not ready yet"),
        (failed, _) => format!("{running} running, {failed} FAILED"),
    };
    let logs: Vec<String> = all
        .iter()
        .filter(|is| !is.logs.is_empty())
        .map(|is| format!("last lines of {} ({}):\n{}", is.container, is.service, is.logs.trim_end()))
        .collect();
    let changed = images
        || planned.iter().any(|change| change.does != Does::Leave)
        || all.iter().any(|is| did(is) != "left as it was");
    let touched = all.iter().any(|is| did(is) != "left as it was");
    let kept: Vec<String> = all.iter().map(|is| is.container.clone()).collect();
    let rows = all.into_iter().map(|is| {
        let did = did(&is);
        is.row(did)
    });
    let draft = Draft::list("containers", &["service", "container", "did", "state"], rows.collect())
        .with("project", stack.name.clone())
        .with("summary", summary)
        .with("changed", changed)
        .keep_empty(&["containers"])
        .learned(secrets(stack))
        .tail(logs.join("\n"));
    let removed =
        planned.iter().filter(|change| change.does == Does::Remove && !kept.contains(&change.container));
    let removed: Vec<&str> = removed.map(|change| change.container.as_str()).collect();
    let draft = if removed.is_empty() { draft } else { draft.with("removed", removed) };
    let draft = notes.into_iter().fold(draft, Draft::note);
    let draft = unset(stack).into_iter().fold(draft, Draft::note);
    let why = match (&said, failed.first()) {
        _ if !more.is_empty() => {
            format!("{}; docker_remove it, and bring the project up again", more.join("; "))
        }
        (None, None) if !missing.is_empty() => {
            format!("compose says that all is well, but {}", missing.join(", "))
        }
        (Some((said, _)), Some(is)) => {
            format!("compose stopped: {said}; service `{}` is {}", is.service, is.said())
        }
        (Some((said, Some(service))), None) => format!("compose stopped at service `{service}`: {said}"),
        (Some((said, None)), None) => format!("compose stopped: {said}"),
        (None, Some(is)) => {
            format!("service `{}` (container `{}`) is not well: {}", is.service, is.container, is.said())
        }
        (None, None) => {
            if !changed {
                ctx.after.unchanged();
            }
            return Ok(match waits {
                0 => draft,
                _ => draft.note("not all are ready: docker_compose_ps shows them, docker_wait waits for one"),
            });
        }
    };
    // What it had done by then is done; whether it made networks and volumes is not looked at.
    let (came, effect) = match touched {
        true => (Came::Done, Effect::Done),
        false => (Came::Unknown, Effect::Unknown),
    };
    ctx.after.known(Finding { effect: came, evidence: why.clone() });
    let error = ToolError { effect, retry: Retry::No, ..ToolError::new(Kind::Conflict, why) }
        .hint("docker_compose_logs shows more; mend the file or the image and bring it up again, or docker_compose_down");
    Err(error.with_partial(draft))
}

/// What the files give to containers and looks like secrets.
pub(crate) fn secrets(stack: &Stack) -> Learned {
    let pairs = stack.model.services.iter().flat_map(|service| &service.environment);
    let pairs = pairs.filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let pairs = pairs.chain(stack.interpolated.iter().map(|(key, value)| (key, value)));
    pairs.fold(Learned::builder(), |learned, (key, value)| learned.env(key, value)).build()
}

/// What to know of variables.
pub(in crate::tools::compose) fn unset(stack: &Stack) -> Option<String> {
    let names = &stack.unset;
    (!names.is_empty()).then(|| {
        format!(
            "{} not set, and blank: {} (`.env` beside the compose file sets them; a person can name variables of the server \
             in pass_env under [compose])",
            count(names.len(), "variable"),
            names.join(", ")
        )
    })
}

/// For the JSON of a listing.
pub(in crate::tools::compose) fn files(stack: &Stack) -> serde_json::Value {
    json!(stack.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>())
}
