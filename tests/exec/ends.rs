//! How commands end that do not end by themselves: faults.md D1 to D6.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{asleep, client, config, others, sh};
use crate::support::faultd::Faultd;
use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::{Client, Engine, Launch, ToolResult, engine, rss};

const S: fn(u64) -> Duration = Duration::from_secs;
/// Deaf to every signal that one can be deaf to.
const DEAF: &str = "trap '' TERM INT HUP QUIT PIPE; echo started; while :; do sleep 0.05; done";

/// Nothing runs in it beside its first process, now or soon.
#[track_caller]
fn empty(engine: &Engine, name: &str, within: Duration) {
    let start = Instant::now();
    loop {
        let left = others(engine, name);
        if left.is_empty() {
            return;
        }
        assert!(start.elapsed() < within, "left: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn runs(engine: &Engine, name: &str) {
    let start = Instant::now();
    while others(engine, name).is_empty() {
        assert!(start.elapsed() < S(10), "it never began");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// It was ended at its time; on a busy machine what is left of it may go a little later, and that is said.
#[track_caller]
fn killed(result: &ToolResult) {
    assert_eq!(result.kind(), "exec_timeout", "{}", result.text);
    let (error, still) = (&result.structured["error"], &result.structured["still_running"]);
    let effect = if *still == json!(true) { "continuing" } else { "done" };
    assert_eq!((&error["effect"], &error["retry"]), (&json!(effect), &json!("no")), "{}", result.text);
    assert!(still.is_boolean(), "{}", result.text);
    assert_eq!(result.structured["exec_id"].as_str().map(str::len), Some(64), "{}", result.text);
}

#[test]
fn what_does_not_end_is_killed_at_its_time() {
    let Some(engine) = engine::at_hand("exec::ends::timeout") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "timeout = \"3s\"\n");
    for (script, more, time, out) in [
        (DEAF, json!({ "timeout": 2 }), S(2), "started\n"),
        (DEAF, json!({ "timeout": 2, "tty": true }), S(2), "started\n"),
        ("printf half; exec sleep 999", json!({}), S(3), "half"),
        ("read x; echo never", json!({ "timeout": 1, "tty": true }), S(1), ""),
        (
            "while :; do :; done",
            json!({ "timeout": "1500ms", "user": "1000:1000" }),
            Duration::from_millis(1500),
            "",
        ),
    ] {
        let result = sh(&client, &app, script, more);
        killed(&result);
        assert_eq!(result.structured["stdout"], out, "{script}: {}", result.text);
        assert_eq!(result.structured["error"]["limit_ms"], json!(u64::try_from(time.as_millis()).unwrap()));
        assert!(result.took >= time - Duration::from_millis(50), "{:?}", result.took);
        saw("D1", Seen::of(&result, time).circuit("0"));
        empty(&engine, &app, S(5));
    }
    let health = client.call("docker_health", &json!({})).ok().structured;
    assert_eq!(health["circuit"]["failures"], 0, "{health}");
    assert_eq!(engine.inspect("container", &app)["State"]["Running"], true);
    let lines = client.audit_wait(10);
    let ended = |line: &&Value| line["error_kind"] == "exec_timeout" && line["effect"] == "done";
    assert_eq!(lines.iter().filter(ended).count(), 5, "{lines:?}");
}

/// Leaves behind: an ordinary child, an orphan in a session of its own, a child of that kind that is deaf, one without
/// environment.
const LITTER: &str = "sleep 991 & (busybox setsid sleep 992 &); \
     busybox setsid sh -c 'trap \"\" TERM; sleep 993; sleep 994' & busybox env -i sleep 995 & sleep 0.3; exec sleep 996";

#[test]
fn nothing_of_it_is_left() {
    let Some(engine) = engine::at_hand("exec::ends::litter") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let here = client(&engine, "");
    // The engine somewhere else: its processes cannot be seen, and the container's own shell must do it.
    let faultd = Faultd::tcp_before(&engine);
    let far = Launch::at(&faultd.host()).config(&config("")).connect();
    for client in [&here, &far] {
        for user in ["0:0", "1000:1000"] {
            // Where only the mark can be searched for, what dropped it is not found.
            let script = if std::ptr::eq(client, &far) {
                LITTER.replace("busybox env -i ", "")
            } else {
                LITTER.to_owned()
            };
            let result = sh(client, &app, &script, json!({ "timeout": 2, "user": user }));
            killed(&result);
            saw("D2", Seen::of(&result, S(2)).circuit("0"));
            empty(&engine, &app, S(5));
        }
    }
    assert_eq!(engine.inspect("container", &app)["State"]["Running"], true);
}

#[test]
fn what_cannot_be_killed_is_said_to_run() {
    let Some(engine) = engine::at_hand("exec::ends::paused") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    let arguments = json!({ "container": app, "command": ["sh", "-c", DEAF], "timeout": 3 });
    let id = client.begin_call("docker_exec", &arguments);
    runs(&engine, &app);
    engine.docker(&["pause", &app]);
    let result = client.wait(&id).tool();
    assert_eq!(result.kind(), "exec_timeout", "{}", result.text);
    eprintln!("paused: {}", result.text);
    let still = result.structured["still_running"] == true;
    assert_eq!(
        result.structured["error"]["effect"],
        if still { "continuing" } else { "done" },
        "{}",
        result.text
    );
    saw("D6", Seen::of(&result, S(3)).circuit("0"));
    engine.docker(&["unpause", &app]);
    empty(&engine, &app, S(10));
    // It is tried on, and what came of it is recorded.
    let start = Instant::now();
    while still && client.audit_wait(2).last().unwrap()["effect"] != "done" {
        assert!(start.elapsed() < S(30), "{:?}", client.audit_lines());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_is_left_behind_holds_no_answer() {
    let Some(engine) = engine::at_hand("exec::ends::grandchild") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    let result = sh(&client, &app, "busybox setsid sleep 999 & echo done; exit 4", json!({})).ok();
    assert_eq!(
        (&result.structured["exit_code"], &result.structured["stdout"]),
        (&json!(4), &json!("done\n"))
    );
    saw("D3", Seen::of(&result, S(4)).circuit("0"));
    // It ended well: what it was to leave is left, and that is said.
    assert_eq!(others(&engine, &app).len(), 1);
    assert_eq!(result.structured["still_running"], 1, "{}", result.text);
    let quiet = sh(&client, &app, "true", json!({})).ok();
    assert_eq!(quiet.structured["still_running"], Value::Null, "{}", quiet.text);
}

#[test]
fn output_without_end_takes_no_memory() {
    let Some(engine) = engine::at_hand("exec::ends::floods") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "mode = \"none\"\n");
    sh(&client, &app, "true", json!({})).ok();
    let gigabyte = "head -c 1000000000 /dev/zero | busybox tr '\\0' x";
    for (script, time) in [("yes", 4), (gigabyte, 12), ("yes >&2", 3), ("cat /bin/busybox /bin/busybox", 10)]
    {
        let before = rss::peak(client.pid());
        let result = sh(&client, &app, script, json!({ "timeout": time }));
        let grown = rss::peak(client.pid()).saturating_sub(before);
        let bytes = &result.structured["total"];
        eprintln!(
            "{script}: {} {bytes} bytes in {:?}, +{:.1} MiB",
            result.kind(),
            result.took,
            rss::mib(grown)
        );
        assert!(["", "exec_timeout"].contains(&result.kind()), "{}", result.text);
        assert!(result.text.len() < 30_000 && result.structured["truncated"] == true, "{script}");
        assert!(bytes.as_u64().unwrap() > 100_000, "{script}: {bytes}");
        assert!(grown < 8 << 20, "{script}: {:.1} MiB", rss::mib(grown));
        saw("D4", Seen::of(&result, S(time)).circuit("0").memory(grown));
        empty(&engine, &app, S(5));
    }
}

#[test]
fn a_caller_that_gives_up_ends_it() {
    let Some(engine) = engine::at_hand("exec::ends::cancelled") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    let id = client.begin_call("docker_exec", &json!({ "container": app, "command": ["sh", "-c", DEAF] }));
    runs(&engine, &app);
    let at = Instant::now();
    client.notify("notifications/cancelled", json!({ "requestId": id }));
    empty(&engine, &app, S(2));
    saw("D5", Seen::new("killed", at.elapsed(), S(1)).circuit("0"));
    let lines = client.audit_wait(2);
    let line = lines.last().unwrap();
    assert_eq!((&line["error_kind"], &line["effect"]), (&json!("cancelled"), &json!("done")), "{line}");
}

#[test]
fn a_server_that_stops_ends_it() {
    let Some(engine) = engine::at_hand("exec::ends::stopped") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    for how in ["stdin", "TERM"] {
        let client = client(&engine, "");
        client.begin_call("docker_exec", &json!({ "container": app, "command": ["sh", "-c", DEAF] }));
        runs(&engine, &app);
        match how {
            "stdin" => client.close_stdin(),
            signal => client.signal(signal),
        }
        empty(&engine, &app, S(3));
        let (_, took) = client.wait_exit(S(12)).expect("the server ends");
        eprintln!("{how}: {took:?}");
        let lines = client.audit_lines();
        let line = lines.last().unwrap();
        assert_eq!(
            (&line["error_kind"], &line["effect"]),
            (&json!("shutting_down"), &json!("done")),
            "{how}: {line}"
        );
    }
}

#[test]
fn a_container_that_goes_takes_its_commands_along() {
    let Some(engine) = engine::at_hand("exec::ends::gone") else { return };
    let scope = Scope::new(&engine);
    let client: Client = client(&engine, "");
    for (n, how) in
        [["kill"].as_slice(), &["rm", "-f"], &["stop", "-t", "0"], &["restart", "-t", "0"]].iter().enumerate()
    {
        let app = asleep(&scope, &format!("app{n}"));
        let id =
            client.begin_call("docker_exec", &json!({ "container": app, "command": ["sh", "-c", DEAF] }));
        runs(&engine, &app);
        let at = Instant::now();
        engine.docker(&[how, [app.as_str()].as_slice()].concat());
        let result = client.wait(&id).tool();
        eprintln!("{how:?}: {} after {:?}", result.text, at.elapsed());
        match result.is_error {
            true => assert_eq!(result.kind(), "conflict", "{how:?}: {}", result.text),
            false => assert_eq!(result.structured["exit_code"], 137, "{how:?}: {}", result.text),
        }
        assert_eq!(result.structured["stdout"], "started\n", "{how:?}: {}", result.text);
        saw(
            "D6",
            Seen::new(if result.is_error { "conflict" } else { "ok" }, at.elapsed(), S(3)).circuit("0"),
        );
    }
}
