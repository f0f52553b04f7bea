//! The engine is killed in the middle of a transfer.

use std::time::Duration;

use serde_json::json;

use super::ON;
use crate::support::fixture::Scope;
use crate::support::private::Private;
use crate::support::registry::{Registry, id_of, image};
use crate::support::{Engine, Launch, engine, stub};

const S: fn(u64) -> Duration = Duration::from_secs;

#[track_caller]
fn pushed(engine: &Engine, name: &str) {
    for _ in 0..50 {
        if engine.try_docker(&["push", "-q", name]).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("the registry does not come up");
}

#[test]
fn an_engine_that_is_killed_in_the_middle_is_asked_when_it_is_back() {
    let test = "images::killed";
    if engine::at_hand(test).is_none() {
        return;
    }
    let Some(mut own) = Private::new() else { return engine::left_out(test) };
    let scope = Scope::new(&own.engine);
    for tool in ["docker_push", "docker_pull"] {
        let Some(registry) = Registry::within(test, own.pid()) else { return };
        let name = registry.name(&scope, "1");
        let small = registry.name(&scope, "small");
        image(&own.engine, &scope, &name, 150 << 20);
        image(&own.engine, &scope, &small, 2000);
        pushed(&own.engine, &small);
        if tool == "docker_pull" {
            pushed(&own.engine, &name);
            own.engine.docker(&["rmi", &name]);
        }
        let config = format!("{ON}[neverhang]\ntransfer_timeout = \"15s\"\ntransfer_idle = \"5s\"\n");
        let client = Launch::at(&own.engine.host).config(&config).connect();
        let params = json!({ "name": tool, "arguments": { "image": name }, "_meta": { "progressToken": 1 } });
        let call = client.begin("tools/call", params);
        let moving = |m: &serde_json::Value| {
            m["params"]["message"]
                .as_str()
                .is_some_and(|m| m.starts_with("pull: ") || m.starts_with("push: "))
        };
        assert!(client.other_within(S(20), moving).is_some(), "{tool} does not begin");
        own.signal("KILL");
        let result = client.wait(&call).tool();
        assert!(result.took < S(16), "{tool}: {:?}", result.took);
        let error = &result.structured["error"];
        assert_eq!(result.kind(), "outcome_unknown", "{tool}: {}", result.text);
        assert_eq!(error["effect"], "unknown", "{tool}: {}", result.text);
        assert_eq!(error["retry"], "safe", "{tool}: {}", result.text);
        if tool == "docker_push" {
            assert!(result.text.contains("only the registry knows"), "{}", result.text);
        }
        assert_eq!(stub::offspring(client.pid()), Vec::<String>::new());
        own.restart_killed();
        if tool == "docker_pull" {
            assert_eq!(id_of(&own.engine, &name), None, "it was in the middle");
        }
        client.call("docker_images", &json!({})).ok();
    }
}
