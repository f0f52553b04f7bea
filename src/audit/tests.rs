use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Decision, Guard, Sink};
use crate::tool::error::Effect;
use crate::tool::{Kind, ToolError};

const SOON: Duration = Duration::from_secs(5);

struct Log {
    dir: tempfile::TempDir,
    sink: Arc<Sink>,
}

impl Log {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sink = Arc::new(Sink::file(dir.path().join("audit"), 30));
        Self { dir, sink }
    }

    fn open(&self, call: &str) -> Guard {
        Guard::open(&self.sink, call, "test", None, &Map::new())
    }

    fn read(&self, call: &str) {
        let mut guard = self.open(call);
        guard.decided(Decision::Read);
        guard.ended(None, false);
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("audit")
    }

    /// The one file of today; a test that runs over midnight finds two.
    fn path(&self) -> PathBuf {
        let mut all: Vec<PathBuf> =
            std::fs::read_dir(self.folder()).unwrap().map(|e| e.unwrap().path()).collect();
        all.retain(|path| path.is_file());
        all.sort();
        all.pop().unwrap()
    }

    fn text(&self) -> String {
        self.sink.flush(SOON);
        std::fs::read_to_string(self.path()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn said<'a>(lines: &'a [Value], key: &str) -> Vec<&'a str> {
    lines.iter().map(|line| line[key].as_str().unwrap_or("-")).collect()
}

#[tokio::test]
async fn an_intent_is_in_the_file_before_the_change_and_its_outcome_after_it() {
    let log = Log::new();
    let mut guard = log.open("a");
    guard.intent().await.unwrap();
    // Not flushed: the file has it when the call returns.
    let text = std::fs::read_to_string(log.path()).unwrap();
    assert!(text.contains("\"outcome\":\"intent\""), "{text}");
    assert!(text.contains("\"decision\":\"allowed\""), "{text}");
    guard.evidence("inspected: exited 0");
    guard.ended(None, false);
    drop(guard);
    let lines = log.lines();
    assert_eq!(said(&lines, "outcome"), ["intent", "done"]);
    assert_eq!(said(&lines, "effect"), ["none", "done"]);
    assert_eq!(said(&lines, "call"), ["a", "a"]);
    assert_eq!(lines[1]["evidence"], "inspected: exited 0");
}

#[tokio::test]
async fn every_way_a_change_ends_has_its_word() {
    let failed = |effect| {
        let mut error = ToolError::new(Kind::Conflict, "x");
        error.effect = effect;
        error
    };
    type Ends = Box<dyn Fn(&mut Guard)>;
    let ways: Vec<(Ends, &str, &str)> = vec![
        (Box::new(|_| ()), "unknown", "unknown"),
        (Box::new(|g| g.ended(None, false)), "done", "done"),
        (Box::new(|g| g.ended(None, true)), "done", "done"),
        (Box::new(|g| (g.effect(Effect::None), g.ended(None, false)).1), "none", "none"),
        (Box::new(move |g| g.ended(Some(&failed(Effect::None)), false)), "failed", "none"),
        (Box::new(move |g| g.ended(Some(&failed(Effect::Unknown)), false)), "unknown", "unknown"),
        (Box::new(move |g| g.ended(Some(&failed(Effect::Continuing)), false)), "continuing", "continuing"),
        // A finisher learned more than the caller was told.
        (
            Box::new(move |g| (g.ended(Some(&failed(Effect::Unknown)), false), g.effect(Effect::Done)).1),
            "done",
            "done",
        ),
    ];
    let log = Log::new();
    for (way, outcome, effect) in ways {
        let mut guard = log.open("x");
        guard.intent().await.unwrap();
        way(&mut guard);
        drop(guard);
        let lines = log.lines();
        let last = &lines[lines.len() - 1];
        assert_eq!((last["outcome"].as_str().unwrap(), last["effect"].as_str().unwrap()), (outcome, effect));
    }
}

