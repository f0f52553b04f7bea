//! The engine as a whole: what it is, what takes room on it, and what may go.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::faultd::{Fault, Faultd, get};
use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::private::Private;
use crate::support::{Fixture, Launch, engine};

/// Threats Y1 and Y2: no count, name or size of what is hidden, and nothing of the host's places.
#[test]
fn y2_info_and_df_are_of_what_is_visible() {
    let Some(engine) = engine::at_hand("system::hidden") else { return };
    let fixture = Fixture::new(&engine);
    let off = Launch::at(&engine.host).config(&fixture.config()).connect();
    for tool in ["docker_info", "docker_df", "docker_prune"] {
        assert_eq!(off.call(tool, &json!({})).kind(), "permission_denied", "{tool}");
    }
    let client = Launch::at(&engine.host).config(&format!("{}system = true\n", fixture.config())).connect();
    let info = client.call("docker_info", &json!({})).ok();
    let counts = json!({ "total": 2, "running": 2, "paused": 0, "stopped": 0 });
    assert_eq!(info.structured["containers"], counts, "{}", info.text);
    assert!(info.structured["version"].as_str().is_some_and(|v| v.contains('.')), "{}", info.text);
    let df = client.call("docker_df", &json!({ "limit": 1000 })).ok();
    let totals = &df.structured["totals"];
    assert_eq!((&totals["containers"]["count"], &totals["volumes"]["count"]), (&json!(2), &json!(1)));
    assert!(totals["containers"]["size"].is_string() && df.structured["partial"].is_null(), "{}", df.text);
    let largest = df.structured["largest"].as_array().unwrap();
    let of = |kind: &str| largest.iter().filter(|o| o["kind"] == kind).collect::<Vec<_>>();
    assert_eq!(of("volume")[0]["name"], json!(fixture.name("appdata")));
    assert!(of("container").iter().all(|c| c["size"].is_string()), "{}", df.text);
    let root = engine.docker(&["info", "--format", "{{.DockerRootDir}}"]);
    for answer in [&info, &df] {
        for word in fixture.forbidden().iter().chain([&root]) {
            assert!(!answer.whole().contains(word.as_str()), "{word} in {}", answer.text);
        }
    }
    for (tool, arguments) in [("docker_info", json!({ "x": 1 })), ("docker_df", json!({ "limit": -1 }))] {
        assert_eq!(client.call(tool, &arguments).kind(), "invalid_arguments", "{tool}");
    }
    let long = client.call("docker_df", &json!({ "timeout": "2h" }));
    assert_eq!(long.kind(), "invalid_arguments", "{}", long.text);
}

/// Row B29: what the engine has not counted in time is left out, and that is said.
#[test]
fn b29_a_count_that_takes_minutes_is_partial() {
    let Some(engine) = engine::at_hand("system::b29") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], &["sleep", "9999"]);
    let faultd = Faultd::before(&engine).on(get("/system/df"), Fault::NoAnswer);
    let config = format!("[permissions]\nsystem = true\nwhitelist_containers = [\"{}-*\"]\n", scope.prefix);
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let none = client.call("docker_df", &json!({ "timeout": 3 })).ok();
    assert_eq!(none.structured["partial"], true, "{}", none.text);
    assert_eq!(none.structured["missing"], json!(["containers", "volumes", "build_cache"]));
    assert!(none.structured["totals"]["images"]["size"].is_string(), "{}", none.text);
    assert_eq!(none.structured["totals"]["containers"]["count"], 1);
    assert!(none.text.contains("in time"), "{}", none.text);
    saw("B29", Seen::of(&none, Duration::from_secs(3)));
    // One of the parts.
    faultd.set(get("/system/df").once(), Fault::NoAnswer);
    let some = client.call("docker_df", &json!({ "timeout": 3 })).ok();
    // Engines before API 1.42 count all of it at once, and all of it is missing.
    let parts = if by_part(&engine) { 1 } else { none.structured["missing"].as_array().unwrap().len() };
    assert_eq!(some.structured["missing"].as_array().unwrap().len(), parts, "{}", some.text);
    saw("B29", Seen::of(&some, Duration::from_secs(3)).circuit("0"));
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["failures"], 0);
    // Engines before API 1.42 count all of it at once.
    let faultd = Faultd::new();
    faultd.speaks(1, 41);
    let old = Launch::at(&faultd.host()).config(&config).connect();
    let all = old.call("docker_df", &json!({})).ok();
    assert_eq!(faultd.count(&get("/system/df")), 1, "{}", all.text);
}

/// It can be asked for the size of one kind of object alone.
fn by_part(engine: &engine::Engine) -> bool {
    let version = engine.docker(&["version", "--format", "{{.Server.APIVersion}}"]);
    version.split_once('.').is_some_and(|(_, minor)| minor.parse::<u32>().is_ok_and(|minor| minor >= 42))
}

