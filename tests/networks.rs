//! Networks on a real engine: making, joining, leaving, removing.

use serde_json::{Value, json};

use crate::support::faultd::{Fault, Faultd, Poison, Toxic, delete, post};
use crate::support::fixture::{Made, Scope};
use crate::support::{Engine, Fixture, Launch, engine, one};

const ON: &str = "[confirm]\nrequire = \"none\"\n[permissions]\nnetworks = true\n";
/// Ends at once when it is told to.
const IDLE: &[&str] = &["sleep", "9999"];

fn exists(engine: &Engine, name: &str) -> bool {
    engine.try_docker(&["network", "inspect", name]).is_ok()
}

fn on(engine: &Engine, container: &str) -> Value {
    engine.inspect("container", container)["NetworkSettings"]["Networks"].clone()
}

#[test]
fn a_network_goes_through_its_life() {
    let Some(engine) = engine::at_hand("networks::life") else { return };
    let scope = Scope::new(&engine);
    let (net, app) = (scope.name("net"), scope.name("app"));
    scope.run("app", &[], IDLE);
    scope.container(&["create"], "idle", &[], engine::BASE, &["true"]);
    let _made = Made(&engine, "network", vec![net.clone()]);
    let client = Launch::at(&engine.host).config(ON).connect();

    let call = json!({ "name": net, "internal": true, "labels": ["team=a"] });
    let made = one(&client, "network-create", call.clone());
    assert_eq!((&made["changed"], &made["network"]), (&json!(true), &json!(net)), "{made}");
    let there = engine.inspect("network", &net);
    let facts = (&there["Driver"], &there["Internal"], &there["Labels"], &there["Options"]);
    assert_eq!(facts, (&json!("bridge"), &json!(true), &json!({ "team": "a" }), &json!({})));
    assert_eq!(one(&client, "docker_network_create", call)["changed"], false);
    let other = client.call("docker_network_create", &json!({ "name": net }));
    assert_eq!(other.kind(), "conflict", "{}", other.text);

    let both = json!({ "network": net, "container": app });
    let joined =
        one(&client, "network-connect", json!({ "network": net, "container": app, "aliases": ["api"] }));
    assert_eq!((&joined["changed"], &joined["network"]), (&json!(true), &json!(net)), "{joined}");
    assert!(on(&engine, &app)[&net]["Aliases"].as_array().unwrap().contains(&json!("api")));
    assert_eq!(one(&client, "docker_network_connect", both.clone())["changed"], false);
    let again =
        client.call("docker_network_connect", &json!({ "network": net, "container": app, "aliases": "b" }));
    assert_eq!(again.kind(), "conflict", "{}", again.text);
    let used = client.call("docker_network_remove", &json!({ "name": net }));
    assert_eq!((used.kind(), used.text.contains(&app)), ("conflict", true), "{}", used.text);
    assert_eq!(one(&client, "network-disconnect", both.clone())["changed"], true);
    assert_eq!(one(&client, "docker_network_disconnect", both)["changed"], false);
    assert!(on(&engine, &app).get(&net).is_none());

    // One that never ran: by the network's id.
    let idle = json!({ "network": there["Id"], "container": scope.name("idle") });
    assert_eq!(one(&client, "docker_network_connect", idle.clone())["changed"], true);
    assert_eq!(one(&client, "docker_network_connect", idle.clone())["changed"], false);
    assert_eq!(one(&client, "docker_network_disconnect", idle)["changed"], true);
    let removed = one(&client, "network-remove", json!({ "name": net }));
    assert_eq!((&removed["changed"], &removed["removed"]), (&json!(true), &json!(true)));
    assert!(!exists(&engine, &net));
    assert_eq!(client.call("docker_network_remove", &json!({ "name": net })).kind(), "not_found");
}