#[tokio::test]
async fn a_panic_after_the_intent_leaves_its_outcome() {
    let log = Log::new();
    let mut guard = log.open("p");
    let task = tokio::spawn(async move {
        guard.intent().await.unwrap();
        panic!("on purpose");
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(said(&log.lines(), "outcome"), ["intent", "unknown"]);
}

#[tokio::test]
async fn without_a_log_an_intent_is_fine_at_once() {
    let sink = Arc::new(Sink::none());
    let mut guard = Guard::open(&sink, "n", "test", None, &Map::new());
    guard.intent().await.unwrap();
    assert_eq!(sink.fault(), None);
}

#[tokio::test]
async fn an_intent_that_comes_too_late_is_followed_by_its_not_started() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, writer) = Sink::with_writer(dir.path().join("audit"), 30);
    let log = Log { dir, sink: Arc::new(sink) };
    let start = Instant::now();
    let mut guard = log.open("late");
    let fault = guard.intent().await.unwrap_err();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(990) && took < Duration::from_millis(1900), "{took:?}");
    assert!(fault.why.contains("too slow"), "{}", fault.why);
    guard.ended(Some(&ToolError::new(Kind::AuditUnavailable, "x")), false);
    drop(guard);

    // The disk comes back.
    std::thread::spawn(writer);
    let lines = log.lines();
    assert_eq!(said(&lines, "call"), ["late", "late"]);
    assert_eq!(said(&lines, "outcome"), ["intent", "not_started"]);
    assert_eq!(lines[1]["error_kind"], "audit_unavailable");
    assert_eq!(lines[1]["effect"], "none");
    log.open("again").intent().await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_dropped_while_its_intent_waits_was_not_started() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, writer) = Sink::with_writer(dir.path().join("audit"), 30);
    let log = Log { dir, sink: Arc::new(sink) };
    let mut guard = log.open("c");
    let waited = tokio::time::timeout(Duration::from_millis(50), guard.intent()).await;
    assert!(waited.is_err());
    drop(guard);
    std::thread::spawn(writer);
    assert_eq!(said(&log.lines(), "outcome"), ["intent", "not_started"]);
}

#[tokio::test]
async fn a_change_may_begin_without_its_intent_if_it_need_not_be_recorded() {
    let log = Log::new();
    std::fs::write(log.folder(), "a file where the folder should be").unwrap();
    let mut guard = log.open("r");
    guard.intent().await.unwrap_err();
    guard.begun_anyway();
    guard.ended(None, false);
    std::fs::remove_file(log.folder()).unwrap();
    drop(guard);
    assert_eq!(said(&log.lines(), "outcome"), ["done"]);
}

#[tokio::test]
async fn what_cannot_be_a_log_is_refused_and_left_alone() {
    for (what, words) in [
        ("link", "symbolic link"),
        ("dangling", "symbolic link"),
        ("fifo", "not a regular file"),
        ("folder", "not a regular file"),
        ("socket", "not a regular file"),
        ("writable", "others can write"),
        ("open folder", "others can write"),
    ] {
        let log = Log::new();
        log.read("first");
        log.sink.flush(SOON);
        let (path, other) = (log.path(), log.dir.path().join("other"));
        if what != "open folder" && what != "writable" {
            std::fs::remove_file(&path).unwrap();
        }
        match what {
            "link" => {
                std::fs::write(&other, "").unwrap();
                std::fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
                symlink(&other, &path).unwrap();
            }
            "dangling" => symlink(&other, &path).unwrap(),
            "fifo" => {
                assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
            }
            "folder" => std::fs::create_dir(&path).unwrap(),
            "socket" => drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
            "writable" => {
                std::fs::remove_file(&path).unwrap();
                std::fs::write(&path, "").unwrap();
                std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
            }
            _ => {
                std::fs::remove_file(&path).unwrap();
                std::fs::set_permissions(log.folder(), Permissions::from_mode(0o777)).unwrap();
            }
        }
        let start = Instant::now();
        let fault = log.open("refused").intent().await.unwrap_err();
        assert!(start.elapsed() < Duration::from_millis(500), "{what}: {:?}", start.elapsed());
        log.sink.flush(SOON);
        assert!(fault.why.contains(words), "{what}: {}", fault.why);
        assert!(log.sink.fault().is_some_and(|f| f.contains(words)), "{what}");
        assert!(
            !std::fs::read_to_string(&other).is_ok_and(|text| !text.is_empty()),
            "{what}: written through"
        );

        // As soon as the way is free it goes on, and says how many lines are missing.
        if what == "folder" { std::fs::remove_dir(&path) } else { std::fs::remove_file(&path) }.ok();
        std::fs::set_permissions(log.folder(), Permissions::from_mode(0o700)).unwrap();
        log.read("again");
        let lines = log.lines();
        assert_eq!(said(&lines, "call"), ["again"], "{what}");
        assert_eq!(
            (lines[0]["seq"].as_u64(), lines[0]["lost"].as_u64()),
            (Some(3), Some(2)),
            "{what}: {lines:?}"
        );
        assert_eq!(log.sink.fault(), None);
    }
}

