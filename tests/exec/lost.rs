//! Commands whose engine says too little: faults.md B23 to B25, and C2.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{asleep, client, config, others, run, sh};
use crate::support::faultd::{Fault, Faultd, get, post};
use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::private::Private;
use crate::support::{Launch, engine};

const S: fn(u64) -> Duration = Duration::from_secs;

#[test]
fn streams_that_are_not_handed_over() {
    let Some(engine) = engine::at_hand("exec::lost::upgrade") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let faultd = Faultd::before(&engine);
    for (fault, kinds) in [
        (Fault::UpgradeRefused, ["daemon_protocol", ""]),
        (Fault::EarlyEof, ["daemon_protocol", ""]),
        (Fault::Status(500, "oops".into()), ["daemon_protocol", ""]),
        (Fault::Bytes(b"HTTP/1.1 101 Up\r\n".to_vec()), ["daemon_protocol", ""]),
        (Fault::NoAnswer, ["outcome_unknown", ""]),
        (Fault::DockerError(409, "container is paused".into()), ["conflict", ""]),
        (Fault::DockerError(500, "no".into()), ["daemon_error", ""]),
    ] {
        // Each for itself: such faults open the circuit.
        let client = Launch::at(&faultd.host()).config(&config("")).connect();
        faultd.set(post("/start"), fault.clone());
        let result = client
            .call("docker_exec", &json!({ "container": app, "command": ["sleep", "98"], "timeout": 2 }));
        faultd.clear();
        eprintln!("{fault:?}: {} in {:?}", result.text, result.took);
        assert!(kinds.contains(&result.kind()), "{fault:?}: {}", result.text);
        let refused = ["conflict", "daemon_error"].contains(&result.kind());
        assert_eq!(
            result.structured["error"]["effect"],
            if refused { "none" } else { "unknown" },
            "{}",
            result.text
        );
        saw("B23", Seen::of(&result, S(2)));
        assert_eq!(others(&engine, &app), Vec::<String>::new(), "{fault:?}");
        run(&client, &app, json!(["true"])).ok();
    }
}

#[test]
fn streams_that_end_before_the_command() {
    let Some(engine) = engine::at_hand("exec::lost::streams") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(&config("")).connect();
    let id =
        client.begin_call("docker_exec", &json!({ "container": app, "command": "echo so far; sleep 97" }));
    let start = Instant::now();
    while others(&engine, &app).len() < 2 && start.elapsed() < S(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let at = Instant::now();
    faultd.hang_up();
    let result = client.wait(&id).tool();
    eprintln!("{} after {:?}", result.text, at.elapsed());
    assert_eq!(result.kind(), "outcome_unknown", "{}", result.text);
    assert_eq!(
        (&result.structured["stdout"], &result.structured["still_running"]),
        (&json!("so far\n"), &json!(false))
    );
    saw("B24", Seen::new(result.kind(), at.elapsed(), S(2)).circuit("0"));
    assert_eq!(others(&engine, &app), Vec::<String>::new());
    // The engine knows nothing of it any more, or nothing good comes of asking.
    for fault in [Fault::DockerError(404, "No such exec instance".into()), Fault::NoAnswer, Fault::Malformed]
    {
        faultd.set(get("/exec/*/json"), fault.clone());
        let result = sh(&client, &app, "echo ran", json!({ "timeout": 5 }));
        faultd.clear();
        eprintln!("{fault:?}: {} in {:?}", result.text, result.took);
        assert_eq!(result.kind(), "outcome_unknown", "{fault:?}: {}", result.text);
        assert_eq!(result.structured["stdout"], "ran\n", "{fault:?}: {}", result.text);
        saw("B24", Seen::of(&result, S(5)));
    }
}

#[test]
fn an_exit_code_that_comes_late() {
    let Some(engine) = engine::at_hand("exec::lost::code") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(&config("")).connect();
    let open =
        crate::support::faultd::Answer::json(200, "{\"Running\": false, \"ExitCode\": null, \"Pid\": 0}");
    faultd.add(get("/exec/*/json").nth(1..=5), Fault::Answer(open));
    let result = sh(&client, &app, "exit 9", json!({})).ok();
    assert_eq!(result.structured["exit_code"], 9, "{}", result.text);
    saw("B25", Seen::of(&result, S(2)).circuit("0"));
    faultd.clear();
    // The engine's own delays, often.
    for n in 0..60 {
        let code = n % 120;
        let result = sh(&client, &app, &format!("echo {n}; exit {code}"), json!({})).ok();
        let seen = (&result.structured["exit_code"], &result.structured["stdout"]);
        assert_eq!(seen, (&json!(code), &json!(format!("{n}\n"))), "{}", result.text);
    }
}

#[test]
fn an_engine_that_dies_under_a_command() {
    if engine::at_hand("exec::lost::engine").is_none() {
        return;
    }
    let Some(mut own) = Private::new() else { return };
    let scope = Scope::new(&own.engine);
    let app = asleep(&scope, "app");
    let client = client(&own.engine, "");
    let id =
        client.begin_call("docker_exec", &json!({ "container": app, "command": "echo so far; sleep 96" }));
    let start = Instant::now();
    while others(&own.engine, &app).len() < 2 && start.elapsed() < S(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let at = Instant::now();
    own.signal("KILL");
    let result = client.wait(&id).tool();
    eprintln!("{} after {:?}", result.text, at.elapsed());
    assert_eq!(result.kind(), "outcome_unknown", "{}", result.text);
    assert_eq!(
        (&result.structured["error"]["effect"], &result.structured["stdout"]),
        (&json!("unknown"), &json!("so far\n"))
    );
    saw("C2", Seen::new(result.kind(), at.elapsed(), S(3)));
    own.restart_killed();
}
