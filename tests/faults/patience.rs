//! A caller without patience is no fault of the engine.

use serde_json::{Value, json};

use crate::support::fixture::Scope;
use crate::support::{Client, Launch, engine};

/// The circuit of a healthy engine after these calls, each made three times by one client.
fn after(host: &str, tool: &str, arguments: &Value) -> (Client, String) {
    let client = Launch::at(host).connect();
    let answers: Vec<String> = (0..3).map(|_| client.call(tool, arguments).kind().to_owned()).collect();
    (client, format!("{tool} {arguments} was answered {answers:?}"))
}

#[test]
fn calls_without_time_do_not_open_the_circuit() {
    hold(&[json!(0), json!("0s")]);
}

#[test]
fn calls_with_hardly_any_time_do_not_open_the_circuit() {
    hold(&[json!("1ms"), json!("5ms")]);
}

#[track_caller]
fn hold(times: &[Value]) {
    let Some(engine) = engine::at_hand("faults::patience") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], &["sleep", "9999"]);
    let app = scope.name("app");
    let mut wrong = Vec::new();
    for none in times {
        for (tool, arguments) in [
            ("docker_wait", json!({ "container": app, "until": "exited", "timeout": none })),
            ("docker_wait", json!({ "container": app, "until": "log", "pattern": "never", "timeout": none })),
            ("docker_logs", json!({ "container": app, "follow": true, "duration": none })),
            ("docker_events", json!({ "duration": none })),
            ("docker_stats", json!({ "container": app, "duration": none })),
        ] {
            let (client, answers) = after(&engine.host, tool, &arguments);
            let ps = client.call("docker_ps", &json!({}));
            let health = client.call("docker_health", &json!({})).ok();
            let circuit = &health.structured["circuit"];
            if ps.is_error || circuit["state"] != "closed" || circuit["failures"] != 0 {
                wrong.push(format!("{answers}; then docker_ps: {:?}, circuit {circuit}", ps.kind()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
