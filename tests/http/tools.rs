//! `POST /tools/{name}`: one call a request, and its status.

use serde_json::{Value, json};

use super::{Served, keys};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

#[test]
fn each_role_has_its_own_tools() {
    let Some(engine) = engine::at_hand("http::tools::roles") else { return };
    let scope = Scope::new(&engine);
    let hidden = scope.name("vault");
    scope.run("vault", &[], &["sleep", "9999"]);
    scope.run("web", &[], &["sleep", "9999"]);
    let web = scope.name("web");
    let (config, viewer, operator) = keys(&format!("blacklist_containers = [{hidden:?}]"));
    let served = Served::start(Launch::at(&engine.host).config(&config));
    let pause =
        |key: &str, name: &str| served.tool("docker_pause", Some(key), &json!({ "containers": name }));
    let refused = pause(&viewer, &web);
    assert_eq!((refused.status, refused.json()["error"]["kind"].as_str()), (403, Some("permission_denied")));
    assert_eq!(pause(&operator, &web).status, 200);
    let again = served.tool("docker_pause", Some(&operator), &json!({ "containers": web }));
    assert_eq!(
        (again.status, again.json()["error"]["kind"].as_str()),
        (409, Some("conflict")),
        "it is paused"
    );
    let again = served.tool("docker_unpause", Some(&operator), &json!({ "containers": web }));
    assert_eq!((again.status, &again.json()["results"][0]["changed"]), (200, &json!(true)));
    // What is hidden from one is there for the other.
    assert_eq!(pause(&operator, &hidden).status, 404);
    let seen = |key: &str| served.tool("docker_ps", Some(key), &json!({})).body.contains(&hidden);
    assert!(seen(&viewer) && !seen(&operator));
    // A role is what the key says, and nothing that the call says.
    let claimed =
        served.tool("docker_pause", Some(&viewer), &json!({ "containers": web, "role": "operator" }));
    assert!(matches!(claimed.status, 400 | 403), "{claimed:?}");
    // docker_policy speaks for the caller.
    let policy =
        |key: &str| served.tool("docker_policy", Some(key), &json!({})).json()["levels"]["lifecycle"].clone();
    assert_eq!((policy(&viewer), policy(&operator)), (json!(false), json!(true)));
    let lists = |key: &str| {
        let reply = served.mcp(Some(key), "tools/list", json!({}));
        let tools = reply.json()["result"]["tools"].as_array().unwrap_or_else(|| panic!("{reply:?}")).clone();
        tools.iter().any(|tool| tool["name"] == "docker_pause")
    };
    assert!(!lists(&viewer) && lists(&operator));
    let lines = served.client.audit_lines();
    let line = lines.iter().find(|line| line["tool"] == "docker_pause" && line["outcome"] == "done").unwrap();
    assert_eq!((&line["caller"], &line["role"]), (&json!("operator"), &json!("operator")));
}

#[test]
fn statuses_and_bodies() {
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    let json_body = [("content-type", "application/json")];
    for (tool, body, status, kind) in [
        ("docker_policy", "", 200, ""),
        ("docker_policy", "  ", 200, ""),
        ("ping", "{}", 200, ""),
        ("docker_ps", "{}", 503, "daemon_unreachable"),
        ("docker_ps", "{\"no_such\": 1}", 400, "invalid_arguments"),
        ("docker_ps", "[]", 400, "invalid_arguments"),
        ("docker_ps", "{", 400, "invalid_arguments"),
        ("docker_stop", "{\"containers\": \"x\"}", 403, "permission_denied"),
        ("docker_nothing", "{}", 404, "not_found"),
        ("", "{}", 404, "not_found"),
    ] {
        let reply = served.send("POST", &format!("/tools/{tool}"), &json_body, body);
        assert_eq!(reply.status, status, "{tool} {body}: {reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let error = reply.json()["error"]["kind"].clone();
        assert_eq!(
            error,
            if kind.is_empty() { Value::Null } else { json!(kind) },
            "{tool} {body}: {reply:?}"
        );
    }
    let large = served.send(
        "POST",
        "/tools/docker_ps",
        &json_body,
        &format!("{{\"x\": \"{}\"}}", "y".repeat(5 << 20)),
    );
    assert_eq!(large.status, 413);
}

#[test]
fn a_person_allows_what_a_role_asks_for() {
    let Some(engine) = engine::at_hand("http::tools::human") else { return };
    let scope = Scope::new(&engine);
    scope.run("web", &[], &["sleep", "9999"]);
    let call = json!({ "containers": scope.name("web") });
    let (config, _, operator) = keys("");
    let config = format!("{config}[confirm]\nrequire = \"mutating\"\nby = \"human\"\n");
    let served = Served::start(Launch::at(&engine.host).config(&config));
    let held = served.tool("docker_pause", Some(&operator), &call);
    assert_eq!((held.status, held.json()["status"].as_str()), (202, Some("approval_pending")), "{held:?}");
    let code = held.json()["code"].as_str().unwrap().to_owned();
    assert!(served.client.prints(&["pending"]).contains("operator asks"));
    served.client.prints(&["approve", &code]);
    assert_eq!(served.tool("docker_pause", Some(&operator), &call).status, 200);
}
