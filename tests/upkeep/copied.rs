//! What else belongs to a container that is made anew: chosen addresses, volumes without a name, and those who share it.

use serde_json::{Value, json};

use super::recreate::{CHECKED, LEVELS, all};
use super::{POLITE, on};
use crate::support::engine::{self, Engine};
use crate::support::fixture::{Made, Scope};
use crate::support::{Client, Launch};

fn recreate(client: &Client, scope: &Scope, more: Value) -> crate::support::ToolResult {
    let mut arguments = json!({ "container": scope.name("app") });
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.call("docker_recreate", &arguments)
}

/// A network in which addresses can be chosen: the first of these that is free.
fn subnet(engine: &Engine, scope: &Scope, name: &str) -> String {
    let made = (0..40).find_map(|n| {
        let part = format!("10.213.{}", (std::process::id() + n * 7) % 250);
        let (range, label) = (format!("{part}.0/24"), scope.label());
        let args = ["network", "create", "--subnet", &range, "--label", &label, &scope.name(name)];
        engine.try_docker(&args).ok().map(|_| part)
    });
    made.expect("a free range")
}

#[test]
fn chosen_addresses_stay() {
    let Some(engine) = engine::at_hand("upkeep::copied::addresses") else { return };
    let mac = "02:42:00:11:22:33";
    let own = ["--mac-address", mac];
    for on_bridge in [true, false] {
        let scope = Scope::new(&engine);
        let part = subnet(&engine, &scope, "net");
        let (net, ip) = (scope.name("net"), format!("{part}.77"));
        let mut options = [CHECKED, &own].concat();
        if !on_bridge {
            options.extend(["--network", &net, "--ip", &ip]);
        }
        scope.run("app", &options, POLITE);
        let name = if on_bridge { "bridge" } else { net.as_str() };
        let address = |what: &str| {
            let facts = engine.inspect("container", &scope.name("app"));
            facts["NetworkSettings"]["Networks"][name][what].clone()
        };
        assert_eq!(address("MacAddress"), mac);
        let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
        let refused = recreate(&client, &scope, json!({}));
        assert_eq!(refused.kind(), "conflict", "two of them at once: {}", refused.text);
        assert!(refused.text.contains(mac), "{}", refused.text);
        for _ in 0..2 {
            recreate(&client, &scope, json!({ "stop_first": true })).ok();
            assert_eq!(address("MacAddress"), mac, "on the bridge: {on_bridge}");
            if !on_bridge {
                assert_eq!(address("IPAddress"), json!(ip));
            }
        }
    }
}

#[test]
fn a_volume_without_a_name_stays_and_is_told_of() {
    let Some(engine) = engine::at_hand("upkeep::copied::volumes") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[CHECKED, &["-v", "/data"]].concat(), POLITE);
    let app = scope.name("app");
    engine.docker(&["exec", &app, "touch", "/data/kept"]);
    let volume = engine.inspect("container", &app)["Mounts"][0]["Name"].as_str().unwrap().to_owned();
    let _made = Made(&engine, "volume", vec![volume.clone()]);
    let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
    let shown = recreate(&client, &scope, json!({ "stop_first": true, "dry_run": true })).ok();
    assert!(shown.text.contains("/data had no name"), "{}", shown.text);
    let done = recreate(&client, &scope, json!({ "stop_first": true })).ok();
    assert!(done.text.contains("/data had no name"), "{}", done.text);
    assert_eq!(engine.docker(&["exec", &app, "ls", "/data"]), "kept");
    engine.docker(&["rm", "-f", "-v", &app]);
    assert_eq!(engine.docker(&["volume", "ls", "-q", "--filter", &format!("name={volume}")]), volume);
}

/// Their namespaces are that very container's: the new one's name would not help them.
#[test]
fn those_who_share_it_are_not_broken() {
    let Some(engine) = engine::at_hand("upkeep::copied::joined") else { return };
    let scope = Scope::new(&engine);
    let id = scope.run("app", &[CHECKED, &["--ipc", "shareable"]].concat(), POLITE);
    let app = scope.name("app");
    let client = Launch::at(&engine.host).config(&on(LEVELS)).connect();
    let hidden = on(LEVELS).replacen("create", "blacklist_containers = [\"*-friend\"]\ncreate", 1);
    let blind = Launch::at(&engine.host).config(&hidden).connect();
    for option in [
        format!("--network=container:{app}"),
        format!("--pid=container:{app}"),
        format!("--ipc=container:{id}"),
        format!("--link={app}:alias"),
    ] {
        let friend = scope.run("friend", &[&option], POLITE);
        for stop_first in [false, true] {
            for dry_run in [false, true] {
                let more = json!({ "stop_first": stop_first, "dry_run": dry_run });
                let refused = recreate(&client, &scope, more.clone());
                assert_eq!(refused.kind(), "conflict", "{option}: {}", refused.text);
                assert!(refused.text.contains(&scope.name("friend")), "{option}: {}", refused.text);
                let refused = recreate(&blind, &scope, more);
                assert_eq!(refused.kind(), "conflict", "{option}: {}", refused.text);
                let text = &refused.text;
                assert!(!text.contains("friend") && !text.contains(&friend[..12]), "{option}: {text}");
            }
        }
        assert_eq!(engine.inspect("container", &app)["Id"], json!(id));
        engine.docker(&["rm", "-f", &friend]);
    }
    // What others took of its volumes is theirs, and does not stand in the way.
    let lent = format!("--volumes-from={app}");
    scope.run("friend", &[&lent], POLITE);
    recreate(&client, &scope, json!({})).ok();
    let running = |name: &str| (name.to_owned(), "running".to_owned());
    assert_eq!(all(&engine, &scope), [running("app"), running("friend")]);
}
