//! Before a change is made: only shown, held for a confirmation, or let through.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::Settings;
use crate::config::settings::{By, Require};
use crate::confirm::{Action, Answer as Standing, Invalid, binding};
use crate::output::{Draft, Finished, Learned, Redactor, finish};
use crate::policy::{Level, Permits};
use crate::tool::def::Prepared;
use crate::tool::{Effect, Kind, Preview, ToolDef, ToolError};

use super::{Caller, InForce, Said, Server};

/// Letters of the arguments that a person sees.
const ARGUMENTS: usize = 2000;

/// What is to happen.
#[derive(Debug)]
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

/// What the call itself can tell of it.
#[derive(Debug)]
pub(super) enum Settled {
    /// All.
    Next(Next),
    /// A person is to say.
    Hold(Box<Hold>),
}

/// A change that a person is to let through.
#[derive(Debug)]
pub(super) struct Hold {
    action: Action,
    shown: Draft,
}

/// Shows, holds, or lets through.
pub(super) fn settle(
    (server, in_force): (&Server, &InForce),
    caller: &Caller,
    def: &ToolDef,
    (permits, prepared): (&Permits, &Prepared),
    preview: Preview,
) -> Result<Settled, ToolError> {
    let InForce { settings, redactor, .. } = in_force;
    let show = |draft| Ok(Settled::Next(Next::Show(finish(draft, redactor, settings.output.max_bytes))));
    if settings.dry_run || prepared.dry_run {
        let draft = Draft::default().with("status", "dry_run");
        return show(shown(draft, def, preview));
    }
    // A prune that finds nothing has nothing to ask about.
    let nothing =
        prepared.confirm_token.is_none() && !prepared.asked.is_empty() && permits.labels().next().is_none();
    let loses =
        preview.destroys && !settings.bypass && matches!(settings.confirm.require, Require::Destructive);
    if nothing || !(loses || needed(def, prepared.levels, settings)) {
        return Ok(Settled::Next(Next::Go));
    }
    // Which order the engine listed them in says nothing.
    let mut ids: Vec<String> = permits.identities().collect();
    ids.sort();
    let mut state = preview.state.clone();
    state.sort();
    let parts = [caller.name.as_str(), def.spec.name, &prepared.canonical, &in_force.print];
    let parts = parts.into_iter().chain(ids.iter().map(String::as_str));
    let binding = binding(parts.chain(["state"]).chain(state.iter().map(String::as_str)));
    if settings.confirm.by == By::Human {
        // A token stands for the caller's own word, which counts for nothing here.
        if prepared.confirm_token.is_some() {
            return Err(ToolError::new(
                Kind::ConfirmationInvalid,
                "here a person confirms, and no token does",
            )
            .hint("repeat the call without confirm_token: it says how a person is asked"));
        }
        let action = Action {
            caller: caller.name.clone(),
            tool: def.spec.name.to_owned(),
            arguments: arguments(&prepared.canonical, redactor),
            would_change: preview.lines.iter().map(|line| redactor.line(line, &Learned::default())).collect(),
            binding,
        };
        return Ok(Settled::Hold(Box::new(Hold { action, shown: shown(Draft::default(), def, preview) })));
    }
    if let Some(token) = &prepared.confirm_token {
        return match server.tokens.take(&caller.name, token, binding) {
            Ok(()) => Ok(Settled::Next(Next::Go)),
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
    show(draft)
}

impl Hold {
    /// Asks for it, or hears what a person said of it: at the host, or just now in the client.
    pub(super) fn ask(
        self,
        server: &Arc<Server>,
        in_force: &InForce,
        said: Option<Said>,
    ) -> impl Future<Output = Result<Next, ToolError>> + Send + 'static + use<> {
        let (server, in_force) = (Arc::clone(server), in_force.clone());
        async move {
            let (ttl, Self { action, shown }) = (in_force.settings.confirm.approval_ttl, self);
            let asked = move || {
                let held = server.held().ok_or_else(|| "there is no home folder to hold it in".to_owned())?;
                let answer = held.ask(action.clone(), ttl);
                let answer = match (answer, said) {
                    // What a person said counts for the change that the person saw, and for no other.
                    (Ok(Standing::Waits(code, _)), Some(said)) if said.code == code => {
                        held.answer(&code, said.yes).and_then(|_| held.ask(action, ttl))
                    }
                    (answer, _) => answer,
                };
                answer.map_err(|e| e.to_string())
            };
            let answer = tokio::task::spawn_blocking(asked)
                .await
                .map_err(|e| ToolError::internal(e.to_string()))?
                .map_err(|why| unheld(&why))?;
            match answer {
                Standing::Go => Ok(Next::Go),
                Standing::Refused => Err(ToolError::new(
                    Kind::ApprovalDenied,
                    "a person was asked for this change and refused it",
                )
                .hint("do not repeat it; ask the person what is wanted instead")),
                Standing::Waits(code, left) => {
                    let draft = shown
                        .with("status", "approval_pending")
                        .with("code", code.clone())
                        .with("expires_in_s", left.as_secs())
                        .tail(format!(
                            "A person must allow this: `docker-mcp approve {code}` at this host. Then repeat the very \
                             same call. Nothing was done yet."
                        ));
                    Ok(Next::Show(finish(draft, &in_force.redactor, in_force.settings.output.max_bytes)))
                }
            }
        }
    }
}

fn unheld(why: &str) -> ToolError {
    ToolError::new(Kind::Unsupported, "a person must allow this, and it cannot be held for one")
        .hint("a person can see to the folder in [audit] dir: it must be the server's own, and writable by nobody else")
        .detail(why)
}

/// Arguments as a person may see them.
fn arguments(canonical: &str, redactor: &Redactor) -> String {
    let mut value: Value = serde_json::from_str(canonical).unwrap_or_default();
    redactor.json(&mut value, &Learned::default());
    let text = redactor.line(&value.to_string(), &Learned::default());
    match text.char_indices().nth(ARGUMENTS) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text,
    }
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
