//! Something else is at the socket, or the engine's socket may not be opened.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::absent::{PATIENT, median};
use crate::support::{Launch, ToolResult, launch};

/// Five calls to a server whose engine should be at that path.
fn five(path: &Path) -> Vec<ToolResult> {
    let client = Launch::at(&format!("unix://{}", path.display())).config(PATIENT).connect();
    (0..5).map(|_| client.call("docker_ps", &json!({}))).collect()
}

#[track_caller]
fn all_at_once(results: &[ToolResult], kind: &str) {
    for result in results {
        assert_eq!(result.kind(), kind, "{}", result.text);
        assert_eq!(result.structured["error"]["effect"], "none");
        assert!(
            result.structured["error"]["hint"].as_str().is_some_and(|h| !h.is_empty()),
            "no next step: {}",
            result.text
        );
    }
    let times: Vec<_> = results.iter().map(|r| r.took).collect();
    assert!(median(times.clone()) <= Duration::from_millis(100), "{times:?}");
}

/// A socket whose every connection is served by a function.
struct Impostor {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Impostor {
    fn new(serve: fn(UnixStream)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { _dir: dir, path }
    }
}

/// Reads the head of a request. A ping is answered as by an engine; whether it was one is told.
fn pinged(stream: &mut UnixStream) -> bool {
    let head = read_head(stream);
    let ping =
        String::from_utf8_lossy(&head).split("\r\n").next().is_some_and(|line| line.contains("/_ping"));
    if ping {
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nContent-Length: 2\r\n\r\nOK");
    }
    ping
}

/// Reads the head of a request.
fn read_head(stream: &mut UnixStream) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        seen.push(byte[0]);
    }
    seen
}

fn answer(mut stream: UnixStream, bytes: &[u8]) {
    read_head(&mut stream);
    // A client that heard enough goes away.
    let _gone = stream.write_all(bytes);
}

#[test]
fn a_file_is_no_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, "not a socket").unwrap();
    let results = five(&path);
    assert!(["daemon_protocol", "daemon_unreachable"].contains(&results[0].kind()), "{}", results[0].text);
    all_at_once(&results, results[0].kind());
    let folder = five(dir.path());
    all_at_once(&folder, results[0].kind());
}

#[test]
fn another_service_is_told_from_an_engine() {
    for (what, serve) in [
        ("ssh", (|mut s| drop(s.write_all(b"SSH-2.0-OpenSSH_9.6\r\n"))) as fn(UnixStream)),
        ("ssh that waits", |mut s| {
            let _gone = s.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
            read_head(&mut s);
        }),
        ("a web server", |s| {
            answer(
                s,
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<html>no</html>",
            )
        }),
        ("no JSON", |s| {
            answer(
                s,
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n[{\"Id\":",
            )
        }),
        ("a wrong shape", |s| {
            answer(
                s,
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"a\":1}\n",
            )
        }),
        ("a truncated body", |s| {
            answer(s, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n[")
        }),
        ("an empty answer", |s| answer(s, b"")),
        ("a redirect", |s| {
            answer(s, b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
        }),
    ] {
        let impostor = Impostor::new(serve);
        let results = five(&impostor.path);
        eprintln!("{what}: {}", results[0].text.lines().next().unwrap());
        assert!(results.iter().all(|r| r.kind() == "daemon_protocol"), "{what}: {}", results[0].text);
        all_at_once(&results, "daemon_protocol");
        assert!(!results[0].text.contains("169.254"), "{}", results[0].text);
    }
}

#[test]
fn an_answer_without_end_costs_neither_memory_nor_patience() {
    for serve in [
        (|mut s| {
            if pinged(&mut s) {
                return;
            }
            let _gone = s.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[");
            while s.write_all(&[b'['; 65536]).is_ok() {}
        }) as fn(UnixStream),
        |mut s| {
            if pinged(&mut s) {
                return;
            }
            let _gone = s.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[\"");
            while s.write_all(&[b'a'; 65536]).is_ok() {}
        },
    ] {
        let impostor = Impostor::new(serve);
        let client = Launch::at(&format!("unix://{}", impostor.path.display())).config(PATIENT).connect();
        client.call("docker_health", &json!({})).ok();
        let before = crate::support::rss::peak(client.pid());
        let result = client.call("docker_ps", &json!({}));
        assert!(["response_too_large", "daemon_protocol"].contains(&result.kind()), "{}", result.text);
        let grown = crate::support::rss::peak(client.pid()) - before;
        eprintln!("{} after {:?}, {:.1} MiB", result.kind(), result.took, crate::support::rss::mib(grown));
        assert!(grown < 40 << 20, "{} MiB", crate::support::rss::mib(grown));
    }
}

#[test]
fn an_engine_that_hangs_is_given_up_in_time() {
    let head: fn(UnixStream) = |mut s| {
        if pinged(&mut s) {
            return;
        }
        std::thread::sleep(Duration::from_secs(30));
    };
    let body: fn(UnixStream) = |mut s| {
        if pinged(&mut s) {
            return;
        }
        let _gone =
            s.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n[");
        std::thread::sleep(Duration::from_secs(30));
    };
    let trickle: fn(UnixStream) = |mut s| {
        if pinged(&mut s) {
            return;
        }
        let _gone =
            s.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n[");
        while s.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    for serve in [head, body, trickle] {
        let impostor = Impostor::new(serve);
        let config = "[neverhang]\nread_timeout = \"2s\"\n";
        let client = Launch::at(&format!("unix://{}", impostor.path.display())).config(config).connect();
        let calls: Vec<_> = (0..3).map(|_| client.begin_call("docker_ps", &json!({}))).collect();
        for call in calls {
            let result = client.wait(&call).tool();
            assert_eq!(result.kind(), "daemon_timeout", "{}", result.text);
            assert!(result.took <= Duration::from_secs(3), "{:?}", result.took);
            assert!(result.structured["error"]["limit_ms"].as_u64() <= Some(2000), "{}", result.text);
        }
        let refused = client.call("docker_ps", &json!({}));
        assert_eq!(refused.kind(), "circuit_open", "{}", refused.text);
        let health = client.call("docker_health", &json!({})).ok();
        assert!(health.took <= Duration::from_secs(3), "{:?}", health.took);
    }
}

#[test]
fn a_socket_that_may_not_be_opened_is_a_matter_of_permission() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let path = dir.path().join("docker.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let mut launch = Launch::at(&format!("unix://{}", path.display())).config(PATIENT);
    if launch::is_root() {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        launch = launch.by_nobody();
    } else {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    }
    let client = launch.connect();
    let results: Vec<_> = (0..5).map(|_| client.call("docker_ps", &json!({}))).collect();
    all_at_once(&results, "daemon_permission");
    assert_eq!(results[0].structured["error"]["retry"], "no");
    // A matter of configuration, not of the engine's health.
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["failures"], 0, "{}", health.text);
}
