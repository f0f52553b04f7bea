//! Images that come on the way up: whose they are, by which name, and what is said when the rest fails.

use serde_json::json;

use super::{Shop, none};
use crate::support::engine;
use crate::support::registry::{Registry, id_of, image};

/// One service builds it, another one uses it: it is built once, and asked of no registry.
#[test]
fn what_one_service_builds_another_may_use() {
    let Some(engine) = engine::at_hand("compose::files::comes::shared") else { return };
    let shop = Shop::new(&engine);
    shop.file(
        "services: { web: { build: ./web, image: \"PROJECT/web:1\", command: IDLE }, \
         worker: { image: \"PROJECT/web:1\", command: IDLE } }",
    );
    shop.write(
        "web/Dockerfile",
        &format!("FROM BASE\nLABEL {}\nRUN echo mine > /built\n", shop.scope.label()),
    );
    let client = shop.client();
    let pulled = client.call("docker_compose_pull", &none()).ok();
    assert!(pulled.text.contains("no image that is pulled"), "{}", pulled.text);
    let dry = client.call("docker_compose_up", &json!({ "build": true, "dry_run": true })).ok();
    assert!(dry.text.contains(&shop.text("image `PROJECT/web:1`: built")), "{}", dry.text);
    assert!(!dry.text.contains("pulled"), "{}", dry.text);
    for arguments in [json!({ "build": true }), json!({ "build": true, "pull": true }), none()] {
        client.call("docker_compose_up", &arguments).ok();
    }
    assert_eq!(shop.exec("worker-1", &["cat", "/built"]), "mine");
}

/// By its digest alone, whatever the tag says; both have to be allowed.
#[test]
fn a_tag_and_a_digest() {
    let test = "compose::files::comes::digest";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let shop = Shop::new(&engine);
    let name = registry.name(&shop.scope, "1");
    let id = image(&engine, &shop.scope, &name, 100_000);
    engine.docker(&["push", "-q", &name]);
    let digests = engine.inspect("image", &name)["RepoDigests"].clone();
    let digest = digests[0].as_str().unwrap().split_once('@').unwrap().1.to_owned();
    engine.docker(&["rmi", &name]);
    shop.file(&format!("services: {{ web: {{ image: \"{name}@{digest}\", command: IDLE }} }}"));
    let allow = format!("[registries]\nallow = [\"{}\"]\n", registry.host);
    let client = shop.launch("", &allow).connect();
    let dry = client.call("docker_compose_up", &json!({ "dry_run": true })).ok();
    assert!(dry.text.contains(&format!("image `{name}@{digest}`: pulled")), "{}", dry.text);
    let pulled = client.call("docker_compose_pull", &none()).ok();
    assert_eq!(pulled.structured["results"].as_array().unwrap().len(), 1, "{}", pulled.text);
    assert_eq!(id_of(&engine, &name), None, "the tag is given to nothing");
    for arguments in [none(), json!({ "pull": true }), none()] {
        let up = client.call("docker_compose_up", &arguments).ok();
        assert!(up.text.contains("1 running"), "{arguments}: {}", up.text);
        assert_eq!(shop.facts("web-1")["Image"], json!(id));
    }
    assert_eq!(client.call("docker_compose_up", &none()).ok().structured["changed"], false);
    let hidden = format!("blacklist_images = [\"{name}\"]");
    let hidden = shop.launch(&hidden, &allow).connect();
    let refused = hidden.call("docker_compose_pull", &none());
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
}

/// The first image came, the second did not: that the first stays is said, and is an effect.
#[test]
fn an_image_that_came_stays_and_is_told() {
    let test = "compose::files::comes::stays";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let shop = Shop::new(&engine);
    let name = registry.name(&shop.scope, "a");
    image(&engine, &shop.scope, &name, 100_000);
    engine.docker(&["push", "-q", &name]);
    engine.docker(&["rmi", &name]);
    let missing = registry.name(&shop.scope, "nowhere");
    shop.file(&format!(
        "services: {{ a: {{ image: \"{name}\", command: IDLE }}, b: {{ image: \"{missing}\", command: IDLE }} }}"
    ));
    let allow = format!("[registries]\nallow = [\"{}\"]\n", registry.host);
    let client = shop.launch("", &allow).connect();
    let failed = client.call("docker_compose_up", &none());
    assert!(failed.is_error && failed.text.contains(&missing), "{}", failed.text);
    assert_eq!(failed.structured["error"]["effect"], "done", "{}", failed.text);
    assert!(failed.text.contains("images came, and stay"), "{}", failed.text);
    assert!(id_of(&engine, &name).is_some());
    assert_eq!(shop.objects(), Vec::<String>::new());
}

/// The engine takes a short word for a name first: an image that nobody may see could have it.
#[test]
fn a_few_digits_are_no_image() {
    let Some(engine) = engine::at_hand("compose::files::comes::digits") else { return };
    let shop = Shop::new(&engine);
    let id = engine.inspect("image", "docker-mcp/base")["Id"].as_str().unwrap().to_owned();
    let short = id["sha256:".len()..][..8].to_owned();
    shop.file(&format!("services: {{ web: {{ image: \"{short}\", command: IDLE, network_mode: none }} }}"));
    let refused = shop.client().call("docker_compose_up", &none());
    assert!(refused.is_error, "{}", refused.text);
    assert_eq!((refused.kind(), shop.objects().len()), ("invalid_arguments", 0), "{}", refused.text);
}

/// A service that is in the network of another one, by the name that the file gives it.
#[test]
fn a_container_of_the_same_file_is_found_by_its_own_name() {
    let Some(engine) = engine::at_hand("compose::files::comes::own_name") else { return };
    let shop = Shop::new(&engine);
    for slash in ["", "/"] {
        shop.file(&format!(
            "services: {{ vpn: {{ image: BASE, command: IDLE, container_name: PROJECT-vpn }}, \
             app: {{ image: BASE, command: IDLE, network_mode: \"container:{slash}PROJECT-vpn\", depends_on: [vpn] }} }}"
        ));
        let allow =
            shop.text(&format!("[create_safety]\nallow = [\"network_mode=container:{slash}PROJECT-vpn\"]\n"));
        let up = shop.launch("", &allow).connect().call("docker_compose_up", &none()).ok();
        assert!(up.text.contains("2 running"), "{slash}: {}", up.text);
    }
}

/// Networks and volumes are a change, too.
#[test]
fn a_stack_of_no_containers_changes_something_once() {
    let Some(engine) = engine::at_hand("compose::files::comes::no_containers") else { return };
    let shop = Shop::new(&engine);
    shop.file("services: { web: { image: BASE, command: IDLE, scale: 0, volumes: [\"data:/data\"] } }\nvolumes: { data: {} }\n");
    let client = shop.client();
    for changed in [true, false] {
        let up = client.call("docker_compose_up", &none()).ok();
        assert_eq!(up.structured["changed"], changed, "{}", up.text);
    }
}
