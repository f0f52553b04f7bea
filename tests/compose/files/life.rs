//! A stack with most of what there is: up, listed, logged, restarted, taken down.

use std::time::Duration;

use serde_json::json;

use super::{Shop, did, none};
use crate::support::engine;

const FILE: &str = r#"
x-usual: &usual
  image: BASE
  command: IDLE
include:
  - extra/compose.yaml
services:
  db:
    <<: *usual
    command: ["sh", "-c", "echo db-speaks; touch /data/ok; trap 'exit 0' TERM; while :; do sleep 0.05; done"]
    healthcheck: { test: ["CMD", "test", "-e", "/data/ok"], interval: 300ms }
    volumes: ["data:/data"]
    networks: [back]
    secrets: [word]
    environment: { DB_PASSWORD: "${DB_PASSWORD}" }
  migrate:
    image: BASE
    command: ["cat", "/run/secrets/word"]
    depends_on: { db: { condition: service_healthy } }
    networks: [back]
    secrets: [word]
  web:
    extends: { file: common/base.yaml, service: base }
    build: ./web
    image: PROJECT/web:9
    command: IDLE
    depends_on:
      db: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
    deploy: { replicas: 2 }
    networks: [front, back]
    volumes: ["./static:/static:ro"]
    configs: [{ source: site, target: /etc/site.conf }, { source: inline, target: /etc/inline.conf }]
    environment: ["COLOUR=${COLOUR:-red}", "SIZE=${SIZE:-large}", "PRICE=5$$"]
  debug:
    <<: *usual
    profiles: [debug]
networks: { front: {}, back: { internal: true } }
volumes: { data: {} }
secrets: { word: { file: ./word.txt } }
configs: { site: { file: ./site.conf }, inline: { content: "it is ${COLOUR}" } }
"#;

fn laid_out(shop: &Shop) {
    shop.file(FILE);
    shop.write("compose.override.yaml", "services: { web: { labels: { over: ridden } } }\n");
    shop.write(
        "common/base.yaml",
        "services: { base: { environment: { FROM_COMMON: yes-it-is }, user: \"0:0\" } }\n",
    );
    shop.write("extra/compose.yaml", "services: { worker: { image: BASE, command: IDLE, scale: 2 } }\n");
    shop.write(".env", "COLOUR=blue\nDB_PASSWORD=canary-db-4711-word\n");
    shop.write("word.txt", "canary-word-4711\n");
    shop.write("site.conf", "site-4711\n");
    shop.write("static/index.html", "static-4711\n");
    let label = shop.scope.label();
    shop.write("web/Dockerfile", &format!("FROM BASE\nLABEL {label}\nRUN echo built-4711 > /built\n"));
}

