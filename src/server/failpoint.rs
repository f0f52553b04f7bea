//! What tests make go wrong inside a tool, in builds for development only.

use std::time::Duration;

/// `DOCKER_MCP_FAILPOINT=panic:TOOL` makes the tool panic; `stuck:TOOL` keeps its thread busy for half a minute.
pub(super) fn reach(tool: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let Ok(point) = std::env::var("DOCKER_MCP_FAILPOINT") else { return };
    match point.split_once(':') {
        Some(("panic", at)) if at == tool => fail(),
        Some(("stuck", at)) if at == tool => stick(),
        _ => {}
    }
}

#[expect(clippy::panic, reason = "a test asked for it")]
fn fail() {
    panic!("a failpoint");
}

#[expect(clippy::disallowed_methods, reason = "a test asked for a thread that cannot be cancelled")]
fn stick() {
    std::thread::sleep(Duration::from_secs(30));
}
