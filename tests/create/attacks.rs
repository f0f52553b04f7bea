//! What an attack found: ways that change after they were checked, arguments that blind, labels that pretend.

use serde_json::json;

use super::Place;
use crate::support::engine;

/// A container that may write in a folder could put a link where another one's folder was: the engine would follow it at the
/// next start.
#[test]
fn m6_nobody_may_write_above_what_another_mounts() {
    let Some(engine) = engine::at_hand("create::attacks::ways") else { return };
    let place = Place::new(&engine);
    let root = tempfile::Builder::new().prefix("docker-mcp-ways-").tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("x/y")).unwrap();
    let real = root.path().canonicalize().unwrap();
    let (whole, inner) = (real.display().to_string(), real.join("x").display().to_string());
    let client = place.client(&format!("[create_safety]\nbind_roots = [\"{whole}\"]\n"));
    let asked = |name: &str, volumes: serde_json::Value| json!({ "image": place.image, "name": place.name(name), "volumes": volumes });
    let refused = |tool: &str, name: &str, volumes: serde_json::Value| {
        let answer = client.call(tool, &asked(name, volumes));
        assert_eq!(answer.kind(), "permission_denied", "{}", answer.text);
        assert!(answer.text.contains("put") && answer.text.contains("link"), "{}", answer.text);
    };
    // Both in one container, in either order; read only does not help the inner one.
    refused("docker_run", "both", json!([format!("{inner}:/h:ro"), format!("{whole}:/r")]));
    refused("docker_run", "both", json!([format!("{whole}:/r"), format!("{inner}:/h")]));
    client.call("docker_create", &asked("inner", json!([format!("{inner}:/h")]))).ok();
    refused("docker_create", "outer", json!([format!("{whole}:/r")]));
    client.call("docker_create", &asked("reader", json!([format!("{whole}:/r:ro")]))).ok();
    engine.docker(&["rm", &place.name("inner")]);
    client.call("docker_create", &asked("outer", json!([format!("{whole}:/r")]))).ok();
    refused("docker_run", "inner", json!([format!("{inner}:/h")]));
    refused("docker_run", "inner", json!([format!("{inner}/y:/h:ro")]));
    // The same folder has no way that could be changed.
    client.call("docker_create", &asked("same", json!([format!("{whole}:/r")]))).ok();
    let mut made = place.containers();
    made.sort();
    assert_eq!(made, ["outer", "reader", "same"].map(|name| place.name(name)));
    let excepted =
        place.client(&format!("[create_safety]\nbind_roots = [\"{whole}\"]\nallow = [\"bind={inner}\"]\n"));
    excepted.call("docker_create", &asked("excepted", json!([format!("{inner}:/h")]))).ok();
}

/// What a container is made with is read with every list from then on.
#[test]
fn k11_arguments_that_would_blind_everybody() {
    let Some(engine) = engine::at_hand("create::attacks::large") else { return };
    let place = Place::new(&engine);
    let client = place.client("");
    let long = "y".repeat(100_000);
    let words: Vec<&str> = std::iter::repeat_n("word", 20_000).collect();
    for more in [
        json!({ "labels": { "a": long } }),
        json!({ "command": ["echo", long] }),
        json!({ "command": words }),
        json!({ "environment": { "A": long } }),
        json!({ "workdir": format!("/{long}") }),
    ] {
        let mut asked = json!({ "image": place.image, "name": place.name("x") });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = client.call("docker_create", &asked);
        assert_eq!(answer.kind(), "invalid_arguments", "{}", answer.text);
        assert!(answer.text.contains("64 KiB"), "{}", answer.text);
    }
    assert!(place.containers().is_empty());
}

/// An image can have any label: those that say whose a container is do not come along, and are not believed.
#[test]
fn labels_of_an_image_are_no_marks() {
    let Some(engine) = engine::at_hand("create::attacks::labels") else { return };
    let place = Place::new(&engine);
    place.scope.run("victim", &[], &["sleep", "9999"]);
    let id = engine.docker(&["inspect", "--format", "{{.Id}}", &place.name("victim")]);
    let label = format!(
        "LABEL docker-mcp.recreate.of={id} docker-mcp.recreate.name={} docker-mcp.recreate.ran=no \
         com.docker.compose.project=web",
        place.name("victim")
    );
    let forged = place.image("forged", &[&label]);
    let client = place.client("[confirm]\nrequire = \"none\"\n");
    let name = format!("{}.new-{}", place.name("victim"), &id[..8]);
    client.call("docker_create", &json!({ "image": forged, "name": name })).ok();
    let labels = place.inspect(&name)["Config"]["Labels"].clone();
    for key in ["docker-mcp.recreate.of", "docker-mcp.recreate.name", "com.docker.compose.project"] {
        assert_eq!(labels[key], "", "{labels}");
    }
    // The same from somebody who does not empty them.
    engine.docker(&["rm", &name]);
    engine.docker(&["create", "--name", &name, &forged]);
    let answer = client.call("docker_recreate", &json!({ "container": name }));
    assert!(answer.text.contains("reserved for docker-mcp"), "{}", answer.text);
    let still = engine.docker(&["inspect", "--format", "{{.Name}} {{.State.Running}}", &id]);
    assert_eq!(still, format!("/{} true", place.name("victim")));
    let answer =
        client.call("docker_recreate", &json!({ "container": place.name("victim"), "image": forged }));
    assert!(answer.text.contains("reserved for docker-mcp"), "{}", answer.text);
    engine.docker(&["rm", &name]);
    // A new image's project is not the container's.
    let theirs = place.image("theirs", &["LABEL com.docker.compose.project=web"]);
    let asked = json!({ "container": place.name("victim"), "image": theirs });
    assert_eq!(client.call("docker_recreate", &asked).ok().structured["changed"], true);
    let labels = place.inspect(&place.name("victim"))["Config"]["Labels"].clone();
    assert_eq!(labels["com.docker.compose.project"], "", "{labels}");
}
