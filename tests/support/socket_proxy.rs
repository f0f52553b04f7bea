//! A socket proxy before the engine: a real HAProxy that lets some parts of the API through.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::engine::{Engine, left_out};
use super::registry::free_port;

/// A running proxy. Ends when it is dropped.
#[derive(Debug)]
pub struct SocketProxy {
    /// As `DOCKER_HOST`.
    pub host: String,
    child: Child,
}

impl SocketProxy {
    /// Lets these parts through, such as `containers`; of methods only `GET` and `HEAD`, or all. None where there can be
    /// none; then the test is noted.
    pub fn before(test: &str, engine: &Engine, parts: &[&str], writes: bool) -> Option<Self> {
        let Some((program, socket)) = program().zip(engine.socket()) else {
            left_out(test);
            return None;
        };
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/socket_proxy.cfg");
        let at = format!("127.0.0.1:{}", free_port());
        // Without -W and -D it is one process in the foreground.
        let child = Command::new(program)
            .args(["-db", "-q", "-f", config])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("BIND", &at)
            .env("SOCKET", socket)
            .env("PARTS", parts.join("|"))
            .env("POST", if writes { "1" } else { "0" })
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let proxy = Self { host: format!("tcp://{at}"), child };
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(&at).is_err() {
            assert!(Instant::now() < until, "the proxy does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(proxy)
    }
}

impl Drop for SocketProxy {
    fn drop(&mut self) {
        let (_gone, _status) = (self.child.kill(), self.child.wait());
    }
}

fn program() -> Option<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engine");
    let run = Command::new(script).arg("proxy").output().unwrap();
    assert!([Some(0), Some(3)].contains(&run.status.code()), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().trim().strip_prefix("HAPROXY=").map(str::to_owned)
}
