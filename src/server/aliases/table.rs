//! The names. S0 to S4 are the five documents: ops-copilot, docker-mcp, the gateway, dev-server-workflow, mcp-docker-exec.

/// A tool of another system.
pub(super) struct Tool {
    /// Its name there.
    pub theirs: &'static str,
    /// Its name here.
    pub ours: &'static str,
    /// Arguments that the name alone says.
    pub implies: &'static [(&'static str, &'static str)],
    /// What its clients wait for.
    pub says: Option<&'static str>,
}

const fn tool(theirs: &'static str, ours: &'static str) -> Tool {
    Tool { theirs, ours, implies: &[], says: None }
}

/// Where a name with `docker_` before it is ours (`compose_ps`, `compose-logs`, `docker_exec`), nothing stands here.
pub(super) const TOOLS: &[Tool] = &[
    // S0
    Tool { says: Some("pong"), ..tool("ping", "docker_health") },
    tool("list_containers", "docker_ps"),
    tool("get_container_logs", "docker_logs"),
    tool("restart_container", "docker_restart"),
    // S3
    tool("list-containers", "docker_ps"),
    tool("get-logs", "docker_logs"),
    tool("create-container", "docker_create"),
    tool("start-container", "docker_start"),
    tool("stop-container", "docker_stop"),
    tool("restart-container", "docker_restart"),
    tool("remove-container", "docker_remove"),
    tool("network-list", "docker_networks"),
    Tool { implies: &[("kind", "network")], ..tool("network-inspect", "docker_inspect") },
    tool("network-create", "docker_network_create"),
    tool("network-remove", "docker_network_remove"),
    tool("network-connect", "docker_network_connect"),
    tool("network-disconnect", "docker_network_disconnect"),
    tool("deploy-compose", "docker_compose_deploy"),
    tool("audit-logs", "docker_audit"),
    // S4
    tool("health", "docker_health"),
];

/// What must happen to a value besides.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Nothing.
    AsItIs,
    /// Milliseconds; ours are seconds where no unit is written.
    Millis,
    /// The name of a tool.
    Tool,
}

/// An argument of another system.
pub(super) struct Argument {
    /// The tool that it is for; any, if empty.
    pub tool: &'static str,
    /// Its name there.
    pub theirs: &'static str,
    /// Its name here; `filter.name` is a field of an object.
    pub ours: &'static str,
    pub form: Form,
}

const fn argument(theirs: &'static str, ours: &'static str) -> Argument {
    Argument { tool: "", theirs, ours, form: Form::AsItIs }
}

/// The first line that fits and whose argument the tool has is taken.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument { tool: "docker_inspect", ..argument("id", "name") },
    Argument { tool: "docker_ps", ..argument("name", "filter.name") },
    Argument { tool: "docker_volume_remove", ..argument("volume", "name") },
    Argument { tool: "docker_volume_remove", ..argument("volumes", "name") },
    Argument { tool: "docker_network_remove", ..argument("network", "name") },
    Argument { tool: "docker_network_remove", ..argument("networks", "name") },
    Argument { tool: "docker_network_remove", ..argument("id", "name") },
    argument("container_name", "container"),
    argument("container_name", "containers"),
    argument("container", "containers"),
    argument("containers", "container"),
    argument("id", "container"),
    argument("id", "containers"),
    argument("cmd", "command"),
    argument("chunkBytes", "chunk_bytes"),
    argument("environment", "env"),
    argument("env", "environment"),
    argument("service", "services"),
    argument("project_name", "project"),
    argument("compose_file", "file"),
    argument("confirmToken", "confirm_token"),
    argument("username", "caller"),
    Argument { form: Form::Tool, ..argument("tool_name", "tool") },
    Argument { form: Form::Millis, ..argument("timeoutMs", "timeout") },
    Argument { form: Form::Millis, ..argument("timeoutMs", "duration") },
];

/// Arguments without an effect where the tool has none of the kind, so that their absence harms nobody: the size of a
/// chunk is a setting (`output.chunk_bytes`).
pub(super) const DROPPED: &[&str] = &["chunkBytes"];
