//! The engine cannot be reached, or what is reached is no engine that can be spoken to.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::meet::{CLASS, Case, PATIENT, SHORT, all, connect, failures};
use crate::support::faultd::backlog::Backlog;
use crate::support::faultd::tls::Authority;
use crate::support::faultd::{Fault, Faultd, any, get};
use crate::support::ledger::{Seen, saw};
use crate::support::{Client, Launch, ToolResult};

const MS: fn(u64) -> Duration = Duration::from_millis;
/// What fails at once is answered at once.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Five calls that fail at once; the middle one in time is noted.
#[track_caller]
fn five(row: &str, client: &Client, kind: &str, says: &str) -> ToolResult {
    let before = failures(client);
    let mut results: Vec<_> = (0..5).map(|_| client.call("docker_ps", &json!({}))).collect();
    results.sort_by_key(|r| r.took);
    let middle = results.swap_remove(2);
    assert_eq!(middle.kind(), kind, "{row}: {}", middle.text);
    assert_eq!(middle.structured["error"]["effect"], "none");
    assert!(middle.text.contains(says), "{row}: {}", middle.text);
    assert!(middle.took <= AT_ONCE, "{row}: {:?}", middle.took);
    assert_eq!(failures(client) - before, 5, "{row}: each counts once");
    saw(row, Seen::of(&middle, AT_ONCE).circuit("+1"));
    middle
}

#[test]
fn a_socket_that_comes_later_is_found() {
    let faultd = Faultd::later();
    let client = connect(&faultd.host(), SHORT);
    assert!(client.tools().iter().any(|t| t["name"] == "docker_ps"));
    five("A1", &client, "daemon_unreachable", "no such socket");
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["engine"]["reachable"], false, "{}", health.text);
    faultd.listen();
    client.call("docker_ps", &json!({})).ok();
}

#[test]
fn a_socket_that_goes_and_comes_is_followed() {
    let faultd = Faultd::new();
    let client = connect(&faultd.host(), SHORT);
    client.call("docker_ps", &json!({})).ok();

    // Dead: the file is there, and nobody behind it.
    faultd.die();
    five("A5", &client, "daemon_unreachable", "connection refused");

    // Another inode at the same path.
    faultd.listen();
    client.call("docker_ps", &json!({})).ok();

    // Away in the middle of a call: that is seen at once, and not at the end of a clock.
    faultd.set(get("/containers/json"), Fault::NoAnswer);
    let id = client.begin_call("docker_ps", &json!({}));
    faultd.wait_for(&get("/containers/json"), 3, CLASS);
    let before = failures(&client);
    let gone = Instant::now();
    faultd.vanish();
    let result = client.wait(&id).tool();
    assert_eq!(result.kind(), "daemon_protocol", "{}", result.text);
    saw("A2", Seen::new(result.kind(), gone.elapsed(), AT_ONCE).circuit("+1"));
    assert_eq!(failures(&client) - before, 1);
    five("A2", &client, "daemon_unreachable", "no such socket");
    faultd.clear();
    faultd.listen();
    let again = client.call("docker_ps", &json!({})).ok();
    saw("A2", Seen::of(&again, CLASS).circuit("0"));
}

#[test]
fn a_full_backlog_is_tried_again_for_two_seconds() {
    let full = Backlog::unix();
    let client = connect(&full.host, "");
    let result = client.call("docker_ps", &json!({}));
    assert_eq!(result.kind(), "daemon_unreachable", "{}", result.text);
    assert!(result.text.contains("backlog"), "{}", result.text);
    assert_eq!(result.structured["error"]["effect"], "none");
    // It gives up when the next try would come too late.
    assert!(result.took >= MS(1500), "{:?}", result.took);
    assert_eq!(failures(&client), 1);
    saw("A6", Seen::of(&result, MS(2000)).circuit("+1"));
}

#[test]
fn a_backlog_that_empties_in_time_is_no_fault() {
    let (mut full, faultd) = (Backlog::unix(), Faultd::new());
    let client = connect(&full.host, "");
    let id = client.begin_call("docker_ps", &json!({}));
    std::thread::sleep(MS(400));
    full.open(&faultd);
    let result = client.wait(&id).tool().ok();
    assert!(result.took >= MS(400), "{:?}", result.took);
    saw("A6", Seen::of(&result, MS(2000)).circuit("0"));
    assert_eq!(failures(&client), 0);
}

/// A `DOCKER_HOST` that never completes a connection: the connect clock ends the call, whatever more time its class has.
#[track_caller]
fn no_connection(row: &str, client: &Client) {
    let result = client.call("docker_ps", &json!({}));
    assert_eq!(result.kind(), "daemon_timeout", "{}", result.text);
    let error = &result.structured["error"];
    assert_eq!(
        (error["phase"].as_str(), error["effect"].as_str()),
        (Some("connect"), Some("none")),
        "{error}"
    );
    assert_eq!(error["limit_ms"], 5000, "{error}");
    assert!((MS(4950)..MS(5500)).contains(&result.took), "{:?}", result.took);
    saw(row, Seen::of(&result, MS(5000)).circuit("+1"));
    assert_eq!(failures(client), 1);
}

