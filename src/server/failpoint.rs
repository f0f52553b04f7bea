//! What tests make go wrong inside a tool, in builds for development only.

use std::time::Duration;

/// `DOCKER_MCP_FAILPOINT=panic:TOOL` makes the tool panic; `stuck:TOOL` keeps its thread busy for half a minute.
pub(super) fn reach(tool: &str) {
    match set().as_deref().and_then(|point| point.split_once(':')) {
        Some(("panic", at)) if at == tool => fail(),
        Some(("stuck", at)) if at == tool => stick(),
        _ => {}
    }
}

/// `DOCKER_MCP_FAILPOINT=layer:TOOL` makes the way to the tool panic, before it runs.
pub(super) fn enter(tool: &str) {
    if let Some(("layer", at)) = set().as_deref().and_then(|point| point.split_once(':'))
        && at == tool
    {
        fail();
    }
}

fn set() -> Option<String> {
    if !cfg!(debug_assertions) {
        return None;
    }
    std::env::var("DOCKER_MCP_FAILPOINT").ok()
}

#[expect(clippy::panic, reason = "a test asked for it")]
fn fail() {
    panic!("a failpoint");
}

#[expect(clippy::disallowed_methods, reason = "a test asked for a thread that cannot be cancelled")]
fn stick() {
    std::thread::sleep(Duration::from_secs(30));
}
