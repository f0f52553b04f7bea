//! What is not offered at all, and what moves between asking and doing.

use serde_json::json;

use super::ON;
use crate::support::faultd::Faultd;
use crate::support::fixture::Scope;
use crate::support::registry::{id_of, image};
use crate::support::{Launch, engine};

/// I3, I13: nothing loads, imports, searches or asks registries beside pull, push and build, whatever is on.
#[test]
fn i3_i13_what_is_not_offered_is_not_there() {
    let Some(engine) = engine::at_hand("images::offered::none") else { return };
    let faultd = Faultd::before(&engine);
    let all = "[permissions]\nimages = true\ncreate = true\nlifecycle = true\nexec = true\nvolumes = true\n\
        networks = true\nsystem = true\n[confirm]\nrequire = \"none\"\n";
    let client = Launch::at(&faultd.host()).config(all).connect();
    let words = ["load", "import", "save", "search", "commit", "distribution", "export"];
    for tool in client.tools() {
        let name = tool["name"].as_str().unwrap();
        assert!(!words.iter().any(|word| name.contains(word)), "{name}");
    }
    for word in words {
        let refused = client.call(&format!("docker_{word}"), &json!({ "image": "docker-mcp/base" }));
        assert!(refused.is_error, "{word}: {}", refused.text);
    }
    for more in
        [json!({ "fromSrc": "http://127.0.0.1:1/x" }), json!({ "all_tags": true }), json!({ "input": "/x" })]
    {
        let mut call = json!({ "image": "docker-mcp/nosuch:1" });
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(client.call("docker_pull", &call).kind(), "invalid_arguments", "{more}");
    }
    let asked = faultd.lines();
    for path in
        ["/images/load", "/images/get", "/images/search", "/distribution", "/commit", "fromSrc", "/auth"]
    {
        assert!(!asked.iter().any(|line| line.contains(path)), "{path}: {asked:#?}");
    }
}

/// I5: what was confirmed is what is named, pushed and built on; a name that moved since is another state.
#[test]
fn i5_a_name_that_moves_between_asking_and_doing() {
    let Some(engine) = engine::at_hand("images::offered::moves") else { return };
    let scope = Scope::new(&engine);
    let name = |tag: &str| format!("{}/app:{tag}", scope.prefix);
    image(&engine, &scope, &name("1"), 2000);
    let other = image(&engine, &scope, &name("2"), 2000);
    let client = Launch::at(&engine.host).config(&ON.replace("\"none\"", "\"mutating\"")).connect();
    for (tool, call) in [
        ("docker_tag", json!({ "image": name("1"), "name": name("3") })),
        ("docker_push", json!({ "image": name("1") })),
        ("docker_image_remove", json!({ "images": name("1") })),
    ] {
        let held = client.call(tool, &call).ok();
        let token = held.structured["confirm_token"].clone();
        let before = id_of(&engine, &name("1")).unwrap();
        engine.docker(&["tag", &other, &name("1")]);
        let mut call = call;
        call["confirm_token"] = token;
        let refused = client.call(tool, &call);
        assert_eq!(refused.kind(), "confirmation_invalid", "{tool}: {}", refused.text);
        assert_eq!((id_of(&engine, &name("3")), id_of(&engine, &name("1"))), (None, Some(other.clone())));
        engine.docker(&["tag", &before, &name("1")]);
    }
}