/// Threats K6 and those of section 3 on networks: no driver that reaches the host's network, no options, no name or label
/// of the engine's own.
#[test]
fn k6_no_network_reaches_the_hosts() {
    let Some(engine) = engine::at_hand("networks::forbidden") else { return };
    let scope = Scope::new(&engine);
    let (net, app) = (scope.name("net"), scope.name("app"));
    scope.run("app", &[], IDLE);
    let _made = Made(&engine, "network", vec![net.clone()]);
    let off = Launch::at(&engine.host).connect();
    for (tool, arguments) in [
        ("docker_network_create", json!({ "name": net })),
        ("docker_network_remove", json!({ "name": "bridge" })),
        ("docker_network_connect", json!({ "network": "bridge", "container": app })),
        ("docker_network_disconnect", json!({ "network": "bridge", "container": app })),
        ("docker_network_prune", json!({})),
    ] {
        assert!(!off.tools().iter().any(|t| t["name"] == tool));
        assert_eq!(off.call(tool, &arguments).kind(), "permission_denied", "{tool}");
    }
    let listed = format!("{ON}blacklist_networks = [\"{net}\"]\n");
    let client = Launch::at(&engine.host).config(&listed).connect();
    assert_eq!(client.call("docker_network_create", &json!({ "name": net })).kind(), "permission_denied");

    let client = Launch::at(&engine.host).config(ON).connect();
    for driver in ["host", "macvlan", "ipvlan", "null", "Bridge", "weave"] {
        let refused = client.call("docker_network_create", &json!({ "name": net, "driver": driver }));
        assert_eq!(refused.kind(), "permission_denied", "{driver}: {}", refused.text);
    }
    let swarm = client.call("docker_network_create", &json!({ "name": net, "driver": "overlay" }));
    assert_eq!(swarm.kind(), "unsupported", "{}", swarm.text);
    for (arguments, kind) in [
        (json!({ "name": "host" }), "invalid_arguments"),
        (json!({ "name": "bridge" }), "invalid_arguments"),
        (json!({ "name": "a/b" }), "invalid_arguments"),
        (json!({ "name": net, "options": { "parent": "eth0" } }), "invalid_arguments"),
        (json!({ "name": net, "Driver": "host" }), "invalid_arguments"),
        (json!({ "name": net, "ipam": {} }), "invalid_arguments"),
        (json!({ "name": net, "labels": { "com.docker.compose.project": "x" } }), "permission_denied"),
    ] {
        let refused = client.call("docker_network_create", &arguments);
        assert_eq!(refused.kind(), kind, "{arguments}: {}", refused.text);
    }
    let id = engine.inspect("network", "host")["Id"].as_str().unwrap().to_owned();
    for host in ["host", &id, &id[..12], "none"] {
        let refused = client.call("docker_network_connect", &json!({ "network": host, "container": app }));
        assert_eq!(refused.kind(), "permission_denied", "{host}: {}", refused.text);
    }
    let own = client.call("docker_network_remove", &json!({ "name": "bridge" }));
    assert_eq!(own.kind(), "conflict", "{}", own.text);
    let bad = client.call(
        "docker_network_connect",
        &json!({ "network": "bridge", "container": app, "aliases": ["a b"] }),
    );
    assert_eq!(bad.kind(), "invalid_arguments", "{}", bad.text);
    assert!(!exists(&engine, &net));
    assert_eq!(on(&engine, &app).as_object().unwrap().len(), 1);
}

