use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// "At once" is 100 ms; a noisy machine gets three times that.
const AT_ONCE: Duration = Duration::from_millis(300);

pub(super) fn after(millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(millis)
}

async fn refused_at_once(endpoint: &Endpoint) -> DialError {
    let start = Instant::now();
    let Err(error) = dial(endpoint, after(5000)).await else { panic!("{endpoint} answers") };
    assert!(start.elapsed() < AT_ONCE, "{error} after {:?}", start.elapsed());
    assert!(!error.hint().is_empty());
    error
}

pub(super) async fn echoes(io: &mut dyn Io) {
    io.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    io.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
}

fn unix(path: &Path) -> Endpoint {
    Endpoint::Unix(path.to_owned())
}

#[tokio::test]
async fn a_unix_socket_is_reached() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut read, mut write) = stream.into_split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    echoes(&mut *dial(&unix(&path), after(5000)).await.unwrap().0).await;
}

#[tokio::test]
async fn missing_stale_and_wrong_paths_are_told_apart_at_once() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let missing = refused_at_once(&unix(&at("none"))).await;
    assert_eq!(missing.kind, DialKind::Missing);
    assert!(missing.to_string().contains("none: no such socket"), "{missing}");
    assert!(missing.hint().contains("is Docker running?"));

    drop(std::os::unix::net::UnixListener::bind(at("stale")).unwrap());
    let stale = refused_at_once(&unix(&at("stale"))).await;
    assert_eq!(stale.kind, DialKind::Refused);
    assert!(stale.hint().contains("nobody listens"));

    std::fs::write(at("file"), "x").unwrap();
    for (path, word) in [(at("file"), "a file"), (dir.path().to_owned(), "a folder")] {
        let wrong = refused_at_once(&unix(&path)).await;
        assert_eq!(wrong.kind, DialKind::NotASocket, "{wrong}");
        assert!(wrong.detail.contains(word), "{wrong}");
    }
    assert_eq!(refused_at_once(&unix(&at("file/below"))).await.kind, DialKind::Missing);
    assert_eq!(refused_at_once(&unix(&at(&"x".repeat(200)))).await.kind, DialKind::Other);
}

#[tokio::test]
async fn a_malformed_endpoint_is_not_dialled() {
    let made = Endpoint::Ssh { user: Some("-oX".into()), host: "h".into(), port: None, path: None };
    assert_eq!(refused_at_once(&made).await.kind, DialKind::Other);
}

/// Root may do everything, so the test runs itself again as nobody; see the ignored one below.
#[tokio::test]
async fn a_socket_of_others_is_told_with_its_group() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("docker.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    if UnixStream::connect(&path).await.is_err() {
        return permission_denied(&path).await;
    }
    let mut child = tokio::process::Command::new("setpriv");
    child.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    child.arg(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "engine::dial::tests::as_nobody"]).env("DIAL_TEST_SOCKET", &path);
    match child.current_dir("/").output().await {
        Ok(output) if output.status.code() == Some(0) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(said.contains("1 passed"), "{said}");
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}", String::from_utf8_lossy(&output.stdout))
        }
        other => eprintln!("skipped: this is root and cannot run as nobody: {other:?}"),
    }
}

#[tokio::test]
#[ignore = "run by a_socket_of_others_is_told_with_its_group, as another user"]
async fn as_nobody() {
    if let Some(path) = std::env::var_os("DIAL_TEST_SOCKET") {
        permission_denied(path.as_ref()).await;
    }
}

async fn permission_denied(path: &Path) {
    let error = refused_at_once(&unix(path)).await;
    assert_eq!(error.kind, DialKind::Permission, "{error}");
    let group = error.group.clone().unwrap();
    let hint = error.hint();
    assert!(hint.contains(&format!("group `{group}`")) && hint.contains("`id`"), "{hint}");
    assert!(hint.contains("usermod -aG") && hint.contains("rootless"), "{hint}");
}

/// A socket whose backlog is full, with what fills it.
#[cfg(target_os = "linux")]
async fn full(path: &Path) -> (UnixListener, Vec<UnixStream>) {
    let socket = tokio::net::UnixSocket::new_stream().unwrap();
    socket.bind(path).unwrap();
    let listener = socket.listen(1).unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = UnixStream::connect(path).await {
        waiting.push(stream);
    }
    (listener, waiting)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_backlog_is_retried_for_two_seconds() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("docker.sock");
    let (_listener, _waiting) = full(&path).await;
    for (deadline, least, most) in [(5000, 1200, 2600), (400, 0, 700)] {
        let start = Instant::now();
        let error = dial(&unix(&path), after(deadline)).await.err().unwrap();
        let took = start.elapsed().as_millis();
        assert_eq!(error.kind, DialKind::BacklogFull);
        assert!((least..most).contains(&took), "{took} ms of {deadline}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_backlog_that_drains_is_waited_for() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("docker.sock");
    let (listener, _waiting) = full(&path).await;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        while listener.accept().await.is_ok() {}
    });
    assert!(dial(&unix(&path), after(5000)).await.is_ok());
}

#[tokio::test]
async fn tcp_is_reached_and_a_closed_port_is_refused_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::Tcp { host: "127.0.0.1".into(), port };
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    echoes(&mut *dial(&endpoint, after(5000)).await.unwrap().0).await;
    let error = refused_at_once(&endpoint).await;
    assert_eq!(error.kind, DialKind::Refused);
    assert!(error.hint().contains("port"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told() {
    let endpoint = Endpoint::Tcp { host: "no-such-engine.invalid".into(), port: 2375 };
    let error = dial(&endpoint, after(3000)).await.err().unwrap();
    match error.kind {
        DialKind::Dns => {}
        DialKind::Timeout => eprintln!("the resolver here does not answer: {error}"),
        other => panic!("{other:?}: {error}"),
    }
}

/// Where the backlog of TCP is full, SYNs are dropped: a real black hole.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_black_hole_ends_at_the_deadline() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(AT_ONCE, TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    let start = Instant::now();
    let endpoint = Endpoint::Tcp { host: "127.0.0.1".into(), port: address.port() };
    let error = dial(&endpoint, after(500)).await.err().unwrap();
    assert_eq!(error.kind, DialKind::Timeout);
    let took = start.elapsed().as_millis();
    assert!((450..1000).contains(&took), "{took} ms");
}
