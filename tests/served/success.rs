//! It goes well, and is seen at the engine; without its level it is not there.

use std::time::Duration;

use docker_mcp::server::catalogue;

use super::rows::ROWS;
use super::site::Site;
use super::{each, here};
use crate::support::{Launch, engine, eventually};

#[test]
fn what_is_asked_for_is_done() {
    let Some(engine) = engine::at_hand("served::success::done") else { return };
    each(here(|row| &row.success), |row| {
        let site = Site::new(&engine);
        let arguments = (row.make)(&site);
        if let Some(came) = row.came {
            assert!(!came(&site), "{}: it was so before", row.tool);
        }
        let done = site.client().call(row.tool, &arguments);
        assert!(!done.is_error, "{}: {}", row.tool, done.text);
        assert!(!done.text.is_empty() && done.structured.is_object(), "{}: {}", row.tool, done.whole());
        if let Some(came) = row.came {
            // A loaded engine answers a restart, and may show it a moment later.
            let shown = eventually(Duration::from_secs(5), || came(&site));
            assert!(shown, "{}: it says it is done: {}\n{:#}", row.tool, done.text, site.state());
        }
    });
}

#[test]
fn without_its_level_a_tool_is_not_there_and_does_nothing() {
    let Some(engine) = engine::at_hand("served::success::off") else { return };
    each(ROWS, |row| {
        let site = Site::new(&engine);
        let arguments = (row.make)(&site);
        let before = site.state();
        for level in catalogue::find(row.tool).unwrap().spec.levels {
            let config = site.config(level.name(), "");
            let client = Launch::at(&engine.host).config(&config).connect();
            assert!(client.tools().iter().all(|t| t["name"] != row.tool), "{} is listed", row.tool);
            let refused = client.call(row.tool, &arguments);
            assert_eq!(refused.kind(), "permission_denied", "{}: {}", row.tool, refused.text);
            assert_eq!(refused.structured["error"]["effect"], "none", "{}", refused.text);
            let words = [format!("`{}`", level.name()), "[permissions]".to_owned()];
            assert!(words.iter().all(|w| refused.text.contains(w)), "{}: {}", row.tool, refused.text);
        }
        assert_eq!(site.state(), before, "{}: something was done", row.tool);
    });
}
