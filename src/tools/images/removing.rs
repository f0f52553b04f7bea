//! What the removal of images and their pruning share: what goes is seen first, and what is used stays.

use crate::engine::EngineError;
use crate::engine::change::Outcome;
use crate::engine::image_names::Removal;
use crate::engine::snapshot::short;
use crate::output::bytes;
use crate::policy::reference::ImageRef;
use crate::policy::{Image, Permit, Permits};
use crate::tool::error::Effect;
use crate::tool::{Ctx, Kind, Preview, ToolError};
use crate::tools::changing::{One, Well, found};
use crate::tools::words::{age, names, now};

/// An image, and which of its names; none: all that is seen of it.
pub(super) type Which<'a> = (&'a Permit<Image>, String, Option<ImageRef>);

/// What the caller's words mean of the image that they led to: one name of it, or all of it.
pub(super) fn which<'a>(permit: &'a Permit<Image>, words: &str) -> Which<'a> {
    let named = ImageRef::parse(words).ok().and_then(|asked| {
        let fits = |have: &&ImageRef| {
            have.repository() == asked.repository()
                && match asked.digest() {
                    Some(digest) => have.digest() == Some(digest),
                    None => have.tag() == asked.tag(),
                }
        };
        permit.target().references.iter().find(fits).cloned()
    });
    (permit, words.to_owned(), named)
}

/// What would go, one line an image.
pub(super) async fn preview(ctx: &Ctx, permits: &Permits, all: &[Which<'_>]) -> Result<Preview, ToolError> {
    let mut preview = Preview::default();
    let mut staying = Vec::new();
    for (permit, words, name) in all {
        let removal = ctx.engine.removal(&ctx.budget, (&permits.world, permit), name.as_ref()).await;
        let removal = removal.map_err(|e| ToolError::of_object(e, "image", words))?;
        if removal.is_held() {
            staying.push(stays(words, &removal));
        }
        preview.lines.push(line(&permit.target().id, words, &removal));
        let Removal { names, whole, users, others, .. } = removal;
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        preview.state.push(format!(
            "{} {whole} {others} {} {}",
            permit.target().id,
            names.join(" "),
            users.join(" ")
        ));
    }
    // Where nothing would go there is nothing to confirm.
    if staying.len() == all.len()
        && let Some(first) = staying.first_mut()
    {
        let mut error = std::mem::replace(first, ToolError::internal(""));
        for more in staying.iter().skip(1) {
            error.message.push_str(&format!("; {}", more.message));
        }
        return Err(error);
    }
    // The engine lists images of one second in any order.
    preview.state.sort();
    Ok(preview)
}

fn line(id: &str, words: &str, removal: &Removal) -> String {
    if removal.is_held() {
        return format!("image `{words}` stays: {}", held(removal));
    }
    let familiar: Vec<String> = removal.names.iter().map(ImageRef::familiar).collect();
    let id = short(id);
    if !removal.whole {
        // Of names that the filters hide nothing is told, not even that they keep it.
        let stays = if removal.remains { "; the image stays" } else { "" };
        return format!("image {id} loses {}{stays}", names(&familiar));
    }
    let old = age(removal.created, now()).map(|age| format!(", {age} old")).unwrap_or_default();
    let named = if familiar.is_empty() { "without a name".to_owned() } else { names(&familiar) };
    format!("image {id} goes: {named} ({}{old})", bytes(removal.size))
}

/// docker_images counts those that are seen: of others no more is told than that it stays.
fn held(removal: &Removal) -> String {
    match removal.users.as_slice() {
        [] => "the filters keep it".to_owned(),
        users => format!("used by {}", names(users)),
    }
}

fn stays(words: &str, removal: &Removal) -> ToolError {
    let hint = match removal.users.as_slice() {
        [] => "a person can remove it on the host",
        _ => "remove the containers that were made from it first",
    };
    ToolError::new(Kind::Conflict, format!("`{words}` stays: {}", held(removal))).hint(hint)
}

/// Does it to one image.
pub(super) async fn remove(ctx: &Ctx, permits: &Permits, (permit, words, name): Which<'_>) -> One {
    let came = removed(ctx, permits, permit, &words, name.as_ref()).await;
    One::ended(words, came)
}

async fn removed(
    ctx: &Ctx,
    permits: &Permits,
    permit: &Permit<Image>,
    words: &str,
    name: Option<&ImageRef>,
) -> Result<Well, ToolError> {
    let of_object = |e: EngineError| ToolError::of_object(e, "image", words);
    let removal = ctx.engine.removal(&ctx.budget, (&permits.world, permit), name).await.map_err(of_object)?;
    if removal.is_held() {
        return Err(stays(words, &removal));
    }
    // Digests last: the engine takes them away with the last tag.
    let (tags, digests): (Vec<&ImageRef>, Vec<&ImageRef>) =
        removal.names.iter().partition(|name| name.tag().is_some());
    let mut steps: Vec<Option<&ImageRef>> = tags.into_iter().chain(digests).map(Some).collect();
    if steps.is_empty() && removal.whole {
        steps.push(None);
    }
    let (mut untagged, mut gone, mut note) = (Vec::new(), false, None);
    for step in steps {
        let came = ctx.engine.take_name(&ctx.budget, &ctx.commit, permit, step).await;
        let came = match came {
            Ok(Outcome::Answered(all)) => Ok(all),
            Ok(Outcome::Lost(lost)) => found(ctx, ("image", words), *lost).map(|why| {
                note = Some(why);
                false
            }),
            Err(e) if e.is_gone() && !untagged.is_empty() => Ok(gone),
            Err(e) => Err(of_object(e)),
        };
        match came {
            Ok(all) => {
                gone |= all;
                untagged.extend(step.map(ImageRef::familiar));
            }
            // What went before it is gone, and that is said.
            Err(mut e) if !untagged.is_empty() => {
                e.message.push_str(&format!("; its names {} are gone", names(&untagged)));
                if e.effect == Effect::None {
                    e.effect = Effect::Done;
                }
                return Err(e);
            }
            Err(e) => return Err(e),
        }
    }
    let mut well = Well::changed(true)
        .shown(if gone { "removed" } else { "untagged" })
        .with("id", short(&permit.target().id))
        .with("untagged", untagged)
        .with("removed", gone);
    if gone {
        well = well.with("size", bytes(removal.size));
    }
    Ok(match note {
        Some(note) => well.note(note),
        None => well,
    })
}
