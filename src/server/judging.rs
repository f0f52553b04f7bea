//! A role answers what others ask for: what its settings name, what it sees all of, and never what it asked for itself.

use std::time::Duration;

use serde_json::{Value, json};

use crate::audit::{Decision, Record};
use crate::confirm::{Held, Pending};
use crate::policy::Permits;
use crate::state::Moment;
use crate::tool::{Kind, ToolError};

use super::{Caller, InForce, Server};

/// How long the log has for an answer.
const RECORD: Duration = Duration::from_secs(1);

impl Server {
    /// The roles that may answer such a call beside the person at the host: all that it is about exists for them.
    pub(super) fn judges(&self, tool: &str, permits: &Permits, project: Option<&str>) -> Vec<String> {
        let may = |rules: &crate::policy::Rules| {
            rules.rights.approve.matches(tool).is_some()
                && permits.are_shown_by(rules)
                && project.is_none_or(|name| rules.project(name).shown())
        };
        let standing = self.standing();
        let judges = standing.roles.iter().filter(|(_, role)| may(&role.settings.rules));
        judges.map(|(name, _)| name.clone()).collect()
    }
}

/// What waits and this caller may answer.
pub(super) fn pending(server: &Server, in_force: &InForce, caller: &Caller) -> Result<Value, ToolError> {
    let mut open = held(server)?.pending().map_err(unread)?;
    open.retain(|(_, one)| may(in_force, caller, one) && one.asked.caller != caller.name);
    let now = Moment::now();
    let shown = |(code, one): &(String, Pending)| {
        json!({
            "code": code,
            "caller": one.asked.caller,
            "tool": one.asked.tool,
            "engine": one.asked.engine,
            "arguments": seen(one),
            "would_change": one.asked.would_change,
            "expires_in_s": one.left(&now).as_secs(),
            "only_at_host": one.asked.only_at_host.then_some(true),
        })
    };
    Ok(json!({ "pending": open.iter().map(shown).collect::<Vec<_>>() }))
}

/// Answers it, on record.
pub(super) fn answer(
    server: &Server,
    in_force: &InForce,
    caller: &Caller,
    (code, approves): (&str, bool),
) -> Result<Value, ToolError> {
    let held = held(server)?;
    let code = code.trim().to_ascii_lowercase();
    let unknown = || {
        ToolError::new(
            Kind::NotFound,
            "nothing that waits has this code: it was answered, its time is over, or it is not for this role",
        )
        .hint("docker_approve without a code lists what waits")
    };
    let open = held.pending().map_err(unread)?;
    let found = open.into_iter().find(|(name, one)| *name == code && may(in_force, caller, one));
    let (_, one) = found.ok_or_else(unknown)?;
    if one.asked.caller == caller.name {
        return Err(ToolError::new(Kind::PermissionDenied, "nobody approves what it asks for itself")
            .hint("another caller of a role with can_approve answers, or a person at the host"));
    }
    // Allowed is what was seen, and nothing of which a part had to be masked.
    if approves && one.asked.only_at_host {
        return Err(ToolError::new(
            Kind::PermissionDenied,
            "parts of it are secrets that are not shown here, and nobody approves what nobody sees",
        )
        .hint(format!("a person at the host sees all of it: `docker-mcp approve {code}`")));
    }
    let (word, decision) =
        if approves { ("(approve)", Decision::Allowed) } else { ("(deny)", Decision::Denied) };
    let target = format!("{} {code} of {}", one.asked.tool, one.asked.caller);
    let role = caller.role.clone();
    server.audit.write(Record { role, ..Record::of_person(word, &caller.name, target, decision) });
    server.audit.flush(RECORD);
    if let Some(why) = server.audit.fault().filter(|_| approves && in_force.settings.audit.required) {
        return Err(ToolError::new(Kind::AuditUnavailable, "nothing was said: it cannot be recorded")
            .hint("a person can see to the folder in [audit] dir")
            .detail(why));
    }
    let one = held.answer(&code, approves).map_err(unread)?.ok_or_else(unknown)?;
    Ok(json!({
        "code": code,
        "answer": if approves { "approved" } else { "denied" },
        "caller": one.asked.caller,
        "tool": one.asked.tool,
        "engine": one.asked.engine,
        "arguments": seen(&one),
        "would_change": one.asked.would_change,
    }))
}

/// By the settings of now, and by what was found when it was asked for.
fn may(in_force: &InForce, caller: &Caller, one: &Pending) -> bool {
    let Some(role) = &caller.role else { return false };
    in_force.settings.rules.rights.approve.matches(&one.asked.tool).is_some()
        && one.asked.answerable_by.contains(role)
        && *one.asked.settings == *in_force.file_print
}

/// What the asker wrote, where nothing in it is a secret.
fn seen(one: &Pending) -> Option<&str> {
    (!one.asked.only_at_host).then_some(&*one.asked.arguments)
}

fn held(server: &Server) -> Result<&Held, ToolError> {
    server.held().ok_or_else(|| {
        ToolError::new(Kind::Unsupported, "nothing can be held here: there is no folder for it")
            .hint("a person can name one in [audit] dir")
    })
}

fn unread(e: std::io::Error) -> ToolError {
    ToolError::new(Kind::Unsupported, "what waits cannot be read or answered")
        .hint("a person can see to the folder in [audit] dir: it must be the server's own")
        .detail(e.to_string())
}
