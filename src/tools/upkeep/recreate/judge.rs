//! May this container be made anew?

use std::path::PathBuf;

use crate::engine::endpoint::Endpoint;
use crate::engine::recreate::Recreation;
use crate::guard::create::{self, Amounts, Refusal, Wanted};
use crate::tool::{Ctx, Kind, ToolError};

use super::Args;

/// The configuration may be kept, whatever it is; it may not grow.
pub(super) fn judge(what: &Recreation, args: &Args, ctx: &Ctx) -> Result<(), ToolError> {
    let settings = &ctx.settings;
    let socket = match &ctx.engine.found().endpoint {
        Endpoint::Unix(path) => Some(path.clone()),
        _ => None,
    };
    let conflict = |message: String| ToolError::new(Kind::Conflict, message);
    let denied = |message: String| ToolError::new(Kind::PermissionDenied, message);
    let name = &what.name;
    if let Some(why) = what.uncopied {
        return Err(ToolError::new(Kind::Unsupported, format!("`{name}` cannot be made anew: {why}"))
            .hint("make it anew with docker_create, or on the host"));
    }
    if matches!(what.state.as_str(), "paused" | "removing" | "dead") {
        return Err(conflict(format!("container `{name}` is {}", what.state))
            .hint("docker_unpause it first, or docker_remove it"));
    }
    if what.shares_unseen && !settings.bypass {
        return Err(conflict(format!("`{name}` shares a namespace of a container that is not there"))
            .hint("make it anew with docker_create"));
    }
    others(what)?;
    if !what.contended.is_empty() && !args.stop_first {
        let needs = what.contended.join(", ");
        return Err(conflict(format!("old and new cannot run at once, for both need {needs}")).hint(
            "with stop_first = true the old one is stopped before the new one starts, and started again should that fail",
        ));
    }
    if !what.contended.is_empty() && what.auto_remove {
        return Err(conflict(format!(
            "`{name}` removes itself when it is stopped, so there would be no way back"
        ))
        .hint("docker_update cannot change that; make it anew with docker_run"));
    }
    if !what.other_image || settings.bypass {
        return Ok(());
    }
    // What it may do it may do for the image that it was made of; another one would get what nobody gave it.
    let asks = what.asks.iter().map(|ask| (vec![ask.clone()], Amounts::default()));
    let parts = asks.chain([(Vec::new(), what.amounts)]);
    let protected: Vec<PathBuf> = settings.records().into_iter().chain(socket).collect();
    let refused: Vec<Refusal> = parts
        .filter_map(|(asks, amounts)| {
            let wanted = Wanted { asks, amounts, protected: protected.clone() };
            create::check(&wanted, &settings.create).err()
        })
        .collect();
    let Some(first) = refused.first() else { return Ok(()) };
    let given: Vec<String> =
        refused.iter().map(|refusal| format!("{}={}", refusal.ask.field, refusal.ask.value)).collect();
    Err(denied(format!(
        "another image would get what only this container was given, and [create_safety] refuses to a new one: {} ({}: {})",
        given.join(", "),
        first.rule,
        first.why
    ))
    .hint("leave `image` out; a person can add an exception to `allow` under [create_safety]"))
}

/// What others have of it by its id would be gone with it.
fn others(what: &Recreation) -> Result<(), ToolError> {
    let name = &what.name;
    let named: Vec<String> =
        what.joined.seen.iter().map(|(other, shares)| format!("`{other}` ({shares})")).collect();
    let who = match (named.is_empty(), what.joined.unseen) {
        (true, false) => return Ok(()),
        // What is out of sight is not named.
        (true, true) => "something else".to_owned(),
        (false, _) => named.join(", "),
    };
    Err(ToolError::new(Kind::Conflict, format!("{who} shares what is `{name}`'s alone, and would lose it"))
        .hint(
            "docker_remove those first and make them anew behind it; where you see none, do it on the host",
        ))
}
