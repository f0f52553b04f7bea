//! Files that change while they are read, and links that are turned: nobody's fault, and nothing shown that was not judged.

use serde_json::json;

use super::{QUIET, ROOT, container, file, from, says, to};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

#[test]
fn a_log_that_is_truncated_all_the_time_is_nobodys_fault() {
    let Some(engine) = engine::at_hand("copy::truncated") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "mkdir /t");
    let turn = "while :; do yes line | head -c 400000 > /t/log; : > /t/log; done";
    engine.docker(&["exec", "-d", &app, "sh", "-c", turn]);
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let (mut torn, mut cut) = (0, 0);
    for n in 0..150 {
        let read = from(&client, &app, if n % 3 == 0 { "/t" } else { "/t/log" });
        if read.is_error {
            let error = &read.structured["error"];
            assert_eq!((read.kind(), &error["retry"]), ("conflict", &json!("safe")), "{}", read.text);
            assert!(read.text.contains("changed while it was read"), "{}", read.text);
            torn += 1;
        } else if read.text.contains("shrank") {
            assert_eq!(read.structured["truncated"], true, "{}", read.text);
            cut += 1;
        }
    }
    assert!(torn + cut > 0, "no read met the writer: the test is worth nothing");
    let health = client.call("docker_health", &json!({})).ok().structured;
    assert_eq!(health["circuit"]["failures"], 0, "{health}");
    client.call("docker_ps", &json!({})).ok();
}

/// What the engine cannot read it leaves out without a word: that is no file without content.
#[test]
fn what_comes_and_goes_is_shown_or_said_to_be_gone() {
    let Some(engine) = engine::at_hand("copy::goes") else { return };
    let scope = Scope::new(&engine);
    // Its socket is where /dev/log leads.
    let log = "mkdir /t; ln -s /t/socket /dev/log; syslogd -O /dev/null; until test -S /t/socket; do sleep 0.1; done";
    let app = container(&scope, "app", &[], log);
    engine.docker(&["exec", "-d", &app, "sh", "-c", "while :; do echo x > /t/x; rm /t/x; done"]);
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let mut gone = 0;
    for _ in 0..100 {
        let read = from(&client, &app, "/t/x");
        if read.is_error {
            assert!(["not_found", "conflict"].contains(&read.kind()), "{}", read.text);
            gone += 1;
        } else {
            assert_eq!(file(&read, "/t/x")["kind"], "file", "{}", read.text);
        }
    }
    assert!(gone > 0, "no read met the writer: the test is worth nothing");
    let socket = from(&client, &app, "/t/socket");
    assert!(socket.is_error && socket.text.contains("is a socket"), "{}", socket.text);
}

#[test]
fn a_way_that_is_turned_meanwhile_shows_and_writes_nothing_unsaid() {
    let Some(engine) = engine::at_hand("copy::turned") else { return };
    let scope = Scope::new(&engine);
    let app = container(
        &scope,
        "app",
        &[],
        "mkdir -p /t/a /t/b; echo a > /t/a/x; echo b > /t/b/x; ln -s a /t/way; cd /t; ln -s b to-b; ln -s a to-a",
    );
    let turn = "cd /t; while :; do cp -P to-b new; mv -T new way; cp -P to-a new; mv -T new way; done";
    engine.docker(&["exec", "-d", &app, "sh", "-c", turn]);
    let client = Launch::at(&engine.host).config(ROOT).connect();
    let mut turned = 0;
    for n in 0..60 {
        let read = from(&client, &app, "/t/way/x");
        if read.is_error {
            assert_eq!(
                (read.kind(), &read.structured["error"]["retry"]),
                ("conflict", &json!("safe")),
                "{}",
                read.text
            );
            turned += 1;
        } else {
            // What is said to be there is from there.
            let shown = &read.structured["files"][0];
            let letter = read.structured["leads_to"].as_str().unwrap().chars().nth(3).unwrap();
            assert_eq!(shown["content"], format!("{letter}\n"), "{}", read.text);
        }
        let files = json!([{ "path": "y", "content": n.to_string() }]);
        let written = to(&client, &app, "/t/way", files, json!({}));
        if written.is_error && written.text.contains("the path changed meanwhile") {
            assert_eq!(written.structured["error"]["effect"], "unknown", "{}", written.text);
            turned += 1;
        }
    }
    assert!(turned > 0, "no call met the turning: the test is worth nothing");
    assert_eq!(file(&from(&client, &app, "/t/a/x").ok(), "/t/a/x")["content"], "a\n");
    assert_eq!(says(&engine, &app, "cat /t/b/x"), "b");
}
