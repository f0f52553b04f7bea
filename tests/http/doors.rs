//! Who is let in: names, origins, keys; and where nobody may be served at all.

use serde_json::json;

use super::{Served, keys};
use crate::support::faultd::Faultd;
use crate::support::fixture::Scope;
use crate::support::http::raw;
use crate::support::{Launch, engine, eventually};

#[test]
fn w1_only_by_our_names_and_from_our_pages() {
    let config = "[http]\nallowed_hosts = [\"box.lan\"]\nallowed_origins = [\"https://ops.lan\"]\n";
    let served = Served::start(Launch::without_engine().config(config));
    let json = ("content-type", "application/json");
    for (headers, status) in [
        (vec![("host", "localhost")], 200),
        (vec![("host", "box.lan:8080")], 200),
        (vec![("host", "evil.example")], 403),
        (vec![("host", "2130706433")], 403),
        (vec![("host", "localhost"), ("host", "localhost")], 403),
        (vec![("origin", "http://localhost:3000")], 200),
        (vec![("origin", "https://ops.lan")], 200),
        (vec![("origin", "http://evil.example")], 403),
        (vec![("origin", "null")], 403),
    ] {
        let mut headers = headers;
        headers.push(json);
        for path in ["/tools/docker_policy", "/mcp"] {
            let reply = served.send("POST", path, &headers, "{}");
            assert_eq!(reply.status == 403, status == 403, "{path} {headers:?}: {reply:?}");
            assert!(
                reply.status != 403 || reply.body.contains("under [http]"),
                "the setting is named: {reply:?}"
            );
        }
    }
    let none = served.send("POST", "/tools/docker_policy", &[("-host", ""), json], "{}");
    assert!(matches!(none.status, 400 | 403), "{none:?}");
    let absolute = "POST http://evil.example/tools/docker_policy HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                    content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(raw(served.at, absolute).status, 403);
    // W2: what a page can send without asking.
    let plain = served.send("POST", "/tools/docker_policy", &[("content-type", "text/plain")], "{}");
    assert_eq!(plain.status, 415);
    assert_eq!(served.send("GET", "/tools/docker_policy", &[], "").status, 405);
    assert_eq!(served.send("OPTIONS", "/mcp", &[("origin", "http://evil.example")], "").status, 403);
}

#[test]
fn w4_w12_keys_let_in_and_wrong_ones_wait() {
    let (config, viewer, operator) = keys("");
    assert!(viewer.starts_with("dmcp_") && viewer.len() == 69 && viewer != operator);
    assert!(!config.contains(&viewer), "the configuration holds no key");
    let served = Served::start(Launch::without_engine().config(&config));
    let policy = |key: Option<&str>| served.tool("docker_policy", key, &json!({}));
    assert_eq!(policy(Some(&viewer)).status, 200);
    let nobody = policy(None);
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")));
    // Not from where it might be written down.
    let asked = format!("/tools/docker_policy?key={viewer}&access_token={viewer}");
    assert_eq!(served.send("POST", &asked, &[("content-type", "application/json")], "{}").status, 401);
    for _ in 0..5 {
        assert_eq!(policy(Some("dmcp_wrong")).status, 401);
    }
    let waits = policy(Some("dmcp_wrong"));
    assert_eq!(waits.status, 429, "{waits:?}");
    assert!(waits.header("retry-after").is_some());
    // Others may sit behind the same address.
    assert_eq!(policy(Some(&viewer)).status, 200);
    let recorded = || served.client.audit_text().matches("(auth)").count() >= 5;
    eventually(std::time::Duration::from_secs(10), recorded);
    let (log, audit) = (served.client.stderr(), served.client.audit_text());
    for text in [&log, &audit] {
        assert!(!text.contains(&viewer) && !text.contains("dmcp_wrong"), "{text}");
    }
    assert_eq!(audit.matches("(auth)").count(), 5, "each wrong one is on record: {audit}");
    assert!(audit.contains("\"caller\":\"viewer\"") && audit.contains("\"role\":\"viewer\""), "{audit}");
}

