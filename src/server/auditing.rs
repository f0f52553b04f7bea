//! A role reads the audit log. What its filters hide is in no line that it gets.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::audit::query::Query;
use crate::audit::read::{Entry, each};
use crate::policy::Rules;
use crate::tool::context::Lookup;
use crate::tool::{Kind, ToolError};

use super::{InForce, Server};

/// The last lines that fit.
pub(super) fn lines(server: &Server, in_force: &InForce, asked: &Lookup) -> Result<Value, ToolError> {
    let query = Query::of(asked)
        .map_err(|(field, why)| ToolError::invalid(format!("`{field}` cannot be read: {why}")))?;
    let dir = server.audit.dir().ok_or_else(|| {
        ToolError::new(Kind::Unsupported, "there is no audit log here")
            .hint("a person can turn it on in [audit]")
    })?;
    let rules = &in_force.settings.rules;
    let shows = |entry: &Entry| is_shown(server, rules, entry);
    let whole = rules.hides_nothing();
    let (mut last, mut count) = (VecDeque::new(), 0_usize);
    let read = each(dir, query.since, |line| {
        let entry = Entry::of(&line).map(|mut entry| {
            // What is hidden and what is missing look alike.
            if !whole && entry.error_kind.as_deref() == Some("not_found") {
                "undecided".clone_into(&mut entry.decision);
            }
            entry
        });
        let Some(entry) = entry.filter(|entry| query.wants(entry) && shows(entry)) else {
            return;
        };
        count += 1;
        if last.len() == asked.limit {
            last.pop_front();
        }
        last.push_back(entry);
    });
    read.map_err(|e| {
        ToolError::new(Kind::AuditUnavailable, "the audit log cannot be read")
            .hint("a person can see to the folder in [audit] dir")
            .detail(e.to_string())
    })?;
    let cut = (count > last.len()).then_some(true);
    let lines: Vec<Value> = last.iter().map(|entry| shown(entry, whole)).collect();
    Ok(json!({ "lines": lines, "count": count, "truncated": cut }))
}

/// A line names its targets and does not say what else they are called or belong to. So a role that has filters reads the lines
/// of callers who see no more than it does: all that they name exists for it.
fn is_shown(server: &Server, rules: &Rules, entry: &Entry) -> bool {
    if rules.hides_nothing() {
        return true;
    }
    // What a person did at the host says what the person wrote.
    let by_caller = !entry.tool.starts_with('(');
    let standing = server.standing();
    let theirs = match &entry.role {
        None => Some(&standing.local.file.rules),
        Some(role) => standing.roles.get(role).map(|role| &role.settings.rules),
    };
    // Filters may have been others then.
    by_caller
        && theirs.is_some_and(|theirs| rules.see_all_that(theirs))
        && entry.target.iter().all(|name| !rules.deny_name(name))
}

/// `whole`: with the rule that decided, which may name what is hidden.
fn shown(entry: &Entry, whole: bool) -> Value {
    json!({
        "time": entry.ts.to_string(),
        "call": entry.call,
        "caller": entry.caller,
        "role": entry.role,
        "tool": entry.tool,
        "target": entry.target,
        "decision": entry.decision,
        "rule": entry.rule.as_ref().filter(|_| whole),
        "effect": entry.effect,
        "outcome": entry.outcome,
        "error_kind": entry.error_kind,
        "duration_ms": entry.duration_ms,
    })
}