#[test]
fn a_file_that_others_may_read_is_closed_to_them() {
    let log = Log::new();
    log.read("a");
    log.sink.flush(SOON);
    std::fs::set_permissions(log.path(), Permissions::from_mode(0o644)).unwrap();
    let again = Sink::file(log.folder(), 30);
    assert_eq!(again.check(SOON), Some(Ok(())));
    let mode = std::fs::metadata(log.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn lines_go_to_the_file_of_that_name_whatever_happened_to_it() {
    let log = Log::new();
    log.read("a");
    log.sink.flush(SOON);
    let path = log.path();
    let moved = log.dir.path().join("moved");
    std::fs::rename(&path, &moved).unwrap();
    log.read("b");
    assert_eq!(said(&log.lines(), "call"), ["b"]);
    std::fs::remove_file(&path).unwrap();
    log.read("c");
    let lines = log.lines();
    assert_eq!(said(&lines, "call"), ["c"]);
    assert_eq!(lines[0]["seq"], 2, "the chain goes on");
    std::fs::remove_dir_all(log.folder()).unwrap();
    log.read("d");
    assert_eq!(said(&log.lines(), "call"), ["d"]);
    assert_eq!(log.sink.fault(), None);
}

#[test]
fn a_torn_end_is_closed_and_the_next_line_is_whole() {
    let log = Log::new();
    log.read("a");
    log.sink.flush(SOON);
    let path = log.path();
    append(&path, "{\"seq\":17,\"torn");
    log.read("b");
    let text = log.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[1], "{\"seq\":17,\"torn");
    assert!(text.ends_with('\n'));
    let (first, last): (Value, Value) =
        (serde_json::from_str(lines[0]).unwrap(), serde_json::from_str(lines[2]).unwrap());
    assert_eq!((first["call"].as_str(), last["call"].as_str()), (Some("a"), Some("b")));
    let hash: String = Sha256::digest(lines[0]).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(last["prev"], hash, "the chain is over whole lines");
}

fn append(path: &Path, text: &str) {
    use std::io::Write;
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn many_writers_share_a_file_and_each_keeps_its_own_chain() {
    const LINES: usize = 300;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("audit");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let sink = Arc::new(Sink::file(folder.clone(), 30));
                for n in 0..LINES {
                    drop(Guard::open(&sink, &n.to_string(), "test", None, &Map::new()));
                }
                sink.flush(SOON);
                assert_eq!(sink.fault(), None);
            });
        }
    });
    let log = Log { dir, sink: Arc::new(Sink::none()) };
    let text = log.text();
    let mut chains: std::collections::HashMap<String, (u64, String)> = std::collections::HashMap::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let hash: String = Sha256::digest(line).iter().map(|b| format!("{b:02x}")).collect();
        let chain = chains.entry(value["boot"].as_str().unwrap().to_owned()).or_default();
        assert_eq!(
            (value["seq"].as_u64().unwrap(), value["prev"].as_str().unwrap()),
            (chain.0, chain.1.as_str())
        );
        *chain = (chain.0 + 1, hash);
    }
    assert_eq!(chains.len(), 4);
    assert!(chains.values().all(|(count, _)| *count == LINES as u64), "{chains:?}");
}

#[test]
fn a_process_that_sits_on_the_lock_stops_nobody() {
    let log = Log::new();
    log.read("a");
    log.sink.flush(SOON);
    let held = std::fs::File::open(log.path()).unwrap();
    held.lock().unwrap();
    log.read("b");
    assert_eq!(said(&log.lines(), "call"), ["a", "b"]);
}
