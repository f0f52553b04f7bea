//! `docker_top`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::engine::EngineError;
use crate::engine::containers::Processes;
use crate::output::{Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::{Asked, Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::words::not_running;

pub struct Top;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    container: String,
}

/// What the engine room asks for; another `ps` on the host may answer with less.
const COLUMNS: &[&str] = &["pid", "ppid", "user", "stat", "%cpu", "%mem", "elapsed", "command"];

impl Tool for Top {
    const SPEC: Spec = Spec {
        name: "docker_top",
        title: "Processes in a container",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: true,
        summary: "Show the processes in a running container (host pids), as `ps` prints them.",
    };
    type Args = Args;

    fn targets(args: &Args) -> Result<Vec<Asked>, ToolError> {
        Ok(vec![Asked::Container(args.container.clone())])
    }

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let permit = super::the_container(&permits)?;
        let name = permit.target().name.clone();
        let processes = ctx.engine.top(&ctx.budget, permit).await.map_err(|e| match e {
            EngineError::Status { code: 409, .. } => not_running(&name),
            e => ToolError::of_object(e, "container", &args.container),
        })?;
        Ok(draft(processes).with("container", name))
    }
}

fn draft(Processes { titles, rows }: Processes) -> Draft {
    let usual = titles.iter().zip(COLUMNS).filter(|(a, b)| a.eq_ignore_ascii_case(b)).count()
        == COLUMNS.len()
        && titles.len() == COLUMNS.len();
    let rows = rows.into_iter().map(|row| {
        let json = json!(row);
        if usual { Row::new(json, row) } else { Row::new(json, [row.join("  ")]) }
    });
    let rows = rows.collect();
    let draft = Draft::list("processes", if usual { COLUMNS } else { &["process"] }, rows)
        .hint("docker_stats counts them")
        .keep_empty(&["processes"])
        .with("titles", titles);
    if usual { draft.told(&["titles"]) } else { draft }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_ps_is_shown_as_it_is() {
        let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let titles = strings(&["PID", "PPID", "USER", "STAT", "%CPU", "%MEM", "ELAPSED", "COMMAND"]);
        let usual = draft(Processes {
            titles,
            rows: vec![strings(&["1", "0", "root", "S", "0.0", "0.1", "00:01", "sh"])],
        });
        assert_eq!(usual.list.unwrap().rows[0].cells.len(), 8);
        let other =
            draft(Processes { titles: strings(&["PID", "CMD"]), rows: vec![strings(&["1", "sh -c x"])] });
        let list = other.list.unwrap();
        assert_eq!(list.rows[0].cells, ["1  sh -c x"]);
        assert_eq!(list.rows[0].json, json!(["1", "sh -c x"]));
    }
}
