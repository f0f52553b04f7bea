//! Levels that are given as globs: a new container needs a name that they match, whatever tool gives it.

use serde_json::{Value, json};

use super::Place;
use crate::support::{Launch, ToolResult, engine};

#[test]
fn a_level_of_globs_is_for_names_that_match() {
    let Some(engine) = engine::at_hand("create::globs::names") else { return };
    let place = Place::new(&engine);
    let (p, image) = (&place.scope.prefix, &place.image);
    place.scope.container(&["create"], "mine-old", &[], engine::BASE, &["sleep", "9999"]);
    place.scope.container(&["create"], "other-old", &[], engine::BASE, &["sleep", "9999"]);
    let before = place.containers();
    let denied = |result: ToolResult, what: &str| {
        assert_eq!(result.kind(), "permission_denied", "{what}: {}", result.text);
        assert_eq!(result.structured["error"]["effect"], "none", "{what}");
    };
    let on = |create: &str, lifecycle: &str| {
        let config = format!(
            "[permissions]\ncreate = {create}\nlifecycle = {lifecycle}\n[confirm]\nrequire = \"none\"\n"
        );
        Launch::at(&engine.host).config(&config).connect()
    };
    let mine = format!("[\"{p}-mine-*\"]");
    let new = |short: &str| json!({ "image": image, "name": place.name(short) });
    // Of `create`, of `lifecycle` alone, of both: docker_run needs both for its name.
    let of_create = on(&mine, "true");
    for tool in ["docker_create", "docker_run"] {
        for short in ["other", "mine", "minex", "x-mine-a", "Mine-a"] {
            denied(of_create.call(tool, &new(short)), short);
        }
        denied(of_create.call(tool, &json!({ "image": image })), "a name of our choice");
    }
    let of_lifecycle = on("true", &mine);
    denied(of_lifecycle.call("docker_run", &new("other")), "lifecycle");
    let apart = on(&mine, &format!("[\"{p}-yours-*\"]"));
    denied(apart.call("docker_run", &new("mine-a")), "levels that meet in no name");
    denied(apart.call("docker_run", &new("yours-a")), "levels that meet in no name");
    // A new name by renaming, and what is old by another name.
    for (from, to) in [("mine-old", "other-new"), ("other-old", "mine-new")] {
        let call = json!({ "container": place.name(from), "name": place.name(to) });
        denied(of_create.call("docker_rename", &call), to);
    }
    for (tool, key) in
        [("docker_recreate", "container"), ("docker_update", "container"), ("docker_remove", "container")]
    {
        let mut call: Value = json!({ key: place.name("other-old") });
        if tool == "docker_update" {
            call["pids"] = json!(5);
        }
        denied(of_create.call(tool, &call), tool);
    }
    assert_eq!(sorted(place.containers()), sorted(before), "something was made or went");
    // And what matches is made.
    of_create.call("docker_create", &new("mine-a")).ok();
    of_create.call("docker_run", &new("mine-b")).ok();
    of_lifecycle.call("docker_create", &new("any")).ok();
    let both = on(&mine, &mine);
    both.call("docker_run", &new("mine-c")).ok();
    let call = json!({ "container": place.name("mine-old"), "name": place.name("mine-new") });
    both.call("docker_rename", &call).ok();
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// X5: a volume that a hidden container mounts is not there, also where no filter names it.
#[test]
fn x5_volumes_of_hidden_containers_are_not_mounted() {
    let Some(engine) = engine::at_hand("create::globs::volumes") else { return };
    let place = Place::new(&engine);
    place.scope.volume("vdata", &[]);
    let mount = format!("{}:/data", place.name("vdata"));
    place.scope.container(&["create"], "vault", &["-v", &mount], engine::BASE, &["true"]);
    let client = place.client(&format!("blacklist_containers = [\"{}-vault\"]\n", place.scope.prefix));
    let ask = |tool: &str, volume: &str| {
        let call = json!({ "image": place.image, "name": place.name("x"), "volumes": { volume: "/x" } });
        let result = client.call(tool, &call);
        assert_eq!(result.kind(), "not_found", "{tool}: {}", result.text);
        let call = result.structured["error"]["correlation_id"].as_str().unwrap().to_owned();
        result.whole().replace(&call, "<call>").replace(volume, "<asked>")
    };
    for tool in ["docker_create", "docker_run"] {
        assert_eq!(ask(tool, &place.name("vdata")), ask(tool, &place.name("nosuch")));
    }
    assert_eq!(place.containers(), [place.name("vault")]);
}
