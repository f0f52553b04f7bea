//! What is there when a project is brought up, and what comes between the decision and its end.

use std::time::Duration;

use serde_json::json;

use super::child::{at_up, real};
use super::yard::{IMAGE, POLITE, Yard};
use crate::support::stub::Stub;
use crate::support::{Client, Launch, engine};

/// A compose that calls itself this, and is the real one with something done before each `up`.
fn with(yard: &Yard, script: &str, more: &str) -> (Stub, Stub, Client) {
    let (compose, docker) = (Stub::of("docker-compose", script), Stub::of("docker", "exit 0"));
    let path = format!("{}:{}", docker.path("").display(), compose.search_path());
    let client = yard.launch(more).env("PATH", &path).connect();
    (compose, docker, client)
}

#[test]
fn an_ended_compose_that_made_a_network_only_is_no_effect_of_none() {
    let Some(engine) = engine::at_hand("stack_threats::meanwhile::network_only") else { return };
    for make in ["network create", "volume create"] {
        let yard = Yard::new(&engine);
        yard.web("", "");
        let label = format!("--label com.docker.compose.project={}", yard.project);
        let script = at_up(&format!(
            "cat > /dev/null; {} {make} {label} {} > /dev/null; while :; do sleep 1; done",
            real("docker"),
            yard.name("left")
        ));
        let (_compose, _docker, client) = with(&yard, &script, "[neverhang]\ncompose_timeout = \"4s\"\n");
        let up = client.call("docker_compose_up", &json!({ "file": "app" }));
        assert_eq!(up.kind(), "child_timeout", "{}", up.text);
        assert_eq!(up.structured["error"]["effect"], "unknown", "{make}: {}", up.text);
        assert!(up.text.contains("networks or volumes of the project were made"), "{make}: {}", up.text);
        assert_eq!(yard.made().len(), 1, "{:?}", yard.made());
    }
}

#[test]
fn a_network_that_is_not_as_the_file_says_is_told() {
    let Some(engine) = engine::at_hand("stack_threats::meanwhile::networks") else { return };
    let yard = Yard::new(&engine);
    let on = "    networks: [n]\n";
    yard.web(on, "networks: {n: {}}\n");
    // As compose of 2.30 and later makes it: with a hash.
    let network = format!("{}_n", yard.project);
    let labels = [
        format!("com.docker.compose.project={}", yard.project),
        "com.docker.compose.network=n".to_owned(),
        "com.docker.compose.config-hash=of-another-file".to_owned(),
    ];
    let labels: Vec<&str> = labels.iter().flat_map(|label| ["--label", label.as_str()]).collect();
    engine.docker(&[&["network", "create"], labels.as_slice(), &[&network]].concat());
    let client = yard.client("");
    yard.up(&client);
    let id = engine.inspect("network", &network)["Id"].clone();
    yard.web(on, "networks: {n: {internal: true, labels: {a: b}}}\n");
    // The compose here leaves it.
    let ask = json!({ "file": "app", "dry_run": true });
    let dry = client.call("docker_compose_up", &ask).ok();
    let left = format!("network `{network}`: leave, though the file differs (internal, labels)");
    assert!(dry.text.contains(&left), "{}", dry.text);
    let up = yard.up(&client);
    assert!(up.text.contains(&left) && up.text.contains("docker_compose_down"), "{}", up.text);
    assert_eq!(engine.inspect("network", &network)["Id"], id);
    // Also where something was only taken out.
    yard.web(on, "networks: {n: {}}\n");
    let same = client.call("docker_compose_up", &ask).ok();
    assert!(!same.text.contains("the file differs"), "{}", same.text);
    yard.web(on, "networks: {n: {internal: true, labels: {a: b}}}\n");
    // A later one does not.
    let script = format!(
        "case \" $* \" in *' version '*) echo 2.39.1 ;; *' up '*) exit 9 ;; *) exec {} \"$@\" ;; esac",
        real("docker-compose")
    );
    let (compose, docker, later) = with(&yard, &script, "");
    let dry = later.call("docker_compose_up", &ask).ok();
    let anew = format!("network `{network}`: recreate (internal, labels changed)");
    assert!(dry.text.contains(&anew), "{}", dry.text);
    // That destroys, and asks.
    let asks = yard.config("").replace("require = \"none\"", "require = \"destructive\"");
    let path = format!("{}:{}", docker.path("").display(), compose.search_path());
    let asking = Launch::at(&engine.host).config(&asks).env("PATH", &path).connect();
    let up = asking.call("docker_compose_up", &json!({ "file": "app" }));
    assert_eq!(up.structured["status"], "confirmation_required", "{}", up.text);
    // And it is a change of networks.
    let off = yard.config("").replace("networks = true\n", "networks = false\n");
    let off = Launch::at(&engine.host).config(&off).env("PATH", &path).connect();
    for ask in [ask, json!({ "file": "app" })] {
        let up = off.call("docker_compose_up", &ask);
        assert_eq!(up.kind(), "permission_denied", "{}", up.text);
        assert!(up.text.contains("networks = true under [permissions]"), "{}", up.text);
    }
    assert_eq!(engine.inspect("network", &network)["Id"], id);
}

#[test]
fn an_image_that_is_given_away_meanwhile_is_noticed() {
    let Some(engine) = engine::at_hand("stack_threats::meanwhile::image") else { return };
    let yard = Yard::new(&engine);
    let (tag, other) = (format!("{}-img:1", yard.project), format!("{}-img:2", yard.project));
    engine.docker(&["tag", "docker-mcp/base", &tag]);
    yard.scope.run("source", &["-e", "OTHER=1"], POLITE);
    engine.docker(&["commit", &yard.name("source"), &other]);
    let service = IMAGE.replace("docker-mcp/base", &tag);
    yard.write("root/app/compose.yaml", &format!("name: {}\nservices:\n  web:\n{service}", yard.project));
    let script = format!(
        "case \" $* \" in *' up '*) {} tag {other} {tag} > /dev/null; esac; exec {} \"$@\"",
        real("docker"),
        real("docker-compose")
    );
    let (_compose, _docker, client) = with(&yard, &script, "");
    let up = client.call("docker_compose_up", &json!({ "file": "app" }));
    assert!(up.is_error, "{}", up.text);
    assert!(up.text.contains("another image than was decided on"), "{}", up.text);
    assert_eq!(up.structured["error"]["effect"], "done", "{}", up.text);
    assert!(up.took < Duration::from_secs(60));
    for image in [&tag, &other] {
        let _gone = engine.try_docker(&["rmi", "-f", image]);
    }
}
