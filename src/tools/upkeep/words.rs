//! How what would go is said, and what went already.

use std::time::Duration;

use crate::engine::removal::Doomed;
use crate::output::bytes;
use crate::policy::{Container, Permit, World};
use crate::tool::{Ctx, Kind, ToolError};
use crate::tools::words::{age, count, now};

/// One line of a preview.
pub(super) fn line(doomed: &Doomed, volumes: bool) -> String {
    let mut line = format!("container `{}`: {}", doomed.name, doomed.state);
    if let Some(age) = age(doomed.created, now()) {
        line.push_str(&format!(", {age} old"));
    }
    if let Some(size) = doomed.size {
        line.push_str(&format!(", {} written in it", bytes(u64::try_from(size).unwrap_or_default())));
    }
    let n = doomed.volumes.len();
    if volumes && n > 0 {
        let names: Vec<&str> = doomed.volumes.iter().map(|name| name.get(..12).unwrap_or(name)).collect();
        line.push_str(&format!(
            ", with {} and the data in it: {}",
            count(n, "anonymous volume"),
            names.join(", ")
        ));
    } else if n > 0 {
        line.push_str(&format!("; its {} stay", count(n, "anonymous volume")));
    }
    line
}

/// What must be the same when it is confirmed.
pub(super) fn state(doomed: &Doomed, volumes: bool) -> String {
    let volumes = if volumes { doomed.volumes.join(",") } else { String::new() };
    format!("{} {} {volumes}", doomed.name, doomed.state)
}

/// The next step of those who come too late: one look.
const LOOK: Duration = Duration::from_secs(1);

/// It is gone, and another one has its name: somebody was faster. None where there is no such one, or none in sight.
pub(super) async fn made_anew(ctx: &Ctx, world: &Permit<World>, who: &Container) -> Option<ToolError> {
    let seen = ctx.engine.containers(&ctx.budget.at_most(LOOK), world).await.ok()?;
    let other = seen.iter().any(|seen| seen.identity.name == who.name && seen.identity.id != who.id);
    other.then(|| {
        ToolError::new(
            Kind::Conflict,
            format!("`{}` was made anew meanwhile: it is another container now", who.name),
        )
        .hint("look at it with docker_inspect, and ask again if that is still needed")
    })
}