/// Threats X8, X14, Y2: hidden networks and containers do not exist, nobody takes a hidden name, and a network that hidden
/// containers use stays.
#[test]
fn x8_hidden_networks_and_users() {
    let Some(engine) = engine::at_hand("networks::hidden") else { return };
    let fixture = Fixture::new(&engine);
    let n = |short: &str| fixture.name(short);
    // On it: hidden ones only running, visible ones only stopped.
    fixture.scope.network("mixed");
    engine.docker(&["network", "connect", &n("mixed"), &n("vault-stopped")]);
    fixture.scope.container(&["create"], "idle", &["--network", &n("mixed")], engine::BASE, &["true"]);
    let before = fixture.state();
    let config = format!("{}networks = true\n[confirm]\nrequire = \"none\"\n", fixture.config());
    let client = Launch::at(&engine.host).config(&config).connect();
    let plain = |tool: &str, arguments: &Value, word: &str| {
        let answer = client.call(tool, arguments);
        assert_eq!(answer.kind(), "not_found", "{tool} {arguments}: {}", answer.text);
        let call = answer.structured["error"]["correlation_id"].as_str().unwrap().to_owned();
        answer.whole().replace(&call, "<call>").replace(word, "<asked>")
    };
    let secret = engine.inspect("network", &n("secretnet"))["Id"].as_str().unwrap().to_owned();
    let vault = fixture.hidden[0].clone();
    let backwards = |id: &str| id.chars().rev().collect::<String>();
    for (hidden, absent) in [
        (n("secretnet"), n("secretnex")),
        (secret.clone(), backwards(&secret)),
        (secret[..12].to_owned(), backwards(&secret)[..12].to_owned()),
    ] {
        for tool in ["docker_network_connect", "docker_network_disconnect"] {
            let ask = |net: &str| plain(tool, &json!({ "network": net, "container": n("app") }), net);
            assert_eq!(ask(&hidden), ask(&absent));
        }
        let ask = |net: &str| plain("docker_network_remove", &json!({ "name": net }), net);
        assert_eq!(ask(&hidden), ask(&absent));
    }
    for (hidden, absent) in [
        (n("vault"), n("vaulx")),
        (vault.clone(), backwards(&vault)),
        (vault[..12].to_owned(), backwards(&vault)[..12].to_owned()),
        (format!("{}/safe", n("web")), format!("{}/safx", n("web"))),
    ] {
        for tool in ["docker_network_connect", "docker_network_disconnect"] {
            let ask = |word: &str| plain(tool, &json!({ "network": n("shared"), "container": word }), word);
            assert_eq!(ask(&hidden), ask(&absent));
        }
    }
    let taken = client.call("docker_network_create", &json!({ "name": n("mixed"), "internal": true }));
    assert_eq!(taken.kind(), "conflict", "{}", taken.text);

    // Names by which others find a container: those of hidden ones, of what a blacklist names, and of visible others.
    let alias = |alias: &str| {
        let both = json!({ "network": n("shared"), "container": n("web"), "aliases": [alias] });
        let answer = client.call("docker_network_connect", &both);
        assert_eq!(answer.kind(), "conflict", "{}", answer.text);
        let call = answer.structured["error"]["correlation_id"].as_str().unwrap().to_owned();
        answer.whole().replace(&call, "<call>").replace(alias, "<asked>")
    };
    let visible = alias(&n("app"));
    for name in [n("vault"), n("vaulty"), "db".to_owned(), "safe".to_owned()] {
        assert_eq!(alias(&name), visible, "{name}");
    }

    // In use: visible users are named, hidden ones are not.
    let shared = client.call("docker_network_remove", &json!({ "name": n("shared") }));
    assert_eq!((shared.kind(), shared.text.contains(&n("app"))), ("conflict", true), "{}", shared.text);
    let mixed = client.call("docker_network_remove", &json!({ "name": n("mixed") }));
    assert_eq!(mixed.kind(), "conflict", "{}", mixed.text);
    let pruned = client.call("docker_network_prune", &json!({})).ok();
    assert_eq!(pruned.structured["results"], json!([]), "{}", pruned.text);
    for answer in [shared, mixed, taken, pruned] {
        for word in fixture.forbidden() {
            assert!(!answer.whole().contains(&word), "{word} in {}", answer.text);
        }
    }
    assert!(exists(&engine, &n("mixed")));
    assert_eq!(fixture.state(), before, "a hidden object changed");
}

