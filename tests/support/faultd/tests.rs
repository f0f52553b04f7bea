//! The fault daemon does what it says.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::{Fault, Faultd, Made, Poison, Toxic, any, get, post};

/// Asks on a connection of its own, and reads until the end or the time is over.
fn ask(faultd: &Faultd, line: &str, patience: Duration) -> (String, Duration) {
    let start = Instant::now();
    let mut stream = UnixStream::connect(faultd.path()).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    let head = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = Vec::new();
    // A fault may end it in any way.
    let _ended = stream.read_to_end(&mut said);
    (String::from_utf8_lossy(&said).into_owned(), start.elapsed())
}

const SOON: Duration = Duration::from_millis(300);

#[test]
fn a_healthy_one_answers_and_remembers() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    assert!(ask(&faultd, "GET /_ping", SOON).0.ends_with("\r\n\r\nOK"));
    assert!(ask(&faultd, "GET /v1.45/containers/json?all=1", SOON).0.contains("\"/app\""));
    assert!(ask(&faultd, "GET /v1.45/containers/nobody/json", SOON).0.starts_with("HTTP/1.1 404"));
    assert_eq!(faultd.count(&get("/containers/")), 2);
    assert_eq!(faultd.requests()[1].query, "all=1");
    faultd.wait_closed(Duration::from_secs(1));
}

#[test]
fn rules_count_and_change() {
    let faultd = Faultd::new().on(get("/version").nth(2..=2), Fault::DockerError(500, "no".into()));
    let status = |line: &str| ask(&faultd, line, SOON).0.get(9..12).unwrap_or_default().to_owned();
    assert_eq!(["", "", ""].map(|_| status("GET /v1.45/version")), ["200", "500", "200"]);
    faultd.set(any(), Fault::EarlyEof);
    assert_eq!(status("GET /version"), "");
    faultd.clear();
    assert_eq!(status("GET /version"), "200");
    faultd.set(get("/version").chance(30, 7), Fault::EarlyEof);
    let failed = (0..200).filter(|_| status("GET /version").is_empty()).count();
    assert!((40..=80).contains(&failed), "{failed} of 200");
}

#[test]
fn what_stalls_is_open_until_the_client_goes() {
    for fault in [Fault::NoRead, Fault::NoAnswer, Fault::BodyStall { after: 1 }, Fault::Trickle { bps: 50 }] {
        let faultd = Faultd::new().on(get("/version"), fault.clone());
        let mut stream = UnixStream::connect(faultd.path()).unwrap();
        stream.write_all(b"GET /version HTTP/1.1\r\n\r\n").unwrap();
        faultd.wait_for(&get("/version"), 1, Duration::from_secs(1));
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(faultd.open_connections(), 1, "{fault:?}");
        drop(stream);
        faultd.wait_closed(Duration::from_secs(1));
    }
}

#[test]
fn a_bad_line_is_bad() {
    let over = |poison| Faultd::new().on(get("/version"), Fault::Toxic(vec![Toxic::down(poison)]));
    let whole = ask(&Faultd::new(), "GET /version", SOON).0.len();
    let (said, took) = ask(&over(Poison::Latency(SOON, Duration::ZERO)), "GET /version", 4 * SOON);
    assert!(said.len() == whole && took >= SOON, "{took:?} {said}");
    assert_eq!(ask(&over(Poison::Limit(20)), "GET /version", SOON).0.len(), 20);
    assert_eq!(ask(&over(Poison::Timeout(20)), "GET /version", SOON).0.len(), 20);
    assert_eq!(ask(&over(Poison::Down), "GET /version", SOON).0.len(), 0);
    let (said, took) = ask(&over(Poison::Bandwidth(1000)), "GET /version", 4 * SOON);
    assert!(said.len() == whole && took >= Duration::from_millis(200), "{took:?}");
    assert_eq!(ask(&over(Poison::Slicer(7, Duration::from_millis(1))), "GET /version", SOON).0.len(), whole);
}

#[test]
fn a_real_engine_stands_behind_it() {
    let Some(engine) = crate::support::engine::at_hand("faultd::before") else { return };
    if engine.socket().is_none() {
        return;
    }
    let faultd = Faultd::before(&engine).on(post("/nothing"), Fault::EarlyEof);
    assert!(ask(&faultd, "GET /v1.45/version", 9 * SOON).0.contains("ApiVersion"));
    faultd.set(get("/version"), Fault::BodyStall { after: 30 });
    let (said, _) = ask(&faultd, "GET /v1.45/version", SOON);
    assert_eq!(said.split("\r\n\r\n").nth(1).map(str::len), Some(30), "{said}");
    // The docker CLI keeps its connections; each of its requests meets the rules all the same.
    let before = faultd.requests().len();
    let own = crate::support::Engine { host: faultd.host() };
    own.docker(&["ps", "-q"]);
    assert!(faultd.requests().len() >= before + 2, "{:?}", faultd.lines());
}

#[test]
fn it_dies_vanishes_and_comes_back() {
    let faultd = Faultd::new();
    faultd.die();
    let refused = UnixStream::connect(faultd.path()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    faultd.listen();
    assert!(ask(&faultd, "GET /_ping", SOON).0.ends_with("OK"));
    faultd.vanish();
    assert_eq!(UnixStream::connect(faultd.path()).unwrap_err().kind(), std::io::ErrorKind::NotFound);
}
