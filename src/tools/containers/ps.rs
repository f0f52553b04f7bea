//! `docker_ps`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::engine::outlook::Outlook;
use crate::engine::raw::Port;
use crate::engine::snapshot::{Seen, short};
use crate::output::{Cut, Draft, Row};
use crate::policy::{Level, Permits};
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};
use crate::tools::words::{label_fits, name_fits};

pub struct Ps;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Stopped ones too. A status filter implies it.
    all: Option<bool>,
    filter: Option<Filter>,
    /// At most so many, newest first; 0 only counts them.
    limit: Option<usize>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Part of it, or a glob.
    name: Option<String>,
    /// created, running, paused, restarting, removing, exited or dead.
    status: Option<String>,
    /// `key` or `key=value`.
    label: Option<String>,
    /// healthy, unhealthy, starting or none.
    health: Option<String>,
    /// Compose project.
    project: Option<String>,
}

impl Tool for Ps {
    const SPEC: Spec = Spec {
        name: "docker_ps",
        title: "List containers",
        levels: &[Level::Read],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "List containers with id, name, image, status, uptime, ports and health. Running ones unless `all`.",
    };
    const PROBES: bool = true;
    type Args = Args;

    async fn run(ctx: Ctx, permits: Permits, args: Args) -> Result<Output, ToolError> {
        let filter = args.filter.unwrap_or_default();
        let outlook = ctx.engine.outlook(&ctx.budget, &permits.world).await?;
        let seen = outlook.containers();
        let running = seen.iter().filter(|s| s.raw.state == "running").count();
        let summary = format!("{running} running, {} stopped containers", seen.len() - running);
        let all = args.all.unwrap_or(false) || filter.status.is_some();
        let fits = |s: &Seen| {
            (all || matches!(s.raw.state.as_str(), "running" | "paused" | "restarting")) && filter.fits(s)
        };
        let mut rows: Vec<Row> = seen.iter().filter(|s| fits(s)).map(|s| row(s, &outlook)).collect();
        let total = rows.len();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for s in seen.iter().filter(|s| args.limit == Some(0) && fits(s)) {
            *counts.entry(s.raw.state.as_str()).or_default() += 1;
        }
        rows.truncate(args.limit.unwrap_or(usize::MAX));
        let shown = rows.len();
        let mut draft =
            Draft::list("containers", &["id", "name", "image", "status", "uptime", "ports", "health"], rows)
                .with("summary", summary.clone())
                .tail(summary);
        draft.keep_empty = &["containers", "ports", "health", "uptime"];
        draft.told = &["summary"];
        if args.limit == Some(0) {
            draft = draft.with("counts", json!(counts));
        }
        if shown < total {
            draft = draft.cut(Cut {
                total: u64::try_from(total).ok(),
                shown: u64::try_from(shown).ok(),
                what: "containers",
                hint: "raise limit".to_owned(),
            });
        }
        Ok(draft)
    }
}

impl Filter {
    fn fits(&self, s: &Seen) -> bool {
        let is =
            |want: &Option<String>, have: &str| want.as_ref().is_none_or(|w| w.eq_ignore_ascii_case(have));
        self.name.as_ref().is_none_or(|want| name_fits(want, &s.identity.name))
            && is(&self.status, &s.raw.state)
            && is(&self.health, health(&s.raw.status).unwrap_or("none"))
            && self.project.as_ref().is_none_or(|p| s.identity.project.as_ref() == Some(p))
            && self.label.as_ref().is_none_or(|label| label_fits(label, &s.raw.labels))
    }
}

fn row(s: &Seen, outlook: &Outlook<'_>) -> Row {
    let image = outlook.image(&s.identity.image, &s.identity.image_id);
    let icon = match s.raw.state.as_str() {
        "running" => "✓",
        "paused" => "‖",
        "restarting" => "↻",
        "created" => "○",
        _ => "✗",
    };
    let uptime = uptime(&s.raw.state, &s.raw.status);
    let ports: Vec<String> = ports(&s.raw.ports);
    let health = health(&s.raw.status);
    let cells = [
        short(&s.identity.id).to_owned(),
        s.identity.name.clone(),
        image.clone(),
        format!("{icon} {}", s.raw.state),
        uptime.clone().unwrap_or_default(),
        ports.join(", "),
        health.unwrap_or_default().to_owned(),
    ];
    let json = json!({
        "id": short(&s.identity.id), "name": s.identity.name, "image": image, "status": s.raw.state,
        "status_icon": icon, "uptime": uptime, "ports": ports, "health": health,
    });
    Row::new(json, cells)
}

/// `Up 3 days (healthy)` → `healthy`.
pub(in crate::tools) fn health(status: &str) -> Option<&'static str> {
    let inside = status.rsplit_once('(')?.1.strip_suffix(')')?;
    match inside {
        "healthy" => Some("healthy"),
        "unhealthy" => Some("unhealthy"),
        s if s.contains("starting") => Some("starting"),
        _ => None,
    }
}

/// `Up About an hour (healthy)` → `1h`: the list says no more, and an inspection each would cost ten times the list.
fn uptime(state: &str, status: &str) -> Option<String> {
    if !matches!(state, "running" | "paused" | "restarting") {
        return None;
    }
    let words: Vec<&str> = status.strip_prefix("Up ")?.split_whitespace().collect();
    let (number, unit) = match words.as_slice() {
        ["Less", "than", "a", "second", ..] => ("0", "second"),
        ["About", "a" | "an", unit, ..] => ("1", *unit),
        [number, unit, ..] => (*number, *unit),
        _ => return None,
    };
    let unit = match unit.trim_end_matches('s') {
        "second" => "s",
        "minute" => "m",
        "hour" => "h",
        "day" => "d",
        "week" => "w",
        "month" => "mo",
        "year" => "y",
        _ => return None,
    };
    Some(format!("{number}{unit}"))
}

pub(in crate::tools) fn ports(ports: &[Port]) -> Vec<String> {
    let mut all: Vec<String> = ports
        .iter()
        // The engine publishes on both families by default: one line says it.
        .filter(|p| {
            !(p.ip == "::" && ports.iter().any(|o| o.ip == "0.0.0.0" && o.public_port == p.public_port))
        })
        .map(|p| match p.public_port {
            Some(public) if p.ip.contains(':') => {
                format!("[{}]:{public}->{}/{}", p.ip, p.private_port, p.r#type)
            }
            Some(public) => format!("{}:{public}->{}/{}", p.ip, p.private_port, p.r#type),
            None => format!("{}/{}", p.private_port, p.r#type),
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_phrases_become_short() {
        assert_eq!(uptime("running", "Up 3 days (healthy)").as_deref(), Some("3d"));
        assert_eq!(uptime("running", "Up About an hour").as_deref(), Some("1h"));
        assert_eq!(uptime("running", "Up Less than a second").as_deref(), Some("0s"));
        assert_eq!(uptime("exited", "Exited (0) 3 minutes ago"), None);
        assert_eq!(health("Up 2 minutes (health: starting)"), Some("starting"));
        assert_eq!(health("Exited (1) 2 minutes ago"), None);
    }
}
