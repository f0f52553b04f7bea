//! What may not happen is refused before anything starts, with the rule that says so.

use serde_json::json;

use super::{Shop, none};
use crate::support::engine;

const FILE: &str = "services:\n  db: { image: BASE, command: IDLE, volumes: [\"data:/data\"] }\n  \
    web: { image: \"PROJECT/app:1\", build: ./web, command: IDLE, networks: [front] }\n\
    networks: { front: {} }\nvolumes: { data: {} }\n";

#[test]
fn what_the_filters_hide_stops_it_before_it_starts() {
    let Some(engine) = engine::at_hand("compose::files::refused") else { return };
    let shop = Shop::new(&engine);
    shop.file(FILE);
    shop.write("web/Dockerfile", "FROM BASE\nRUN touch /it\n");
    shop.client().call("docker_compose_build", &none()).ok();
    let p = shop.project.clone();
    for (permissions, word) in [
        ("blacklist_images = [\"PROJECT/app\"]", "image"),
        ("blacklist_images = [\"docker-mcp/base\"]", "image"),
        ("whitelist_images = [\"PROJECT/*\"]", "image"),
        ("blacklist_containers = [\"PROJECT-web*\"]", "container"),
        ("whitelist_containers = [\"PROJECT-db*\"]", "container"),
        ("blacklist_networks = [\"PROJECT_fro*\"]", "network"),
        ("blacklist_volumes = [\"PROJECT_dat*\"]", "volume"),
        ("whitelist_projects = [\"PROJECT-other\"]", "project"),
        ("blacklist_projects = [\"PROJECT\"]", "project"),
        ("create = [\"PROJECT-db*\"]", "web"),
        ("lifecycle = [\"PROJECT-web*\"]", "db"),
    ] {
        let client = shop.launch(&shop.text(permissions), "").connect();
        let text = shop.text(FILE).replace(", build: ./web", "");
        for (tool, arguments) in [
            ("docker_compose_up", none()),
            ("docker_compose_up", json!({ "dry_run": true })),
            ("docker_compose_deploy", json!({ "project_name": p, "compose_yaml": text })),
        ] {
            let refused = client.call(tool, &arguments);
            // What is hidden is like what there is not.
            let kinds = ["permission_denied", "not_found", "conflict"];
            assert!(kinds.contains(&refused.kind()), "{tool} {permissions}: {}", refused.text);
            assert_eq!(refused.structured["error"]["effect"], "none", "{permissions}: {}", refused.text);
            assert!(refused.text.contains(word), "{tool} {permissions}: no {word} in {}", refused.text);
            assert_eq!(shop.objects(), Vec::<String>::new(), "{tool} {permissions}");
        }
    }
    for (tool, permissions) in [
        ("docker_compose_pull", "blacklist_images = [\"docker-mcp/base\"]"),
        ("docker_compose_build", "blacklist_images = [\"PROJECT/app\"]"),
        ("docker_compose_pull", "blacklist_projects = [\"PROJECT\"]"),
        ("docker_compose_build", "whitelist_projects = [\"PROJECT-other\"]"),
    ] {
        let client = shop.launch(&shop.text(permissions), "").connect();
        let refused = client.call(tool, &none());
        assert_eq!(refused.kind(), "permission_denied", "{tool} {permissions}: {}", refused.text);
        assert_eq!(refused.structured["error"]["effect"], "none", "{tool}: {}", refused.text);
    }
}

#[test]
fn what_the_guard_refuses_is_refused_and_explained() {
    let Some(engine) = engine::at_hand("compose::files::refused::guard") else { return };
    let shop = Shop::new(&engine);
    let client = shop.client();
    for (service, word) in [
        ("privileged: true", "privileged"),
        ("network_mode: host", "network_mode"),
        ("volumes: [\"/etc:/host\"]", "/etc"),
        ("volumes: [\"/var/run/docker.sock:/s\"]", "docker.sock"),
        ("cap_add: [SYS_ADMIN]", "cap_add"),
    ] {
        let file = format!("services: {{ web: {{ image: BASE, command: IDLE, {service} }} }}");
        shop.file(&file);
        let text = json!({ "project_name": shop.project, "compose_yaml": shop.text(&file) });
        for (tool, arguments) in [("docker_compose_up", none()), ("docker_compose_deploy", text)] {
            let refused = client.call(tool, &arguments);
            assert_eq!(refused.kind(), "permission_denied", "{tool} {service}: {}", refused.text);
            assert!(
                refused.text.contains("`web`") && refused.text.contains(word),
                "{service}: {}",
                refused.text
            );
            assert_eq!(refused.structured["error"]["effect"], "none");
            let asked = json!({ "tool": tool, "arguments": arguments });
            let told = client.call("docker_policy", &asked).ok().structured;
            assert_eq!(told["allowed"], false, "{tool} {service}: {told}");
            assert!(told["reason"].as_str().unwrap().contains("web"), "{tool} {service}: {told}");
        }
        assert_eq!(shop.objects(), Vec::<String>::new(), "{service}");
    }
    shop.file("services: { web: { image: BASE, command: IDLE } }");
    let told = client.call("docker_policy", &json!({ "tool": "docker_compose_up", "arguments": {} })).ok();
    assert_eq!(told.structured["allowed"], true, "{}", told.text);
    assert!(told.structured["rules"].to_string().contains("create_safety"), "{}", told.text);
    // What a person trusts is not judged, and is filtered all the same.
    shop.file("services: { web: { image: BASE, command: IDLE, network_mode: host } }");
    let trusted = format!(
        "[compose]\nroots = [\"{d}\"]\ntrusted_files = [\"{d}/compose.yaml\"]\n",
        d = shop.dir.display()
    );
    let hidden = format!("blacklist_containers = [\"{}-web*\"]", shop.project);
    assert_eq!(
        shop.launch(&hidden, &trusted).connect().call("docker_compose_up", &none()).kind(),
        "permission_denied"
    );
    shop.launch("", &trusted).connect().call("docker_compose_up", &none()).ok();
    assert_eq!(shop.facts("web-1")["HostConfig"]["NetworkMode"], "host");
}
