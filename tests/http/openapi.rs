//! `GET /openapi.json`: the caller's own tools, as they are listed and as they answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Served, keys};
use crate::support::Launch;

fn document(served: &Served, key: Option<&str>) -> Value {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let headers: Vec<_> = bearer.as_deref().map(|value| ("authorization", value)).into_iter().collect();
    let reply = served.send("GET", "/openapi.json", &headers, "");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{reply:?}");
    reply.json()
}

/// The schemas of the tools by their names, as the document has them.
fn tools(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let tool = |(path, item): (&String, &Value)| {
        let name = path.strip_prefix("/tools/")?.to_owned();
        Some((name, item["post"]["requestBody"]["content"]["application/json"]["schema"].clone()))
    };
    paths.iter().filter_map(tool).collect()
}

#[test]
fn each_role_sees_its_own_as_they_are_listed() {
    let (config, viewer, operator) = keys("deny_tools = [\"docker_kill\"]");
    let served = Served::start(Launch::without_engine().config(&config));
    let mut names = Vec::new();
    for key in [&viewer, &operator] {
        let document = document(&served, Some(key));
        let listed = served.mcp(Some(key), "tools/list", json!({})).json()["result"]["tools"].clone();
        let mut listed: Vec<(String, Value)> = listed
            .as_array()
            .expect("tools")
            .iter()
            .map(|tool| (tool["name"].as_str().unwrap().to_owned(), tool["inputSchema"].clone()))
            .collect();
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(tools(&document), listed);
        assert_eq!(document["security"], json!([{ "bearer": [] }]), "without a key nobody is let in");
        names.push(listed.into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>());
    }
    let has = |tool: &str| (names[0].contains(tool), names[1].contains(tool));
    assert_eq!(
        (has("docker_ps"), has("docker_pause"), has("docker_kill"), has("docker_exec")),
        ((true, true), (false, true), (false, false), (false, false))
    );
    let nobody = served.send("GET", "/openapi.json", &[], "");
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")));
    let from_a_page = served.send("GET", "/openapi.json", &[("origin", "http://evil.example")], "");
    assert_eq!(from_a_page.status, 403);
    let posted = served.send("POST", "/openapi.json", &[("authorization", &format!("Bearer {viewer}"))], "");
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET")));
}

#[test]
fn what_is_answered_is_what_it_says() {
    let served =
        Served::start(Launch::without_engine().config("[permissions]\nread = true\nlifecycle = true\n"));
    let document = document(&served, None);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["security"], json!([{}, { "bearer": [] }]), "no key is needed here");
    refers_to_what_is_there(&document, &document);
    let failure = &document["components"]["schemas"]["Failure"]["properties"]["error"];
    let named: BTreeSet<&str> =
        failure["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let kinds = failure["properties"]["kind"]["enum"].as_array().unwrap();
    let json_body = [("content-type", "application/json")];
    let text_body = [("content-type", "text/plain")];
    for (tool, headers, body, status) in [
        ("docker_policy", &json_body, "{}", 200),
        ("docker_ps", &json_body, "{}", 503),
        ("docker_ps", &json_body, "{\"no_such\": 1}", 400),
        ("docker_ps", &json_body, "[", 400),
        ("docker_ps", &text_body, "{}", 415),
        ("docker_stop", &json_body, "{\"containers\": \"x\", \"confirm_token\": \"y\"}", 503),
    ] {
        let reply = served.send("POST", &format!("/tools/{tool}"), headers, body);
        assert_eq!(reply.status, status, "{tool} {body}: {reply:?}");
        let operation = &document["paths"][format!("/tools/{tool}")]["post"];
        assert!(operation["responses"][status.to_string()].is_object(), "{tool}: {status} is not named");
        if status == 200 {
            continue;
        }
        let error = reply.json()["error"].as_object().expect("an error").clone();
        assert!(kinds.contains(&error["kind"]), "{error:?}");
        for field in error.keys() {
            assert!(named.contains(field.as_str()), "`{field}` is not in the document: {error:?}");
        }
        for field in failure["required"].as_array().unwrap() {
            assert!(error.contains_key(field.as_str().unwrap()), "{field} is missing: {error:?}");
        }
        // Whoever is to come back hears when, also without a look at the body.
        let after = error
            .get("retry_after_ms")
            .and_then(Value::as_u64)
            .map(|ms| ms.div_ceil(1000).max(1).to_string());
        assert_eq!(reply.header("retry-after"), after.as_deref(), "{reply:?}");
    }
    let ready = served.send("GET", "/health/ready", &[], "").json();
    let circuits = &document["components"]["schemas"]["Health"]["properties"]["circuit"]["enum"];
    assert!(circuits.as_array().unwrap().contains(&ready["circuit"]), "{ready}");
}

fn refers_to_what_is_there(value: &Value, document: &Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(to)) = map.get("$ref") {
                assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to} leads nowhere");
            }
            map.values().for_each(|inner| refers_to_what_is_there(inner, document));
        }
        Value::Array(items) => items.iter().for_each(|inner| refers_to_what_is_there(inner, document)),
        _ => {}
    }
}