/// Threat X12: hidden things survive every prune; what was shown goes, nothing else.
#[test]
fn x12_a_prune_of_everything() {
    if engine::at_hand("system::prune").is_none() {
        return;
    }
    let Some(private) = Private::new() else { return engine::left_out("system::prune") };
    let engine = &private.engine;
    let run = |args: &[&str]| engine.docker(args);
    for name in ["old", "vault", "kept"] {
        run(&["create", "--name", name, "-v", "/data", engine::BASE, "true"]);
    }
    run(&["run", "-d", "--name", "busy", engine::BASE, "sleep", "9999"]);
    for net in ["free", "vaultnet"] {
        run(&["network", "create", net]);
    }
    run(&["network", "connect", "vaultnet", "vault"]);
    let image = run(&["commit", "busy"]);
    run(&["volume", "create", "named"]);
    let anonymous = run(&["volume", "create"]);
    let config =
        |more: &str| format!("[permissions]\nsystem = true\nblacklist_containers = [\"vault*\"]\n{more}");
    let client = Launch::at(&engine.host).config(&config("")).connect();
    let refused = client.call("docker_prune", &json!({ "volumes": true }));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(refused.text.contains("`volumes`"), "{}", refused.text);
    assert!(refused.text.contains("leave the argument out"), "{}", refused.text);
    let line = client.audit_wait(1).pop().unwrap();
    assert_eq!(
        (&line["decision"], &line["level"]),
        (&json!("denied"), &json!(["system", "volumes"])),
        "{line}"
    );
    assert!(line["rule"].as_str().is_some_and(|rule| rule.contains("volumes = false")), "{line}");
    let held = client.call("docker_prune", &json!({})).ok();
    let lines = held.structured["preview"]["would_change"].to_string();
    for word in ["container `old`", "container `kept`", "network `free`", &image[7..19]] {
        assert!(lines.contains(word), "{word} in {lines}");
    }
    for word in ["vault", "busy", "volume", "named"] {
        assert!(!lines.contains(word), "{word} in {lines}");
    }
    assert!(lines.contains(" old"), "ages: {lines}");
    // One was started since: that is another state.
    let token = held.structured["confirm_token"].clone();
    run(&["start", "kept"]);
    assert_eq!(
        client.call("docker_prune", &json!({ "confirm_token": token })).kind(),
        "confirmation_invalid"
    );

    let client = Launch::at(&engine.host).config(&config("volumes = true\n")).connect();
    engine.wait_state("kept", "exited");
    let held = client.call("docker_prune", &json!({ "volumes": true })).ok();
    let token = held.structured["confirm_token"].clone();
    run(&["rm", "kept"]);
    run(&["create", "--name", "kept", engine::BASE, "true"]);
    let other = client.call("docker_prune", &json!({ "volumes": true, "confirm_token": token }));
    assert_eq!(other.kind(), "confirmation_invalid", "another one of that name: {}", other.text);
    let held = client.call("docker_prune", &json!({ "volumes": true })).ok();
    let token = held.structured["confirm_token"].clone();
    let done = client.call("docker_prune", &json!({ "volumes": true, "confirm_token": token })).ok();
    let results = done.structured["results"].as_array().unwrap();
    assert!(results.iter().all(|r| r["changed"] == true), "{}", done.text);
    let gone = |kind: &str, name: &str| results.iter().any(|r| r[kind] == name);
    assert!(
        gone("container", "old") && gone("container", "kept") && gone("network", "free"),
        "{}",
        done.text
    );
    assert!(gone("image", &image[7..19]) && gone("volume", &anonymous), "{}", done.text);
    assert!(!done.whole().contains("vault"), "{}", done.text);
    let left: Value = json!([
        run(&["ps", "-a", "--format", "{{.Names}}"]).lines().collect::<std::collections::BTreeSet<_>>(),
        run(&["volume", "ls", "-q", "--filter", "name=named"]),
        run(&["network", "ls", "-q", "--filter", "name=vaultnet"]).is_empty(),
    ]);
    assert_eq!(left, json!([["busy", "vault"], "named", false]));
    let mounts = engine.inspect("container", "vault")["Mounts"][0]["Name"].as_str().unwrap().to_owned();
    assert!(engine.try_docker(&["volume", "inspect", &mounts]).is_ok(), "a hidden container's volume");
}

/// A prune that finds nothing has nothing to ask about.
#[test]
fn nothing_to_prune_needs_no_confirmation() {
    let Some(engine) = engine::at_hand("system::nothing") else { return };
    let scope = Scope::new(&engine);
    let config = format!(
        "[permissions]\nsystem = true\ncreate = true\nvolumes = true\nnetworks = true\n\
         whitelist_containers = [\"{0}-*\"]\nwhitelist_images = [\"none.example/{0}\"]\n\
         whitelist_networks = [\"{0}-*\"]\nwhitelist_volumes = [\"{0}-*\"]\n",
        scope.prefix
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    let tools = ["docker_prune", "docker_container_prune", "docker_network_prune", "docker_volume_prune"];
    for tool in tools {
        let done = client.call(tool, &json!({})).ok();
        assert!(done.structured["confirm_token"].is_null(), "{tool}: {}", done.text);
        let shown = client.call(tool, &json!({ "dry_run": true })).ok();
        assert_eq!(shown.structured["preview"]["count"], 0, "{tool}: {}", shown.text);
    }
    // What a guard refuses is denied in the audit too.
    let sneaky = json!({ "name": format!("{}-v", scope.prefix), "driver_opts": { "type": "none", "o": "bind", "device": "/" } });
    assert_eq!(client.call("docker_volume_create", &sneaky).kind(), "permission_denied");
    // Two calls of each prune before it: an intent and an outcome, and a preview.
    let lines = client.audit_wait(3 * tools.len() + 1);
    let line = lines.iter().find(|line| line["tool"] == "docker_volume_create").unwrap();
    assert_eq!(line["decision"], "denied", "{line}");
    assert!(line["rule"].as_str().is_some_and(|rule| !rule.is_empty()), "{line}");
}
