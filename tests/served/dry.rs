//! With `dry_run = true` in the configuration nothing is changed, whichever tool is called and whatever the call says.

use serde_json::json;

use super::each;
use super::rows::ROWS;
use super::site::Site;
use crate::support::{Launch, engine};

#[test]
fn a_dry_run_changes_nothing() {
    let Some(engine) = engine::at_hand("served::dry") else { return };
    each(ROWS.iter().filter(|row| row.came.is_some()), |row| {
        let came = row.came.unwrap();
        let site = Site::new(&engine);
        site.write("Dockerfile", "FROM docker-mcp/base\n");
        let mut arguments = (row.make)(&site);
        // The call cannot take it back.
        arguments["dry_run"] = json!(false);
        let config = format!("dry_run = true\n{}", site.config("", ""));
        let client = Launch::at(&engine.host).config(&config).connect();
        let shown = client.call(row.tool, &arguments).ok();
        assert_eq!(shown.structured["status"], "dry_run", "{}: {}", row.tool, shown.text);
        assert_eq!(shown.structured["preview"]["tool"], row.tool, "{}", shown.text);
        assert!(!came(&site), "{}: it was done", row.tool);
    });
}