#[test]
fn w3_strangers_are_not_served_by_accident() {
    let (config, _, _) = keys("");
    let refused = |config: &str, args: &[&str], words: &str| {
        let mut launch = Launch::without_engine().config(config);
        for arg in args {
            launch = launch.arg(arg);
        }
        let output = launch.output();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(words) && said.contains("help:"), "{args:?}: {said}");
    };
    refused("[permissions]\nread = true\n", &["serve", "--http", "0.0.0.0:0"], "there are no keys");
    refused(&config, &["serve", "--http", "0.0.0.0:0"], "in clear");
    refused(
        "[permissions]\nread = true\n",
        &["serve", "--http", "127.0.0.1:0", "--bypass-permissions"],
        "everything",
    );
    let unknown =
        Launch::without_engine().config(&config).arg("key").arg("new").arg("--role").arg("root").output();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("operator, viewer"));
}

/// Whoever watches needs no key, and learns nothing but that it lives.
#[test]
fn health_is_for_everybody() {
    let (config, _, _) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    for path in ["/health/live", "/health/ready"] {
        let reply = served.send("GET", path, &[("host", "10.0.0.7")], "");
        assert_eq!((reply.status, reply.json()["status"].as_str()), (200, Some("ok")), "{path}");
        let posted = served.send("POST", path, &[], "");
        assert_eq!((posted.status, posted.header("allow")), (405, Some("GET")), "{path}");
    }
    assert_eq!(served.send("GET", "/", &[], "").status, 404);
    assert_eq!(served.send("GET", "/mcp/../health", &[], "").status, 404);
}

/// What a proxy may say of where a call came from is anybody's word.
#[test]
fn w9_nobody_speaks_for_another_address() {
    let (config, viewer, _) = keys("");
    let served = Served::start(Launch::without_engine().config(&config));
    let from = |address: &str, key: &str| {
        let bearer = format!("Bearer {key}");
        let headers = [
            ("content-type", "application/json"),
            ("x-forwarded-for", address),
            ("forwarded", "for=10.1.1.1"),
            ("x-real-ip", address),
            ("x-forwarded-host", "evil.example"),
            ("authorization", bearer.as_str()),
        ];
        served.send("POST", "/tools/docker_policy", &headers, "{}").status
    };
    assert_eq!(from("10.0.0.1", &viewer), 200);
    for n in 0..5 {
        assert_eq!(from(&format!("10.0.0.{n}"), "dmcp_wrong"), 401);
    }
    assert_eq!(from("10.0.0.99", "dmcp_wrong"), 429, "each try came from here");
}

/// Errors say nothing of how it is made.
#[test]
fn w11_errors_are_plain() {
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    for (method, path, body) in [
        ("POST", "/tools/docker_ps", "{}"),
        ("POST", "/tools/docker_ps", "{\"all\":"),
        ("POST", "/tools/no_such_tool", "{}"),
        ("GET", "/nothing", ""),
        ("BREW", "/mcp", ""),
        ("POST", "/mcp", "{"),
    ] {
        let reply = served.send(method, path, &[("content-type", "application/json")], body);
        assert!(reply.status >= 400, "{method} {path}: {reply:?}");
        assert!(reply.header("server").is_none() && reply.header("x-powered-by").is_none(), "{reply:?}");
        for word in ["src/", ".rs:", "panicked", "hyper", "serde"] {
            assert!(!reply.body.contains(word), "{method} {path} tells of `{word}`: {reply:?}");
        }
    }
}

