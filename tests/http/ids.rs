//! Every request has a name, and it is found again in the answer, the log and the audit.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Served;
use crate::support::Launch;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const JSON: (&str, &str) = ("content-type", "application/json");

/// The first line of the log with these words; lines are written beside the answers.
fn waited(served: &Served, words: &str) -> String {
    let start = Instant::now();
    loop {
        let said = served.client.stderr();
        // What is read in the middle of a line is read again.
        let whole = said.rsplit_once('\n').map(|(lines, _)| lines).unwrap_or_default();
        if let Some(line) = whole.lines().find(|line| line.contains(words)) {
            return line.to_owned();
        }
        assert!(start.elapsed() < Duration::from_secs(5), "no `{words}`: {said}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The lines of the log, which are JSON: nothing else is said once it serves.
fn log(served: &Served) -> Vec<Value> {
    let said = served.client.stderr();
    let lines = said.lines().filter(|line| !line.starts_with("serving http://"));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[test]
fn a_request_is_found_again() {
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = [JSON, ("x-request-id", "order-66.a"), ("traceparent", parent.as_str())];
    let refused = served.send("POST", "/tools/docker_stop", &headers, "{\"containers\": \"x\"}");
    assert_eq!((refused.status, refused.header("x-request-id")), (403, Some("order-66.a")));
    let call = refused.json()["error"]["correlation_id"].clone();
    let lines = served.client.audit_wait(1);
    let line = lines.iter().find(|line| line["call"] == call).expect("its line");
    assert_eq!((&line["request_id"], &line["trace_id"]), (&json!("order-66.a"), &json!(TRACE)));
    waited(&served, "call failed");
    let line = log(&served).into_iter().find(|line| line["span"]["id"] == call).expect("a line of the log");
    assert_eq!(
        (&line["span"]["request_id"], &line["span"]["trace_id"]),
        (&json!("order-66.a"), &json!(TRACE))
    );
    assert_eq!(line["fields"]["kind"], "permission_denied");
    // Where there is none, one is made, also for what is refused at the door.
    let made = |path: &str| served.send("GET", path, &[], "").header("x-request-id").map(str::to_owned);
    let (one, two) = (made("/health/live").unwrap(), made("/nothing").unwrap());
    assert!(one.len() == 32 && one != two, "{one} {two}");
    // The chain holds with the new fields in it.
    let proof = served.client.beside(&["audit", "--verify"]);
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stdout));
}

#[test]
fn mcp_requests_have_one_and_their_messages_name_the_nearer_trace() {
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    let meta = |traceparent: &str| {
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28", "traceparent": traceparent,
                           "io.modelcontextprotocol/clientCapabilities": {},
                           "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" } });
        let params = json!({ "name": "docker_policy", "arguments": {}, "_meta": meta });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let outer = "00-11111111111111111111111111111111-00f067aa0ba902b7-01";
        let headers = [
            JSON,
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "docker_policy"),
            ("x-request-id", "by-mcp"),
            ("traceparent", outer),
        ];
        let reply = served.send("POST", "/mcp", &headers, &body.to_string());
        assert_eq!((reply.status, reply.header("x-request-id")), (200, Some("by-mcp")), "{reply:?}");
    };
    meta(&format!("00-{TRACE}-00f067aa0ba902b7-01"));
    meta("none");
    let lines = served.client.audit_wait(2);
    let of = |line: &Value| (line["request_id"].clone(), line["trace_id"].clone());
    assert_eq!(of(&lines[0]), (json!("by-mcp"), json!(TRACE)));
    assert_eq!(of(&lines[1]), (json!("by-mcp"), json!("1".repeat(32))));
}

#[test]
fn a_name_that_is_no_plain_word_is_not_taken() {
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    let (long, mut given) = ("x".repeat(129), Vec::new());
    for bad in [
        vec![("x-request-id", "a b")],
        vec![("x-request-id", long.as_str())],
        vec![("x-request-id", "\"}{\"evil\":1")],
        vec![("x-request-id", "\u{202e}evil")],
        vec![("x-request-id", "evil-1"), ("x-request-id", "evil-2")],
        vec![("traceparent", "00-evil-evil-01")],
    ] {
        let mut headers = bad.clone();
        headers.push(JSON);
        let reply = served.send("POST", "/tools/docker_policy", &headers, "{}");
        let id = reply.header("x-request-id").unwrap_or_default();
        assert!(
            reply.status == 200 && id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()),
            "{bad:?}: {reply:?}"
        );
        given.push(id.to_owned());
    }
    let lines = served.client.audit_wait(given.len());
    assert!(lines.iter().map(|line| &line["request_id"]).eq(given.iter()), "{given:?}: {lines:?}");
    let audit = served.client.audit_text();
    assert!(!audit.contains("evil") && !audit.contains("xxxx") && !audit.contains("trace_id"), "{audit}");
    log(&served);
}

#[test]
fn the_log_is_text_where_that_is_wanted() {
    let served = Served::start(
        Launch::without_engine().config("[permissions]\nread = true\n[log]\nformat = \"text\"\n"),
    );
    served.send(
        "POST",
        "/tools/docker_stop",
        &[JSON, ("x-request-id", "order-67")],
        "{\"containers\": \"x\"}",
    );
    let line = waited(&served, "call failed");
    assert!(!line.starts_with('{') && line.contains("order-67"), "{line}");
}
