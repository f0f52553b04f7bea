//! What is up already stays as it is: after our own up, and after a plain one.

use serde_json::json;

use super::{Shop, did, none};
use crate::support::engine;
use crate::support::engine::left_out;

const FILE: &str = r#"
services:
  db:
    image: BASE
    command: IDLE
    environment: { A: "x$$y", B: }
    volumes: ["data:/data", "./here:/here"]
    healthcheck: { test: ["CMD", "true"], interval: 300ms }
  web:
    image: BASE
    command: IDLE
    depends_on: { db: { condition: service_healthy } }
    configs: [{ source: inline, target: /inline }]
    deploy: { replicas: 2, resources: { limits: { memory: 64M } } }
    ports: ["127.0.0.1::80"]
volumes: { data: {} }
configs: { inline: { content: "some $$ content" } }
"#;

fn shop(engine: &crate::support::Engine) -> Shop {
    let shop = Shop::new(engine);
    shop.file(FILE);
    shop.write("here/file", "x");
    shop
}

#[test]
fn a_second_up_changes_nothing() {
    let Some(engine) = engine::at_hand("compose::files::again") else { return };
    let shop = shop(&engine);
    let client = shop.client();
    client.call("docker_compose_up", &none()).ok();
    assert_eq!(shop.recorded(&client, "docker_compose_up")["effect"], "done");
    let before = shop.objects();
    let again = client.call("docker_compose_up", &none()).ok();
    assert_eq!(again.structured["changed"], false, "{}", again.text);
    assert_eq!(
        did(&shop, &again.structured),
        ["db-1: left as it was", "web-1: left as it was", "web-2: left as it was"]
    );
    assert_eq!(shop.objects(), before);
    assert_eq!(shop.recorded(&client, "docker_compose_up")["effect"], "none");
    let dry = client.call("docker_compose_up", &json!({ "dry_run": true })).ok();
    assert_eq!(dry.text.matches(": leave").count(), 3, "{}", dry.text);
    // As a whole again, where a person asks for it.
    client.call("docker_compose_up", &json!({ "force_recreate": true })).ok();
    let after = shop.objects();
    assert!(after.iter().all(|object| !object.contains("running") || !before.contains(object)), "{after:?}");
}

#[test]
fn plain_compose_and_ours_agree() {
    let Some(engine) = engine::at_hand("compose::files::again::plain") else { return };
    let shop = shop(&engine);
    let Some(_up) = shop.plain(&["up", "-d"]) else { return left_out("compose::files::again::plain") };
    let before = shop.objects();
    let client = shop.client();
    let ours = client.call("docker_compose_up", &none()).ok();
    assert_eq!((&ours.structured["changed"], shop.objects()), (&json!(false), before), "{}", ours.text);
    client.call("docker_compose_down", &json!({ "volumes": true })).ok();
    client.call("docker_compose_up", &none()).ok();
    let before = shop.objects();
    shop.plain(&["up", "-d"]);
    assert_eq!(shop.objects(), before);
}
