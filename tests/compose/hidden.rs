//! What the filters hide of a project does not exist: threats C1, N13, X13, and the words of `not_found`.

use serde_json::json;

use super::stack::{ON, POLITE, Stack};
use crate::support::engine;

const TOOLS: &[&str] = &[
    "docker_compose_ps",
    "docker_compose_logs",
    "docker_compose_start",
    "docker_compose_stop",
    "docker_compose_restart",
    "docker_compose_down",
];

#[test]
fn a_hidden_project_does_not_exist() {
    let Some(engine) = engine::at_hand("compose::hidden::project") else { return };
    let stack = Stack::new(&engine);
    let p = &stack.project;
    stack.run("web", "", &[], POLITE);
    // Hidden by a project filter, by a container filter, and because only hidden containers are in it.
    for (name, project) in [("x-1", "secret"), ("vault-1", "vaults"), ("vault-2", "vaults")] {
        let label = format!("com.docker.compose.project={p}-{project}");
        let service = "com.docker.compose.service=db";
        stack.scope.run(name, &["--label", &label, "--label", service], POLITE);
    }
    let filters = format!("blacklist_projects = [\"{p}-secret\"]\n{ON}");
    let client = stack.client(&filters);
    let ids = ["x-1", "vault-1", "vault-2"].map(|n| engine.inspect("container", &stack.name(n)));
    let said = |tool: &str, project: &str, service: Option<&str>| {
        let name = format!("{p}-{project}");
        let mut arguments = json!({ "project": name });
        if let Some(service) = service {
            arguments["services"] = json!([service]);
        }
        let answer = client.call(tool, &arguments);
        assert_eq!(answer.kind(), "not_found", "{tool} {arguments}: {}", answer.text);
        let call = answer.structured["error"]["correlation_id"].as_str().unwrap().to_owned();
        answer.whole().replace(&call, "<call>").replace(&name, "<asked>")
    };
    for tool in TOOLS {
        let nowhere = said(tool, "nowhere", None);
        assert!(nowhere.contains("no project `<asked>`"), "{nowhere}");
        for hidden in ["secret", "vaults"] {
            assert_eq!(said(tool, hidden, None), nowhere, "{tool}");
            assert_eq!(said(tool, hidden, Some("db")), nowhere, "{tool}");
        }
        // The only one in sight is taken.
        if tool.ends_with("ps") {
            assert_eq!(client.call(tool, &json!({})).ok().structured["project"], **p);
        }
    }
    let list = client.call("docker_compose_ls", &json!({})).ok();
    assert_eq!(list.structured["projects"].as_array().unwrap().len(), 1, "{}", list.text);
    for word in ["secret", "vault"] {
        assert!(!list.whole().contains(word), "{}", list.text);
    }
    let now = ["x-1", "vault-1", "vault-2"].map(|n| engine.inspect("container", &stack.name(n)));
    assert_eq!(now, ids, "a hidden container changed");
    // A project that the whitelist does not name.
    let other = stack.client(&format!("whitelist_projects = [\"{p}-other\"]\n{ON}"));
    assert_eq!(other.call("docker_compose_stop", &stack.ask()).kind(), "not_found");
    assert_eq!(other.call("docker_compose_ps", &json!({})).kind(), "not_found");
}

/// A member that is hidden is neither named, counted, stopped nor removed, and what it uses stays, without a word of it.
#[test]
fn what_hidden_members_use_stays() {
    let Some(engine) = engine::at_hand("compose::hidden::member") else { return };
    let stack = Stack::new(&engine);
    for network in ["front", "back"] {
        stack.network(network);
    }
    for volume in ["data", "kept"] {
        stack.volume(volume);
    }
    let n = |short: &str| stack.name(short);
    stack.run(
        "web",
        "vault:service_healthy:false",
        &["--network", &n("front"), "-v", &format!("{}:/d", n("data"))],
        POLITE,
    );
    stack.run(
        "vault",
        "",
        &["--network", &n("front"), "-v", &format!("{}:/d", n("kept")), "--health-cmd", "false"],
        POLITE,
    );
    engine.docker(&["network", "connect", &n("back"), &n("web-1")]);
    let facts = || {
        let mut facts = engine.inspect("container", &n("vault-1"));
        facts["State"]["Health"].take();
        facts["ExecIDs"].take();
        facts
    };
    let before = facts();
    let client = stack.client(&format!("volumes = true\n{ON}"));
    for tool in TOOLS.iter().filter(|t| !t.ends_with("down")) {
        let arguments = json!({ "project": stack.project });
        let answer = client.call(tool, &arguments).ok();
        assert!(!answer.whole().contains("vault"), "{tool}: {}", answer.text);
        let hidden = client.call(tool, &json!({ "project": stack.project, "services": "vault" }));
        let nowhere = client.call(tool, &json!({ "project": stack.project, "services": "vaulx" }));
        assert_eq!((hidden.kind(), nowhere.kind()), ("not_found", "not_found"), "{tool}");
        let plain =
            |text: &str| text.replace("vaulx", "vault").lines().take(2).collect::<Vec<_>>().join("\n");
        assert_eq!(plain(&hidden.text), plain(&nowhere.text));
    }
    let list = client.call("docker_compose_ls", &json!({})).ok();
    assert_eq!(list.structured["projects"][0]["containers"], json!({ "running": 1 }), "{}", list.text);
    let down = json!({ "project": stack.project, "volumes": true });
    let gone = client.call("docker_compose_down", &down).ok();
    assert!(!gone.whole().contains("vault"), "{}", gone.text);
    assert!(!gone.whole().contains(&n("kept")), "{}", gone.text);
    assert!(gone.text.contains(&format!("network `{}` stays: it is in use", n("front"))), "{}", gone.text);
    let there = ["web-1", "vault-1"].map(|c| stack.has("container", c));
    assert_eq!(there, [false, true]);
    assert_eq!(["front", "back"].map(|x| stack.has("network", x)), [true, false], "{}", gone.text);
    assert_eq!(["kept", "data"].map(|x| stack.has("volume", x)), [true, false], "{}", gone.text);
    assert_eq!(facts(), before, "the hidden member changed");
    // Nothing of it is left in sight.
    assert_eq!(client.call("docker_compose_down", &down).kind(), "not_found");
}