#[test]
fn a_stack_goes_up_is_used_and_goes_down() {
    let Some(engine) = engine::at_hand("compose::files::life") else { return };
    let shop = Shop::new(&engine);
    laid_out(&shop);
    let client = shop.client();
    let not_built = client.call("docker_compose_up", &none());
    assert_eq!(not_built.kind(), "conflict", "{}", not_built.text);
    assert!(not_built.text.contains("build = true"), "{}", not_built.text);
    let built = client.call("docker_compose_build", &none()).ok();
    assert_eq!(built.structured["results"][0]["service"], "web", "{}", built.text);

    let call = json!({ "name": "docker_compose_up", "arguments": {}, "_meta": { "progressToken": "p" } });
    let id = client.begin("tools/call", call);
    let up = client.wait(&id).tool().ok();
    assert_eq!(
        did(&shop, &up.structured),
        ["db-1", "migrate-1", "web-1", "web-2", "worker-1", "worker-2"]
            .map(|name| format!("{name}: created")),
        "{}",
        up.text
    );
    assert_eq!((&up.structured["changed"], &up.structured["project"]), (&json!(true), &json!(shop.project)));
    let said: Vec<String> = client
        .others()
        .iter()
        .filter_map(|(m, _)| m["params"]["message"].as_str().map(str::to_owned))
        .collect();
    for word in ["db-1: ", "migrate-1: ", "web-1: ", "worker-2: ", "network front"] {
        assert!(said.iter().any(|s| s.contains(word)), "no progress of {word}: {said:?}");
    }

    // What they really are.
    assert_eq!(shop.containers(), ["db-1", "migrate-1", "web-1", "web-2", "worker-1", "worker-2"]);
    let web = shop.facts("web-1");
    let env = web["Config"]["Env"].to_string();
    for word in ["COLOUR=blue", "SIZE=large", "FROM_COMMON=yes-it-is", "PRICE=5$\""] {
        assert!(env.contains(word), "{word} in {env}");
    }
    assert_eq!(web["Config"]["Labels"]["over"], "ridden");
    assert_eq!(web["Config"]["Image"], format!("{}/web:9", shop.project));
    let networks: Vec<&String> = web["NetworkSettings"]["Networks"].as_object().unwrap().keys().collect();
    assert_eq!(
        networks,
        ["back", "front"].map(|n| format!("{}_{n}", shop.project)).iter().collect::<Vec<_>>()
    );
    for (file, word) in [
        ("/built", "built-4711"),
        ("/static/index.html", "static-4711"),
        ("/etc/site.conf", "site-4711"),
        ("/etc/inline.conf", "it is blue"),
    ] {
        assert_eq!(shop.exec("web-2", &["cat", file]), word);
    }
    assert_eq!(shop.exec("db-1", &["cat", "/run/secrets/word"]), "canary-word-4711");
    let mounts = shop.facts("db-1")["Mounts"].to_string();
    assert!(mounts.contains(&format!("{}_data", shop.project)), "{mounts}");
    let internal = engine.inspect("network", &format!("{}_back", shop.project));
    assert_eq!(internal["Internal"], true);
    // In their order.
    let at = |name: &str, key: &str| shop.facts(name)["State"][key].as_str().unwrap().to_owned();
    assert!(at("db-1", "StartedAt") < at("migrate-1", "StartedAt"));
    assert!(at("migrate-1", "FinishedAt") < at("web-1", "StartedAt"));
    // Their files are where the CLI looks for them.
    let labels = web["Config"]["Labels"].clone();
    assert_eq!(labels["com.docker.compose.project.working_dir"], shop.dir.display().to_string(), "{labels}");

    // The other tools.
    let ps = client.call("docker_compose_ps", &none()).ok();
    assert_eq!(ps.structured["containers"].as_array().unwrap().len(), 6, "{}", ps.text);
    let ls = client.call("docker_compose_ls", &none()).ok();
    assert!(ls.text.contains(&shop.project), "{}", ls.text);
    let logs = client.call("docker_compose_logs", &json!({ "services": "db" })).ok();
    assert!(logs.text.contains("db-speaks"), "{}", logs.text);
    let before = at("web-1", "StartedAt");
    client.call("docker_compose_restart", &json!({ "project": shop.project, "services": "web" })).ok();
    assert_ne!(at("web-1", "StartedAt"), before);
    let file = shop.dir.join("compose.yaml").display().to_string();
    client.call("docker_compose_stop", &json!({ "project": shop.project, "services": ["worker"] })).ok();
    let some = client.call("docker_compose_up", &json!({ "file": file, "services": ["worker"] })).ok();
    assert_eq!(did(&shop, &some.structured), ["worker-1: started", "worker-2: started"], "{}", some.text);

    // The secrets of `.env` are nowhere.
    let whole = format!("{}{}{}{}", up.whole(), ps.whole(), client.audit_text(), said.join("\n"));
    assert!(!whole.contains("canary-"), "{whole}");
    client.call("docker_compose_down", &json!({ "volumes": true })).ok();
    assert_eq!(shop.objects(), Vec::<String>::new());
}

/// A profile is of a service that is named; only what it needs is made.
#[test]
fn services_that_are_named_bring_what_they_need() {
    let Some(engine) = engine::at_hand("compose::files::life::some") else { return };
    let shop = Shop::new(&engine);
    shop.file(
        "services:\n  db: { image: BASE, command: IDLE }\n  web: { image: BASE, command: IDLE, depends_on: [db] }\n  \
         other: { image: BASE, command: IDLE }\n  debug: { image: BASE, command: IDLE, profiles: [debug] }\n",
    );
    let client = shop.client();
    client.call("docker_compose_up", &json!({ "services": ["web"] })).ok();
    assert_eq!(shop.containers(), ["db-1", "web-1"]);
    client.call("docker_compose_up", &json!({ "services": "debug" })).ok();
    assert_eq!(shop.containers(), ["db-1", "debug-1", "web-1"]);
    // Profiles that `.env` turns on; what is up already stays.
    shop.write(".env", "COMPOSE_PROFILES=debug\n");
    let all = client.call("docker_compose_up", &none()).ok();
    assert_eq!(
        did(&shop, &all.structured),
        ["db-1: left as it was", "debug-1: left as it was", "other-1: created", "web-1: left as it was"]
    );
}

/// The time that a container has to end before it is made anew.
#[test]
fn a_container_that_does_not_end_is_made_anew_in_time() {
    let Some(engine) = engine::at_hand("compose::files::life::grace") else { return };
    let shop = Shop::new(&engine);
    shop.file(
        r#"services: { web: { image: BASE, command: ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"] } }"#,
    );
    let client = shop.client();
    client.call("docker_compose_up", &none()).ok();
    let before = shop.facts("web-1")["Id"].clone();
    let anew = client.call("docker_compose_up", &json!({ "force_recreate": true, "timeout": 0 })).ok();
    assert_eq!(did(&shop, &anew.structured), ["web-1: recreated"], "{}", anew.text);
    assert!(anew.took < Duration::from_secs(9), "{:?}", anew.took);
    assert_ne!(shop.facts("web-1")["Id"], before);
}
