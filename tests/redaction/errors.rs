//! Errors repeat the caller's words: what is secret in those is masked in the answer, in the log and in the audit.

use serde_json::json;

use crate::support::Launch;

const SECRET: &str = "S3cretCANARY99";

#[test]
fn an_error_that_repeats_a_secret_masks_it_everywhere() {
    let client = Launch::without_engine().arg("--log-level").arg("trace").connect();
    let words = [
        format!("password={SECRET}"),
        format!("--password={SECRET}"),
        format!("postgres://user:{SECRET}@db/x"),
        format!("Authorization: Bearer {SECRET}"),
    ];
    let mut count = 0;
    for word in &words {
        for (tool, arguments) in [
            ("docker_logs", json!({ "container": word })),
            ("docker_top", json!({ "container": word })),
            ("docker_inspect", json!({ "name": word, "kind": "network" })),
            ("docker_inspect", json!({ "name": word, "kind": "image" })),
            ("docker_logs", json!({ "container": "a", "since": word })),
            ("docker_logs", json!({ "container": "a", "grep": format!("({word}") })),
            ("docker_inspect", json!({ "container": "a", "section": word })),
            ("docker_wait", json!({ "container": "a", "until": word })),
            ("docker_stats", json!({ "duration": word })),
            (word, json!({})),
        ] {
            let result = client.call(tool, &arguments);
            count += 1;
            assert!(result.is_error, "{tool} {arguments}: {}", result.text);
            assert!(!result.whole().contains(SECRET), "{tool} {arguments}: {}", result.whole());
        }
    }
    // The test must be able to fail: the rest of the words is repeated.
    let result = client.call("docker_logs", &json!({ "container": format!("password={SECRET}") }));
    assert_eq!(result.kind(), "invalid_arguments", "{}", result.text);
    assert!(result.text.contains("password="), "{}", result.text);
    let message = result.structured["error"]["message"].as_str().unwrap();
    assert!(message.contains("password=") && !message.contains(SECRET), "{message}");

    client.audit_wait(count + 1);
    let stderr = client.stderr();
    assert!(stderr.contains("password="), "the log does not repeat it: {stderr}");
    for (what, text) in [("stderr", stderr), ("audit", client.audit_text())] {
        let line = text.lines().find(|l| l.contains(SECRET));
        assert_eq!(line, None, "in {what}");
    }
}

#[test]
fn the_name_of_an_argument_is_the_callers_word_as_well() {
    let client = Launch::without_engine().arg("--log-level").arg("trace").connect();
    let word = format!("password={SECRET}");
    for (tool, arguments) in [
        ("docker_ps", json!({ &word: 1 })),
        ("docker_ps", json!({ "filter": { &word: 1 } })),
        ("docker_logs", json!({ "container": { &word: 1 } })),
        ("docker_logs", json!({ "container": [&word] })),
        ("docker_policy", json!({ "tool": "docker_ps", "arguments": { &word: 1 } })),
    ] {
        let result = client.call(tool, &arguments);
        assert!(!result.whole().contains(SECRET), "{tool} {arguments}: {}", result.whole());
    }
    client.audit_wait(5);
    for (what, text) in [("stderr", client.stderr()), ("audit", client.audit_text())] {
        let line = text.lines().find(|l| l.contains(SECRET));
        assert_eq!(line, None, "in {what}");
    }
}
