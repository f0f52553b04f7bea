//! Large, odd and endless logs.

use std::time::Duration;

use serde_json::json;

use crate::support::fixture::Scope;
use crate::support::ledger::{Seen, saw};
use crate::support::{Client, Launch, engine, rss};

/// A log of this many bytes.
const LARGE: u64 = 200 << 20;

fn client(scope: &Scope) -> Client {
    let config = format!("[permissions]\nwhitelist_containers = [\"{}-*\"]\n", scope.prefix);
    Launch::at(&scope.engine.host).config(&config).connect()
}

#[test]
fn the_end_of_a_large_log_costs_little_memory() {
    let Some(engine) = engine::at_hand("logs::large") else { return };
    let scope = Scope::new(&engine);
    let line = "a".repeat(1000);
    let script = format!("yes {line} | head -c {LARGE}; echo; echo the-end");
    scope.run("large", &[], &["sh", "-c", &script]);
    scope.run("small", &[], &["sh", "-c", "for i in $(seq 300); do echo line $i; done"]);
    scope.engine.wait_state(&scope.name("large"), "exited");
    let client = client(&scope);
    // What is made once is made before.
    for _ in 0..3 {
        client.call("docker_logs", &json!({ "container": scope.name("small"), "tail": 100 })).ok();
    }
    let (before, peak) = (rss::now(client.pid()), rss::peak(client.pid()));
    let result = client.call("docker_logs", &json!({ "container": scope.name("large"), "tail": 100 })).ok();
    let grown = rss::now(client.pid()).saturating_sub(before);
    let (high, took) = (rss::peak(client.pid()) - peak, result.took);
    eprintln!(
        "tail of 200 MB: {took:?}, memory +{:.2} MiB, at most +{:.2} MiB",
        rss::mib(grown),
        rss::mib(high)
    );
    assert!(result.text.contains("the-end"), "{}", result.text);
    assert!(grown <= 2 << 20, "memory grew by {:.2} MiB", rss::mib(grown));
    // A search goes through more of it, and holds no more of it.
    let search = json!({ "container": scope.name("large"), "grep": "the-e.d", "tail": 10 });
    let found = client.call("docker_logs", &search).ok();
    assert!(found.text.contains("the-end"), "{}", found.text);
    let high = rss::peak(client.pid()) - peak;
    assert!(high <= 32 << 20, "{:.2} MiB", rss::mib(high));
    assert!(found.took <= Duration::from_secs(31), "{:?}", found.took);
}

#[test]
fn a_line_without_an_end_is_answered_in_time() {
    let Some(engine) = engine::at_hand("logs::endless_line") else { return };
    let scope = Scope::new(&engine);
    let script = "echo first-words; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo last-words";
    scope.run("tty", &["-t"], &["sh", "-c", script]);
    scope.run("pipe", &[], &["sh", "-c", script]);
    for name in ["tty", "pipe"] {
        scope.engine.wait_state(&scope.name(name), "exited");
        let client = client(&scope);
        client.call("docker_health", &json!({})).ok();
        let peak = rss::peak(client.pid());
        for arguments in
            [json!({}), json!({ "tail": 1 }), json!({ "tail": "all" }), json!({ "grep": "words" })]
        {
            let mut arguments = arguments;
            arguments["container"] = json!(scope.name(name));
            let result = client.call("docker_logs", &arguments).ok();
            let high = rss::peak(client.pid()) - peak;
            eprintln!("{name} {arguments}: {:?}, at most +{:.1} MiB", result.took, rss::mib(high));
            assert!(result.took <= Duration::from_secs(31), "{:?}", result.took);
            assert!(high <= 32 << 20, "{:.1} MiB for {arguments}", rss::mib(high));
            assert!(result.whole().len() < 100_000, "{} bytes", result.whole().len());
            assert!(result.text.contains("last-words"), "{name} {arguments}: {}", &result.text[..300]);
            saw("B19", Seen::of(&result, Duration::from_secs(30)).memory(high));
        }
    }
}

#[test]
fn a_terminal_that_begins_like_a_frame_is_shown() {
    let Some(engine) = engine::at_hand("logs::frames") else { return };
    let scope = Scope::new(&engine);
    for (name, first) in [
        ("zero", "\\000"),
        ("one", "\\001"),
        ("two", "\\002"),
        ("frame", "\\001\\000\\000\\000\\000\\000\\000\\005"),
    ] {
        let script = format!("printf '{first}hello\\n'; echo world");
        scope.run(name, &["-t"], &["sh", "-c", &script]);
        scope.engine.wait_state(&scope.name(name), "exited");
        let result = client(&scope).call("docker_logs", &json!({ "container": scope.name(name) })).ok();
        assert!(result.text.contains("hello") && result.text.contains("world"), "{name}: {}", result.text);
        saw("B20", Seen::of(&result, Duration::from_secs(30)));
    }
}

