//! What does not go well is named: which service, why, and its last words.

use std::net::TcpListener;

use serde_json::json;

use super::{Shop, none};
use crate::support::engine;
use crate::support::registry::free_port;

#[test]
fn what_fails_is_named() {
    let Some(engine) = engine::at_hand("compose::files::failing") else { return };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let port =
        format!("services: {{ web: {{ image: BASE, command: IDLE, ports: [\"127.0.0.1:{port}:80\"] }} }}");
    let ill = r#"{ image: BASE, command: ["sh", "-c", "echo ill-says-why; trap 'exit 0' TERM; while :; do sleep 0.05; done"],
        healthcheck: { test: ["CMD", "false"], interval: 200ms, retries: 2 } }"#;
    let once = r#"{ image: BASE, command: ["sh", "-c", "echo once-says-why >&2; exit 3"] }"#;
    let needs = |condition: &str| {
        format!("web: {{ image: BASE, command: IDLE, depends_on: {{ ill: {{ condition: {condition} }} }} }}")
    };
    // What the file is; the service that is to be named; words of the answer; last words.
    let cases = [
        ("port", port, "web", "address already in use", ""),
        (
            "command",
            "services: { web: { image: BASE, command: [\"/no/such/program\"] } }".to_owned(),
            "web",
            "/no/such/program",
            "",
        ),
        ("health", format!("services: {{ ill: {ill} }}"), "ill", "unhealthy", "ill-says-why"),
        (
            "needed",
            format!("services: {{ ill: {ill}, {} }}", needs("service_healthy")),
            "ill",
            "unhealthy",
            "ill-says-why",
        ),
        ("once", format!("services: {{ ill: {once} }}"), "ill", "3", "once-says-why"),
        (
            "needed-once",
            format!("services: {{ ill: {once}, {} }}", needs("service_completed_successfully")),
            "ill",
            "3",
            "once-says-why",
        ),
        (
            "again",
            format!("services: {{ ill: {} }}", once.replace("image:", "restart: always, image:")),
            "ill",
            "restarted 3 times",
            "once-says-why",
        ),
    ];
    std::thread::scope(|scope| {
        for (name, file, service, word, last) in cases {
            let engine = &engine;
            scope.spawn(move || {
                let shop = Shop::new(engine);
                shop.file(&file);
                let client = shop.client();
                let failed = client.call("docker_compose_up", &none());
                assert_eq!(failed.kind(), "conflict", "{name}: {}", failed.text);
                assert_eq!(failed.structured["error"]["effect"], "done", "{name}: {}", failed.text);
                for word in [format!("`{service}`"), word.to_owned(), last.to_owned()] {
                    assert!(failed.text.contains(&word), "{name}: no {word} in {}", failed.text);
                }
                assert!(!failed.whole().contains("/tmp/docker-mcp-compose"), "{name}: {}", failed.whole());
                let ps = client.call("docker_compose_ps", &none()).ok();
                assert!(ps.text.contains(service), "{name}: {}", ps.text);
                assert_eq!(shop.recorded(&client, "docker_compose_up")["effect"], "done", "{name}");
                client.call("docker_compose_down", &none()).ok();
                assert_eq!(shop.objects(), Vec::<String>::new(), "{name}");
            });
        }
    });
}

/// Nothing is made for an image that is not to be had.
#[test]
fn without_its_image_nothing_is_made() {
    let Some(engine) = engine::at_hand("compose::files::failing::image") else { return };
    let shop = Shop::new(&engine);
    let host = format!("127.0.0.1:{}", free_port());
    shop.file(&format!(
        "services: {{ db: {{ image: BASE, command: IDLE }}, web: {{ image: \"{host}/x:1\" }} }}"
    ));
    let client = shop.launch("", &format!("[registries]\nallow = [\"{host}\"]\n")).connect();
    let failed = client.call("docker_compose_up", &none());
    assert_eq!(failed.kind(), "daemon_error", "{}", failed.text);
    for word in [format!("{host}/x:1"), "cannot be reached".to_owned(), "no container was touched".to_owned()]
    {
        assert!(failed.text.contains(&word), "no {word} in {}", failed.text);
    }
    assert_eq!(failed.structured["error"]["effect"], "none", "{}", failed.text);
    assert_eq!(shop.objects(), Vec::<String>::new());
}

/// One that is not healthy yet when the time is over is no failure, and is said.
#[test]
fn what_is_not_ready_in_time_is_said() {
    let Some(engine) = engine::at_hand("compose::files::failing::slow") else { return };
    let shop = Shop::new(&engine);
    shop.file(
        "services: { web: { image: BASE, command: IDLE, \
         healthcheck: { test: [\"CMD\", \"false\"], interval: 10s, start_period: 60s } } }",
    );
    let client = shop.launch("", "[neverhang]\ncompose_timeout = \"6s\"\n").connect();
    let up = client.call("docker_compose_up", &json!({})).ok();
    assert!(up.text.contains("not ready"), "{}", up.text);
    assert_eq!(up.structured["containers"][0]["health"], "starting", "{}", up.text);
    assert!(up.took.as_secs() < 9, "{:?}", up.took);
}
