//! The images of a stack, from a registry and from its folders.

use serde_json::json;

use super::{Shop, did, none};
use crate::support::engine;
use crate::support::registry::{Registry, free_port, id_of, image};

#[test]
fn images_are_pulled_from_their_registry() {
    let test = "compose::files::images";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let shop = Shop::new(&engine);
    let name = registry.name(&shop.scope, "1");
    let first = image(&engine, &shop.scope, &name, 100_000);
    engine.docker(&["push", "-q", &name]);
    engine.docker(&["rmi", &name]);
    shop.file(&format!(
        "services: {{ web: {{ image: \"{name}\", command: IDLE }}, same: {{ image: \"{name}\", command: IDLE }} }}"
    ));
    let allow = format!("[registries]\nallow = [\"{}\"]\n", registry.host);
    let client = shop.launch("", &allow).connect();
    let pulled = client.call("docker_compose_pull", &none()).ok();
    assert_eq!(pulled.structured["results"].as_array().unwrap().len(), 1, "{}", pulled.text);
    assert_eq!(id_of(&engine, &name).as_deref(), Some(first.as_str()));
    let again = client.call("docker_compose_pull", &none()).ok();
    assert_eq!(again.structured["results"][0]["changed"], false, "{}", again.text);
    assert_eq!(shop.objects(), Vec::<String>::new());

    // What is missing is pulled on the way; dry_run says so and does not.
    engine.docker(&["rmi", &name]);
    let dry = client.call("docker_compose_up", &json!({ "dry_run": true })).ok();
    assert!(dry.text.contains(&format!("image `{name}`: pulled")), "{}", dry.text);
    assert_eq!((id_of(&engine, &name), shop.objects().len()), (None, 0));
    let up = client.call("docker_compose_up", &none()).ok();
    assert!(up.text.contains("pulled"), "{}", up.text);
    assert_eq!(shop.containers(), ["same-1", "web-1"]);
    // Another one by now: it is taken where a pull is asked for.
    let second = image(&engine, &shop.scope, &name, 100_000);
    engine.docker(&["push", "-q", &name]);
    engine.docker(&["tag", &first, &name]);
    let left = client.call("docker_compose_up", &none()).ok();
    assert_eq!(left.structured["changed"], false, "{}", left.text);
    let anew = client.call("docker_compose_up", &json!({ "pull": true })).ok();
    assert_eq!(did(&shop, &anew.structured), ["same-1: recreated", "web-1: recreated"], "{}", anew.text);
    assert_eq!(anew.structured["changed"], true, "{}", anew.text);
    assert_eq!(shop.facts("web-1")["Image"], second);
    // The level is needed for that.
    let off = shop.launch("images = false", &allow).connect();
    assert_eq!(off.call("docker_compose_up", &json!({ "pull": true })).kind(), "permission_denied");
    engine.docker(&["rmi", "-f", &first]);
}

#[test]
fn an_image_that_is_nowhere_is_named() {
    let Some(engine) = engine::at_hand("compose::files::images::nowhere") else { return };
    let shop = Shop::new(&engine);
    let host = format!("127.0.0.1:{}", free_port());
    shop.file(&format!("services: {{ web: {{ image: \"{host}/x:1\" }} }}"));
    let client = shop.launch("", &format!("[registries]\nallow = [\"{host}\"]\n")).connect();
    let failed = client.call("docker_compose_pull", &none());
    assert!(failed.is_error, "{}", failed.text);
    assert!(failed.text.contains(&format!("{host}/x:1")), "{}", failed.text);
    assert_eq!(failed.structured["error"]["effect"], "none", "{}", failed.text);
    let none_named = Shop::new(&engine);
    none_named.file("services: { web: { build: ./web } }");
    none_named.write("web/Dockerfile", "FROM BASE\n");
    let nothing = none_named.client().call("docker_compose_pull", &none()).ok();
    assert!(nothing.text.contains("no image that is pulled"), "{}", nothing.text);
}

