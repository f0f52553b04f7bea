//! A real registry on loopback, and a line to it that can be held.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::engine::{BASE, Engine, left_out};
use super::fixture::Scope;

/// Who may, where somebody must say who he is. Its base64 needs both letters that differ between the alphabets.
pub const USER: &str = "keeper";
/// His password.
pub const PASSWORD: &str = "p+a/ss?>~";
/// The same, as bcrypt.
const HTPASSWD: &str = "keeper:$2y$05$abcdefghijklmnopqrstuu.Kd8Y7N.VIGpaXJZXk5uPAOxNNQRlD.\n";

/// A running registry. Ends when it is dropped.
#[derive(Debug)]
pub struct Registry {
    /// `127.0.0.1:5000`.
    pub host: String,
    child: Child,
    _dir: tempfile::TempDir,
}

impl Registry {
    /// One for everybody, or one that wants [`USER`]. None where there can be none; then the test is noted.
    pub fn new(test: &str, closed: bool) -> Option<Self> {
        let registry = Self::begun(test, closed, None)?;
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(&registry.host).is_err() {
            assert!(Instant::now() < until, "the registry does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(registry)
    }

    /// One for everybody, in the network of that process: it may not listen yet.
    pub fn within(test: &str, pid: u32) -> Option<Self> {
        Self::begun(test, false, Some(pid))
    }

    fn begun(test: &str, closed: bool, within: Option<u32>) -> Option<Self> {
        let Some(program) = program() else {
            left_out(test);
            return None;
        };
        let dir = tempfile::Builder::new().prefix("registry-").tempdir().unwrap();
        let host = format!("127.0.0.1:{}", free_port());
        let (data, users) = (dir.path().join("data"), dir.path().join("users"));
        std::fs::write(&users, HTPASSWD).unwrap();
        let auth = match closed {
            true => format!("auth: {{htpasswd: {{realm: here, path: {}}}}}\n", users.display()),
            false => String::new(),
        };
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"{host}\"}}\n{auth}",
            data.display()
        );
        let file = dir.path().join("config.yml");
        std::fs::write(&file, config).unwrap();
        let mut serve = match within {
            None => Command::new(program),
            Some(pid) => {
                let mut enter = Command::new("nsenter");
                enter.args(["-t", &pid.to_string(), "-n", "--", &program]);
                enter
            }
        };
        serve.arg("serve").arg(&file).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let child = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { host, child, _dir: dir })
    }

    /// The full name of an image there.
    pub fn name(&self, scope: &Scope, tag: &str) -> String {
        format!("{}/{}:{tag}", self.host, scope.prefix)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let (_gone, _status) = (self.child.kill(), self.child.wait());
    }
}

fn program() -> Option<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engine");
    let run = Command::new(script).arg("registry").output().unwrap();
    assert!([Some(0), Some(3)].contains(&run.status.code()), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().trim().strip_prefix("REGISTRY=").map(str::to_owned)
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An image with a layer of its own of so many random bytes, removed with its scope.
#[track_caller]
pub fn image(engine: &Engine, scope: &Scope, name: &str, bytes: usize) -> String {
    let make = format!("maker{}", super::fixture::unique());
    let fill = format!("head -c {bytes} /dev/urandom > /blob");
    scope.container(&["run"], &make, &[], BASE, &["sh", "-c", &fill]);
    let (make, label) = (scope.name(&make), format!("LABEL {}", scope.label()));
    engine.docker(&["commit", "--change", &label, &make, name]);
    engine.docker(&["rm", &make]);
    id_of(engine, name).unwrap()
}

/// The id of an image, if it is there.
pub fn id_of(engine: &Engine, name: &str) -> Option<String> {
    engine.try_docker(&["image", "inspect", "--format", "{{.Id}}", name]).ok()
}

/// A line to a registry that lets so many bytes down and then holds, until it is opened.
#[derive(Debug)]
pub struct Gate {
    /// Where it listens.
    pub host: String,
    shared: Arc<Held>,
}

#[derive(Debug, Default)]
struct Held {
    room: AtomicU64,
    open: AtomicBool,
    lines: Mutex<Vec<TcpStream>>,
}

impl Gate {
    /// Before that registry.
    pub fn before(registry: &Registry, room: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Held { room: AtomicU64::new(room), ..Held::default() });
        let (held, to) = (Arc::clone(&shared), registry.host.clone());
        std::thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let Ok(far) = TcpStream::connect(&to) else { continue };
                held.lines.lock().unwrap().push(near.try_clone().unwrap());
                let (up_near, up_far) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let down = Arc::clone(&held);
                std::thread::spawn(move || pass(up_near, up_far, |_| {}));
                std::thread::spawn(move || {
                    pass(far, near, |bytes| {
                        let room = |r: u64| Some(r.saturating_sub(bytes));
                        let before =
                            down.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, room).unwrap();
                        while before < bytes && !down.open.load(Ordering::SeqCst) {
                            std::thread::sleep(Duration::from_millis(10));
                        }
                    });
                });
            }
        });
        Self { host, shared }
    }

    /// Everything passes from now on.
    pub fn open(&self) {
        self.shared.open.store(true, Ordering::SeqCst);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
        for line in self.shared.lines.lock().unwrap().iter() {
            let _gone = line.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, before: impl Fn(u64)) {
    let mut buffer = [0; 8 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        before(read as u64);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _gone = to.shutdown(Shutdown::Write);
}
