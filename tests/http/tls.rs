//! TLS that ends here.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::{Served, keys};
use crate::support::faultd::tls::Authority;
use crate::support::http::{Reply, over, written};
use crate::support::{Launch, eventually};

/// A certificate for `localhost`, its key, and where both are.
struct Files {
    dir: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let (cert, key) = authority.issue("localhost", 2100);
        let files = Self { dir, authority };
        files.write("cert.pem", &cert, 0o644);
        files.write("key.pem", &key, 0o600);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), PermissionsExt::from_mode(mode)).unwrap();
    }

    fn config(&self, cert: &str, key: &str) -> String {
        tls(&self.path(cert), &self.path(key))
    }
}

fn tls(cert: &Path, key: &Path) -> String {
    format!("[http]\ntls = {{ cert = {cert:?}, key = {key:?} }}\n")
}

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// `docker_policy` with this key, by a client of those.
fn policy(at: SocketAddr, client: &Arc<ClientConfig>, key: &str) -> Reply {
    let name = "localhost".to_owned().try_into().unwrap();
    let tls = StreamOwned::new(ClientConnection::new(Arc::clone(client), name).unwrap(), connect(at));
    let bearer = format!("Bearer {key}");
    let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
    over(tls, &written("POST", "/tools/docker_policy", &headers, "{}"))
}

#[test]
fn strangers_are_served_with_keys_and_nobody_reads_along() {
    let files = Files::new();
    let (config, viewer, _) = keys(&files.config("cert.pem", "key.pem"));
    // Beyond the loopback, and neither a proxy nor --insecure-http.
    let served = Served::start_with(Launch::without_engine().config(&config), &["0.0.0.0:0"]);
    let said = served.client.stderr();
    assert!(said.contains("serving https://0.0.0.0:"), "{said}");
    assert!(!said.contains("warning"), "the key is its owner's alone: {said}");
    let at = SocketAddr::from(([127, 0, 0, 1], served.at.port()));
    for version in [&TLS12, &TLS13] {
        let reply = policy(at, &files.authority.client(&[version]), &viewer);
        assert_eq!(reply.status, 200, "{version:?}: {reply:?}");
        assert_eq!(reply.json()["levels"]["read"], true);
        assert_eq!(policy(at, &files.authority.client(&[version]), "").status, 401);
    }
    // Whoever trusts somebody else does not talk to it.
    let name = "localhost".to_owned().try_into().unwrap();
    let mut stranger = ClientConnection::new(Authority::new().client(&[&TLS13]), name).unwrap();
    let mut stream = connect(at);
    let refused = loop {
        if let Err(e) = stranger.complete_io(&mut stream) {
            break e.to_string();
        }
        assert!(stranger.is_handshaking(), "it was trusted");
    };
    assert!(refused.contains("invalid peer certificate"), "{refused}");
    // In clear there is no answer, and nothing is done.
    let mut plain = connect(at);
    let bearer = format!("Bearer {viewer}");
    let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
    std::io::Write::write_all(&mut plain, written("POST", "/tools/docker_policy", &headers, "{}").as_bytes())
        .unwrap();
    let mut answer = Vec::new();
    let _reset = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/"), "{answer:?}");
    // The third is the one that is asked for last: what came before it is on record by then.
    assert_eq!(policy(at, &files.authority.client(&[&TLS13]), &viewer).status, 200);
    let calls = || served.client.audit_lines().iter().filter(|line| line["tool"] == "docker_policy").count();
    assert!(eventually(Duration::from_secs(10), || calls() >= 3));
    assert_eq!(calls(), 3, "those over TLS: {}", served.client.audit_text());
}

#[test]
fn who_does_not_shake_hands_keeps_nobody_waiting() {
    let files = Files::new();
    let (config, viewer, _) = keys(&files.config("cert.pem", "key.pem"));
    let served = Served::start(Launch::without_engine().config(&config));
    let mut stalled: Vec<TcpStream> = (0..50).map(|_| connect(served.at)).collect();
    // One of them begins: the head of a record that never comes.
    std::io::Write::write_all(&mut stalled[0], &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).unwrap();
    let client = files.authority.client(&[&TLS13]);
    for _ in 0..3 {
        assert_eq!(policy(served.at, &client, &viewer).status, 200);
    }
    // The others are still there: nobody's turn came by waiting for their end.
    stalled[1].set_nonblocking(true).unwrap();
    let open = stalled[1].read(&mut [0; 16]);
    assert_eq!(open.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "a client has ten seconds");
    stalled[1].set_nonblocking(false).unwrap();
    for stream in &mut stalled {
        // Closed within its time; a read that waits for a minute fails here.
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        let reset = |e: &std::io::Error| e.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended.is_ok() || ended.as_ref().is_err_and(reset), "{ended:?}");
    }
    // Told to stop, it does not wait for those who shake hands.
    let _late = connect(served.at);
    served.client.signal("TERM");
    let (status, _) = served.client.wait_exit(Duration::from_secs(8)).expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn files_that_do_not_fit_refuse_the_start() {
    let files = Files::new();
    let (_, other) = files.authority.issue("localhost", 2100);
    files.write("other.pem", &other, 0o600);
    files.write("empty.pem", "", 0o600);
    files.write("broken.pem", "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n", 0o600);
    let pipe = files.path("pipe.pem");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (cert, key, words) in [
        ("none.pem", "key.pem", "http.tls.cert"),
        ("none.pem", "key.pem", "No such file"),
        ("cert.pem", "none.pem", "http.tls.key"),
        ("key.pem", "key.pem", "no certificate in it"),
        ("empty.pem", "key.pem", "no certificate in it"),
        ("cert.pem", "cert.pem", "no private key in it"),
        ("cert.pem", "broken.pem", "no private key that can be used"),
        ("cert.pem", "other.pem", "is not the key of"),
        ("pipe.pem", "key.pem", "this is no file"),
        ("cert.pem", "pipe.pem", "this is no file"),
    ] {
        let launch = Launch::without_engine().config(&files.config(cert, key));
        let output = launch.arg("serve").arg("--http").arg("127.0.0.1:0").output();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{cert} {key}: {said}");
        assert!(said.contains(words) && said.contains("help:"), "{cert} {key}: {said}");
        assert!(!said.contains("serving"), "{said}");
        assert!(!said.contains("nonsense"), "{said}");
    }
}

#[test]
fn a_key_that_others_read_is_told() {
    let files = Files::new();
    files.write("key.pem", &std::fs::read_to_string(files.path("key.pem")).unwrap(), 0o644);
    let (config, ..) = keys(&files.config("cert.pem", "key.pem"));
    let served = Served::start(Launch::without_engine().config(&config));
    let said = served.client.stderr();
    assert!(said.contains("warning: http.tls.key") && said.contains("chmod 600"), "{said}");
}
