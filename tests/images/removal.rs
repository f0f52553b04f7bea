//! Removing and pruning: what goes is shown first, and what is used stays.

use serde_json::{Value, json};

use super::ON;
use crate::support::fixture::Scope;
use crate::support::registry::{id_of, image};
use crate::support::{Client, Engine, Launch, engine};

fn remove(client: &Client, images: Value) -> Value {
    let result = client.call("docker_image_remove", &json!({ "images": images })).ok();
    result.structured["results"].clone()
}

fn name(scope: &Scope, tag: &str) -> String {
    format!("{}/app:{tag}", scope.prefix)
}

/// An image with these tags.
fn tagged(engine: &Engine, scope: &Scope, tags: &[&str]) -> String {
    let id = image(engine, scope, &name(scope, tags[0]), 2000);
    for tag in &tags[1..] {
        engine.docker(&["tag", &id, &name(scope, tag)]);
    }
    id
}

#[test]
fn a_name_goes_and_the_image_with_its_last() {
    let Some(engine) = engine::at_hand("images::removal::names") else { return };
    let scope = Scope::new(&engine);
    let id = tagged(&engine, &scope, &["1", "2"]);
    let client = Launch::at(&engine.host).config(ON).connect();
    let one = &remove(&client, json!(name(&scope, "1")))[0];
    assert_eq!((&one["removed"], &one["untagged"]), (&json!(false), &json!([name(&scope, "1")])), "{one}");
    assert_eq!(id_of(&engine, &name(&scope, "2")), Some(id.clone()));
    let one = &remove(&client, json!([name(&scope, "2")]))[0];
    assert_eq!((&one["removed"], &one["changed"]), (&json!(true), &json!(true)), "{one}");
    assert_eq!(id_of(&engine, &id), None);
    let gone = client.call("docker_image_remove", &json!({ "images": name(&scope, "2") }));
    assert_eq!(gone.kind(), "not_found", "{}", gone.text);

    // By its id, whole or short: all its names.
    for short in [false, true] {
        let id = tagged(&engine, &scope, &["3", "4"]);
        let words = if short { id["sha256:".len()..][..12].to_owned() } else { id.clone() };
        let one = &remove(&client, json!(words))[0];
        assert_eq!(one["removed"], true, "{one}");
        assert_eq!(one["untagged"].as_array().unwrap().len(), 2, "{one}");
        assert_eq!(id_of(&engine, &id), None);
    }
    // Without any name.
    let id = tagged(&engine, &scope, &["5"]);
    let other = image(&engine, &scope, &name(&scope, "6"), 2000);
    engine.docker(&["tag", &other, &name(&scope, "5")]);
    assert_eq!(remove(&client, json!(id))[0]["removed"], true);
    // One that is unknown: nothing is done to the others.
    let both = json!({ "images": [name(&scope, "5"), "docker-mcp/nosuch:1"] });
    assert_eq!(client.call("docker_image_remove", &both).kind(), "not_found");
    assert_eq!(id_of(&engine, &name(&scope, "5")), Some(other));
    for (arguments, word) in [
        (json!({ "images": [] }), "empty"),
        (json!({ "images": "a b" }), "image"),
        (json!({ "images": name(&scope, "5"), "force": true }), "force"),
    ] {
        let refused = client.call("docker_image_remove", &arguments);
        assert_eq!(refused.kind(), "invalid_arguments", "{}", refused.text);
        assert!(refused.text.contains(word), "{}", refused.text);
    }
    let off = Launch::at(&engine.host).connect();
    for tool in ["docker_image_remove", "docker_image_prune", "docker_tag"] {
        assert_eq!(off.call(tool, &json!({})).kind(), "permission_denied", "{tool}");
    }
}

