//! A9: `ssh` asks, or its banner hangs.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;

use crate::support::ledger::{Seen, saw};
use crate::support::stub::{CONFIG, Stub, descriptors, offspring, settles};
use crate::support::{Launch, engine};

/// The connect clock: five seconds, or the call's own two here.
const CONNECT: Duration = Duration::from_secs(2);
const GONE: Duration = Duration::from_secs(5);

#[test]
fn a9_questions_are_asked_of_nobody() {
    for (script, said) in [
        ("exec sleep 1000", "no engine answered through ssh in time"),
        (
            "echo 'Are you sure you want to continue connecting (yes/no)?' >&2; exec cat > /dev/null",
            "Are you sure",
        ),
        ("read answer < /dev/tty || { echo 'Host key verification failed.' >&2; exit 255; }", "Host key"),
        ("echo 'me@box: Permission denied (publickey,password).' >&2; exit 255", "Permission denied"),
        ("echo 'SSH-2.0-banner'; exec sleep 1000", "something else than an engine"),
        ("head -c 40 /dev/zero >&2; exec sleep 1000", "in time"),
    ] {
        let stub = Stub::new(script);
        let client = stub.launch().connect();
        let result = client.call("docker_ps", &json!({}));
        assert!(["daemon_unreachable", "daemon_timeout"].contains(&result.kind()), "{}", result.text);
        assert!(result.text.contains(said) || result.kind() == "daemon_timeout", "{said}? {}", result.text);
        saw("A9", Seen::of(&result, CONNECT).circuit("+1"));
        eprintln!("{}: {} after {:?}", result.kind(), said, result.took);
        stub.gone_within(GONE);
        settles(&client, usize::MAX, GONE);
        let health = client.call("docker_health", &json!({}));
        assert_eq!(health.structured["circuit"]["failures"], 1, "{}", health.text);
    }
}

#[test]
fn a9_the_true_ssh_meets_a_silent_server() {
    if std::process::Command::new("ssh").arg("-V").output().is_err() {
        return eprintln!("skipped: there is no ssh here");
    }
    // It accepts, as the kernel does for it, and never says who it is.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("ssh://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let client = Launch::at(&host).config(CONFIG).connect();
    let result = client.call("docker_ps", &json!({}));
    assert!(["daemon_unreachable", "daemon_timeout"].contains(&result.kind()), "{}", result.text);
    saw("A9", Seen::of(&result, CONNECT));
    eprintln!("{}: {:?} {}", result.kind(), result.took, result.text);
    settles(&client, usize::MAX, GONE);
}

#[test]
fn an_engine_behind_ssh_is_served_and_nothing_stays() {
    let Some(engine) = engine::at_hand("neverhang::reach_ssh") else { return };
    let through = format!(
        "while [ \"$1\" != -- ]; do shift; done; shift 2\nexport DOCKER_HOST='{}'\nexec \"$@\"",
        engine.host
    );
    let stub = Stub::new(&through);
    let client = stub.launch().connect();
    client.call("docker_ps", &json!({})).ok();
    settles(&client, usize::MAX, GONE);
    std::thread::sleep(Duration::from_millis(700));
    let before = descriptors(client.pid());
    for _ in 0..10 {
        client.call("docker_ps", &json!({ "all": true })).ok();
    }
    // One that is in the middle of a stream.
    let known = stub.pids().len();
    let id = client.begin_call("docker_events", &json!({ "duration": "30s" }));
    stub.pids_of(known + 1);
    client.notify("notifications/cancelled", json!({ "requestId": id }));
    settles(&client, before, Duration::from_secs(2));
    assert_eq!(offspring(client.pid()), Vec::<String>::new());
}
