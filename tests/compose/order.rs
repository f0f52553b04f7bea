//! The order of depends_on, and what happens when a part of it fails.

use std::time::Duration;

use serde_json::json;

use super::stack::{ON, POLITE, STUBBORN, Stack};
use crate::support::engine;

#[test]
fn those_that_need_others_stop_first_and_start_last() {
    let Some(engine) = engine::at_hand("compose::order::events") else { return };
    let stack = Stack::new(&engine);
    stack.three();
    let client = stack.client(ON);
    let begun = stack.now();
    client.call("docker_compose_stop", &stack.ask()).ok();
    assert_eq!(stack.events(&begun, &["stop"]), ["stop web-1", "stop api-1", "stop db-1"]);
    let begun = stack.now();
    client.call("docker_compose_start", &stack.ask()).ok();
    assert_eq!(stack.events(&begun, &["start"]), ["start db-1", "start api-1", "start web-1"]);
    let begun = stack.now();
    client.call("docker_compose_restart", &stack.ask()).ok();
    assert_eq!(stack.events(&begun, &["start"]), ["start db-1", "start api-1", "start web-1"]);
    let begun = stack.now();
    client.call("docker_compose_down", &stack.ask()).ok();
    assert_eq!(stack.events(&begun, &["destroy"]), ["destroy web-1", "destroy api-1", "destroy db-1"]);
}

#[test]
fn it_waits_for_healthy_and_for_a_good_end() {
    let Some(engine) = engine::at_hand("compose::order::healthy") else { return };
    let stack = Stack::new(&engine);
    // Healthy a second after its start; the migration takes one as well.
    let slow = ["sh", "-c", "rm -f /ok; sleep 1; touch /ok; while :; do sleep 0.05; done"];
    let check = ["--health-cmd", "test -e /ok", "--health-interval", "300ms"];
    stack.make(&["create"], "db", "", &check, &slow);
    stack.make(&["create"], "migrate", "db:service_healthy:false", &[], &["sh", "-c", "sleep 1; exit 0"]);
    stack.make(
        &["create"],
        "web",
        "db:service_healthy:false,migrate:service_completed_successfully:false",
        &[],
        POLITE,
    );
    let client = stack.client(ON);
    let started = client.call("docker_compose_start", &stack.ask()).ok();
    assert_eq!(
        ["db", "migrate", "web"].map(|s| stack.state(s)),
        ["running", "exited", "running"],
        "{}",
        started.text
    );
    let at = |what: &str, key: &str| {
        engine.inspect("container", &stack.name(what))["State"][key].as_str().unwrap().to_owned()
    };
    assert!(at("web-1", "StartedAt") > at("migrate-1", "FinishedAt"), "web did not wait");
    let second = |stamp: String| {
        engine
            .docker(&[
                "run",
                "--rm",
                "--label",
                &stack.scope.label(),
                engine::BASE,
                "date",
                "-u",
                "-d",
                &stamp[..19].replace('T', " "),
                "+%s",
            ])
            .parse::<u64>()
            .unwrap()
    };
    assert!(second(at("migrate-1", "StartedAt")) > second(at("db-1", "StartedAt")), "migrate did not wait");
    let healthy = engine.inspect("container", &stack.name("db-1"))["State"]["Health"]["Status"].clone();
    assert_eq!(healthy, "healthy");
    assert!(started.took >= Duration::from_secs(2), "{:?}", started.took);
}

#[test]
fn who_needs_what_failed_is_not_started() {
    let Some(engine) = engine::at_hand("compose::order::failed") else { return };
    let stack = Stack::new(&engine);
    stack.make(
        &["create"],
        "db",
        "",
        &["--health-cmd", "false", "--health-interval", "200ms", "--health-retries", "1"],
        POLITE,
    );
    stack.make(&["create"], "api", "db:service_healthy:false", &[], POLITE);
    stack.make(&["create"], "web", "api:service_started:false", &[], POLITE);
    stack.make(&["create"], "docs", "", &[], POLITE);
    let client = stack.client(ON);
    let some = client.call("docker_compose_start", &stack.ask()).ok();
    assert_eq!(some.structured["failed"], 2, "{}", some.text);
    let results = some.structured["results"].as_array().unwrap();
    let of = |service: &str| results.iter().find(|r| r["service"] == service).unwrap();
    for (service, words) in
        [("api", "`db`, which it needs, is unhealthy"), ("web", "`api`, which it needs, did not start")]
    {
        assert_eq!(
            (&of(service)["error"]["kind"], &of(service)["error"]["effect"]),
            (&json!("conflict"), &json!("none"))
        );
        assert!(of(service)["error"]["message"].as_str().unwrap().contains(words), "{}", some.text);
    }
    assert_eq!((&of("db")["changed"], &of("docs")["changed"]), (&json!(true), &json!(true)));
    assert_eq!(
        ["db", "docs", "api", "web"].map(|s| stack.state(s)),
        ["running", "running", "created", "created"]
    );
}

/// Forged or broken labels: a circle, itself, somebody who is not there. Nobody waits for ever.
#[test]
fn a_circle_of_needs_ends() {
    let Some(engine) = engine::at_hand("compose::order::circle") else { return };
    let stack = Stack::new(&engine);
    stack.make(&["create"], "a", "b:service_healthy:false,a:service_healthy:false", &[], POLITE);
    stack.make(&["create"], "b", "a:service_healthy:false,gone:service_healthy:false", &[], POLITE);
    let client = stack.client(&format!("{ON}[neverhang]\ncompose_timeout = \"8s\"\n"));
    let answer = client.call("docker_compose_start", &stack.ask());
    assert!(answer.took < Duration::from_secs(9), "{:?}", answer.took);
    client.call("docker_compose_stop", &stack.ask()).ok();
}

#[test]
fn the_time_of_the_class_ends_a_wait_and_a_slow_stop() {
    let Some(engine) = engine::at_hand("compose::order::time") else { return };
    let stack = Stack::new(&engine);
    stack.make(&["create"], "db", "", &["--health-cmd", "false", "--health-interval", "1m"], POLITE);
    stack.make(&["create"], "api", "db:service_healthy:false", &[], POLITE);
    let client = stack.client(&format!("{ON}[neverhang]\ncompose_timeout = \"3s\"\n"));
    let some = client.call("docker_compose_start", &stack.ask());
    assert!(some.took <= Duration::from_secs(4), "{:?}", some.took);
    assert!(some.text.contains("`db`, which it needs, is not healthy yet"), "{}", some.text);
    assert_eq!(["db", "api"].map(|s| stack.state(s)), ["running", "created"]);

    // A grace of their own that is longer than the call: said, and not repeated.
    let other = Stack::new(&engine);
    other.scope.container(
        &["run", "-d", "--stop-timeout", "20"],
        "slow-1",
        &other.labels("slow", "").iter().map(String::as_str).collect::<Vec<_>>(),
        engine::BASE,
        STUBBORN,
    );
    let client = other.client(&format!("{ON}[neverhang]\ncompose_timeout = \"3s\"\n"));
    let late = client.call("docker_compose_stop", &other.ask());
    assert!(late.took <= Duration::from_secs(4), "{:?}", late.took);
    assert_eq!(late.structured["error"]["effect"], "continuing", "{}", late.text);
    engine.docker(&["kill", &other.name("slow-1")]);
}
