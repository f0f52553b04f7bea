//! Files out of and into containers, on a real engine.

mod bound;
mod faults;
mod forms;
mod guarded;
mod host;
mod links;
mod rights;
mod shown;
mod space;
mod torn;
mod tricks;

use serde_json::{Value, json};

use crate::support::fixture::Scope;
use crate::support::{Client, Engine, ToolResult};

/// With a confirmation for what is written, as by default.
const ON: &str = "[permissions]\nexec = true\n";
/// Nothing of the user guard, and nothing to confirm.
const ROOT: &str =
    "[permissions]\nexec = true\n[exec_safety]\nallow_root = true\n[confirm]\nrequire = \"none\"\n";
/// The same, and the user guard as it is by default.
const QUIET: &str = "[permissions]\nexec = true\n[confirm]\nrequire = \"none\"\n";

/// A container that made its files, by a script of the shell, and stays. Its name.
fn container(scope: &Scope, short: &str, options: &[&str], script: &str) -> String {
    let script = format!("{script}\n: > /made; exec sleep 9999");
    scope.run(short, options, &["sh", "-c", &script]);
    let name = scope.name(short);
    for _ in 0..600 {
        if scope.engine.try_docker(&["exec", &name, "test", "-e", "/made"]).is_ok() {
            return name;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{name} did not make its files");
}

/// In that container, past the server: what a shell says.
fn says(engine: &Engine, container: &str, script: &str) -> String {
    engine.docker(&["exec", container, "sh", "-c", script])
}

fn from(client: &Client, container: &str, path: &str) -> ToolResult {
    client.call("docker_copy_from", &json!({ "container": container, "path": path }))
}

fn to(client: &Client, container: &str, path: &str, files: Value, more: Value) -> ToolResult {
    let mut call = json!({ "container": container, "path": path, "files": files });
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.call("docker_copy_to", &call)
}

/// The entry of that path.
#[track_caller]
fn file(result: &ToolResult, path: &str) -> Value {
    let files = result.structured["files"].as_array().unwrap_or_else(|| panic!("{}", result.text));
    let entry = files.iter().find(|f| f["path"] == path);
    entry.cloned().unwrap_or_else(|| panic!("no {path} in {}", result.text))
}