#[test]
fn x12_a_prune_takes_what_it_showed() {
    let Some(engine) = engine::at_hand("networks::prune") else { return };
    let scope = Scope::new(&engine);
    for name in ["a", "b", "used"] {
        scope.network(name);
    }
    scope.container(&["create"], "app", &["--network", &scope.name("used")], engine::BASE, &["true"]);
    let config = format!("[permissions]\nnetworks = true\nwhitelist_networks = [\"{}-*\"]\n", scope.prefix);
    let client = Launch::at(&engine.host).config(&config).connect();
    let held = client.call("docker_network_prune", &json!({})).ok();
    assert_eq!(held.structured["preview"]["count"], 2, "{}", held.text);
    let token = held.structured["confirm_token"].clone();
    // Since then something is on one of them: it is not the same any more.
    scope.run("late", &["--network", &scope.name("b")], IDLE);
    let refused = client.call("docker_network_prune", &json!({ "confirm_token": token }));
    assert_eq!(refused.kind(), "confirmation_invalid", "{}", refused.text);
    let held = client.call("docker_network_prune", &json!({})).ok();
    let token = held.structured["confirm_token"].clone();
    let done = client.call("docker_network_prune", &json!({ "confirm_token": token })).ok();
    assert_eq!(done.structured["results"][0]["network"], json!(scope.name("a")), "{}", done.text);
    assert!(!exists(&engine, &scope.name("a")));
    assert!(exists(&engine, &scope.name("b")) && exists(&engine, &scope.name("used")));
}

#[test]
fn answers_that_are_lost_and_refusals() {
    let Some(engine) = engine::at_hand("networks::lost") else { return };
    let scope = Scope::new(&engine);
    let (net, app) = (scope.name("net"), scope.name("app"));
    scope.run("app", &[], IDLE);
    let _made = Made(&engine, "network", vec![net.clone()]);
    let faultd = Faultd::before(&engine);
    let config = format!("{ON}[neverhang]\nlifecycle_timeout = \"8s\"\n");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let (name, both) = (json!({ "name": net }), json!({ "network": net, "container": app }));
    for (when, tool, call) in [
        (post("/networks/create"), "docker_network_create", &name),
        (post("/connect"), "docker_network_connect", &both),
        (post("/disconnect"), "docker_network_disconnect", &both),
        (delete("/networks/"), "docker_network_remove", &name),
    ] {
        faultd.set(when, Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]));
        let result = one(&client, tool, call.clone());
        assert_eq!(result["changed"], true, "{tool}: {result}");
        assert!(result["note"].as_str().is_some_and(|n| n.contains("lost")), "{tool}: {result}");
    }
    assert!(!exists(&engine, &net));
    faultd.set(post("/networks/create"), Fault::EarlyEof);
    assert_eq!(client.call("docker_network_create", &name).kind(), "outcome_unknown");
    let full = "could not find an available, non-overlapping IPv4 address pool".to_owned();
    faultd.set(post("/networks/create"), Fault::DockerError(500, full));
    let refused = client.call("docker_network_create", &name);
    assert_eq!((refused.kind(), &refused.structured["error"]["effect"]), ("daemon_error", &json!("none")));
    // Another took the name in the same moment.
    let taken = format!("network with name {net} already exists");
    faultd.set(post("/networks/create"), Fault::DockerError(409, taken));
    assert_eq!(client.call("docker_network_create", &name).kind(), "conflict");
    assert!(!exists(&engine, &net));
    faultd.clear();
    one(&client, "docker_network_create", name.clone());
    let id = "0123456789abcdef".repeat(4);
    let busy = format!("error while removing network: network {net} id {id} has active endpoints");
    faultd.set(delete("/networks/"), Fault::DockerError(403, busy));
    let refused = client.call("docker_network_remove", &name);
    assert_eq!(refused.kind(), "conflict", "{}", refused.text);
    assert!(!refused.whole().contains(&id), "{}", refused.text);
    // A container that shares another's network cannot be put on one: the engine says so.
    faultd.clear();
    let shares = format!("container:{app}");
    scope.run("shares", &["--network", &shares], IDLE);
    let both = json!({ "network": net, "container": scope.name("shares") });
    let refused = client.call("docker_network_connect", &both);
    assert_eq!(refused.kind(), "conflict", "{}", refused.text);
}

