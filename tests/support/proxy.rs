//! A socket in front of an engine that writes down what is asked for.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Passes everything on; knows the first line of every request.
#[derive(Debug)]
pub struct Proxy {
    _dir: tempfile::TempDir,
    path: PathBuf,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// In front of the socket at that path.
    pub fn new(engine: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (seen, engine) = (Arc::clone(&lines), engine.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (seen, engine) = (Arc::clone(&seen), UnixStream::connect(&engine).unwrap());
                std::thread::spawn(move || pass(client, engine, &seen));
            }
        });
        Self { _dir: dir, path, lines }
    }

    /// As `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// The first lines of all requests so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

fn pass(mut client: UnixStream, mut engine: UnixStream, seen: &Mutex<Vec<String>>) {
    let (mut answers, mut back) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || {
        // Either side may go away.
        let _gone = std::io::copy(&mut answers, &mut back);
        let _gone = back.shutdown(std::net::Shutdown::Both);
    });
    let mut buffer = [0; 65536];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        // A request's head comes in one piece here: it is short and written at once.
        let text = String::from_utf8_lossy(&buffer[..read]);
        let line = text.split("\r\n").next().unwrap_or_default();
        if line.ends_with("HTTP/1.1") {
            seen.lock().unwrap().push(line.to_owned());
        }
        if engine.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _gone = engine.shutdown(std::net::Shutdown::Both);
}