#[test]
fn what_is_shown_is_what_goes() {
    let Some(engine) = engine::at_hand("images::removal::confirmed") else { return };
    let scope = Scope::new(&engine);
    let id = tagged(&engine, &scope, &["1", "2"]);
    // The default: what loses something is confirmed.
    let client = Launch::at(&engine.host).config("[permissions]\nimages = true\n").connect();
    let call = json!({ "images": name(&scope, "1") });
    let with = |token: &Value| {
        let mut call = call.clone();
        call["confirm_token"] = token.clone();
        client.call("docker_image_remove", &call)
    };
    let held = client.call("docker_image_remove", &call).ok();
    assert_eq!(held.structured["status"], "confirmation_required", "{}", held.text);
    let lines = held.structured["preview"]["would_change"].to_string();
    assert!(lines.contains("loses") && lines.contains("the image stays"), "{lines}");
    // In between the other name goes: this one would now take the image with it.
    engine.docker(&["rmi", &name(&scope, "2")]);
    let refused = with(&held.structured["confirm_token"]);
    assert_eq!(refused.kind(), "confirmation_invalid", "{}", refused.text);
    let held = client.call("docker_image_remove", &call).ok();
    let lines = held.structured["preview"]["would_change"].to_string();
    assert!(lines.contains("goes") && lines.contains("MB") && lines.contains(" old)"), "{lines}");
    assert_eq!(id_of(&engine, &id), Some(id.clone()));
    with(&held.structured["confirm_token"]).ok();
    assert_eq!(id_of(&engine, &id), None);
}

/// I11: what containers use stays, also where nobody may know of them.
#[test]
fn i11_containers_keep_their_image() {
    let Some(engine) = engine::at_hand("images::removal::used") else { return };
    let scope = Scope::new(&engine);
    let id = tagged(&engine, &scope, &["1", "2"]);
    let hidden_id = scope.container(&["create"], "vault", &[], &name(&scope, "1"), &["true"]);
    let vault = scope.name("vault");
    let config = ON.replace("[confirm]", &format!("blacklist_containers = [\"{vault}\"]\n[confirm]"));
    let client = Launch::at(&engine.host).config(&config).connect();
    let before = engine.inspect("container", &hidden_id);
    for words in [name(&scope, "1"), id.clone(), id["sha256:".len()..][..12].to_owned()] {
        let refused = client.call("docker_image_remove", &json!({ "images": words }));
        assert_eq!(refused.kind(), "conflict", "{}", refused.text);
        assert_eq!(refused.structured["error"]["effect"], "none");
        // The list counts no user of it, and neither does this.
        assert!(refused.text.contains("filters keep it"), "{}", refused.text);
        assert!(!refused.text.contains("in use"), "{}", refused.text);
        for word in [vault.as_str(), &hidden_id[..12]] {
            assert!(!refused.whole().contains(word), "{}", refused.text);
        }
    }
    let seen = client.call("docker_images", &json!({ "filter": { "reference": scope.prefix } })).ok();
    assert_eq!(seen.structured["images"][0]["in_use"], 0, "{}", seen.text);
    // Where a removal is confirmed: not one that does not come.
    let asking = Launch::at(&engine.host).config(&config.replace("\"none\"", "\"destructive\"")).connect();
    let refused = asking.call("docker_image_remove", &json!({ "images": name(&scope, "1") }));
    assert_eq!(refused.kind(), "conflict", "{}", refused.text);
    let both =
        asking.call("docker_image_remove", &json!({ "images": [name(&scope, "1"), name(&scope, "2")] }));
    assert_eq!(both.ok().structured["status"], "confirmation_required");
    // The name that it was not made by goes.
    assert_eq!(remove(&client, json!(name(&scope, "2")))[0]["changed"], true);
    // Neither is it pruned, nor moved to another image.
    let pruned = client.call("docker_image_prune", &json!({ "all": true, "dry_run": true })).ok();
    assert!(!pruned.whole().contains(&id["sha256:".len()..][..12]), "{}", pruned.text);
    let other = image(&engine, &scope, &name(&scope, "9"), 2000);
    let moved = client.call("docker_tag", &json!({ "image": other, "name": name(&scope, "1") }));
    assert_eq!(moved.kind(), "conflict", "{}", moved.text);
    assert_eq!(id_of(&engine, &name(&scope, "1")), Some(id.clone()));
    assert_eq!(engine.inspect("container", &hidden_id), before);

    // A visible one is named.
    let open = Launch::at(&engine.host).config(ON).connect();
    let refused = open.call("docker_image_remove", &json!({ "images": name(&scope, "1") }));
    assert_eq!(refused.kind(), "conflict", "{}", refused.text);
    assert!(refused.text.contains(&vault), "{}", refused.text);
}

