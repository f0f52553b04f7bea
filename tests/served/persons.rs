//! With `by = "human"` no call of an agent's own reaches the effect, whichever tool it takes.

use serde_json::json;

use super::each;
use super::rows::ROWS;
use super::site::Site;
use crate::support::{Launch, engine};

#[test]
fn no_tool_gets_past_a_person() {
    let Some(engine) = engine::at_hand("served::persons") else { return };
    each(ROWS.iter().filter(|row| row.came.is_some()), |row| {
        let came = row.came.unwrap();
        let site = Site::new(&engine);
        site.write("Dockerfile", "FROM docker-mcp/base\n");
        let arguments = (row.make)(&site);
        let config = site.config("", "[confirm]\nrequire = \"mutating\"\nby = \"human\"\n");
        let client = Launch::at(&engine.host).config(&config).connect();
        let first = client.call(row.tool, &arguments);
        assert_eq!(first.structured["status"], "approval_pending", "{}: {}", row.tool, first.text);
        let code = first.structured["code"].as_str().unwrap();
        // Again, and with every word that it might take for a yes.
        let again = client.call(row.tool, &arguments);
        assert_eq!(again.structured["status"], "approval_pending", "{}: {}", row.tool, again.text);
        for (key, value) in [
            ("confirm_token", json!(code)),
            ("approved", json!(true)),
            ("code", json!(code)),
            ("role", json!("admin")),
            ("confirm", json!(true)),
            ("dry_run", json!(false)),
        ] {
            let mut call = arguments.clone();
            call[key] = value;
            let result = client.call(row.tool, &call);
            let held = result.is_error || result.structured["status"] == "approval_pending";
            assert!(held, "{} {key}: {}", row.tool, result.text);
        }
        for tool in ["docker_approve", "approve", "docker_grant", "docker_pending"] {
            let refused = client.call(tool, &json!({ "code": code }));
            assert!(refused.is_error, "{tool}: {}", refused.text);
        }
        assert!(!came(&site), "{}: it was done", row.tool);
    });
}
