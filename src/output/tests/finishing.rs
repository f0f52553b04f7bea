use serde_json::{Value, json};

use super::{Learned, Redactor};
use crate::output::{Cut, Draft, Finished, Keep, Row, finish};

fn done(draft: Draft, max: usize) -> Finished {
    let out = finish(draft, &Redactor::default(), max);
    assert!(out.text.len() <= max, "text {} > {max}", out.text.len());
    let json = serde_json::to_string(&out.json).unwrap();
    assert!(json.len() <= max.max(18), "json {} > {max}", json.len());
    out
}

fn containers(n: usize) -> Draft {
    let rows = (0..n)
        .map(|i| {
            let (id, name) = (format!("abc{i:09}"), format!("myapp-web-{i}"));
            Row::new(
                json!({"id": id, "name": name, "image": "myorg/myapp:latest", "status": "running", "uptime": "3d 12h", "health": null}),
                [id.clone(), name.clone(), "myorg/myapp:latest".to_owned(), "running".to_owned(), "3d 12h".to_owned()],
            )
        })
        .collect();
    Draft::list("containers", &["id", "name", "image", "status", "uptime"], rows)
        .with("summary", format!("{n} running, 0 stopped containers"))
}

#[test]
fn a_list_is_a_table() {
    let out = done(containers(2), 40_000);
    assert_eq!(
        out.text,
        "ID            NAME         IMAGE               STATUS   UPTIME\n\
         abc000000000  myapp-web-0  myorg/myapp:latest  running  3d 12h\n\
         abc000000001  myapp-web-1  myorg/myapp:latest  running  3d 12h\n\
         2 running, 0 stopped containers"
    );
    assert_eq!(out.json["containers"][0]["name"], "myapp-web-0");
    assert!(out.json["containers"][0].get("health").is_none());
    assert!(out.json.get("truncated").is_none());
    let kept = done(containers(1).keep_empty(&["health"]), 40_000);
    assert_eq!(kept.json["containers"][0]["health"], Value::Null);
    assert_eq!(done(containers(0), 40_000).json["containers"], json!([]));
    assert!(done(containers(0), 40_000).text.starts_with("no containers\n"));
}

#[test]
fn rows_stay_in_their_budget() {
    let out = done(containers(150), 40_000);
    assert!(out.text.len() <= 150 * 150);
    assert!(serde_json::to_string(&out.json).unwrap().len() <= 150 * 150);
}

#[test]
fn a_long_list_says_what_it_leaves_out() {
    let out = done(containers(150), 3_000);
    let shown = out.json["shown"].as_u64().unwrap();
    assert_eq!(out.json["truncated"], true);
    assert_eq!(out.json["total"], 150);
    assert_eq!(out.json["containers"].as_array().unwrap().len() as u64, shown);
    assert!(shown > 15);
    assert!(
        out.text.ends_with(&format!("... {shown} of 150 shown; narrow with filter or limit")),
        "{}",
        out.text
    );
}

#[test]
fn a_body_keeps_its_newest_lines() {
    let log: String = (0..5_000).map(|i| format!("line {i} \"quoted\"\n")).collect();
    let draft =
        Draft::body("logs", log.clone(), Keep::Tail).with("container", "web").hint("use tail, since or grep");
    let out = done(draft, 10_000);
    assert_eq!(out.json["total_lines"], 5_000);
    assert_eq!(out.json["total_bytes"], log.len());
    let logs = out.json["logs"].as_str().unwrap();
    assert!(logs.ends_with("line 4999 \"quoted\"\n") && logs.starts_with("line "));
    assert!(logs.len() > 7_000, "{}", logs.len());
    assert!(out.text.contains(logs.trim_end()));
    assert!(
        out.text.ends_with(&format!("lines shown ({} bytes); use tail, since or grep", log.len())),
        "{}",
        out.text
    );
}

#[test]
fn several_bodies_share() {
    let draft = Draft::object(json!({"container": "web", "command": ["ls", "-la"], "exit_code": 2}))
        .and_body("stdout", "x\n".repeat(20_000), Keep::Both)
        .and_body("stderr", "small error\n", Keep::Tail);
    let out = done(draft, 5_000);
    assert_eq!(out.json["stderr"], "small error\n");
    assert!(out.json["stdout"].as_str().unwrap().contains("lines cut]"));
    assert_eq!(out.json["stdout_total_lines"], 20_000);
    assert!(
        out.text.starts_with("command: ls, -la\ncontainer: web\nexit_code: 2\nstdout:\nx\n"),
        "{}",
        out.text
    );
    let empty = done(Draft::body("stdout", "hi\n", Keep::Tail).and_body("stderr", "", Keep::Tail), 1_000);
    assert_eq!(empty.text, "stdout:\nhi\nstderr: (empty)");
    assert_eq!(done(Draft::body("logs", "only\nthis\n", Keep::Tail), 1_000).text, "only\nthis");
}

#[test]
fn an_object_is_shortened_where_it_is_large() {
    let draft = Draft::object(
        json!({"id": "x", "blob": "y".repeat(100_000), "gone": null, "none": [], "Ports": {"80/tcp": null}}),
    );
    let out = done(draft, 4_000);
    assert_eq!(out.json["id"], "x");
    assert_eq!(out.json["truncated"], true);
    assert!(out.json["blob"].as_str().unwrap().contains("bytes cut]"));
    assert!(out.json.get("gone").is_none() && out.json.get("none").is_none());
    assert!(out.json["Ports"].get("80/tcp").is_some());
}

#[test]
fn everything_is_cleaned_and_masked_once() {
    let learned = Learned::builder().value("sup3rsecret").build();
    let row = Row::new(
        json!({"name": "a-sup3rsecret", "note": "sup3rsecret\u{1b}[1m"}),
        ["a-sup3rsecret", "sup3rsecret\nx"],
    );
    let draft = Draft::list("things", &["name", "note"], vec![row])
        .head("head sup3rsecret\u{7}")
        .tail("tail sup3rsecret")
        .note("note password=hunter2")
        .and_body("logs", "log sup3rsecret \u{202e}\n", Keep::Tail)
        .cut(Cut { total: Some(9), shown: Some(1), what: "things", hint: "sup3rsecret".to_owned() })
        .learned(learned);
    let out = done(draft, 4_000);
    assert_eq!(
        out.text,
        "head [redacted]\nNAME           NOTE\na-sup3rsecret  [redacted] x\nlogs:\nlog [redacted] \n\
         note password=[redacted]\ntail [redacted]\n... 1 of 9 things shown; [redacted]"
    );
    let json = out.json.to_string();
    assert!(
        !json.contains("note\":\"sup3r") && !json.contains("log sup3r") && json.contains("\"total\":9"),
        "{json}"
    );
}

#[test]
fn never_above_the_cap() {
    for max in [0, 1, 20, 64, 100, 200, 333, 500, 1_000, 2_500, 10_000] {
        done(containers(100), max);
        done(Draft::body("logs", "é\"\\\n".repeat(5_000), Keep::Both), max);
        done(Draft::body("logs", "z".repeat(50_000), Keep::Tail).head("h".repeat(5_000)), max);
        done(Draft::object(json!({"a": vec!["b".repeat(50); 400], "c": {"d": "e".repeat(9_000)}})), max);
        let mixed = containers(200)
            .and_body("stdout", "out\n".repeat(3_000), Keep::Head)
            .with("big", "x".repeat(9_000));
        done(mixed, max);
    }
}