#[test]
fn an_image_is_built_on_the_way_up() {
    let Some(engine) = engine::at_hand("compose::files::images::built") else { return };
    let shop = Shop::new(&engine);
    shop.file(
        "services: { web: { build: { context: ./web, args: { WORD: one-4711 } }, image: \"PROJECT/web:1\", command: IDLE } }",
    );
    let label = shop.scope.label();
    let steps = |word: &str| {
        shop.write(
            "web/Dockerfile",
            &format!("FROM BASE\nLABEL {label}\nARG WORD\nRUN echo $WORD {word} > /built\n"),
        );
    };
    steps("first");
    let client = shop.client();
    let dry = client.call("docker_compose_up", &json!({ "build": true, "dry_run": true })).ok();
    assert!(dry.text.contains("built"), "{}", dry.text);
    let up = client.call("docker_compose_up", &json!({ "build": true })).ok();
    assert_eq!(shop.exec("web-1", &["cat", "/built"]), "one-4711 first", "{}", up.text);
    let again = client.call("docker_compose_up", &json!({ "build": true })).ok();
    assert_eq!(did(&shop, &again.structured), ["web-1: left as it was"], "{}", again.text);
    steps("second");
    let anew = client.call("docker_compose_up", &json!({ "build": true })).ok();
    assert_eq!(did(&shop, &anew.structured), ["web-1: recreated"], "{}", anew.text);
    assert_eq!(shop.exec("web-1", &["cat", "/built"]), "one-4711 second");
}

#[test]
fn a_build_that_fails_is_shown() {
    let Some(engine) = engine::at_hand("compose::files::images::fails") else { return };
    let shop = Shop::new(&engine);
    shop.file(
        "services: { web: { build: ./web, image: \"PROJECT/web:1\" }, db: { image: BASE, command: IDLE } }",
    );
    shop.write("web/Dockerfile", "FROM BASE\nRUN echo step-says-why; exit 7\n");
    let client = shop.client();
    for (tool, arguments) in
        [("docker_compose_build", none()), ("docker_compose_up", json!({ "build": true }))]
    {
        let failed = client.call(tool, &arguments);
        assert!(failed.is_error, "{tool}: {}", failed.text);
        for word in ["PROJECT/web:1", "step-says-why"] {
            assert!(failed.text.contains(&shop.text(word)), "{tool}: no {word} in {}", failed.text);
        }
        assert_eq!(failed.structured["error"]["effect"], "none", "{tool}: {}", failed.text);
        assert_eq!(shop.objects(), Vec::<String>::new(), "{tool}");
    }
}

/// By its id, whole or short; and a name of its own that more than one container cannot have.
#[test]
fn an_image_by_its_id_and_a_name_for_two() {
    let Some(engine) = engine::at_hand("compose::files::images::by_id") else { return };
    let shop = Shop::new(&engine);
    let client = shop.client();
    let id = engine.inspect("image", "docker-mcp/base")["Id"].as_str().unwrap().to_owned();
    for image in [id.as_str(), &id["sha256:".len()..][..12]] {
        shop.file(&format!(
            "services: {{ web: {{ image: \"{image}\", command: IDLE, network_mode: none }} }}"
        ));
        let up = client.call("docker_compose_up", &json!({})).ok();
        assert!(up.text.contains("1 running"), "{image}: {}", up.text);
    }
    shop.file("services: { two: { image: BASE, command: IDLE, network_mode: none, container_name: PROJECT-own, scale: 2 } }");
    let up = client.call("docker_compose_up", &json!({}));
    assert!(up.is_error && up.kind() != "internal", "{}", up.text);
    shop.file(
        "services: { two: { image: BASE, command: IDLE, network_mode: none, container_name: PROJECT-own } }",
    );
    for _ in 0..2 {
        client.call("docker_compose_up", &json!({ "force_recreate": true })).ok();
    }
}
