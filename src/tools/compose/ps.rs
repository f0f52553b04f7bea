//! `docker_compose_ps`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::engine::outlook::Outlook;
use crate::engine::projects::{Member, Part, only};
use crate::engine::snapshot::short;
use crate::output::{Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::containers::ps::{health, ports};

use super::asking;
use super::waiting::exit_code;

pub struct Ps;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    project: Option<String>,
    /// Instead of project.
    file: Option<String>,
    services: Option<OneOrMany>,
}

impl Tool for Ps {
    const SPEC: Spec = Spec {
        name: "docker_compose_ps",
        title: "Show a compose project",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "List the containers of a compose project by service, stopped ones too, with state, health, exit code and \
                  ports.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        // Its containers are only listed: one that hangs keeps nobody from seeing the others.
        asking::asked(args.project.as_deref(), args.file.as_deref(), args.services.as_ref(), Part::Itself)
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let outlook = ctx.engine.outlook(&ctx.budget, &permits.world).await?;
        let mut members: Vec<Member> = outlook.containers().iter().filter_map(Member::of).collect();
        let project = match ctx.project.clone() {
            Some(project) => project,
            None => only(&members)?,
        };
        members.retain(|m| m.project == project);
        if let Some(OneOrMany(services)) = args.services {
            members.retain(|m| services.contains(&m.service));
        }
        members
            .sort_by_cached_key(|m| (m.service.clone(), m.one_off, m.number, m.seen.identity.name.clone()));
        let running = members.iter().filter(|m| m.seen.raw.state == "running").count();
        let summary = format!("{running} running, {} stopped containers", members.len() - running);
        let rows = members.iter().map(|member| row(member, &outlook)).collect();
        let columns = &["service", "container", "image", "state", "health", "exit_code", "ports"];
        Ok(Draft::list("containers", columns, rows)
            .with("project", project)
            .with("summary", summary)
            .keep_empty(&["project", "containers", "service", "health", "exit_code", "ports"]))
    }
}

fn row(member: &Member, outlook: &Outlook<'_>) -> Row {
    let (raw, who) = (&member.seen.raw, &member.seen.identity);
    let image = outlook.image(&who.image, &who.image_id);
    let (health, code, ports) = (health(&raw.status), exit_code(&raw.status), ports(&raw.ports));
    let service =
        if member.one_off { format!("{} (one-off)", member.service) } else { member.service.clone() };
    let cells = [
        service,
        who.name.clone(),
        image.clone(),
        raw.state.clone(),
        health.unwrap_or_default().to_owned(),
        code.map(|code| code.to_string()).unwrap_or_default(),
        ports.join(", "),
    ];
    let json = json!({
        "service": member.service, "container": who.name, "id": short(&who.id), "image": image, "state": raw.state,
        "health": health, "exit_code": code, "ports": ports, "one_off": member.one_off.then_some(true),
    });
    Row::new(json, cells)
}
