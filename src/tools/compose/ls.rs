//! `docker_compose_ls`

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::engine::outlook::Outlook;
use crate::engine::projects::Member;
use crate::output::{Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};

pub struct Ls;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {}

impl Tool for Ls {
    const SPEC: Spec = Spec {
        name: "docker_compose_ls",
        title: "List compose projects",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "List compose projects with their services, how many containers are in which state, and their files.",
    };
    const PROBES: bool = true;
    type Args = Args;

    async fn run(ctx: Ctx, permits: Permits, _: Args) -> Result<Output, ToolError> {
        let outlook = ctx.engine.outlook(&ctx.budget, &permits.world).await?;
        let mut projects: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for member in outlook.containers().iter().filter_map(Member::of) {
            projects.entry(member.project.clone()).or_default().push(member);
        }
        let rows = projects.into_iter().map(|(name, members)| row(name, &members, &outlook)).collect();
        let columns = &["name", "status", "services", "config_files"];
        Ok(Draft::list("projects", columns, rows).keep_empty(&["projects", "config_files"]))
    }
}

fn row(name: String, members: &[Member], outlook: &Outlook<'_>) -> Row {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for member in members {
        *counts.entry(member.seen.raw.state.as_str()).or_default() += 1;
    }
    let status: Vec<String> = counts.iter().map(|(state, n)| format!("{state}({n})")).collect();
    let services: BTreeSet<&str> =
        members.iter().map(|m| m.service.as_str()).filter(|s| !s.is_empty()).collect();
    let services: Vec<&str> = services.into_iter().collect();
    let files: BTreeSet<&str> =
        members.iter().flat_map(Member::files).map(|f| outlook.host_path(f)).collect();
    let files: Vec<&str> = files.into_iter().collect();
    let (status, all) = (status.join(", "), (services.join(", "), files.join(", ")));
    let json = json!({
        "name": name, "status": status, "containers": counts, "services": services, "config_files": files,
    });
    Row::new(json, [name, status, all.0, all.1])
}
