//! Logs of a project: merged by time, masked, followed.

use std::time::Duration;

use serde_json::json;

use super::stack::Stack;
use crate::support::engine;

/// Writes its word every 200 ms, `from` behind the others.
fn speaks(word: &str, from: &str) -> String {
    format!("sleep {from}; for i in 1 2 3; do echo {word}-$i; sleep 0.4; done; while :; do sleep 0.05; done")
}

#[test]
fn lines_come_merged_by_time() {
    let Some(engine) = engine::at_hand("compose::logs::merged") else { return };
    let stack = Stack::new(&engine);
    let begin = |service: &str, from: &str| {
        stack.make(
            &["create"],
            service,
            "",
            &["-e", "DB_PASSWORD=hunter2hunter2"],
            &["sh", "-c", &speaks(service, from)],
        )
    };
    begin("db", "0.4");
    begin("web", "0.6");
    engine.docker(&["start", &stack.name("db-1"), &stack.name("web-1")]);
    std::thread::sleep(Duration::from_millis(2600));
    let client = stack.client("");
    let logs = client.call("docker_compose_logs", &stack.ask()).ok();
    let text = logs.structured["logs"].as_str().unwrap();
    let stamped =
        client.call("docker_compose_logs", &json!({ "project": stack.project, "timestamps": true })).ok();
    let stamps: Vec<&str> = stamped.structured["logs"]
        .as_str()
        .unwrap()
        .lines()
        .map(|l| l.split(' ').find(|w| w.starts_with("20")).unwrap())
        .collect();
    let mut sorted = stamps.clone();
    sorted.sort_unstable();
    assert_eq!(stamps, sorted);
    let services: Vec<&str> = text.lines().map(|l| l.split_once(" |").unwrap().0.trim()).collect();
    assert_eq!(services.len(), 6, "{text}");
    let turns = services.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(turns >= 3, "one after the other: {text}");
    assert!(text.contains("db-1  | db-1\n") && text.contains("web-1 | web-3"), "{text}");
    assert_eq!((&logs.structured["lines"], &logs.structured["project"]), (&json!(6), &json!(stack.project)));

    let last = client.call("compose_logs", &json!({ "project": stack.project, "tail": 1 })).ok();
    assert_eq!(last.structured["lines"], 2, "{}", last.text);
    let one = client
        .call("compose-logs", &json!({ "project_name": stack.project, "service": "web", "grep": "-2$" }))
        .ok();
    assert_eq!(one.structured["logs"], "web-1 | web-2", "{}", one.text);
    // A stopped one can be read as well.
    engine.docker(&["kill", &stack.name("db-1")]);
    assert_eq!(client.call("docker_compose_logs", &stack.ask()).ok().structured["lines"], 6);
}

#[test]
fn secrets_of_one_are_masked_in_all() {
    let Some(engine) = engine::at_hand("compose::logs::masked") else { return };
    let stack = Stack::new(&engine);
    let idle = ["sh", "-c", "while :; do sleep 0.05; done"];
    stack.run("db", "", &["-e", "DB_PASSWORD=hunter2hunter2"], &idle);
    stack.run(
        "web",
        "",
        &[],
        &["sh", "-c", "echo connects with hunter2hunter2; while :; do sleep 0.05; done"],
    );
    std::thread::sleep(Duration::from_millis(500));
    let client = stack.client("");
    let logs = client.call("docker_compose_logs", &stack.ask()).ok();
    assert!(logs.text.contains("connects with") && !logs.whole().contains("hunter2"), "{}", logs.whole());
}

#[test]
fn new_lines_are_followed_for_a_limited_time() {
    let Some(engine) = engine::at_hand("compose::logs::follow") else { return };
    let stack = Stack::new(&engine);
    for service in ["db", "web"] {
        let command = format!("echo old; sleep 2; echo new-{service}; while :; do sleep 0.05; done");
        stack.run(service, "", &[], &["sh", "-c", &command]);
    }
    let client = stack.client("");
    let ask = json!({ "project": stack.project, "follow": true, "duration": "4s", "tail": 1 });
    let followed = client.call("docker_compose_logs", &ask).ok();
    assert!((3500..5000).contains(&followed.took.as_millis()), "{:?}", followed.took);
    for word in ["db-1  | new-db", "web-1 | new-web"] {
        assert!(followed.text.contains(word), "{word} in {}", followed.text);
    }
    let both = client.call("docker_compose_logs", &json!({ "follow": true, "until": "1m" }));
    assert_eq!(both.kind(), "invalid_arguments", "{}", both.text);
    // Who asked for progress gets the lines while they come, under their services.
    let mut call = json!({ "name": "docker_compose_logs", "arguments": ask });
    call["_meta"] = json!({ "progressToken": "p" });
    engine.docker(&["restart", "-t", "0", &stack.name("db-1")]);
    let id = client.begin("tools/call", call);
    let told = client.other_within(Duration::from_secs(4), |m| {
        m["params"]["message"].as_str().is_some_and(|text| text.contains("db-1 | new-db"))
    });
    assert!(told.is_some(), "{:?}", client.others());
    client.wait(&id);
}

/// One that cannot be read keeps nobody from reading the others.
#[test]
fn a_log_that_cannot_be_read_is_told() {
    let Some(engine) = engine::at_hand("compose::logs::unreadable") else { return };
    let stack = Stack::new(&engine);
    let idle = ["sh", "-c", "echo speaks; while :; do sleep 0.05; done"];
    stack.run("db", "", &["--log-driver", "none"], &idle);
    stack.run("web", "", &[], &idle);
    std::thread::sleep(Duration::from_millis(500));
    let client = stack.client("");
    let some = client.call("docker_compose_logs", &stack.ask()).ok();
    assert_eq!(some.structured["partial"], true, "{}", some.text);
    for word in ["web-1 | speaks", "the log of db-1 cannot be read"] {
        assert!(some.text.contains(word), "{word} in {}", some.text);
    }
    let none = client.call("docker_compose_logs", &json!({ "project": stack.project, "services": "db" }));
    assert_eq!(none.kind(), "unsupported", "{}", none.text);
}
