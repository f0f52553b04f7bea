//! Before a change is made: only shown, held for a confirmation, or let through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::audit::{Decision, Record, escape};
use crate::config::Settings;
use crate::config::settings::{By, Require};
use crate::confirm::{Action, Answer as Standing, Asked, Invalid, Yes, binding};
use crate::output::{Draft, Finished, Learned, finish};
use crate::policy::{Level, Permits, Right};
use crate::tool::def::Prepared;
use crate::tool::{Effect, Kind, Preview, ToolDef, ToolError};

use super::spent::Spent;
use super::{Caller, InForce, Said, Server};

/// Letters that a person can be asked to look over.
const SEEN: usize = 24_000;
/// Calls a minute that a person may have to be asked about.
const QUESTIONS: u32 = 20;
/// How long the log has for what a person said.
const RECORD: Duration = Duration::from_secs(1);

/// What is to happen.
#[derive(Debug)]
pub(super) enum Next {
    /// It is done; what a person's yes was, if it took one.
    Go(Option<Spent>),
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
    /// Nothing in it is a secret of a file: a person in the client may see all of it.
    for_client: bool,
}

/// Is a token or a person to let this call through? Not where it is only shown.
pub(super) fn asks(def: &ToolDef, prepared: &Prepared, preview: &Preview, settings: &Settings) -> bool {
    let loses =
        preview.destroys && !settings.bypass && matches!(settings.confirm.require, Require::Destructive);
    // An answer is no change of its own: who may give it is judged where it is given.
    let answers = Right::of(def.spec.name).is_some();
    !(answers || settings.dry_run || prepared.dry_run) && (loses || needed(def, prepared.levels, settings))
}

