//! Who is let in: names, origins, keys; and where nobody may be served at all.

use serde_json::json;

use super::{Served, keys};
use crate::support::http::raw;
use crate::support::{Launch, eventually};

#[test]
fn w1_only_by_our_names_and_from_our_pages() {
    let config = "[http]\nallowed_hosts = [\"box.lan\"]\nallowed_origins = [\"https://ops.lan\"]\n";
    let served = Served::start(Launch::without_engine().config(config));
    let json = ("content-type", "application/json");
    for (headers, status) in [
        (vec![("host", "localhost")], 200),
        (vec![("host", "box.lan:8080")], 200),
        (vec![("host", "evil.example")], 403),
        (vec![("host", "2130706433")], 403),
        (vec![("host", "localhost"), ("host", "localhost")], 403),
        (vec![("origin", "http://localhost:3000")], 200),
        (vec![("origin", "https://ops.lan")], 200),
        (vec![("origin", "http://evil.example")], 403),
        (vec![("origin", "null")], 403),
    ] {
        let mut headers = headers;
        headers.push(json);
        for path in ["/tools/docker_policy", "/mcp"] {
            let reply = served.send("POST", path, &headers, "{}");
            assert_eq!(reply.status == 403, status == 403, "{path} {headers:?}: {reply:?}");
            assert!(
                reply.status != 403 || reply.body.contains("under [http]"),
                "the setting is named: {reply:?}"
            );
        }
    }
    let none = served.send("POST", "/tools/docker_policy", &[("-host", ""), json], "{}");
    assert!(matches!(none.status, 400 | 403), "{none:?}");
    let absolute = "POST http://evil.example/tools/docker_policy HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                    content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(raw(served.at, absolute).status, 403);
    // W2: what a page can send without asking.
    let plain = served.send("POST", "/tools/docker_policy", &[("content-type", "text/plain")], "{}");
    assert_eq!(plain.status, 415);
    assert_eq!(served.send("GET", "/tools/docker_policy", &[], "").status, 405);
    assert_eq!(served.send("OPTIONS", "/mcp", &[("origin", "http://evil.example")], "").status, 403);
}

#[test]
fn w4_w12_keys_let_in_and_wrong_ones_wait() {
    let (config, viewer, operator) = keys("");
    assert!(viewer.starts_with("dmcp_") && viewer.len() == 69 && viewer != operator);
    assert!(!config.contains(&viewer), "the configuration holds no key");
    let served = Served::start(Launch::without_engine().config(&config));
    let policy = |key: Option<&str>| served.tool("docker_policy", key, &json!({}));
    assert_eq!(policy(Some(&viewer)).status, 200);
    let nobody = policy(None);
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")));
    // Not from where it might be written down.
    let asked = format!("/tools/docker_policy?key={viewer}&access_token={viewer}");
    assert_eq!(served.send("POST", &asked, &[("content-type", "application/json")], "{}").status, 401);
    for _ in 0..5 {
        assert_eq!(policy(Some("dmcp_wrong")).status, 401);
    }
    let waits = policy(Some(&viewer));
    assert_eq!(waits.status, 429, "also with a right one, or it could be told apart: {waits:?}");
    assert!(waits.header("retry-after").is_some());
    let recorded = || served.client.audit_text().matches("(auth)").count() >= 5;
    eventually(std::time::Duration::from_secs(10), recorded);
    let (log, audit) = (served.client.stderr(), served.client.audit_text());
    for text in [&log, &audit] {
        assert!(!text.contains(&viewer) && !text.contains("dmcp_wrong"), "{text}");
    }
    assert_eq!(audit.matches("(auth)").count(), 5, "each wrong one is on record: {audit}");
    assert!(audit.contains("\"caller\":\"viewer\"") && audit.contains("\"role\":\"viewer\""), "{audit}");
}

#[test]
fn w3_strangers_are_not_served_by_accident() {
    let (config, _, _) = keys("");
    let refused = |config: &str, args: &[&str], words: &str| {
        let mut launch = Launch::without_engine().config(config);
        for arg in args {
            launch = launch.arg(arg);
        }
        let output = launch.output();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(words) && said.contains("help:"), "{args:?}: {said}");
    };
    refused("[permissions]\nread = true\n", &["serve", "--http", "0.0.0.0:0"], "there are no keys");
    refused(&config, &["serve", "--http", "0.0.0.0:0"], "in clear");
    refused(
        "[permissions]\nread = true\n",
        &["serve", "--http", "127.0.0.1:0", "--bypass-permissions"],
        "everything",
    );
    let unknown =
        Launch::without_engine().config(&config).arg("key").arg("new").arg("--role").arg("root").output();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("operator, viewer"));
}

/// Whoever watches needs no key, and learns nothing but that it lives.
#[test]
fn health_is_for_everybody() {
    let (config, _, _) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    for path in ["/health/live", "/health/ready"] {
        let reply = served.send("GET", path, &[("host", "10.0.0.7")], "");
        assert_eq!((reply.status, reply.json()["status"].as_str()), (200, Some("ok")), "{path}");
    }
    assert_eq!(served.send("GET", "/", &[], "").status, 404);
    assert_eq!(served.send("GET", "/mcp/../health", &[], "").status, 404);
}