/// Whoever dawdles is let go, and keeps nobody from being served.
#[test]
fn w8_dawdlers_are_let_go() {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::{Duration, Instant};
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    let lasts = |said: &[u8], then: &[u8]| {
        let mut stream = TcpStream::connect(served.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let start = Instant::now();
        stream.write_all(said).unwrap();
        let mut bytes = [0; 1024];
        while start.elapsed() < Duration::from_secs(60) {
            let _gone = stream.write_all(then);
            match stream.read(&mut bytes) {
                Ok(0) => break,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
                Ok(_) => {}
            }
        }
        start.elapsed()
    };
    let head = "POST /tools/docker_policy HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let endless = format!("{head}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n");
    // Asks and asks, and reads no answer.
    let unread = || {
        let mut stream = TcpStream::connect(served.at).unwrap();
        stream.set_nonblocking(true).unwrap();
        let many = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
        let (start, mut sent) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(120) {
            match stream.write(&many.as_bytes()[sent..]) {
                Ok(count) => sent = (sent + count) % many.len(),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                Err(_) => break,
            }
        }
        start.elapsed()
    };
    std::thread::scope(|threads| {
        let unread = threads.spawn(unread);
        let cases: [(&str, Vec<u8>, &[u8]); 4] = [
            ("says nothing", Vec::new(), b""),
            ("a head, byte by byte", b"POST /mcp HTTP/1.1\r\nx: ".to_vec(), b"y"),
            ("a body without an end", endless.into_bytes(), b"1\r\n \r\n"),
            ("a head and no body", format!("{head}content-length: 10\r\n\r\n").into_bytes(), b""),
        ];
        let waiting: Vec<_> = cases
            .into_iter()
            .map(|(what, said, then)| (what, threads.spawn(move || lasts(&said, then))))
            .collect();
        let long = format!("{head}x-long: {}\r\n\r\n", "y".repeat(64 * 1024));
        let refused = raw(served.at, &long).status;
        assert!(matches!(refused, 400 | 431), "{refused}");
        let zipped = served.send(
            "POST",
            "/tools/docker_policy",
            &[("content-type", "application/json"), ("content-encoding", "gzip")],
            "\u{1f}\u{8b}",
        );
        assert_eq!(zipped.status, 400, "nothing is unpacked: {zipped:?}");
        assert_eq!(served.tool("docker_policy", None, &json!({})).status, 200, "others are served");
        for (what, wait) in waiting {
            let took = wait.join().unwrap();
            assert!(took < Duration::from_secs(45), "{what}: {took:?}");
        }
        let took = unread.join().unwrap();
        assert!(took < Duration::from_secs(100), "reads nothing: {took:?}");
    });
}

/// A key is for this door, and for nobody behind it.
#[test]
fn w14_nobodys_key_is_passed_on() {
    let faultd = Faultd::new();
    let (config, viewer, _) = keys("");
    let served = Served::start(Launch::at(&faultd.host()).config(&config));
    assert_eq!(served.tool("docker_networks", Some(&viewer), &json!({})).status, 200);
    let requests = faultd.requests();
    assert!(!requests.is_empty(), "the engine was asked");
    for request in requests {
        assert!(
            request.header("authorization").is_none() && request.header("cookie").is_none(),
            "{request:?}"
        );
        assert!(!format!("{request:?}").contains(&viewer), "{request:?}");
    }
}

/// Whoever reads nothing is let go, and one address leaves room for others.
#[test]
fn w8_one_client_leaves_room() {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;
    let served = Served::start(Launch::without_engine().config("[permissions]\nread = true\n"));
    let many: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(served.at).unwrap()).collect();
    // From another address of this machine.
    let other =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&other, &"127.0.0.2:0".parse::<std::net::SocketAddr>().unwrap()).unwrap();
    rustix::net::connect(&other, &served.at).unwrap();
    let mut other = TcpStream::from(other);
    other.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    other.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    other.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    drop(many);
}

#[test]
fn names_of_keys_are_nobody_elses() {
    let (config, _, _) = keys("");
    for name in ["host", "Anonymous", "stdio", "client of ops", "(auth)", " ops", "OPERATOR", "oidc:ann"] {
        let config = config.replace("name = \"viewer\"", &format!("name = \"{name}\""));
        let output = Launch::without_engine().config(&config).arg("config").arg("check").output();
        assert_eq!(output.status.code(), Some(2), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Wherever a key is said by mistake, it stands in no log.
#[test]
fn a_key_is_masked_wherever_it_is_said() {
    let Some(engine) = engine::at_hand("http::doors::masked") else { return };
    let scope = Scope::new(&engine);
    let (config, viewer, operator) = keys("");
    scope.run("web", &[], &["sh", "-c", &format!("echo uses {operator}; sleep 600")]);
    let served = Served::start(Launch::at(&engine.host).config(&config));
    let bearer = format!("Bearer {viewer}");
    let headers = [
        ("content-type", "application/json"),
        ("x-request-id", viewer.as_str()),
        ("authorization", bearer.as_str()),
    ];
    let arguments = json!({ "container": scope.name("web") });
    for tool in ["docker_logs", "docker_inspect"] {
        let reply = served.send("POST", &format!("/tools/{tool}"), &headers, &arguments.to_string());
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(!reply.body.contains(&operator), "{tool}: {reply:?}");
    }
    served.client.audit_wait(2);
    for text in [served.client.audit_text(), served.client.stderr()] {
        assert!(!text.contains(&viewer) && !text.contains(&operator), "{text}");
    }
}
