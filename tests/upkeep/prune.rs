//! `docker_container_prune`

use serde_json::{Value, json};

use super::POLITE;
use crate::support::engine::{self, BASE};
use crate::support::faultd::{Fault, Faultd, delete};
use crate::support::fixture::Scope;
use crate::support::{Client, Launch};

fn config(scope: &Scope, more: &str) -> String {
    let p = &scope.prefix;
    format!("[permissions]\ncreate = true\nwhitelist_containers = [\"{p}-*\"]\n{more}")
}

fn held(client: &Client) -> (Vec<String>, Value) {
    let held = client.call("docker_container_prune", &json!({})).ok();
    let lines = held.structured["preview"]["would_change"].as_array().into_iter().flatten();
    let lines = lines.map(|l| l.as_str().unwrap().to_owned()).collect();
    (lines, held.structured["confirm_token"].clone())
}

/// Threats X12, F4, F11: what is hidden, running or not covered stays, and nothing goes that was not shown.
#[test]
fn exactly_what_was_previewed_goes() {
    let Some(engine) = engine::at_hand("upkeep::prune::exact") else { return };
    let scope = Scope::new(&engine);
    scope.run("runs", &[], POLITE);
    for name in ["a", "b", "vault", "mine-not"] {
        scope.container(&["create"], name, &["-v", "/data"], BASE, &["true"]);
    }
    let p = &scope.prefix;
    let more = format!("blacklist_containers = [\"{p}-vault\"]\n");
    let config = config(&scope, &more)
        .replace("create = true", &format!("create = [\"{p}-a\", \"{p}-b\", \"{p}-c\", \"{p}-runs\"]"));
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let (lines, token) = held(&client);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for name in ["a", "b"] {
        let line = lines.iter().find(|l| l.contains(&format!("`{p}-{name}`"))).unwrap();
        assert!(line.contains("created") && line.contains("old") && line.contains("stay"), "{line}");
    }
    // One more is stopped meanwhile: it was not shown, so nothing goes.
    scope.container(&["create"], "c", &[], BASE, &["true"]);
    let refused = client.call("docker_container_prune", &json!({ "confirm_token": token }));
    assert_eq!(refused.kind(), "confirmation_invalid", "{}", refused.text);
    assert_eq!(faultd.count(&delete("")), 0);
    let (lines, token) = held(&client);
    assert_eq!(lines.len(), 3);
    let done = client.call("docker_container_prune", &json!({ "confirm_token": token })).ok();
    assert_eq!(done.structured["results"].as_array().unwrap().len(), 3, "{}", done.text);
    let left: Vec<String> = engine
        .docker(&["ps", "-a", "--filter", &format!("name={p}-"), "--format", "{{.Names}}"])
        .lines()
        .map(str::to_owned)
        .collect();
    let mut left: Vec<&str> = left.iter().map(|n| n.strip_prefix(&format!("{p}-")).unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, ["mine-not", "runs", "vault"]);
    // Never the engine's own prune, and no volumes.
    assert!(
        faultd.lines().iter().all(|l| !l.contains("prune") && !l.contains("v=1")),
        "{:?}",
        faultd.lines()
    );
    let (lines, token) = held(&client);
    assert!(lines.is_empty());
    let none = client.call("docker_container_prune", &json!({ "confirm_token": token })).ok();
    assert_eq!(none.structured["results"], json!([]), "{}", none.text);
}

#[test]
fn one_that_was_started_meanwhile_stays() {
    let Some(engine) = engine::at_hand("upkeep::prune::started") else { return };
    let scope = Scope::new(&engine);
    for name in ["a", "b"] {
        scope.container(&["create", "--stop-timeout", "0"], name, &[], BASE, POLITE);
    }
    let id = engine.inspect("container", &scope.name("a"))["Id"].as_str().unwrap().to_owned();
    let slow = Fault::DockerError(409, format!("cannot remove container {id}: container is running"));
    let faultd = Faultd::before(&engine).on(delete("").of(&id), slow);
    let config = config(&scope, "[confirm]\nrequire = \"none\"\n");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let result = client.call("docker_container_prune", &json!({})).ok();
    assert_eq!(result.structured["failed"], 1, "{}", result.text);
    assert!(result.text.contains("is running") && !result.text.contains(&id[..12]), "{}", result.text);
    assert!(engine.try_docker(&["inspect", &id]).is_ok());
    let refused = client.call("docker_container_prune", &json!({ "all": true }));
    assert_eq!(refused.kind(), "invalid_arguments", "{}", refused.text);
    let off = Launch::at(&engine.host).connect().call("docker_container_prune", &json!({}));
    assert_eq!(off.kind(), "permission_denied", "{}", off.text);
}
