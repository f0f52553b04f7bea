//! `docker_volumes`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::engine::volumes::SeenVolume;
use crate::output::{Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::words::{count, label_fits, name_fits, names};

pub struct Volumes;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    filter: Option<Filter>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Part of it, or a glob.
    name: Option<String>,
    /// `key` or `key=value`.
    label: Option<String>,
    /// Unused.
    dangling: Option<bool>,
}

impl Tool for Volumes {
    const SPEC: Spec = Spec {
        name: "docker_volumes",
        title: "List volumes",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "List volumes with name, driver and the containers that use each.",
    };
    type Args = Args;

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let filter = args.filter.unwrap_or_default();
        let mut seen = ctx.engine.volumes(&ctx.budget, &permits.world).await?;
        seen.sort_by(|a, b| a.raw.name.cmp(&b.raw.name));
        let rows: Vec<Row> = seen.iter().filter(|s| filter.fits(s)).map(row).collect();
        let unused = seen.iter().filter(|s| s.containers.is_empty()).count();
        let summary = format!("{}, {unused} unused", count(seen.len(), "volume"));
        Ok(Draft::list("volumes", &["name", "driver", "used_by"], rows)
            .with("summary", summary.clone())
            .tail(summary)
            .hint("narrow with filter.name")
            .keep_empty(&["volumes"])
            .told(&["summary"]))
    }
}

impl Filter {
    fn fits(&self, seen: &SeenVolume) -> bool {
        self.name.as_ref().is_none_or(|want| name_fits(want, &seen.raw.name))
            && self.label.as_ref().is_none_or(|want| label_fits(want, &seen.raw.labels))
            && self.dangling.is_none_or(|want| seen.containers.is_empty() == want)
    }
}

fn row(seen: &SeenVolume) -> Row {
    let SeenVolume { raw, containers } = seen;
    Row::new(
        json!({ "name": raw.name, "driver": raw.driver, "used_by": containers }),
        [raw.name.clone(), raw.driver.clone(), names(containers)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::raw;

    #[test]
    fn filters() {
        let raw = raw::Volume { name: "web_data".into(), ..raw::Volume::default() };
        let used = SeenVolume { raw: raw.clone(), containers: vec!["web".into()] };
        let free = SeenVolume { raw, containers: vec![] };
        let dangling = |want| Filter { dangling: Some(want), name: Some("web_*".into()), label: None };
        assert!(dangling(true).fits(&free) && !dangling(true).fits(&used));
        assert!(dangling(false).fits(&used) && !dangling(false).fits(&free));
    }
}