/// The engine has no addresses left, and previews say what comes between.
#[test]
fn what_is_wrong_with_a_network_is_said() {
    let Some(engine) = engine::at_hand("networks::words") else { return };
    let scope = Scope::new(&engine);
    scope.network("net");
    scope.run("app", &[], IDLE);
    let (net, app) = (scope.name("net"), scope.name("app"));
    let words = "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network";
    let faultd =
        Faultd::before(&engine).on(post("/networks/create"), Fault::DockerError(404, words.to_owned()));
    let config = format!("{ON}[neverhang]\nlifecycle_timeout = \"3s\"\n");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let new = json!({ "name": scope.name("new") });
    let full = client.call("docker_network_create", &new);
    assert_eq!(full.kind(), "daemon_error", "{}", full.text);
    assert!(
        full.text.contains("range of addresses") && full.text.contains("docker_network_prune"),
        "{}",
        full.text
    );
    faultd.set(post("/networks/create"), Fault::DockerError(404, "plugin \"x\" not found".to_owned()));
    assert_eq!(client.call("docker_network_create", &new).kind(), "conflict");
    // Nobody answers: where it is looked for is where networks are.
    faultd.set(post("/networks/create"), Fault::NoAnswer);
    let lost = client.call("docker_network_create", &new);
    assert_eq!(lost.structured["error"]["effect"], "continuing", "{}", lost.text);
    assert!(lost.text.contains("docker_networks") && !lost.text.contains("docker_ps"), "{}", lost.text);

    let shown = |tool: &str| {
        let call = json!({ "network": net, "container": app, "dry_run": true });
        client.call(tool, &call).ok().text
    };
    let line = |verb: &str| format!("container `{app}` is {verb} network `{net}`");
    let text = shown("docker_network_connect");
    assert!(text.contains(&line("connected to")), "{text}");
    let text = shown("docker_network_disconnect");
    assert!(text.contains(&line("disconnected from")), "{text}");
}

/// X8: an alias that a hidden container has on a network is nobody else's name there.
#[test]
fn x8_hidden_aliases_are_not_taken() {
    let Some(engine) = engine::at_hand("networks::aliases") else { return };
    let scope = Scope::new(&engine);
    scope.network("pub");
    scope.network("other");
    let net = scope.name("pub");
    let on = ["--network", net.as_str()];
    scope.run("vault", &[&on[..], &["--network-alias", "db", "--hostname", "vaulthost"]].concat(), IDLE);
    scope.run("app", &on, IDLE);
    scope.run("apart", &["--network", &scope.name("other")], IDLE);
    let p = &scope.prefix;
    let config = format!("{ON}create = true\nlifecycle = true\nblacklist_containers = [\"{p}-vault\"]\n");
    let client = Launch::at(&engine.host).config(&config).connect();
    let base = engine::BASE;
    for word in ["db", "vaulthost"] {
        for (tool, call) in [
            ("docker_rename", json!({ "container": scope.name("app"), "name": word })),
            ("docker_run", json!({ "image": base, "name": word, "networks": [net], "command": IDLE })),
            (
                "docker_create",
                json!({ "image": base, "networks": [net], "hostname": word, "name": scope.name("h") }),
            ),
            (
                "docker_network_connect",
                json!({ "network": net, "container": scope.name("apart"), "aliases": [word] }),
            ),
        ] {
            let refused = client.call(tool, &call);
            assert_eq!(refused.kind(), "conflict", "{tool} {word}: {}", refused.text);
            assert!(!refused.whole().contains(&scope.name("vault")), "{}", refused.text);
        }
    }
    assert_eq!(engine.inspect("container", &scope.name("app"))["State"]["Running"], true);
    // Where nobody is called so, it is a name like others.
    client.call("docker_rename", &json!({ "container": scope.name("apart"), "name": scope.name("db") })).ok();
}
