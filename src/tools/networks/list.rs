//! `docker_networks`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::networks::SeenNetwork;
use crate::engine::snapshot::short;
use crate::output::{Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::words::{count, label_fits, name_fits, names};

pub struct Networks;

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
    /// bridge, overlay, macvlan, ...
    driver: Option<String>,
}

impl Tool for Networks {
    const SPEC: Spec = Spec {
        name: "docker_networks",
        title: "List networks",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "List networks with id, name, driver, scope, subnets and the containers on each.",
    };
    type Args = Args;

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let filter = args.filter.unwrap_or_default();
        let mut seen = ctx.engine.networks(&ctx.budget, &permits.world).await?;
        seen.sort_by(|a, b| a.raw.name.cmp(&b.raw.name));
        let rows: Vec<Row> = seen.iter().filter(|s| filter.fits(s)).map(row).collect();
        let summary = count(seen.len(), "network");
        Ok(Draft::list(
            "networks",
            &["id", "name", "driver", "scope", "internal", "subnets", "containers"],
            rows,
        )
        .with("summary", summary.clone())
        .tail(summary)
        .hint("narrow with filter.name")
        .keep_empty(&["networks"])
        .told(&["summary"]))
    }
}

impl Filter {
    fn fits(&self, seen: &SeenNetwork) -> bool {
        self.name.as_ref().is_none_or(|want| name_fits(want, &seen.raw.name))
            && self.label.as_ref().is_none_or(|want| label_fits(want, &seen.raw.labels))
            && self.driver.as_ref().is_none_or(|want| want.eq_ignore_ascii_case(&seen.raw.driver))
    }
}

fn row(seen: &SeenNetwork) -> Row {
    let SeenNetwork { raw, containers } = seen;
    let subnets = subnets(&raw.ipam);
    let cells = [
        short(&raw.id).to_owned(),
        raw.name.clone(),
        raw.driver.clone(),
        raw.scope.clone(),
        if raw.internal { "yes" } else { "" }.to_owned(),
        subnets.join(", "),
        names(containers),
    ];
    let json = json!({
        "id": short(&raw.id), "name": raw.name, "driver": raw.driver, "scope": raw.scope,
        "internal": raw.internal.then_some(true), "subnets": subnets, "containers": containers,
    });
    Row::new(json, cells)
}

fn subnets(ipam: &Value) -> Vec<&str> {
    let pools = ipam.get("Config").and_then(Value::as_array);
    pools.into_iter().flatten().filter_map(|p| p.get("Subnet")?.as_str()).filter(|s| !s.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pool_is_told() {
        let ipam = json!({ "Config": [{ "Subnet": "10.0.0.0/8" }, { "Gateway": "fe80::1" }, { "Subnet": "fd00::/8" }] });
        assert_eq!(subnets(&ipam), ["10.0.0.0/8", "fd00::/8"]);
        assert_eq!(subnets(&Value::Null), Vec::<&str>::new());
    }
}
