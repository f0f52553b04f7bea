//! Roles that answer what others ask for, and roles that read the log.

use docker_mcp::transport::http::new_key;
use serde_json::{Value, json};

use super::Served;
use crate::support::fixture::{Scope, unique};
use crate::support::http::Reply;
use crate::support::{Engine, Launch, engine, eventually};

/// A server with these roles, and a key for each.
fn serve(engine: &Engine, top: &str, roles: &[(&str, &str)]) -> (Served, Vec<String>) {
    let tables: String = roles.iter().map(|(name, body)| format!("[roles.{name}]\n{body}\n")).collect();
    let keys: Vec<(String, String)> = roles
        .iter()
        .map(|(role, _)| {
            let (key, hash) = new_key().unwrap();
            (key, format!("[[http.keys]]\nname = \"{role}\"\nrole = \"{role}\"\nhash = \"{hash}\"\n"))
        })
        .collect();
    let lines: String = keys.iter().map(|(_, lines)| format!("{lines}\n")).collect();
    let served = Served::start(Launch::at(&engine.host).config(&format!("{top}\n{tables}\n{lines}")));
    (served, keys.into_iter().map(|(key, _)| key).collect())
}

fn ask(served: &Served, key: &str, tool: &str, arguments: Value) -> Reply {
    served.tool(tool, Some(key), &arguments)
}

const HUMAN: &str = "[confirm]\nrequire = \"mutating\"\nby = \"human\"\n";

#[test]
fn another_role_approves_and_never_the_asker() {
    let Some(engine) = engine::at_hand("http::judges::approve") else { return };
    let scope = Scope::new(&engine);
    scope.run("web", &[], &["sleep", "600"]);
    scope.run("secret", &[], &["sleep", "600"]);
    let (web, secret) = (scope.name("web"), scope.name("secret"));
    let asker = "read = true\nlifecycle = true\ncan_approve = [\"docker_*\"]";
    let blind = format!("read = true\ncan_approve = [\"docker_*\"]\nblacklist_containers = [\"{secret}\"]");
    let roles = [
        ("asker", asker),
        ("judge", "read = true\ncan_approve = [\"docker_restart\", \"compose_restart\"]"),
        ("blind", blind.as_str()),
        ("viewer", "read = true"),
    ];
    let (served, keys) = serve(&engine, HUMAN, &roles);
    let [asker, judge, blind, viewer] = keys.try_into().unwrap();
    let restart =
        |name: &str| ask(&served, &asker, "docker_restart", json!({ "containers": name, "timeout": 0 }));
    let hold = |reply: Reply| {
        assert_eq!(reply.status, 202, "{reply:?}");
        reply.json()["code"].as_str().unwrap().to_owned()
    };
    let code = hold(restart(&web));
    let approve = |key: &str, arguments: Value| ask(&served, key, "docker_approve", arguments);
    // Who asks has the right, and not for this.
    let own = approve(&asker, json!({ "code": code }));
    assert_eq!(
        (own.status, own.json()["error"]["kind"].as_str()),
        (403, Some("permission_denied")),
        "{own:?}"
    );
    assert!(!approve(&asker, json!({})).body.contains(&code), "its own are not offered");
    // Who has no right has no such tool.
    assert_eq!(approve(&viewer, json!({ "code": code })).status, 403);
    let listed = served.mcp(Some(&viewer), "tools/list", json!({}));
    assert!(!listed.body.contains("docker_approve") && !listed.body.contains("docker_audit"), "{listed:?}");
    assert!(served.mcp(Some(&judge), "tools/list", json!({})).body.contains("docker_approve"));
    // Looking is no answer.
    let pending = approve(&judge, json!({}));
    assert_eq!(pending.json()["pending"][0]["code"], code.as_str(), "{pending:?}");
    assert!(pending.body.contains(&web), "{pending:?}");
    assert_eq!(approve(&judge, json!({ "code": code, "dry_run": true })).json()["status"], "dry_run");
    assert_eq!(hold(restart(&web)), code);
    let yes = approve(&judge, json!({ "code": code }));
    assert_eq!((yes.status, yes.json()["answer"].as_str()), (200, Some("approved")), "{yes:?}");
    assert_eq!(restart(&web).status, 200, "once");
    let code = hold(restart(&web));
    // Refused, and that is heard.
    assert_eq!(approve(&judge, json!({ "code": code, "deny": true })).json()["answer"], "denied");
    let refused = restart(&web);
    assert_eq!((refused.status, refused.json()["error"]["kind"].as_str()), (403, Some("approval_denied")));
    // Not what its globs leave out.
    let stop = hold(ask(&served, &asker, "docker_stop", json!({ "containers": web })));
    assert_eq!(approve(&judge, json!({ "code": stop })).status, 404);
    // What is hidden from a role does not exist in what it is asked, either.
    let hidden = hold(restart(&secret));
    assert_eq!(approve(&blind, json!({ "code": hidden })).status, 404);
    let all = approve(&blind, json!({}));
    assert!(!all.body.contains(&secret) && all.body.contains(&stop), "{all:?}");
    let audit = served.client.audit_lines();
    let said: Vec<&Value> =
        audit.iter().filter(|l| l["tool"] == "(approve)" || l["tool"] == "(deny)").collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|line| line["caller"] == "judge"), "{said:?}");
}

