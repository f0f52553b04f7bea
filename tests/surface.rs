//! The schemas of all tools as a checked-in file: a change of what clients see is seen in the diff.
//! `UPDATE=1 cargo test --test it surface` writes it.

use docker_mcp::server::{catalogue, handler};
use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/surface/tools.json");

#[test]
fn the_checked_in_schemas_are_those_that_are_served() {
    let tools: Vec<Value> =
        catalogue::all().map(|def| serde_json::to_value(handler::tool(def)).unwrap()).collect();
    let now = serde_json::to_string_pretty(&tools).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(std::path::Path::new(FILE).parent().unwrap()).unwrap();
        std::fs::write(FILE, &now).unwrap();
    }
    let then = std::fs::read_to_string(FILE).unwrap_or_default();
    let differs = now.lines().zip(then.lines()).position(|(a, b)| a != b);
    assert!(
        now == then,
        "tests/surface/tools.json is stale at line {:?}; UPDATE=1 writes it",
        differs.map(|l| l + 1)
    );
}
