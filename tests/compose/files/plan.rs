//! What an up would do, before it does it; and that a confirmation is for exactly that.

use serde_json::json;

use super::{Shop, did, none};
use crate::support::engine;
use crate::support::registry::{free_port, image};

/// A service a key.
const BEFORE: &str = r#"
services:
  image: { image: BASE, command: IDLE }
  environment: { image: BASE, command: IDLE, environment: { A: "1" } }
  command: { image: BASE, command: IDLE }
  ports: { image: BASE, command: IDLE }
  volumes: { image: BASE, command: IDLE }
  networks: { image: BASE, command: IDLE, networks: [one] }
  user: { image: BASE, command: IDLE }
  restart: { image: BASE, command: IDLE }
  labels: { image: BASE, command: IDLE }
  same: { image: BASE, command: IDLE }
  stopped: { image: BASE, command: IDLE }
  scaled: { image: BASE, command: IDLE, scale: 2 }
networks: { one: {}, two: {} }
volumes: { data: {} }
"#;

const AFTER: &str = r#"
services:
  image: { image: "PROJECT/other:1", command: IDLE }
  environment: { image: BASE, command: IDLE, environment: { A: "2" } }
  command: { image: BASE, command: ["sleep", "9999"] }
  ports: { image: BASE, command: IDLE, ports: ["127.0.0.1:PORT:80"] }
  volumes: { image: BASE, command: IDLE, volumes: ["data:/data"] }
  networks: { image: BASE, command: IDLE, networks: [two] }
  user: { image: BASE, command: IDLE, user: "7:7" }
  restart: { image: BASE, command: IDLE, restart: always }
  labels: { image: BASE, command: IDLE, labels: { a: b } }
  same: { image: BASE, command: IDLE }
  stopped: { image: BASE, command: IDLE }
  scaled: { image: BASE, command: IDLE, scale: 1 }
  new: { image: BASE, command: IDLE }
networks: { one: {}, two: {} }
volumes: { data: {} }
"#;

#[test]
fn a_dry_run_lists_what_would_happen() {
    let Some(engine) = engine::at_hand("compose::files::plan") else { return };
    let shop = Shop::new(&engine);
    shop.file(BEFORE);
    let client = shop.client();
    let first = client.call("docker_compose_up", &json!({ "dry_run": true })).ok();
    assert_eq!(shop.objects(), Vec::<String>::new());
    for line in ["service `same`: container `PROJECT-same-1`: create", "network `PROJECT_one`: create"] {
        assert!(first.text.contains(&shop.text(line)), "{line} in {}", first.text);
    }
    client.call("docker_compose_up", &none()).ok();
    client.call("docker_compose_stop", &json!({ "services": "stopped", "timeout": 0 })).ok();
    image(&engine, &shop.scope, &shop.text("PROJECT/other:1"), 1000);
    shop.file(&AFTER.replace("PORT", &free_port().to_string()));
    let before = shop.objects();
    let dry = client.call("docker_compose_up", &json!({ "dry_run": true })).ok();
    assert_eq!(shop.objects(), before);
    let keys = ["image", "environment", "command", "ports", "volumes", "networks", "user", "restart"];
    let mut lines: Vec<String> = keys
        .iter()
        .map(|key| format!("service `{key}`: container `PROJECT-{key}-1`: recreate ({key} changed)"))
        .collect();
    lines.extend(
        [
            "service `labels`: container `PROJECT-labels-1`: recreate (labels changed)",
            "service `same`: container `PROJECT-same-1`: leave",
            "service `stopped`: container `PROJECT-stopped-1`: start",
            "service `scaled`: container `PROJECT-scaled-1`: leave",
            "service `scaled`: container `PROJECT-scaled-2`: remove",
            "service `new`: container `PROJECT-new-1`: create",
            "volume `PROJECT_data`: create",
        ]
        .map(str::to_owned),
    );
    let missing: Vec<String> =
        lines.iter().map(|line| shop.text(line)).filter(|line| !dry.text.contains(line)).collect();
    assert!(missing.is_empty(), "{missing:#?} in {}", dry.text);
    // And so it comes.
    let up = client.call("docker_compose_up", &none()).ok();
    let did = did(&shop, &up.structured);
    for key in keys {
        assert!(did.contains(&format!("{key}-1: recreated")), "{key}: {did:?}");
    }
    for line in ["same-1: left as it was", "stopped-1: started", "new-1: created", "scaled-1: left as it was"]
    {
        assert!(did.contains(&line.to_owned()), "{line}: {did:?}");
    }
    assert_eq!(up.structured["removed"], json!([shop.text("PROJECT-scaled-2")]), "{}", up.text);
    assert_eq!(shop.containers().iter().filter(|name| name.starts_with("scaled")).count(), 1);
}

#[test]
fn a_confirmation_is_for_the_file_that_was_shown() {
    let Some(engine) = engine::at_hand("compose::files::plan::confirmed") else { return };
    let shop = Shop::new(&engine);
    let file = "services: { web: { image: BASE, command: IDLE, environment: { A: \"ONE\" } } }";
    shop.file(file);
    let client = shop.launch("", "[confirm]\nrequire = \"mutating\"\n").connect();
    let ask = || {
        let held = client.call("docker_compose_up", &none()).ok();
        assert!(held.text.contains("create"), "{}", held.text);
        held.structured["confirm_token"].as_str().unwrap_or_else(|| panic!("{}", held.text)).to_owned()
    };
    let token = ask();
    assert_eq!(shop.objects(), Vec::<String>::new());
    shop.file(&file.replace("ONE", "TWO"));
    let changed = client.call("docker_compose_up", &json!({ "confirm_token": token }));
    assert_eq!(changed.kind(), "confirmation_invalid", "{}", changed.text);
    assert_eq!(shop.objects(), Vec::<String>::new());
    client.call("docker_compose_up", &json!({ "confirm_token": ask() })).ok();
    assert!(shop.facts("web-1")["Config"]["Env"].to_string().contains("A=TWO"));
    // Of a text, too.
    let call = |more: serde_json::Value| {
        let mut call = json!({ "project_name": shop.project, "compose_yaml": shop.text(file) });
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client.call("docker_compose_deploy", &call)
    };
    let held = call(none()).ok();
    assert!(held.text.contains("recreate (environment changed)"), "{}", held.text);
    call(json!({ "confirm_token": held.structured["confirm_token"] })).ok();
    assert!(shop.facts("web-1")["Config"]["Env"].to_string().contains("A=ONE"));
}
