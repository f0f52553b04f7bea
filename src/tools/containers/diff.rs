//! `docker_diff`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::engine::containers::Change;
use crate::output::{Cut, Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};

pub struct Diff;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    container: String,
    /// Only below this folder.
    path: Option<String>,
    /// At most so many; 200 by default.
    limit: Option<usize>,
}

const LIMIT: usize = 200;

impl Tool for Diff {
    const SPEC: Spec = Spec {
        name: "docker_diff",
        title: "Changed files in a container",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: true,
        summary: "List the paths that were added, modified or deleted since the container was created.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::Container(args.container.clone())])
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let permit = super::the_container(&permits)?;
        let changes = ctx
            .engine
            .changes(&ctx.budget, permit)
            .await
            .map_err(|e| ToolError::of_object(e, "container", &args.container))?;
        Ok(draft(changes, &args).with("container", permit.target().name.clone()))
    }
}

fn draft(mut changes: Vec<Change>, args: &Args) -> Draft {
    changes.retain(|c| args.path.as_deref().is_none_or(|folder| below(folder, &c.path)));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::from([("added", 0), ("modified", 0), ("deleted", 0)]);
    for change in &changes {
        *counts.entry(change.kind).or_default() += 1;
    }
    let total = changes.len();
    changes.truncate(args.limit.unwrap_or(LIMIT));
    let shown = changes.len();
    let row = |c: Change| Row::new(json!({ "kind": c.kind, "path": c.path }), [c.kind.to_owned(), c.path]);
    let draft = Draft::list("changes", &["kind", "path"], changes.into_iter().map(row).collect())
        .hint("narrow with path")
        .keep_empty(&["changes"])
        .with("counts", json!(counts));
    if shown == total {
        return draft;
    }
    let hint = "narrow with path, or raise limit".to_owned();
    draft.cut(Cut {
        total: u64::try_from(total).ok(),
        shown: u64::try_from(shown).ok(),
        what: "changes",
        hint,
    })
}

/// The folder itself, and what lies in it.
fn below(folder: &str, path: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders() {
        assert!(below("/etc", "/etc/passwd") && below("/etc/", "/etc") && below("/", "/etc"));
        assert!(!below("/etc", "/etcetera") && !below("/etc/x", "/etc"));
    }

    #[test]
    fn what_is_cut_is_counted() {
        let changes = (0..5).map(|i| Change { kind: "added", path: format!("/a/{i}") }).collect();
        let args = Args { container: "web".into(), path: Some("/a".into()), limit: Some(2) };
        let draft = draft(changes, &args);
        assert_eq!(draft.list.unwrap().rows.len(), 2);
        assert_eq!(draft.data["counts"]["added"], 5);
        assert_eq!(draft.truncated.unwrap().total, Some(5));
    }
}
