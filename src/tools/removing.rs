//! What removals share: what goes is shown with its size and its age, and then exactly that goes, one by one.

use std::collections::HashMap;
use std::time::Duration;

use crate::engine::change::Outcome;
use crate::engine::snapshot::short;
use crate::engine::usage::Part;
use crate::engine::{EngineError, clock};
use crate::output::bytes;
use crate::policy::{Container, Image, Network, Permits, Volume};
use crate::tool::{Asked, Ctx, Kind, Preview, ToolError};
use crate::tools::changing::{One, Well};
use crate::tools::words::{age, names, now};

/// A preview does not wait long for sizes: the engine may have to walk its whole disk.
const SIZES: Duration = Duration::from_millis(1500);
/// More at once is a mistake more often than a wish.
const MOST: usize = 50;

/// The objects that a call names, one or several.
pub(super) fn named(names: &[String], ask: fn(String) -> Asked) -> Result<Vec<Asked>, ToolError> {
    match names.len() {
        0 => Err(ToolError::invalid("`name` is empty").hint("name one, or several")),
        n if n > MOST => {
            Err(ToolError::invalid(format!("{n} at once; {MOST} is the most")).hint("name fewer"))
        }
        _ => Ok(names.iter().cloned().map(ask).collect()),
    }
}

/// One line an object: its kind and name, its size and age where they are known, and what it was for.
pub(super) async fn preview(ctx: &Ctx, permits: &Permits) -> Result<Preview, ToolError> {
    let mut preview = Preview::default();
    let parts: Vec<Part> =
        [(Part::Containers, permits.containers.is_empty()), (Part::Volumes, permits.volumes.is_empty())]
            .into_iter()
            .filter_map(|(part, none)| (!none).then_some(part))
            .collect();
    let usage = match parts.is_empty() {
        true => None,
        false => ctx.engine.disk_usage(&ctx.budget, &permits.world, &parts, SIZES).await.ok(),
    };
    let size = |known: Option<u64>| known.map(bytes);
    if !permits.containers.is_empty() {
        let seen = ctx.engine.containers(&ctx.budget, &permits.world).await?;
        for Container { id, name, image, .. } in permits.containers.iter().map(|p| p.target()) {
            let it = seen.iter().find(|s| s.identity.id == *id).map(|s| &s.raw);
            let wrote = size(usage.as_ref().and_then(|u| u.containers.get(id).copied()));
            let state = it.map_or("gone", |raw| raw.state.as_str());
            let facts = [wrote, old(it.map(|raw| raw.created)), Some(state.to_owned()), Some(image.clone())];
            add(&mut preview, line("container", name, facts), format!("{id} {state}"));
        }
    }
    if !permits.networks.is_empty() {
        let seen = ctx.engine.networks(&ctx.budget, &permits.world).await?;
        for Network { id, name, project } in permits.networks.iter().map(|p| p.target()) {
            let it = seen.iter().find(|s| s.raw.id == *id);
            let on_it = it.map(|s| s.containers.as_slice()).unwrap_or_default();
            let facts = [
                it.map(|s| s.raw.driver.clone()),
                old(it.and_then(|s| moment(&s.raw.created))),
                project.as_ref().map(|p| format!("project {p}")),
                used_by(on_it),
            ];
            add(&mut preview, line("network", name, facts), format!("{id} {on_it:?}"));
        }
    }
    if !permits.images.is_empty() {
        let seen = ctx.engine.images(&ctx.budget, &permits.world).await?;
        for Image { id, .. } in permits.images.iter().map(|p| p.target()) {
            let it = seen.iter().find(|s| s.identity.id == *id);
            let weighs = size(it.and_then(|s| u64::try_from(s.size).ok()));
            let facts = [weighs, old(it.map(|s| s.created)), None, None];
            add(&mut preview, line("image", short(id), facts), id.clone());
        }
    }
    if !permits.volumes.is_empty() {
        let seen = ctx.engine.volumes(&ctx.budget, &permits.world).await?;
        let seen: HashMap<&str, _> = seen.iter().map(|s| (s.raw.name.as_str(), s)).collect();
        for Volume { name, project } in permits.volumes.iter().map(|p| p.target()) {
            let it = seen.get(name.as_str());
            let users = it.map(|s| s.containers.as_slice()).unwrap_or_default();
            let created = it.map(|s| s.raw.created_at.clone()).unwrap_or_default();
            let label = |key: &str| it.and_then(|s| s.raw.labels.get(key)).map(String::as_str);
            // A volume of a project tells for which of its volumes it was made.
            let part = label("com.docker.compose.volume").map(|v| format!("/{v}")).unwrap_or_default();
            let facts = [
                size(usage.as_ref().and_then(|u| u.volumes.get(name).copied())),
                old(moment(&created)),
                project.as_ref().map(|p| format!("project {p}{part}")),
                used_by(users),
            ];
            // It has no id: one of the same name that was made since is another.
            add(&mut preview, line("volume", name, facts), format!("{name} {created} {users:?}"));
        }
    }
    // The engine lists volumes in any order: the same objects must look the same.
    preview.lines.sort();
    preview.state.sort();
    Ok(preview)
}

