//! Calls as the seeds write them.

use serde_json::json;

use super::Shop;
use crate::support::engine;
use crate::support::registry::free_port;

#[test]
fn the_calls_of_seed_003() {
    let Some(engine) = engine::at_hand("compose::files::seeds") else { return };
    let shop = Shop::new(&engine);
    let client = shop.client();
    let yaml = format!(
        "version: '3.8'\nservices:\n  web:\n    image: BASE\n    command: IDLE\n    ports:\n      - '127.0.0.1:{}:80'",
        free_port()
    );
    let deploy = json!({ "project_name": shop.project, "compose_yaml": shop.text(&yaml) });
    let up = client.call("deploy-compose", &deploy).ok();
    assert_eq!(shop.containers(), ["web-1"], "{}", up.text);
    assert_eq!(shop.facts("web-1")["State"]["Running"], true);
    assert_eq!(client.call("deploy-compose", &deploy).ok().structured["changed"], false);
    // The file is the one that the deployment came from there; it is not needed here.
    let ask = json!({ "project_name": shop.project, "compose_file": "docker compose.yml" });
    let mut one = ask.clone();
    one["service"] = json!("web");
    assert!(client.call("compose-ps", &ask).ok().text.contains("web-1"));
    client.call("compose-logs", &one).ok();
    let state = || shop.facts("web-1")["State"]["Running"].clone();
    client.call("compose-stop", &one).ok();
    assert_eq!(state(), false);
    client.call("compose-start", &one).ok();
    assert_eq!(state(), true);
    client.call("compose-restart", &one).ok();
    assert_eq!(state(), true);
    client.call("compose-down", &ask).ok();
    assert_eq!(shop.objects(), Vec::<String>::new());
    // It reads no file of this host.
    for more in ["env_file: /etc/passwd", "env_file: x.env", "extends: { file: /etc/passwd, service: x }"] {
        let yaml = format!("services: {{ web: {{ image: x, {more} }} }}");
        let refused =
            client.call("deploy-compose", &json!({ "project_name": shop.project, "compose_yaml": yaml }));
        assert!(
            ["invalid_arguments", "permission_denied"].contains(&refused.kind()),
            "{more}: {}",
            refused.text
        );
        assert!(!refused.whole().contains("root:"), "{}", refused.text);
    }
}

#[test]
fn the_calls_of_seed_001() {
    let Some(engine) = engine::at_hand("compose::files::seeds::one") else { return };
    let shop = Shop::new(&engine);
    shop.file("services: { web: { image: BASE, command: IDLE }, db: { image: BASE, command: IDLE } }");
    let client = shop.client();
    let file = shop.dir.join("compose.yaml").display().to_string();
    let project = shop.project.clone();
    let up = json!({ "project": project, "file": file, "services": ["web"], "detach": true, "build": false });
    client.call("docker_compose_up", &up).ok();
    assert_eq!(shop.containers(), ["web-1"]);
    client.call("docker_compose_ps", &json!({ "project": project, "file": file })).ok();
    let logs = json!({ "project": project, "file": file, "services": ["web"], "tail": 5, "follow": false });
    client.call("docker_compose_logs", &logs).ok();
    let down = json!({ "project": project, "file": file, "volumes": true, "remove_orphans": true });
    client.call("docker_compose_down", &down).ok();
    assert_eq!(shop.objects(), Vec::<String>::new());
    let attached = client.call("docker_compose_up", &json!({ "detach": false }));
    assert_eq!(attached.kind(), "invalid_arguments", "{}", attached.text);
}