#[test]
fn what_is_masked_is_approved_at_the_host_only() {
    let Some(engine) = engine::at_hand("http::judges::secrets") else { return };
    let scope = Scope::new(&engine);
    let roles = [("maker", "read = true\ncreate = true"), ("judge", "read = true\ncan_approve = [\"*\"]")];
    let (served, keys) = serve(&engine, HUMAN, &roles);
    let made = ask(
        &served,
        &keys[0],
        "docker_create",
        json!({ "image": "docker-mcp/base", "name": scope.name("made"), "environment": { "API_TOKEN": "ghp_0123456789abcdefghijABCDEFGHIJ456789" } }),
    );
    assert_eq!(made.status, 202, "{made:?}");
    let code = made.json()["code"].as_str().unwrap().to_owned();
    let list = ask(&served, &keys[1], "docker_approve", json!({}));
    assert_eq!(list.json()["pending"][0]["only_at_host"], true, "{list:?}");
    assert!(!list.body.contains("ghp_0123456789"), "{list:?}");
    let refused = ask(&served, &keys[1], "docker_approve", json!({ "code": code }));
    assert!(refused.status == 403 && refused.body.contains("docker-mcp approve"), "{refused:?}");
    let denied = ask(&served, &keys[1], "docker_approve", json!({ "code": code, "deny": true }));
    assert_eq!(denied.status, 200, "no needs no look: {denied:?}");
}

/// What looks like nothing and is a container's password: the asker may know it, and the judge must not hear it.
#[test]
fn what_a_container_keeps_secret_is_no_judges() {
    let Some(engine) = engine::at_hand("http::judges::learned") else { return };
    let scope = Scope::new(&engine);
    let secret = format!("plain-words-{}", unique());
    scope.run("web", &["-e", &format!("DB_PASSWORD={secret}")], &["sleep", "600"]);
    let roles = [("asker", "read = true\nexec = true"), ("judge", "read = true\ncan_approve = [\"*\"]")];
    let top = format!("{HUMAN}[exec_safety]\nallow_root = true\n");
    let (served, keys) = serve(&engine, &top, &roles);
    let command = json!({ "container": scope.name("web"), "command": ["echo", secret] });
    let held = ask(&served, &keys[0], "docker_exec", command);
    assert_eq!(held.status, 202, "{held:?}");
    let code = held.json()["code"].as_str().unwrap().to_owned();
    let list = ask(&served, &keys[1], "docker_approve", json!({}));
    assert_eq!(list.json()["pending"][0]["code"], code.as_str(), "{list:?}");
    assert!(!list.body.contains(&secret), "{list:?}");
    let refused = ask(&served, &keys[1], "docker_approve", json!({ "code": code }));
    assert!(refused.status == 403 && !refused.body.contains(&secret), "{refused:?}");
}

