//! `by = "caller"`: the token of a preview.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::engine::{self, BASE};
use crate::support::fixture::Scope;
use crate::support::shim::Shim;
use crate::support::{Client, Launch};

const CONFIRMED: &str = "[permissions]\nlifecycle = true\ncreate = true\nvolumes = true\n\
                         [limits]\nmax_concurrent = 64\n[confirm]\nrequire = \"mutating\"\n";

#[track_caller]
fn token(client: &Client, tool: &str, call: &Value) -> String {
    let held = client.call(tool, call).ok();
    assert_eq!(held.structured["status"], "confirmation_required", "{}", held.text);
    held.structured["confirm_token"].as_str().unwrap().to_owned()
}

fn with(call: &Value, token: &str) -> Value {
    let mut call = call.clone();
    call["confirm_token"] = json!(token);
    call
}

#[test]
fn a_thousand_uses_of_one_token_have_one_effect() {
    let Some(engine) = engine::at_hand("confirm::tokens::thousand") else { return };
    let scope = Scope::new(&engine);
    let name = scope.run("app", &[], &["sleep", "9999"]);
    let client = Launch::at(&engine.host).config(CONFIRMED).connect();
    let call = json!({ "containers": name, "signal": "SIGUSR1" });
    let since = engine.docker(&["run", "--rm", BASE, "date", "+%s"]);
    let confirmed = with(&call, &token(&client, "docker_kill", &call));
    let went = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                let ids: Vec<Value> =
                    (0..125).map(|_| client.begin_call("docker_kill", &confirmed)).collect();
                for id in ids {
                    let result = client.wait(&id).tool();
                    match result.is_error {
                        false => drop(went.fetch_add(1, Ordering::SeqCst)),
                        true => assert!(
                            ["confirmation_invalid", "overloaded", "conflict", "rate_limited"]
                                .contains(&result.kind()),
                            "{}",
                            result.text
                        ),
                    }
                }
            });
        }
    });
    assert_eq!(went.into_inner(), 1);
    let filter = format!("container={name}");
    let until = engine.docker(&["run", "--rm", BASE, "date", "+%s"]);
    let until = (until.trim().parse::<u64>().unwrap() + 1).to_string();
    let events = engine.docker(&[
        "events",
        "--since",
        since.trim(),
        "--until",
        &until,
        "--filter",
        &filter,
        "--filter",
        "event=kill",
    ]);
    assert_eq!(events.lines().count(), 1, "{events}");
}

#[test]
fn what_differs_from_the_preview_burns_the_token() {
    let Some(engine) = engine::at_hand("confirm::tokens::differs") else { return };
    let scope = Scope::new(&engine);
    let (app, other) = (scope.name("app"), scope.run("other", &[], &["sleep", "9999"]));
    scope.container(&["create"], "app", &[], BASE, &["true"]);
    let client = Launch::at(&engine.host).config(CONFIRMED).connect();
    let call = json!({ "container": app });
    let refused = |tool: &str, call: &Value| {
        let refused = client.call(tool, call);
        assert_eq!(refused.kind(), "confirmation_invalid", "{}", refused.text);
    };
    for (tool, changed) in [
        ("docker_remove", json!({ "container": other })),
        ("docker_remove", json!({ "container": app, "force": true })),
        ("docker_remove", json!({ "container": app, "volumes": true })),
        ("docker_start", json!({ "containers": app })),
    ] {
        let token = token(&client, "docker_remove", &call);
        refused(tool, &with(&changed, &token));
        refused("docker_remove", &with(&call, &token));
    }
    // Another form of the same address is other arguments; the same container made anew is another container.
    let id = engine.inspect("container", &app)["Id"].as_str().unwrap().to_owned();
    let held = token(&client, "docker_remove", &call);
    refused("docker_remove", &with(&json!({ "container": id }), &held));
    let held = token(&client, "docker_remove", &call);
    engine.docker(&["rm", &app]);
    scope.container(&["create"], "app", &[], BASE, &["true"]);
    refused("docker_remove", &with(&call, &held));
    // Another process, and other settings: a level was raised meanwhile.
    let held = token(&client, "docker_remove", &call);
    let stranger = Launch::at(&engine.host).config(CONFIRMED).connect();
    assert_eq!(stranger.call("docker_remove", &with(&call, &held)).kind(), "confirmation_invalid");
    client.prints(&["grant", "exec", "1h"]);
    let raised = || client.tools().iter().any(|t| t["name"] == "docker_exec");
    assert!(crate::support::eventually(std::time::Duration::from_secs(5), raised));
    refused("docker_remove", &with(&call, &held));
    let held = token(&client, "docker_remove", &call);
    client.call("docker_remove", &with(&call, &held)).ok();
    assert!(!client.audit_text().contains(&held), "a token is in the log");
}

#[test]
fn its_time_ends() {
    let Some(engine) = engine::at_hand("confirm::tokens::time") else { return };
    let scope = Scope::new(&engine);
    scope.container(&["create"], "app", &[], BASE, &["true"]);
    let client = Launch::at(&engine.host).config(&format!("{CONFIRMED}ttl = \"5s\"\n")).connect();
    let call = json!({ "container": scope.name("app") });
    let held = token(&client, "docker_remove", &call);
    std::thread::sleep(std::time::Duration::from_millis(5500));
    assert_eq!(client.call("docker_remove", &with(&call, &held)).kind(), "confirmation_invalid");
}

/// H6: whoever sets the wall clock gets neither a longer token nor a shorter rest.
#[test]
fn f6_a_clock_that_is_set_helps_nobody() {
    const DAY: i64 = 86_400;
    let Some(engine) = engine::at_hand("confirm::tokens::clock") else { return };
    let Some(shim) = Shim::new("confirm::tokens::clock") else { return };
    let scope = Scope::new(&engine);
    scope.container(&["create"], "app", &[], BASE, &["true"]);
    scope.run("web", &["--init"], &["sleep", "9999"]);
    let (app, web) =
        (json!({ "container": scope.name("app") }), json!({ "containers": scope.name("web"), "timeout": 1 }));
    let config = "[permissions]\nlifecycle = true\ncreate = true\n[confirm]\nttl = \"5s\"\n\
                  [limits.cooldown]\ndocker_restart = { every = \"90s\", key = \"container\" }\n";
    let client = shim.under(Launch::at(&engine.host).config(config)).connect();
    let remove = |held: &str| client.call("docker_remove", &with(&app, held));
    // Ahead: over, by the wall clock.
    let held = token(&client, "docker_remove", &app);
    shim.clock(DAY);
    assert_eq!(remove(&held).kind(), "confirmation_invalid");
    // Back: its five seconds pass all the same.
    let held = token(&client, "docker_remove", &app);
    shim.clock(-DAY);
    std::thread::sleep(std::time::Duration::from_millis(5500));
    assert_eq!(remove(&held).kind(), "confirmation_invalid");
    // A rest is as long as it is, however late it seems to be.
    client.call("docker_restart", &web).ok();
    for jump in [DAY, -DAY, 0] {
        shim.clock(jump);
        let resting = client.call("docker_restart", &web);
        assert_eq!(resting.kind(), "cooldown", "{jump}: {}", resting.text);
        let later = shim.under(Launch::at(&engine.host).config(config)).connect_beside(&client);
        assert_eq!(later.call("docker_restart", &web).kind(), "cooldown", "{jump}: after a restart");
    }
    let held = token(&client, "docker_remove", &app);
    remove(&held).ok();
}
