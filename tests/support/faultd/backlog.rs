//! Listeners that nobody accepts from.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use rustix::net::listen;

/// A listener whose queue is full. Over TCP the kernel drops what comes then, as if the packets vanished; over a unix
/// socket it says so at once.
#[derive(Debug)]
pub struct Backlog {
    _dir: Option<tempfile::TempDir>,
    /// As `DOCKER_HOST`.
    pub host: String,
    unix: Option<UnixListener>,
    waiting: Vec<UnixStream>,
    _tcp: Option<(TcpListener, Vec<TcpStream>)>,
}

impl Backlog {
    /// A unix socket: a connection more is refused for now.
    pub fn unix() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        listen(&listener, 0).unwrap();
        let waiting = vec![UnixStream::connect(&path).unwrap()];
        let host = super::host_of(&path);
        Self { _dir: Some(dir), host, unix: Some(listener), waiting, _tcp: None }
    }

    /// A TCP port: a connection more is not answered.
    pub fn tcp() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listen(&listener, 0).unwrap();
        let address = listener.local_addr().unwrap();
        // The kernel takes one or two more than it is told.
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            waiting.push(stream);
            assert!(waiting.len() < 10, "the queue does not fill");
        }
        let host = format!("tcp://{address}");
        Self { _dir: None, host, unix: None, waiting: Vec::new(), _tcp: Some((listener, waiting)) }
    }

    /// From then on everybody is taken, and passed on to that daemon.
    pub fn open(&mut self, to: &super::Faultd) {
        let (listener, to) = (self.unix.take().expect("a unix socket"), to.path());
        self.waiting.clear();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let engine = UnixStream::connect(&to).unwrap();
                for (mut from, mut into) in [
                    (client.try_clone().unwrap(), engine.try_clone().unwrap()),
                    (engine.try_clone().unwrap(), client.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        // Either side may go first.
                        let _gone = std::io::copy(&mut from, &mut into);
                        let _gone = into.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
    }
}
