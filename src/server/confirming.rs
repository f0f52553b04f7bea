//! Before a change is made: only shown, held for a confirmation, or let through.

use std::sync::Arc;

use serde_json::json;

use crate::config::Settings;
use crate::config::settings::{By, Require};
use crate::confirm::{Invalid, binding};
use crate::output::{Draft, Finished, Redactor, finish};
use crate::policy::{Level, Permits};
use crate::tool::def::Prepared;
use crate::tool::{Effect, Kind, Preview, ToolDef, ToolError};

use super::{Caller, Server};

/// What is to happen.
pub(super) enum Next {
    /// It is done.
    Go,
    /// The caller gets this, and nothing is done.
    Show(Finished),
}

/// Does this tool need a confirmation under these settings?
pub(super) fn needed(def: &ToolDef, levels: &[Level], settings: &Settings) -> bool {
    !settings.bypass
        && match &settings.confirm.require {
            Require::None => false,
            Require::Destructive => def.spec.effect == Effect::Destroys,
            Require::Mutating => !def.spec.effect.read_only(),
            Require::Listed { levels: listed, tools } => {
                tools.matches(def.spec.name).is_some() || levels.iter().any(|level| listed.contains(level))
            }
        }
}

/// Shows, holds, or lets through.
pub(super) fn settle(
    (server, settings, redactor): (&Server, &Arc<Settings>, &Redactor),
    caller: &Caller,
    def: &ToolDef,
    (permits, prepared): (&Permits, &Prepared),
    preview: Preview,
) -> Result<Next, ToolError> {
    if settings.dry_run || prepared.dry_run {
        let draft = Draft::default().with("status", "dry_run");
        return Ok(Next::Show(finish(shown(draft, def, preview), redactor, settings.output.max_bytes)));
    }
    // A prune that finds nothing has nothing to ask about.
    let nothing =
        prepared.confirm_token.is_none() && !prepared.asked.is_empty() && permits.labels().next().is_none();
    let loses =
        preview.destroys && !settings.bypass && matches!(settings.confirm.require, Require::Destructive);
    if nothing || !(loses || needed(def, prepared.levels, settings)) {
        return Ok(Next::Go);
    }
    if settings.confirm.by == By::Human {
        return Err(ToolError::new(
            Kind::Unsupported,
            format!(
                "confirm.by = \"human\" holds `{}` for a person, which this version cannot do",
                def.spec.name
            ),
        )
        .hint("a person can do it at the host, or set by = \"caller\" under [confirm]"));
    }
    // Which order the engine listed them in says nothing.
    let mut ids: Vec<String> = permits.identities().collect();
    ids.sort();
    let mut state = preview.state.clone();
    state.sort();
    // The settings in force: the same value as long as nothing was reloaded.
    let settings_in_force = format!("{:p}", Arc::as_ptr(settings));
    let parts = [caller.name.as_str(), def.spec.name, &prepared.canonical, &settings_in_force];
    let parts = parts.into_iter().chain(ids.iter().map(String::as_str));
    let binding = binding(parts.chain(["state"]).chain(state.iter().map(String::as_str)));
    if let Some(token) = &prepared.confirm_token {
        return match server.tokens.take(&caller.name, token, binding) {
            Ok(()) => Ok(Next::Go),
            Err(why) => Err(invalid(why)),
        };
    }
    let ttl = settings.confirm.ttl;
    let token = server
        .tokens
        .give(&caller.name, binding, ttl)
        .map_err(|e| ToolError::internal(format!("no randomness: {e}")))?;
    let draft = Draft::default()
        .with("status", "confirmation_required")
        .with("confirm_token", token)
        .with("expires_in_s", ttl.as_secs());
    let draft = shown(draft, def, preview)
        .tail("To do exactly this, repeat the call with this confirm_token. Nothing was done yet.");
    Ok(Next::Show(finish(draft, redactor, settings.output.max_bytes)))
}

fn shown(draft: Draft, def: &ToolDef, preview: Preview) -> Draft {
    let count = preview.lines.len();
    draft.with("preview", json!({ "tool": def.spec.name, "count": count, "would_change": preview.lines }))
}

fn invalid(why: Invalid) -> ToolError {
    let message = match why {
        Invalid::Unknown => "the confirm_token is not known: it was used, or its time is over",
        Invalid::OtherCall => {
            "the confirm_token was given for another call, or what this call is about has changed since"
        }
    };
    ToolError::new(Kind::ConfirmationInvalid, message)
        .hint("repeat the call without confirm_token: it shows what would change now, and gives a new one")
}