#[test]
fn a_role_reads_the_log_as_far_as_it_sees() {
    let Some(engine) = engine::at_hand("http::judges::audit") else { return };
    let scope = Scope::new(&engine);
    for name in ["web", "secret"] {
        scope.run(name, &[], &["sleep", "600"]);
    }
    let (web, secret) = (scope.name("web"), scope.name("secret"));
    let narrow = format!("read = true\ncan_audit = true\nblacklist_containers = [\"{secret}\"]");
    let roles = [
        ("caller", "read = true"),
        ("auditor", "can_audit = true"),
        ("narrow", narrow.as_str()),
        ("other", "read = true"),
        ("twin", narrow.as_str()),
    ];
    let (served, keys) = serve(&engine, "", &roles);
    for name in [&web, &secret] {
        assert_eq!(ask(&served, &keys[0], "docker_inspect", json!({ "container": name })).status, 200);
    }
    assert_eq!(ask(&served, &keys[0], "docker_stop", json!({ "containers": web })).status, 403);
    let audit = |key: &str, query: Value| ask(&served, key, "docker_audit", query);
    let lines = |reply: &Reply| reply.json()["lines"].as_array().cloned().unwrap();
    let all = audit(&keys[1], json!({ "caller": "caller" }));
    assert_eq!(lines(&all).len(), 3, "{all:?}");
    assert_eq!(lines(&all)[0]["role"], "caller");
    // As the seeds called it.
    assert_eq!(lines(&served.tool("audit-logs", Some(&keys[1]), &json!({ "caller": "caller" }))).len(), 3);
    for (query, count) in [
        (json!({ "tool": "docker_insp*", "caller": "caller" }), 2),
        (json!({ "target": web, "tool": "docker_inspect" }), 1),
        (json!({ "status": "denied", "caller": "caller" }), 1),
        (json!({ "status": "permission_denied", "caller": "caller" }), 1),
        (json!({ "since": "1h", "caller": "caller", "limit": 1 }), 1),
        (json!({ "since": "2099-01-01" }), 0),
    ] {
        let found = audit(&keys[1], query.clone());
        assert_eq!(lines(&found).len(), count, "{query}: {found:?}");
    }
    assert_eq!(audit(&keys[1], json!({ "since": "soon" })).status, 400);
    assert_eq!(audit(&keys[1], json!({ "limit": 0 })).status, 400);
    // What others see and it does not is in no line: the log does not say what else a container is called or belongs to.
    let part = audit(&keys[2], json!({ "caller": "caller" }));
    assert_eq!(lines(&part).len(), 0, "{part:?}");
    assert_eq!(ask(&served, &keys[2], "docker_inspect", json!({ "container": web })).status, 200);
    assert_eq!(ask(&served, &keys[2], "docker_inspect", json!({ "container": secret })).status, 404);
    let own = audit(&keys[2], json!({ "caller": "narrow", "tool": "docker_inspect" }));
    assert_eq!(lines(&own).len(), 2, "{own:?}");
    assert!(own.body.contains(&web) && !own.body.contains(&secret), "{own:?}");
    assert_eq!(audit(&keys[3], json!({})).status, 403);
    // Hidden and missing look alike here, too.
    assert_eq!(ask(&served, &keys[2], "docker_inspect", json!({ "container": "no-such-one" })).status, 404);
    let misses = audit(&keys[2], json!({ "status": "not_found" }));
    let said: Vec<&str> = lines(&misses)
        .iter()
        .map(|line| if line["decision"] == "undecided" { "alike" } else { "other" })
        .collect();
    assert_eq!(said, ["alike", "alike"], "{misses:?}");
    assert_eq!(lines(&audit(&keys[2], json!({ "status": "denied", "caller": "narrow" }))).len(), 0);
    // Who sees no more than it does is read by it.
    let same = audit(&keys[4], json!({ "caller": "narrow", "tool": "docker_inspect" }));
    assert_eq!(lines(&same).len(), 3, "{same:?}");
}

/// Who leaves the key out is somebody else by name, and may be the asker.
#[test]
fn whoever_has_no_key_answers_nothing() {
    let Some(engine) = engine::at_hand("http::judges::anonymous") else { return };
    let scope = Scope::new(&engine);
    scope.run("web", &[], &["sleep", "600"]);
    let right = "read = true\nlifecycle = true\ncan_approve = [\"*\"]\ncan_audit = true";
    let top = format!("{HUMAN}[http]\nanonymous_role = \"anyone\"\n");
    let (served, keys) =
        serve(&engine, &top, &[("asker", "read = true\nlifecycle = true"), ("anyone", right)]);
    let stop = json!({ "containers": scope.name("web") });
    let held = ask(&served, &keys[0], "docker_stop", stop);
    let code = held.json()["code"].as_str().unwrap().to_owned();
    for (tool, arguments) in [("docker_approve", json!({ "code": code })), ("docker_audit", json!({}))] {
        let refused = served.tool(tool, None, &arguments);
        assert_eq!(refused.status, 403, "{tool}: {refused:?}");
    }
    let listed = served.mcp(None, "tools/list", json!({}));
    assert!(listed.body.contains("docker_stop") && !listed.body.contains("docker_approve"), "{listed:?}");
    // With a key of that role it is somebody.
    assert_eq!(ask(&served, &keys[1], "docker_approve", json!({ "code": code })).status, 200);
}

/// A judge of other settings would answer another call: after a reload it waits for nobody.
#[test]
fn what_was_asked_under_other_settings_is_not_offered() {
    let Some(engine) = engine::at_hand("http::judges::reload") else { return };
    let scope = Scope::new(&engine);
    scope.run("web", &[], &["sleep", "600"]);
    let judge = "read = true\ncan_approve = [\"*\"]";
    let (served, keys) =
        serve(&engine, HUMAN, &[("asker", "read = true\nlifecycle = true"), ("judge", judge)]);
    let held = ask(&served, &keys[0], "docker_stop", json!({ "containers": scope.name("web") }));
    let code = held.json()["code"].as_str().unwrap().to_owned();
    let file = served.client.home().join("config.toml");
    let hides = format!("{judge}\nblacklist_containers = [\"{}\"]", scope.name("web"));
    let config = std::fs::read_to_string(&file).unwrap().replace(judge, &hides);
    std::fs::write(&file, config).unwrap();
    served.client.signal("HUP");
    let hidden =
        || ask(&served, &keys[1], "docker_inspect", json!({ "container": scope.name("web") })).status == 404;
    eventually(std::time::Duration::from_secs(10), hidden);
    let list = ask(&served, &keys[1], "docker_approve", json!({}));
    assert_eq!(list.json()["pending"], json!([]), "{list:?}");
    assert_eq!(ask(&served, &keys[1], "docker_approve", json!({ "code": code })).status, 404);
}
