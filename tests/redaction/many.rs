//! One container with thousands of secrets does not uncover those of others.

use std::fmt::Write;

use serde_json::json;

use super::canary::Canary;
use crate::support::engine::BASE;
use crate::support::fixture::{Scope, unique};
use crate::support::{Launch, engine};

/// More than are learned in all.
const MANY: usize = 2600;

/// The variables as `--env-file` takes them, and the value of each.
fn crowd() -> (tempfile::NamedTempFile, Vec<String>) {
    let (mut lines, mut values) = (String::new(), Vec::new());
    for i in 0..MANY {
        let value = format!("{}{}x{i}", unique(), unique());
        writeln!(lines, "APP_SECRET_TOKEN_{i}={value}").unwrap();
        values.push(value);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    (file, values)
}

fn config(scope: &Scope) -> String {
    format!("[permissions]\nwhitelist_containers = [\"{}-*\"]\n", scope.prefix)
}

#[test]
fn thousands_of_secrets_of_one_container_uncover_no_other() {
    let Some(engine) = engine::at_hand("redaction::many") else { return };
    let (scope, canary, third) = (Scope::new(&engine), Canary::new(), Canary::new());
    let (file, _) = crowd();
    // Several, so that they come before and after the others in whatever order.
    for name in ["a-crowd", "m-crowd", "z-crowd"] {
        let options = ["--env-file", file.path().to_str().unwrap()];
        scope.container(&["create"], name, &options, BASE, &["true"]);
    }
    let token = |canary: &Canary| format!("API_TOKEN={}", canary.plain);
    scope.container(&["create"], "third", &["-e", &token(&third)], BASE, &["true"]);
    let line = format!("own {} and other {} as-is", canary.plain, third.plain);
    scope.container(&["run", "-d"], "quiet", &["-e", &token(&canary)], BASE, &["echo", &line]);
    engine.wait_state(&scope.name("quiet"), "exited");
    for turn in 0..5 {
        let client = Launch::at(&engine.host).config(&config(&scope)).connect();
        let quiet = client.call("docker_logs", &json!({ "container": scope.name("quiet") })).ok();
        assert!(quiet.text.contains("own ") && quiet.text.contains("as-is"), "{}", quiet.text);
        for (whose, canary) in [("its own", &canary), ("another's", &third)] {
            let found = canary.found(&quiet.whole());
            assert!(found.is_empty(), "process {turn}: {whose} secret: {found:?}");
        }
    }
}

#[test]
fn each_of_thousands_of_secrets_is_masked_in_its_own_log() {
    let Some(engine) = engine::at_hand("redaction::own") else { return };
    let scope = Scope::new(&engine);
    let (file, values) = crowd();
    let script =
        "i=0; while [ $i -lt 2600 ]; do eval \"echo says-$i \\$APP_SECRET_TOKEN_$i\"; i=$((i+1)); done";
    let options = ["--env-file", file.path().to_str().unwrap()];
    scope.container(&["run", "-d"], "crowd", &options, BASE, &["sh", "-c", script]);
    engine.wait_state(&scope.name("crowd"), "exited");
    let client = Launch::at(&engine.host).config(&config(&scope)).connect();
    let mut open = Vec::new();
    for (i, value) in values.iter().enumerate().step_by(50).chain(values.iter().enumerate().skip(MANY - 3)) {
        let arguments = json!({ "container": scope.name("crowd"), "grep": format!("^says-{i} ") });
        let log = client.call("docker_logs", &arguments).ok();
        assert!(log.text.contains(&format!("says-{i} ")), "{}", log.text);
        if log.whole().contains(value) {
            open.push(i);
        }
    }
    assert!(open.is_empty(), "shown as they are: the values number {open:?} of {MANY}");
}