/// A name that a hidden image has is not pulled over it, and nobody is told to choose another name.
#[test]
fn the_name_of_a_hidden_image_is_not_pulled() {
    let Some(engine) = engine::at_hand("images::removal::pulled") else { return };
    let scope = Scope::new(&engine);
    let id = tagged(&engine, &scope, &["1"]);
    engine.docker(&["tag", &id, &format!("{}-hidden/x:1", scope.prefix)]);
    let config =
        ON.replace("[confirm]", &format!("blacklist_images = [\"{}-hidden/*\"]\n[confirm]", scope.prefix));
    let client = Launch::at(&engine.host).config(&config).connect();
    let refused = client.call("docker_pull", &json!({ "image": name(&scope, "1") }));
    assert_eq!(refused.kind(), "conflict", "{}", refused.text);
    assert!(
        refused.text.contains("filters keep") && refused.text.contains("another tag"),
        "{}",
        refused.text
    );
    assert!(!refused.whole().contains("hidden/x"), "{}", refused.text);
    assert_eq!(id_of(&engine, &name(&scope, "1")), Some(id));
}

#[test]
fn a_prune_takes_exactly_what_it_showed() {
    let Some(engine) = engine::at_hand("images::removal::prune") else { return };
    let scope = Scope::new(&engine);
    // Nothing but this test's images exists for this server.
    let only = format!("whitelist_images = [\"{}/*\"]\n", scope.prefix);
    let config = format!("[permissions]\nimages = true\n{only}");
    let client = Launch::at(&engine.host).config(&config).connect();
    let used = tagged(&engine, &scope, &["used"]);
    scope.container(&["create"], "user", &[], &name(&scope, "used"), &["true"]);
    let first = tagged(&engine, &scope, &["a", "b"]);
    // A name that the whitelist does not show keeps it.
    engine.docker(&["tag", &first, &format!("{}-other:1", scope.prefix)]);
    let second = image(&engine, &scope, &name(&scope, "c"), 2000);

    let none = client.call("docker_image_prune", &json!({})).ok();
    assert!(none.text.contains("no unused images"), "all have names: {}", none.text);
    let held = client.call("docker_image_prune", &json!({ "all": true })).ok();
    assert_eq!(held.structured["preview"]["count"], 2, "{}", held.text);
    assert!(held.text.contains("MB") && held.text.contains(" old)"), "{}", held.text);
    assert!(!held.whole().contains("-other"), "{}", held.text);
    let token = held.structured["confirm_token"].clone();
    // One more comes in between: the token is for what was shown.
    let third = image(&engine, &scope, &name(&scope, "d"), 2000);
    let refused = client.call("docker_image_prune", &json!({ "all": true, "confirm_token": token }));
    assert_eq!(refused.kind(), "confirmation_invalid", "{}", refused.text);
    let held = client.call("docker_image_prune", &json!({ "all": true })).ok();
    let token = held.structured["confirm_token"].clone();
    let done = client.call("docker_image_prune", &json!({ "all": true, "confirm_token": token })).ok();
    assert_eq!(done.structured["results"].as_array().unwrap().len(), 3, "{}", done.text);
    assert!(!done.whole().contains("-other"), "{}", done.text);
    assert_eq!((id_of(&engine, &second), id_of(&engine, &third)), (None, None));
    assert_eq!(id_of(&engine, &name(&scope, "a")), None);
    assert_eq!(id_of(&engine, &format!("{}-other:1", scope.prefix)), Some(first));
    assert_eq!(id_of(&engine, &name(&scope, "used")), Some(used));
    let again = client.call("docker_image_prune", &json!({ "all": true, "dry_run": true })).ok();
    assert_eq!(again.structured["preview"]["count"], 0, "{}", again.text);
}
