//! `deploy`, of which compose takes little without a swarm.

use crate::guard::create::Ask;

use super::Refused;
use super::model::Service;
use super::reach;
use super::reader::At;

pub(super) const KEYS: &[&str] = &["deploy"];

/// Containers of one service; nobody means more.
const MOST: u32 = 1000;

/// What only a swarm reads: how tasks are placed and replaced. Its labels are those of the swarm's service.
const SWARM: &[&str] = &["endpoint_mode", "labels", "mode", "placement", "rollback_config", "update_config"];

pub(super) fn read(service: &At<'_>, out: &mut Service) -> Result<(), Refused> {
    let deploy = service.key("deploy")?;
    let mut counts = vec![service.key("scale")?];
    let mut restart = None;
    if let Some(at) = &deploy {
        at.closed(&[SWARM, &["replicas", "resources", "restart_policy"]])?;
        counts.push(at.key("replicas")?);
        resources(at, out)?;
        restart = at.key("restart_policy")?;
    }
    out.replicas = 1;
    // `scale` goes before.
    if let Some(at) = counts.into_iter().flatten().next() {
        let count = u32::try_from(at.whole()?).ok().filter(|count| *count <= MOST);
        out.replicas =
            count.ok_or_else(|| at.refuse("it is no number of containers", "between 0 and 1000"))?;
    }
    out.asks.extend(out.restart.iter().map(|policy| Ask::new("restart_policy", policy.as_str())));
    if let Some(at) = restart {
        // It stands in for `restart`.
        out.restart = policy(&at)?;
        out.asks.extend(out.restart.iter().map(|policy| Ask::new("restart_policy", policy.as_str())));
    }
    Ok(())
}

fn resources(deploy: &At<'_>, out: &mut Service) -> Result<(), Refused> {
    let Some(at) = deploy.key("resources")? else { return Ok(()) };
    at.closed(&[&["limits", "reservations"]])?;
    for key in ["limits", "reservations"] {
        let Some(at) = at.key(key)? else { continue };
        // Its amounts are read where those of the service are; memory that is reserved is a wish.
        at.closed(&[&["cpus", "memory", "pids", "devices", "generic_resources"]])?;
        for at in at.key("devices")?.map(|at| at.list()).transpose()?.unwrap_or_default() {
            out.asks.push(reach::requested(&at)?);
        }
    }
    Ok(())
}

/// As the engine calls it.
fn policy(at: &At<'_>) -> Result<Option<String>, Refused> {
    at.closed(&[&["condition", "delay", "max_attempts", "window"]])?;
    let condition = at.key("condition")?.map(|at| at.text()).transpose()?.unwrap_or_default();
    let attempts = at.key("max_attempts")?.map(|at| at.whole()).transpose()?.unwrap_or(0);
    Ok(match condition {
        "" => None,
        "none" | "no" => Some("no".to_owned()),
        "any" | "always" => Some("always".to_owned()),
        "on-failure" if attempts > 0 => Some(format!("on-failure:{attempts}")),
        other => Some(other.to_owned()),
    })
}
