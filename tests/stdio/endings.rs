//! How a session ends: the client closes stdin, or sends a signal, with nothing or with a call under way.

use std::time::Duration;

use serde_json::json;

use crate::support::{Client, Launch};

const SECOND: Duration = Duration::from_secs(1);

/// Ended by itself and within a second.
#[track_caller]
fn ends(client: &Client) -> Duration {
    let ended = client.wait_exit(3 * SECOND);
    let Some((status, took)) = ended else { panic!("it goes on; stderr: {}", client.stderr()) };
    assert!(took <= SECOND, "it took {took:?}");
    assert_eq!(status.code(), Some(0), "{status:?}; stderr: {}", client.stderr());
    took
}

/// An engine that accepts and says nothing: a call to it hangs until somebody ends it.
struct Silent {
    dir: tempfile::TempDir,
    _listener: std::os::unix::net::UnixListener,
}

impl Silent {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
        Self { dir, _listener: listener }
    }

    fn client(&self) -> Client {
        Launch::at(&format!("unix://{}", self.dir.path().join("s").display())).connect()
    }
}

#[test]
fn when_stdin_ends() {
    ends(&{
        let client = Launch::without_engine().start();
        client.close_stdin();
        client
    });
    let client = Launch::without_engine().connect();
    client.close_stdin();
    ends(&client);
}

#[test]
fn when_stdin_ends_calls_that_were_sent_are_answered() {
    let client = Launch::without_engine().start();
    let hello = client.begin(
        "initialize",
        json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                                                   "clientInfo": { "name": "t", "version": "1" } }),
    );
    client.notify("notifications/initialized", json!({}));
    let calls: Vec<_> = (0..50).map(|_| client.begin_call("docker_health", &json!({}))).collect();
    client.close_stdin();
    ends(&client);
    assert!(client.answer_within(&hello, SECOND).is_some());
    for call in calls {
        client.wait(&call).tool().ok();
    }
}

#[test]
fn when_stdin_ends_a_call_that_hangs_is_answered_too() {
    let silent = Silent::new();
    let client = silent.client();
    let call = client.begin_call("docker_ps", &json!({}));
    std::thread::sleep(Duration::from_millis(200));
    client.close_stdin();
    ends(&client);
    assert_eq!(client.wait(&call).tool().kind(), "shutting_down");
}

#[test]
fn a_signal_ends_it_with_nothing_under_way() {
    for signal in ["INT", "TERM"] {
        let client = Launch::without_engine().connect();
        client.signal(signal);
        ends(&client);
    }
}

#[test]
fn a_signal_ends_it_before_the_handshake() {
    for signal in ["INT", "TERM"] {
        let client = Launch::without_engine().start();
        // The signal comes when the handlers stand: an answer shows that they do.
        client.request("ping", json!({}));
        client.signal(signal);
        ends(&client);
    }
}

#[test]
fn a_signal_ends_it_with_calls_under_way_and_they_are_answered() {
    for signal in ["INT", "TERM"] {
        let silent = Silent::new();
        let client = silent.client();
        let calls: Vec<_> = (0..5).map(|_| client.begin_call("docker_ps", &json!({}))).collect();
        std::thread::sleep(Duration::from_millis(200));
        client.signal(signal);
        // Clients kill 100 ms after SIGINT.
        let took = ends(&client);
        assert!(took < Duration::from_millis(400), "{signal}: {took:?}");
        for call in calls {
            assert_eq!(client.wait(&call).tool().kind(), "shutting_down");
        }
    }
}

#[test]
fn what_was_cancelled_gets_no_answer_and_the_others_do() {
    let silent = Silent::new();
    let client = silent.client();
    let calls: Vec<_> = (0..4).map(|_| client.begin_call("docker_ps", &json!({}))).collect();
    std::thread::sleep(Duration::from_millis(100));
    client.notify("notifications/cancelled", json!({ "requestId": calls[1], "reason": "enough" }));
    client.notify("notifications/cancelled", json!({ "requestId": 99_999 }));
    client.notify("notifications/cancelled", json!({ "requestId": calls[1].to_string() }));
    client.notify("notifications/cancelled", json!({}));
    assert!(!client.tools().is_empty());
    client.close_stdin();
    ends(&client);
    assert!(client.answer_within(&calls[1], Duration::ZERO).is_none(), "a cancelled call was answered");
    for call in [&calls[0], &calls[2], &calls[3]] {
        client.wait(call);
    }
}

#[test]
fn a_client_that_stops_reading_does_not_keep_it_alive() {
    let client = Launch::without_engine().connect();
    client.signal("STOP");
    client.signal("CONT");
    client.close_stdin();
    ends(&client);
}
