//! A copy into a container is shown first, and what was shown is what is done.

use serde_json::{Value, json};

use super::{ON, container, says};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

#[test]
fn what_was_shown_is_what_is_done() {
    let Some(engine) = engine::at_hand("copy::bound") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "");
    // Not in its own script: what root runs names no file of these.
    says(&engine, &app, "mkdir -m 777 /t; echo old > /t/conf; ln -s /t /way");
    let client = Launch::at(&engine.host).config(ON).connect();
    let call = |content: &str, more: Value| {
        let mut call = json!({ "container": app, "path": "/way", "owner": "9:9",
            "files": [{ "path": "conf", "content": content }, { "path": "new", "content": "n" }] });
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client.call("docker_copy_to", &call)
    };
    let token = |content: &str| {
        let held = call(content, json!({})).ok().structured;
        assert_eq!(held["status"], "confirmation_required", "{held}");
        held["confirm_token"].as_str().unwrap().to_owned()
    };
    let shown = call("first", json!({ "dry_run": true })).ok();
    assert_eq!(shown.structured["status"], "dry_run");
    let lines = shown.structured["preview"]["would_change"].to_string();
    assert!(lines.contains("/t/conf") && lines.contains("replaces 4") && lines.contains("9:9"), "{lines}");
    assert!(lines.contains("/t/new") && lines.contains("new"), "{lines}");
    let read = || says(&engine, &app, "cat /t/conf; ls /t");
    let first = token("first");
    assert_eq!(read(), "old\nconf", "nothing was done");
    // Other content is another call.
    assert_eq!(call("other", json!({ "confirm_token": first })).kind(), "confirmation_invalid");
    // So is a file that changed, one that came, and a way that leads elsewhere.
    for change in ["sleep 1; echo oldest > /t/conf", "touch /t/new", "mkdir -m 777 /u; ln -sfn /u /way"] {
        let token = token("first");
        says(&engine, &app, change);
        let refused = call("first", json!({ "confirm_token": token }));
        assert_eq!(refused.kind(), "confirmation_invalid", "{change}: {}", refused.text);
    }
    says(&engine, &app, "ln -sfn /t /way");
    let last = token("first");
    call("first", json!({ "confirm_token": last })).ok();
    assert_eq!(says(&engine, &app, "cat /t/conf"), "first");
    assert_eq!(call("first", json!({ "confirm_token": last })).kind(), "confirmation_invalid", "once");
    let lines = client.audit_wait(8);
    let done: Vec<&Value> = lines.iter().filter(|l| l["outcome"] == "done").collect();
    assert_eq!(done.len(), 1, "{lines:#?}");
    assert!(!client.audit_text().contains("first"), "contents stay out of the record");
}
