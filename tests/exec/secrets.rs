//! What a container keeps secret leaves it by no command: not plain, not encoded, not in parts, not while it runs.

use serde_json::{Value, json};

use super::{asleep, client, sh};
use crate::redaction::canary::Canary;
use crate::support::fixture::Scope;
use crate::support::{Client, engine};

/// Everything that a client got so far.
fn told(client: &Client) -> String {
    client.others().into_iter().map(|(message, _)| message.to_string()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_secret_leaves_in_no_form() {
    let Some(engine) = engine::at_hand("exec::secrets::forms") else { return };
    let scope = Scope::new(&engine);
    let canary = Canary::new();
    let env = format!("DB_PASSWORD={}", canary.plain);
    scope.run("app", &["-e", &env], &["sleep", "9999"]);
    let app = scope.name("app");
    let other = asleep(&scope, "other");
    let client = client(&engine, "max_output = 3000\n");
    let half = canary.plain.len() / 2;
    let first = format!("$(echo $DB_PASSWORD | busybox cut -c1-{half})");
    let second = format!("$(echo $DB_PASSWORD | busybox cut -c{}-)", half + 1);
    let filler = "yes filler | head -c 900000";
    let scripts = [
        "env".to_owned(),
        "echo $DB_PASSWORD".to_owned(),
        "echo url=postgres://u:$DB_PASSWORD@db/x >&2".to_owned(),
        // In two writes, with a rest between them.
        format!("printf %s {first}; sleep 0.7; printf %s {second}; echo"),
        format!("printf %s {first} >&2; sleep 0.7; echo {second} >&2"),
        "i=0; while [ $i -lt ${#DB_PASSWORD} ]; do i=$((i+1)); printf %s \"$(echo $DB_PASSWORD | busybox cut -c$i)\"; \
         done; echo"
            .to_owned(),
        "printf %s $DB_PASSWORD | base64".to_owned(),
        "printf x%s $DB_PASSWORD | base64; printf xx%s $DB_PASSWORD | base64".to_owned(),
        "printf %s $DB_PASSWORD | busybox od -An -tx1 | busybox tr -d ' \\n'; echo".to_owned(),
        "echo $DB_PASSWORD | rev".to_owned(),
        "cat /proc/self/environ 2>&1 | cat".replace("/proc/self/environ", "$P"),
        format!("{filler}; echo $DB_PASSWORD; {filler}"),
        format!("{filler} | busybox tr -d '\\n'; printf %s $DB_PASSWORD; {filler} | busybox tr -d '\\n'"),
        "echo $DB_PASSWORD; exit 127".to_owned(),
        "printf $DB_PASSWORD; sleep 999".to_owned(),
    ];
    for script in &scripts {
        for more in [json!({}), json!({ "tty": true }), json!({ "stream": true, "chunk_bytes": 256 })] {
            let mut arguments = json!({ "container": app, "command": ["sh", "-c", script], "timeout": 3,
                                        "env": { "P": "/proc/self/environ" } });
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let params =
                json!({ "name": "docker_exec", "arguments": arguments, "_meta": { "progressToken": "p" } });
            let result = client.request("tools/call", params).tool();
            assert_ne!(result.kind(), "permission_denied", "{}", result.text);
            // The call's own words are masked as well.
            let leaks = canary.found(&result.whole());
            assert!(leaks.is_empty(), "{script} {more}: {leaks:?}");
            if !script.contains("filler") {
                assert!(result.whole().contains("[redacted]"), "{script} {more}: {}", result.text);
            }
        }
    }
    // What another container keeps secret, too.
    let script =
        format!("echo {} | rev; echo {}", canary.plain.chars().rev().collect::<String>(), canary.plain);
    let leaks = canary.found(&sh(&client, &other, &script, json!({})).whole());
    assert!(leaks.is_empty(), "{leaks:?}");
    let leaks = canary.found(&told(&client));
    assert!(leaks.is_empty(), "on the way: {leaks:?}");
    assert!(canary.found(&client.audit_text()).is_empty());
    let plain = sh(&client, &app, "echo visible", json!({})).ok().structured;
    assert_eq!(plain["stdout"], Value::from("visible\n"));
}

#[test]
fn output_drives_no_terminal() {
    let Some(engine) = engine::at_hand("exec::secrets::escapes") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    let script = "printf '\\033[31mred\\033[0m \\033]0;title\\007 \\001\\000\\000 \\342\\200\\256x\\n'; printf '\\377\\376\\n'";
    for more in [json!({}), json!({ "tty": true })] {
        let whole = sh(&client, &app, script, more).ok().whole();
        assert!(whole.contains("red"), "{whole}");
        assert!(!whole.contains(['\u{1b}', '\u{7}', '\u{1}', '\u{0}', '\u{202e}']), "{whole:?}");
    }
}