#[test]
fn packets_that_vanish_are_given_up_by_the_connect_clock() {
    let full = Backlog::tcp();
    no_connection("A7", &connect(&full.host, "read_timeout = \"8s\"\n"));
}

fn over_tls(host: &str, ca: &Path) -> Client {
    let config = format!(
        "[neverhang]\n{PATIENT}read_timeout = \"8s\"\n[docker]\nhost = \"{host}\"\ntls = {{ ca = \"{}\" }}\n",
        ca.display()
    );
    Launch::at("").config(&config).connect()
}

#[test]
fn a_tls_handshake_that_stalls_is_given_up_by_the_connect_clock() {
    // It never understands what is said to it, and never answers.
    let silent = Faultd::tcp();
    no_connection("A8", &over_tls(&silent.host(), &Authority::new().ca()));
}

#[test]
fn certificates_that_are_wrong_are_told_at_once() {
    let (faultd, ours, other) = (Faultd::new(), Authority::new(), Authority::new());
    let good = over_tls(&ours.before(&faultd, "127.0.0.1", 2999), &ours.ca());
    good.call("docker_ps", &json!({})).ok();
    let plain = Faultd::tcp().greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    for (host, says) in [
        (other.before(&faultd, "127.0.0.1", 2999), "not signed by tls.ca"),
        (ours.before(&faultd, "127.0.0.1", 2001), "expired"),
        (ours.before(&faultd, "engine.example", 2999), "not for `127.0.0.1`"),
        (plain.host(), "does not speak TLS"),
    ] {
        five("A8", &over_tls(&host, &ours.ca()), "daemon_unreachable", says);
    }
}

#[test]
fn another_service_is_told_from_an_engine() {
    let page = "<html>It works!</html>";
    let nginx = || Fault::Status(404, page.into());
    let old = || Fault::Bytes(page.as_bytes().to_vec());
    all(
        SHORT,
        vec![
            Case::new("A10", nginx(), "daemon_protocol").on(any()),
            Case::new("A10", Fault::Status(200, page.into()), "daemon_protocol").on(any()),
            Case::new("A10", old(), "daemon_protocol").on(any()),
        ],
    );
    for greeting in ["SSH-2.0-OpenSSH_9.6\r\n", "220 mail.example ESMTP\r\n", "\x05\x00\x00\x00"] {
        let faultd = Faultd::new().greeting(greeting.as_bytes());
        Case::new("A10", Fault::NoAnswer, "daemon_protocol").on(any()).over(faultd, SHORT).check();
    }
}

#[test]
fn one_version_of_the_api_is_agreed_on_and_anew_with_another_engine() {
    let faultd = Faultd::new();
    let client = connect(&faultd.host(), SHORT);
    let versions = |faultd: &Faultd| {
        let mut all: Vec<_> = faultd.requests().iter().filter_map(|r| r.version()).collect();
        all.dedup();
        all
    };
    client.call("docker_ps", &json!({})).ok();
    client.call("docker_images", &json!({})).ok();
    assert_eq!(versions(&faultd), [(1, 45)]);
    assert_eq!(faultd.count(&get("/_ping")), 1, "agreed on once: {:?}", faultd.lines());

    // Replaced by an older one behind our back: it refuses the version, and is asked anew.
    faultd.speaks(1, 41);
    let result = client.call("docker_ps", &json!({})).ok();
    saw("A11", Seen::of(&result, CLASS).circuit("0"));
    assert_eq!(versions(&faultd).last(), Some(&(1, 41)));
    assert_eq!(failures(&client), 0);

    // A newer one than we know is asked for what we know.
    faultd.die();
    client.call("docker_ps", &json!({}));
    faultd.speaks(1, 99);
    faultd.listen();
    client.call("docker_ps", &json!({})).ok();
    let newest = *versions(&faultd).last().unwrap();
    assert!(newest > (1, 45) && newest < (1, 99), "{newest:?}");

    // One that speaks nothing that we do says so, and is no fault of the caller's words.
    let refuses = "client version 1.51 is too old. Minimum supported API version is 1.60";
    faultd.set(get("/containers/json"), Fault::DockerError(400, refuses.into()));
    let result = client.call("docker_ps", &json!({}));
    assert_eq!(result.kind(), "unsupported", "{}", result.text);
    assert!(result.text.contains("1.60"), "{}", result.text);
    saw("A11", Seen::of(&result, CLASS).circuit("0"));
    faultd.clear();

    // Too old.
    faultd.die();
    client.call("docker_ps", &json!({}));
    faultd.speaks(1, 40);
    faultd.listen();
    let before = failures(&client);
    let result = client.call("docker_ps", &json!({}));
    assert_eq!(result.kind(), "unsupported", "{}", result.text);
    assert!(result.text.contains("1.40") && result.text.contains("1.41"), "{}", result.text);
    saw("A11", Seen::of(&result, CLASS).circuit("0"));
    assert_eq!(failures(&client), before);
}
