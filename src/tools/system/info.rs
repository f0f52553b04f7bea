//! `docker_info`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::output::{Draft, bytes};
use crate::policy::{Level, Permits};
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};

pub struct Info;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {}

impl Tool for Info {
    const SPEC: Spec = Spec {
        name: "docker_info",
        title: "Engine information",
        levels: &[Level::System],
        class: Class::Read,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "The engine's version, host, drivers and security options, and how many containers and images there are.",
    };
    type Args = Args;

    async fn run(ctx: Ctx, permits: Permits, _args: Args) -> Result<Output, ToolError> {
        let world = &permits.world;
        let info = ctx.engine.info(&ctx.budget, world).await?;
        // The engine's own counts are of everything; these are of what the filters show.
        let containers = ctx.engine.containers(&ctx.budget, world).await?;
        let images = ctx.engine.images(&ctx.budget, world).await?.len();
        let count = |state: &str| containers.iter().filter(|s| s.raw.state == state).count();
        let (running, paused) = (count("running"), count("paused"));
        let containers = json!({
            "total": containers.len(), "running": running, "paused": paused,
            "stopped": containers.len() - running - paused,
        });
        Ok(Draft::default()
            .with("version", info.server_version)
            .with("os", info.operating_system)
            .with("os_type", info.os_type)
            .with("architecture", info.architecture)
            .with("kernel", info.kernel_version)
            .with("cpus", info.cpus)
            .with("memory", bytes(info.mem_total))
            .with("containers", containers)
            .with("images", images)
            .with("storage_driver", info.driver)
            .with("logging_driver", info.logging_driver)
            .with("cgroup", format!("{} v{}", info.cgroup_driver, info.cgroup_version))
            .with("default_runtime", info.default_runtime)
            .with("security", info.security_options.iter().map(|o| security(o)).collect::<Vec<_>>())
            .with("live_restore", info.live_restore_enabled)
            .with("swarm", info.swarm.local_node_state)
            .with("warnings", info.warnings.into_iter().filter(|w| is_plain(w)).collect::<Vec<_>>()))
    }
}

/// `name=seccomp,profile=builtin` without what may be a path: a profile of its own is a file of the host.
fn security(option: &str) -> String {
    let part = |part: &&str| !part.contains('/');
    let kept: Vec<&str> = option.split(',').filter(part).collect();
    kept.join(",").trim_start_matches("name=").to_owned()
}

/// What the kernel lacks. Other warnings name addresses.
fn is_plain(warning: &str) -> bool {
    warning.starts_with("WARNING: ") && !warning.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_of_the_host_is_told() {
        assert_eq!(security("name=seccomp,profile=builtin"), "seccomp,profile=builtin");
        assert_eq!(security("name=seccomp,profile=/etc/docker/x.json"), "seccomp");
        assert!(is_plain("WARNING: No swap limit support"));
        assert!(!is_plain("WARNING: API is accessible on http://0.0.0.0:2375 without encryption."));
        assert!(!is_plain("[DEPRECATION NOTICE]: x"));
    }
}
