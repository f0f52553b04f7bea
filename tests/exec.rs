//! Commands in real containers.

mod ends;
mod forms;
mod lost;
mod plain;
mod secrets;
mod streamed;

use serde_json::{Value, json};

use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Launch, ToolResult};

/// A configuration that lets commands run as anybody, as often as a test likes.
fn config(more: &str) -> String {
    format!(
        "[permissions]\nexec = true\n[confirm]\nrequire = \"none\"\n[limits]\nexec_per_minute = 0\n\
         [exec_safety]\nallow_root = true\n{more}"
    )
}

fn client(engine: &Engine, more: &str) -> Client {
    Launch::at(&engine.host).config(&config(more)).connect()
}

/// Runs a command in the container of that name.
#[track_caller]
fn run(client: &Client, container: &str, command: Value) -> ToolResult {
    client.call("docker_exec", &json!({ "container": container, "command": command }))
}

/// The same with a shell.
#[track_caller]
fn sh(client: &Client, container: &str, script: &str, more: Value) -> ToolResult {
    let mut arguments = json!({ "container": container, "command": ["sh", "-c", script] });
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.call("docker_exec", &arguments)
}

/// What runs in a container beside its first process, as `ps` on the host shows it.
fn others(engine: &Engine, name: &str) -> Vec<String> {
    let top = engine.docker(&["top", name, "-eo", "pid,args"]);
    top.lines().skip(2).map(str::to_owned).collect()
}

/// A container that sleeps.
fn asleep(scope: &Scope, name: &str) -> String {
    scope.run(name, &[], &["sleep", "9999"]);
    scope.name(name)
}
