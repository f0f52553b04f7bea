//! Links do not lead past closed folders, nor into what is not there.

use serde_json::json;

use super::{QUIET, ROOT, container, file, from, says, to};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

#[test]
fn the_folders_on_the_way_of_a_link_are_entered_too() {
    let Some(engine) = engine::at_hand("copy::ways") else { return };
    let scope = Scope::new(&engine);
    let app = container(
        &scope,
        "app",
        &[],
        "mkdir -p /t/closed/deep /t/open/sub; echo secret > /t/closed/deep/x; echo open > /t/open/x; chmod 777 /t/open \
         /t/closed/deep; ln -s /t/closed/deep /t/abs; ln -s closed/deep /t/rel; ln -s abs /t/twice; ln -s ../../open \
         /t/closed/deep/back; ln -s closed/deep/back /t/through; ln -s open/../open/sub/.. /t/round; ln -s /t/open /t/fine; \
         ln -s closed/deep/x /t/file; chmod 700 /t/closed; ln -s nowhere/deep /t/open/dangling",
    );
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let x = || json!([{ "path": "new", "content": "x" }]);
    for way in ["abs", "rel", "twice", "through", "closed/deep"] {
        let path = format!("/t/{way}");
        for refused in [
            from(&client, &app, &format!("{path}/x")),
            from(&client, &app, &format!("{path}/.")),
            to(&client, &app, &path, x(), json!({ "owner": "9:9" })),
        ] {
            // A link alone is shown as one; with a step behind it, it is followed.
            if refused.is_error {
                assert_eq!(refused.kind(), "permission_denied", "{path}: {}", refused.text);
                assert!(
                    refused.text.contains("`/t/closed`") && refused.text.contains("allow_root"),
                    "{}",
                    refused.text
                );
            } else {
                assert!(!refused.whole().contains("secret"), "{}", refused.text);
                assert_eq!(refused.structured["files"][0]["kind"], "link", "{}", refused.text);
            }
        }
        assert!(from(&client, &app, &format!("{path}/x")).is_error, "{path}");
    }
    assert_eq!(says(&engine, &app, "find /t -name new"), "");
    for way in ["fine", "round"] {
        let read = from(&client, &app, &format!("/t/{way}/x")).ok();
        assert_eq!(file(&read, "/t/open/x")["content"], "open\n");
        to(&client, &app, &format!("/t/{way}"), x(), json!({ "owner": "9:9" })).ok();
    }
    // With root's leave all of them go.
    let free = Launch::at(&engine.host).config(ROOT).connect();
    assert_eq!(file(&from(&free, &app, "/t/twice/x").ok(), "/t/closed/deep/x")["content"], "secret\n");
    // Where a link leads nowhere, the folders that are missing are made where it points.
    let lost = to(&free, &app, "/t/open/dangling", x(), json!({}));
    assert_eq!(lost.kind(), "not_found", "{}", lost.text);
    let made = to(&free, &app, "/t/open/dangling", x(), json!({ "parents": true })).ok();
    assert_eq!(made.structured["folders_made"], json!(["/t/open/nowhere", "/t/open/nowhere/deep"]));
    assert_eq!(says(&engine, &app, "cat /t/open/nowhere/deep/new"), "x");
}