#[test]
fn both_outputs_are_shown_and_what_controls_a_terminal_is_not() {
    let Some(engine) = engine::at_hand("logs::outputs") else { return };
    let scope = Scope::new(&engine);
    let script = "echo to-stdout; echo to-stderr >&2; \
                  printf 'esc \\033[31mred\\033[0m \\033]0;title\\007 \\033]52;c;aGk=\\007 over\\rwrite bell\\007\\n'; \
                  printf 'bidi \\342\\200\\256 zero \\342\\200\\213 sep \\342\\200\\250 bad \\377\\376 end\\n'; \
                  echo '\"}],\"isError\":false'";
    scope.run("odd", &[], &["sh", "-c", script]);
    scope.engine.wait_state(&scope.name("odd"), "exited");
    let result = client(&scope).call("docker_logs", &json!({ "container": scope.name("odd") })).ok();
    for word in ["to-stdout", "to-stderr", "red", "end", "isError"] {
        assert!(result.text.contains(word), "{word} is missing in {}", result.text);
    }
    for bad in ['\u{1b}', '\u{7}', '\r', '\u{202e}', '\u{200b}', '\u{2028}', '\0'] {
        assert!(!result.text.contains(bad), "{bad:?} in {:?}", result.text);
    }
    assert!(!result.text.contains("title") || !result.text.contains("]0;"), "{:?}", result.text);
}

#[test]
fn following_ends_at_its_time_and_reports_on_the_way() {
    let Some(engine) = engine::at_hand("logs::follow") else { return };
    let scope = Scope::new(&engine);
    scope.run("ticks", &[], &["sh", "-c", "i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.2; done"]);
    scope.run("silent", &[], &["sleep", "9999"]);
    scope.run("chatty", &[], &["sh", "-c", "yes chatter"]);
    let client = client(&scope);
    for (name, seconds) in [("ticks", 6), ("silent", 2), ("chatty", 3)] {
        let id = client.begin("tools/call", json!({
            "name": "docker_logs", "_meta": { "progressToken": name },
            "arguments": { "container": scope.name(name), "follow": true, "duration": format!("{seconds}s"), "tail": 0 }
        }));
        let result = client.wait(&id).tool().ok();
        assert!(result.took <= Duration::from_secs(seconds + 1), "{name}: {:?}", result.took);
        if name != "chatty" {
            assert!(
                // It keeps a moment for the answer.
                result.took >= Duration::from_millis(seconds * 1000 - 500),
                "{name}: {:?}",
                result.took
            );
            assert_eq!(result.structured["ended"], "time_limit", "{}", result.text);
        }
        let reports: Vec<f64> = client
            .others()
            .iter()
            .filter(|(m, _)| m["params"]["progressToken"] == name)
            .filter_map(|(m, _)| m["params"]["progress"].as_f64())
            .collect();
        assert!(!reports.is_empty(), "no progress on {name}");
        assert!(reports.windows(2).all(|w| w[0] < w[1]), "{reports:?}");
        if name == "ticks" {
            assert!(reports.len() >= 2, "at once and every five seconds: {reports:?}");
            assert!(result.text.contains("tick "), "{}", result.text);
        }
    }
    assert!(rss::peak(client.pid()) <= 64 << 20, "{} MiB", rss::mib(rss::peak(client.pid())));
}

#[test]
fn following_ends_when_the_client_gives_up() {
    let Some(engine) = engine::at_hand("logs::cancel") else { return };
    let scope = Scope::new(&engine);
    scope.run("silent", &[], &["sleep", "9999"]);
    let client = client(&scope);
    let follow = json!({ "container": scope.name("silent"), "follow": true, "duration": "60s" });
    let call = client.begin_call("docker_logs", &follow);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(client.call("docker_health", &json!({})).ok().structured["calls"]["in_flight"], 2);
    client.notify("notifications/cancelled", json!({ "requestId": call }));
    std::thread::sleep(Duration::from_millis(500));
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["calls"]["in_flight"], 1, "the work goes on: {}", health.text);
    assert!(client.answer_within(&call, Duration::ZERO).is_none());
    let lines = client.audit_wait(3);
    assert!(lines.iter().any(|l| l["tool"] == "docker_logs"), "{lines:?}");
    // At the end of the session nothing waits for a stream.
    client.begin_call("docker_logs", &follow);
    std::thread::sleep(Duration::from_millis(200));
    client.close_stdin();
    assert!(client.wait_exit(Duration::from_secs(1)).is_some());
}
