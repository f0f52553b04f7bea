//! Waiting for what a service needs: started, healthy, or ended well.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::engine::projects::{Standing, Until};
use crate::policy::{Permit, World};
use crate::tool::{Ctx, Kind, ToolError};
use crate::tools::removing::enough;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// How it stands with one service.
enum Stand {
    Ready,
    NotYet(&'static str),
    Never(String),
}

/// Waits until the services are ready, for as long as the call has. One that nobody sees is not waited for.
pub(super) async fn wait(
    ctx: &Ctx,
    world: &Permit<World>,
    project: &str,
    needs: &[(String, Until)],
    failed: &BTreeSet<String>,
) -> Result<(), ToolError> {
    if let Some((service, _)) = needs.iter().find(|(service, _)| failed.contains(service)) {
        return Err(conflict(format!("`{service}`, which it needs, did not start")));
    }
    let needs: Vec<_> = needs.iter().filter(|(_, until)| *until != Until::Started).collect();
    if needs.is_empty() {
        return Ok(());
    }
    loop {
        let mut waits = None;
        for (service, until) in &needs {
            for one in ctx.engine.standing(&ctx.budget, world, (project, service)).await? {
                match one.map_or(Stand::NotYet("does not answer"), |one| stand(&one, *until)) {
                    Stand::Ready => {}
                    Stand::NotYet(what) => waits = Some((service, what)),
                    Stand::Never(why) => {
                        return Err(conflict(format!("`{service}`, which it needs, {why}")));
                    }
                }
            }
        }
        let Some((service, what)) = waits else { return Ok(()) };
        if let Some(why) = enough(ctx) {
            return Err(ToolError { message: format!("`{service}`, which it needs, {what}"), ..why });
        }
        let left = ctx.ends_by().saturating_duration_since(Instant::now());
        tokio::select! {
            () = ctx.cancel.cancelled() => {}
            () = sleep(PAUSE.min(left)) => {}
        }
    }
}

fn stand(one: &Standing, until: Until) -> Stand {
    let runs = matches!(one.status.as_str(), "running" | "paused");
    match (until, one.status.as_str()) {
        (Until::Started, _) => Stand::Ready,
        (Until::Healthy, _) if runs => match one.health.status.as_str() {
            "starting" => Stand::NotYet("is not healthy yet"),
            "unhealthy" => Stand::Never("is unhealthy".to_owned()),
            // Without a check it is as well as can be known.
            _ => Stand::Ready,
        },
        (Until::Completed, "exited") if one.exit_code == 0 => Stand::Ready,
        (Until::Completed, "exited") => Stand::Never(format!("ended with exit code {}", one.exit_code)),
        (Until::Completed, _) if runs => Stand::NotYet("has not ended yet"),
        (_, "restarting") => Stand::NotYet("restarts"),
        (_, state) => Stand::Never(format!("is {state}")),
    }
}

/// `Exited (3) 2 minutes ago` → 3
pub(super) fn exit_code(status: &str) -> Option<i64> {
    status.strip_prefix("Exited (")?.split_once(')')?.0.parse().ok()
}

fn conflict(why: String) -> ToolError {
    ToolError::new(Kind::Conflict, why).hint("docker_compose_ps shows how it is, docker_compose_logs why")
}

#[cfg(test)]
mod tests {
    use super::exit_code;

    #[test]
    fn exit_codes_of_the_list() {
        assert_eq!(exit_code("Exited (137) 3 seconds ago"), Some(137));
        assert_eq!(exit_code("Up 3 seconds (healthy)"), None);
    }
}
