//! Answers without end, and answers that are only much too long.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::meet::{CLASS, SHORT, connect, failures};
use crate::support::faultd::{Fault, Faultd, Frames, Made, When, get};
use crate::support::ledger::{Seen, saw};
use crate::support::{Client, ToolResult, rss};

const S: fn(u64) -> Duration = Duration::from_secs;
const MIB: u64 = 1 << 20;
/// What one call may cost.
const BOUND: u64 = 32 * MIB;
/// What the rows ask for.
const LARGE: u64 = 300 * MIB;
/// Given up, or not what it should be.
const REFUSED: [&str; 2] = ["response_too_large", "daemon_protocol"];

/// One call under a flood: how it was answered, and what it cost.
fn flooded(
    when: When,
    fault: Fault,
    neverhang: &str,
    call: (&str, Value),
) -> (Faultd, Client, ToolResult, u64) {
    let what = format!("{:.90}", format!("{fault:?}"));
    let faultd = Faultd::new().running(vec![Made::new(1, "app"), Made::new(2, "term").tty()]);
    let client = connect(&faultd.host(), neverhang);
    // What is made once is made before.
    for who in ["app", "term"] {
        client.call("docker_logs", &json!({ "container": who })).ok();
        client.call("docker_inspect", &json!({ "container": who })).ok();
    }
    faultd.set(when, fault);
    let before = rss::peak(client.pid());
    let result = client.call(call.0, &call.1);
    let grown = rss::peak(client.pid()) - before;
    let words = result.text.lines().next().unwrap_or_default();
    eprintln!("{what}: {} {words:.90} in {:?}, +{:.1} MiB", result.kind(), result.took, rss::mib(grown));
    assert!(grown <= BOUND, "{what}: {:.1} MiB", rss::mib(grown));
    // What is not read is not sent for.
    let start = Instant::now();
    faultd.wait_closed(S(1));
    assert!(start.elapsed() <= S(1));
    faultd.clear();
    (faultd, client, result, grown)
}

#[test]
fn an_inspection_of_300_mb_is_refused_or_cut() {
    let app = || ("docker_inspect", json!({ "container": "app" }));
    for fault in [Fault::Huge(LARGE), Fault::LongString(LARGE), Fault::LongString(20 * MIB)] {
        let (_faultd, client, result, grown) =
            flooded(get("/containers/*/json$"), fault, "read_timeout = \"20s\"\n", app());
        if result.is_error {
            assert_eq!(result.kind(), "response_too_large", "{}", result.text);
            assert_eq!(result.structured["error"]["effect"], "none");
        }
        assert!(result.whole().len() < 100_000);
        // The row wants it within two seconds, whatever time its class has.
        saw("B16", Seen::of(&result, CLASS).circuit("0").memory(grown));
        assert_eq!(failures(&client), 0);
        client.call("docker_inspect", &json!({ "container": "app" })).ok();
    }
}

#[test]
fn json_without_an_end_is_refused_within_a_second() {
    for (fault, counts) in [(Fault::EndlessJson, 0), (Fault::EndlessString, 0)] {
        for (path, call) in [
            ("/containers/json", ("docker_ps", json!({}))),
            ("/containers/*/json$", ("docker_inspect", json!({ "container": "app" }))),
        ] {
            let (_faultd, client, result, grown) =
                flooded(get(path), fault.clone(), "read_timeout = \"20s\"\n", call);
            assert!(REFUSED.contains(&result.kind()), "{}", result.text);
            assert_eq!(result.structured["error"]["effect"], "none");
            saw("B17", Seen::of(&result, S(1)).circuit("0").memory(grown));
            assert_eq!(failures(&client), counts);
        }
    }
}

#[test]
fn json_without_a_bottom_is_refused() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let deep = Fault::Answer(crate::support::faultd::Answer::json(200, &deep));
    let (_faultd, client, result, grown) =
        flooded(get("/containers/json"), deep, SHORT, ("docker_ps", json!({})));
    assert_eq!(result.kind(), "daemon_protocol", "{}", result.text);
    saw("B17", Seen::of(&result, S(1)).circuit("+1").memory(grown));
    assert_eq!(failures(&client), 1);
}

#[test]
fn frames_of_any_length_and_kind_are_taken_as_they_come() {
    let frames = |kind, declared, brings, count| Fault::Frames(Frames { kind, declared, brings, count });
    for (fault, kind) in [
        // 4 GiB are declared, 40 MB come.
        (frames(1, u32::MAX, 40_000_000, 1), ""),
        // The kind of the first, and of a later one.
        (frames(9, 31, 31, 10), "daemon_protocol"),
        (frames(3, 31, 31, 10), "daemon_protocol"),
        // Ten million frames of no length.
        (frames(1, 0, 0, 10_000_000), ""),
        (frames(2, 31, 31, 1_000_000), ""),
    ] {
        let call = ("docker_logs", json!({ "container": "app", "tail": 5 }));
        let open_end = matches!(fault, Fault::Frames(Frames { declared: u32::MAX, .. }));
        let (_faultd, client, result, grown) = flooded(get("/logs"), fault, "", call);
        assert_eq!(result.kind(), kind, "{}", result.text);
        if open_end {
            assert_eq!(result.structured["partial"], true, "{}", result.text);
            assert!(result.text.contains("a line of a frame, to be shown"), "{}", result.text);
        }
        let circuit = if kind.is_empty() { "0" } else { "+1" };
        saw("B18", Seen::of(&result, S(30)).circuit(circuit).memory(grown));
        assert_eq!(failures(&client), u64::from(!kind.is_empty()));
    }
}

#[test]
fn a_log_of_300_mb_without_a_newline_is_answered_with_its_end() {
    no_newline("app", LARGE, json!({}));
}

#[test]
fn so_is_that_of_a_terminal_and_a_search_in_it() {
    no_newline("term", 30 * MIB, json!({ "tail": 1 }));
    no_newline("term", 30 * MIB, json!({ "grep": "last-w" }));
}

fn no_newline(who: &str, bytes: u64, mut arguments: Value) {
    arguments["container"] = json!(who);
    let fault = Fault::NoNewline { bytes, tty: who == "term" };
    let (_faultd, client, result, grown) = flooded(get("/logs"), fault, "", ("docker_logs", arguments));
    let result = result.ok();
    assert!(result.text.contains("last-words"), "{}", &result.text[result.text.len() - 500..]);
    assert!(result.whole().len() < 100_000, "{} bytes", result.whole().len());
    saw("B19", Seen::of(&result, S(30)).circuit("0").memory(grown));
    assert_eq!(failures(&client), 0);
}