fn add(preview: &mut Preview, line: String, state: String) {
    preview.lines.push(line);
    preview.state.push(state);
}

fn line(kind: &str, name: &str, facts: [Option<String>; 4]) -> String {
    let facts: Vec<String> = facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect();
    match facts.is_empty() {
        true => format!("{kind} `{name}`"),
        false => format!("{kind} `{name}` ({})", facts.join(", ")),
    }
}

fn old(created: Option<i64>) -> Option<String> {
    created.and_then(|created| age(created, now())).map(|age| format!("{age} old"))
}

fn moment(stamp: &str) -> Option<i64> {
    clock::read(stamp).and_then(|nanos| i64::try_from(nanos / 1_000_000_000).ok())
}

fn used_by(containers: &[String]) -> Option<String> {
    (!containers.is_empty()).then(|| format!("used by {}", names(containers)))
}

/// Removes exactly the objects of the permits: containers first, for the others may be theirs. Each is one change of its
/// own; what the time or the caller does not leave room for stays, and it is said.
pub(super) async fn remove_all(ctx: &Ctx, permits: Permits) -> Vec<(&'static str, One)> {
    let mut ones = Vec::new();
    let (engine, budget, commit) = (&ctx.engine, &ctx.budget, &ctx.commit);
    for permit in permits.containers {
        let name = permit.target().name.clone();
        let came = match enough(ctx) {
            Some(why) => Err(why),
            None => Ok(engine.sweep_container(budget, commit, permit).await),
        };
        ones.push(one(ctx, "container", name, came));
    }
    for permit in permits.networks {
        let name = permit.target().name.clone();
        let came = match enough(ctx) {
            Some(why) => Err(why),
            None => Ok(engine.remove_network(budget, commit, permit).await),
        };
        ones.push(one(ctx, "network", name, came));
    }
    for permit in permits.images {
        let name = short(&permit.target().id).to_owned();
        let came = match enough(ctx) {
            Some(why) => Err(why),
            None => Ok(engine.sweep_image(budget, commit, permit).await),
        };
        ones.push(one(ctx, "image", name, came));
    }
    for permit in permits.volumes {
        let name = permit.target().name.clone();
        let came = match enough(ctx) {
            Some(why) => Err(why),
            None => Ok(engine.remove_volume(budget, commit, permit).await),
        };
        ones.push(one(ctx, "volume", name, came));
    }
    ones
}

/// No further object is begun.
pub(super) fn enough(ctx: &Ctx) -> Option<ToolError> {
    if ctx.cancel.is_cancelled() {
        return Some(ToolError::new(Kind::Cancelled, "called off before it was its turn"));
    }
    if ctx.ends_by() <= tokio::time::Instant::now() {
        return Some(
            ToolError::new(Kind::DaemonTimeout, "the call's time was over before it was its turn")
                .hint("ask again: what is left is removed then"),
        );
    }
    None
}

fn one(
    ctx: &Ctx,
    kind: &'static str,
    name: String,
    came: Result<Result<Outcome<()>, EngineError>, ToolError>,
) -> (&'static str, One) {
    let removed = |()| Well::changed(true).shown("removed").with("removed", true);
    let one = match came {
        Err(why) => One::ended(name, Err(why)),
        Ok(Ok(Outcome::Answered(()))) => One::ended(name, Ok(removed(()))),
        // Somebody else was faster: it is gone, as it should be.
        Ok(Err(e)) if e.is_gone() => {
            One::ended(name, Ok(Well::changed(false).shown("gone").note("it was gone already")))
        }
        Ok(came) => One::of(ctx, (kind, &name), came, removed),
    };
    (kind, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            line("volume", "v", [some("1MB"), None, some("project web/data"), None]),
            "volume `v` (1MB, project web/data)"
        );
        assert_eq!(line("network", "n", [None, None, some(""), None]), "network `n`");
        assert_eq!(moment("2023-11-14T22:13:20Z"), Some(1_700_000_000));
        assert_eq!(old(moment("")), None);
        assert!(named(&[], Asked::Volume).is_err());
        assert!(named(&vec![String::new(); 51], Asked::Volume).is_err());
    }
}