/// Shows, holds, or lets through.
pub(super) fn settle(
    (server, in_force): (&Server, &InForce),
    (caller, engine): (&Caller, &str),
    def: &ToolDef,
    (permits, prepared, project): (&Permits, &Prepared, Option<&str>),
    (preview, learned): (Preview, &Learned),
) -> Result<Settled, ToolError> {
    let InForce { settings, redactor, .. } = in_force;
    let show = |draft: Draft| {
        let draft = draft.learned(learned.clone());
        Ok(Settled::Next(Next::Show(finish(draft, redactor, settings.output.max_bytes))))
    };
    if settings.dry_run || prepared.dry_run {
        let draft = Draft::default().with("status", "dry_run");
        return show(shown(draft, def, preview));
    }
    // A prune that finds nothing has nothing to ask about.
    let nothing =
        prepared.confirm_token.is_none() && !prepared.asked.is_empty() && permits.labels().next().is_none();
    if nothing || !asks(def, prepared, &preview, settings) {
        return Ok(Settled::Next(Next::Go(None)));
    }
    // Which order the engine listed them in says nothing.
    let mut ids: Vec<String> = permits.identities().collect();
    ids.sort();
    let mut state = preview.state.clone();
    state.sort();
    let parts = [caller.name.as_str(), def.spec.name, &prepared.canonical, &in_force.print, engine];
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
        // The caller's own words and the file's stand as they are: what would be masked in them is what they choose.
        let arguments = escape(&prepared.canonical);
        let details: Vec<String> = preview.details.iter().map(|json| escape(json)).collect();
        let for_client = details.iter().all(|json| redactor.line(json, learned) == *json);
        // Another role would be shown what this caller knows.
        let only_at_host = !for_client || redactor.line(&arguments, learned) != arguments;
        let lines = preview.lines.iter().map(|line| redactor.line(line, learned));
        let would_change: Vec<String> = lines.chain(details).collect();
        overlooked(&arguments, &would_change)?;
        let (caller, tool) = (caller.name.clone(), def.spec.name.to_owned());
        let (engine, answerable_by) = (engine.to_owned(), server.judges(&tool, permits, project));
        let settings = in_force.file_print.to_string();
        let asked =
            Asked { caller, tool, engine, arguments, would_change, answerable_by, only_at_host, settings };
        let action = Action { asked, binding };
        let shown = shown(Draft::default(), def, preview).learned(learned.clone());
        return Ok(Settled::Hold(Box::new(Hold { action, shown, for_client })));
    }
    if let Some(token) = &prepared.confirm_token {
        return match server.tokens.take(&caller.name, token, binding) {
            Ok(()) => Ok(Settled::Next(Next::Go(None))),
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
    /// What a person in the client is asked, in full. None: there is more to see than a client is shown, and only a person at
    /// the host can answer.
    pub(super) fn question(&self) -> Option<String> {
        let Asked { tool, engine, arguments, would_change, .. } = &self.action.asked;
        let lines = would_change.join("\n");
        self.for_client
            .then(|| format!("An agent asks for a change.\n{tool} {arguments}\nat {engine}\n{lines}"))
    }

    /// Asks for it, or hears what a person said of it: at the host, or just now in the client.
    pub(super) fn ask(
        self,
        server: &Arc<Server>,
        in_force: &InForce,
        said: Option<Said>,
    ) -> impl Future<Output = Result<Next, ToolError>> + Send + 'static + use<> {
        let (server, in_force) = (Arc::clone(server), in_force.clone());
        async move {
            let (ttl, Self { action, shown, for_client }) = (in_force.settings.confirm.approval_ttl, self);
            // Who could not be asked in the client did not answer there.
            let said = said.filter(|said| for_client || said.at_host || !said.yes);
            let asked = move || {
                let keeper = Arc::clone(&server);
                let held = server.held().ok_or_else(|| unheld("there is no home folder to hold it in"))?;
                // Each puts a question before a person, who must not be worn down.
                if !held.knows(&action).map_err(|e| unheld(&e.to_string()))? {
                    let taken =
                        server.rates.take(&action.asked.caller, "questions", QUESTIONS, Instant::now());
                    taken.map_err(worn)?;
                }
                let answer = held.ask(action.clone(), ttl);
                let answer = match (answer, said) {
                    // What a person said counts for the change that the person saw, and for no other.
                    (Ok(Standing::Waits(code, _)), Some(said)) if said.code == code => {
                        said_in_client(&server, &action, &said).map_err(|why| unheld(&why))?;
                        held.answer(&code, said.yes).and_then(|_| held.ask(action, ttl))
                    }
                    (answer, _) => answer,
                };
                // Given back also where nobody waits for this answer any more.
                let spent = |yes: Yes| {
                    Spent::new(move || {
                        let back = keeper.held().map(|held| held.give_back(&yes));
                        if let Some(Err(e)) = back {
                            tracing::warn!(error = %e, "a person's yes came to nothing, and is spent");
                        }
                    })
                };
                match answer.map_err(|e| unheld(&e.to_string()))? {
                    Standing::Go(yes) => Ok::<_, ToolError>(Heard::Go(spent(yes))),
                    Standing::Refused => Ok(Heard::Refused),
                    Standing::Waits(code, left) => Ok(Heard::Waits(code, left)),
                }
            };
            let answer = tokio::task::spawn_blocking(asked)
                .await
                .map_err(|e| ToolError::internal(e.to_string()))??;
            match answer {
                Heard::Go(yes) => Ok(Next::Go(Some(yes))),
                Heard::Refused => Err(ToolError::new(
                    Kind::ApprovalDenied,
                    "a person was asked for this change and refused it",
                )
                .hint("do not repeat it; ask the person what is wanted instead")),
                Heard::Waits(code, left) => {
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

/// What a person said, with their yes as something that may be given back.
enum Heard {
    Go(Spent),
    Refused,
    Waits(String, Duration),
}

/// What a person said in the client is on record before it counts.
fn said_in_client(server: &Server, action: &Action, said: &Said) -> Result<(), String> {
    let what = if said.yes { "(approve)" } else { "(deny)" };
    let decision = if said.yes { Decision::Allowed } else { Decision::Denied };
    let target = format!("{} {} of {}", action.asked.tool, said.code, action.asked.caller);
    let who = if said.at_host { "host".to_owned() } else { format!("client of {}", action.asked.caller) };
    server.audit.write(Record::of_person(what, &who, target, decision));
    server.audit.flush(RECORD);
    let required = server.in_force().settings.audit.required;
    server.audit.fault().filter(|_| required && said.yes).map_or(Ok(()), Err)
}

/// A person allows what a person can see, and nothing of which a part would have to be left out.
fn overlooked(arguments: &str, lines: &[String]) -> Result<(), ToolError> {
    let letters =
        arguments.chars().count() + lines.iter().map(|line| line.chars().count() + 1).sum::<usize>();
    if letters <= SEEN {
        return Ok(());
    }
    Err(ToolError::new(
        Kind::InvalidArguments,
        format!(
            "a person must allow this, and would have to look over {letters} characters; {SEEN} are the most"
        ),
    )
    .hint("do it in smaller parts, or put long texts into files or images that a person has seen"))
}

fn worn(wait: Duration) -> ToolError {
    let what = format!("a person may be asked for {QUESTIONS} changes a minute, and was");
    ToolError::new(Kind::RateLimited, what)
        .hint("wait for the person; then repeat the very same call")
        .retry_after(wait)
}

fn unheld(why: &str) -> ToolError {
    ToolError::new(Kind::Unsupported, "a person must allow this, and it cannot be held for one")
        .hint("a person can see to the folder in [audit] dir: it must be the server's own, and writable by nobody else")
        .detail(why)
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
