//! The host below the audit log: full, torn, slow and hanging disks, files that are no log, clocks that jump.

use std::collections::HashMap;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::faults::absent::median;
use crate::support::ledger::{Seen, saw};
use crate::support::shim::Shim;
use crate::support::{Client, Launch, ToolResult, engine, launch};

const MS: fn(u64) -> Duration = Duration::from_millis;
/// The class of the tools that ask no engine.
const LOCAL: Duration = Duration::from_secs(2);

/// A call that needs no engine.
pub fn read(client: &Client) -> ToolResult {
    client.call("docker_policy", &json!({})).ok()
}

pub fn degraded(result: &ToolResult) -> bool {
    result.structured["audit_degraded"] == true
}

/// Reads until the answers say so, or no longer say so.
#[track_caller]
pub fn read_until(client: &Client, wanted: bool, limit: Duration) -> ToolResult {
    let start = Instant::now();
    loop {
        let result = read(client);
        if degraded(&result) == wanted {
            assert_eq!(result.text.contains("audit log cannot be written"), wanted, "{}", result.text);
            return result;
        }
        assert!(start.elapsed() < limit, "degraded is not {wanted} after {limit:?}: {}", result.text);
        std::thread::sleep(MS(10));
    }
}

fn config(dir: &Path) -> String {
    format!("[audit]\ndir = \"{}\"\n", dir.display())
}

/// The text of all files of a log, in the order of their days.
pub fn text(dir: &Path) -> String {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "jsonl"));
    files.sort();
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// What a log holds, as a verifier finds it.
#[derive(Debug, Default)]
pub struct Found {
    pub lines: Vec<Value>,
    pub torn: usize,
    pub lost: u64,
}

/// Reads a log of one process: whole lines are chained, and no number is missing but those that were lost.
#[track_caller]
pub fn verified(dir: &Path) -> Found {
    let text = text(dir);
    let mut found = Found::default();
    let mut whole: Vec<(Value, &str)> = Vec::new();
    for line in text.lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => whole.push((value, line)),
            Err(_) => found.torn += 1,
        }
    }
    // Days may have gone backwards.
    whole.sort_by_key(|(value, _)| value["seq"].as_u64());
    let (mut next, mut prev) = (0, String::new());
    for (value, line) in whole {
        let lost = value["lost"].as_u64().unwrap_or(0);
        assert_eq!(value["seq"].as_u64(), Some(next + lost), "{line}");
        assert_eq!(value["prev"], prev.as_str(), "{line}");
        prev = Sha256::digest(line).iter().map(|b| format!("{b:02x}")).collect();
        (next, found.lost) = (next + lost + 1, found.lost + lost);
        found.lines.push(value);
    }
    found
}

/// A small disk of the test's own.
pub struct Disk(TempDir);

impl Disk {
    /// None where this process may not mount, which is noted.
    pub fn new(test: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k,mode=0700", "docker-mcp-test"]).arg(dir.path());
        if !mount.output().is_ok_and(|run| run.status.success()) {
            engine::left_out(test);
            return None;
        }
        Some(Self(dir))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn fill(&self) {
        let filled = std::fs::write(self.path().join("filler"), vec![0; 1 << 20]);
        assert_eq!(filled.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }

    pub fn free(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _left = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn reads_go_on_while_the_disk_is_full_and_say_so() {
    let Some(disk) = Disk::new("neverhang::audit_disk_full") else { return };
    let client = Launch::without_engine().config(&config(disk.path())).connect();
    read_until(&client, false, MS(100));
    for round in 0..3 {
        disk.fill();
        let result = read_until(&client, true, Duration::from_secs(5));
        saw("H1", Seen::of(&result, LOCAL).circuit("0"));
        let times: Vec<Duration> = (0..20).map(|_| read(&client).took).collect();
        assert!(median(times.clone()) <= MS(100), "{times:?}");
        let health = client.call("docker_health", &json!({})).ok();
        assert_eq!(health.structured["healthy"], false);
        let said = health.structured["audit"].as_str().unwrap();
        assert!(said.contains("No space left"), "{said}");

        disk.free();
        let result = read_until(&client, false, Duration::from_secs(5));
        saw("H2", Seen::of(&result, LOCAL).circuit("0"));
        let found = verified(disk.path());
        assert!(found.lost >= 20, "round {round}: {}", found.lost);
        eprintln!("round {round}: {} lines, {} lost, {} torn", found.lines.len(), found.lost, found.torn);
        assert!(found.torn <= round + 1, "a full disk tears one line, not each: {}", found.torn);
    }
    // 23 lines of one fault are not 23 messages.
    let told = client.stderr().matches("cannot be written").count();
    assert!((3..=6).contains(&told), "{told} messages: {}", client.stderr());
}

#[test]
fn a_line_after_a_torn_one_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let audit = dir.path().join("audit");
    let client = Launch::without_engine().config(&config(&audit)).connect();
    read(&client);
    let lines = |count: usize| {
        let start = Instant::now();
        while !audit.exists() || text(&audit).lines().count() < count {
            assert!(start.elapsed() < Duration::from_secs(5), "no {count} lines");
            std::thread::sleep(MS(10));
        }
    };
    lines(1);
    // As a process leaves it that is killed in the middle of a write.
    let file = std::fs::read_dir(&audit).unwrap().next().unwrap().unwrap().path();
    let mut cut = std::fs::read(&file).unwrap();
    cut.truncate(cut.len() / 2);
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, [whole, cut].concat()).unwrap();
    // One process goes on, another one begins.
    let result = read(&client);
    lines(3);
    let other = Launch::without_engine().config(&config(&audit)).connect();
    read(&other);
    lines(4);
    saw("H2", Seen::of(&result, LOCAL));
    assert!(!degraded(&read(&client)));
    let text = text(&audit);
    let torn: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| serde_json::from_str::<Value>(line).is_err())
        .map(|(at, _)| at)
        .collect();
    assert_eq!(torn, [1], "{text}");
    assert!(client.stderr().contains("ended within a line"), "{}", client.stderr());
}

#[test]
fn reads_do_not_wait_for_a_disk_that_hangs() {
    let Some(shim) = Shim::new("neverhang::audit_slow_disk") else { return };
    let dir = tempfile::tempdir().unwrap();
    let audit = dir.path().join("audit");
    let client = shim.under(Launch::without_engine().config(&config(&audit))).connect();
    read_until(&client, false, MS(100));
    shim.write(4000);
    let start = Instant::now();
    let mut times: Vec<Duration> = (0..30).map(|_| read(&client).took).collect();
    assert!(start.elapsed() < Duration::from_secs(3), "{times:?}");
    assert!(median(times.clone()) <= MS(100), "{times:?}");
    // They say so once a change would no longer get its intent down.
    let result = read_until(&client, true, Duration::from_secs(3));
    let after = start.elapsed();
    assert!(after >= MS(900), "said after {after:?}");
    times.push(result.took);
    saw("H3", Seen::new("ok", times.into_iter().max().unwrap(), LOCAL).circuit("0"));
    shim.write(0);
    read_until(&client, false, Duration::from_secs(8));
    assert_eq!(verified(&audit).lost, 0, "slow is not lost");
}

/// Names that a log may have while this test runs.
fn names() -> Vec<String> {
    let now = jiff::Timestamp::now();
    let later = now + jiff::SignedDuration::from_hours(1);
    let name = |at: jiff::Timestamp| format!("audit-{}.jsonl", at.strftime("%Y%m%d"));
    let mut names = vec![name(now), name(later)];
    names.dedup();
    names
}

#[test]
fn what_is_no_log_of_ours_is_refused() {
    for (what, words) in [
        ("link", "symbolic link"),
        ("dangling link", "symbolic link"),
        ("pipe", "not a regular file"),
        ("device", "symbolic link"),
        ("loose", "others can write"),
        ("foreign", "belongs to user"),
    ] {
        if what == "foreign" && !launch::is_root() {
            engine::left_out("neverhang::audit_foreign_file");
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        let audit = dir.path().join("audit");
        std::fs::create_dir(&audit).unwrap();
        if what != "dangling link" {
            std::fs::write(&victim, "mine").unwrap();
            std::fs::set_permissions(&victim, PermissionsExt::from_mode(0o600)).unwrap();
        }
        for name in names() {
            let path = audit.join(name);
            match what {
                "link" | "dangling link" => symlink(&victim, &path).unwrap(),
                "device" => symlink("/dev/full", &path).unwrap(),
                "pipe" => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
                _ => {
                    std::fs::write(&path, "").unwrap();
                    let mode = if what == "loose" { 0o666 } else { 0o600 };
                    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
                    if what == "foreign" {
                        chown(&path, Some(65534), None).unwrap();
                    }
                }
            }
        }
        let client = Launch::without_engine().config(&config(&audit)).connect();
        let result = read_until(&client, true, Duration::from_secs(3));
        saw("H5", Seen::of(&result, LOCAL).circuit("0"));
        let health = client.call("docker_health", &json!({})).ok();
        let said = health.structured["audit"].as_str().unwrap();
        assert!(said.contains(words), "{what}: {said}");
        let left = std::fs::read_to_string(&victim).unwrap_or_default();
        assert_eq!(left, if what == "dangling link" { "" } else { "mine" }, "{what}");

        // With a level that changes something there is nothing to be served.
        let start = Instant::now();
        let run = Launch::without_engine().config(&changing(&audit, "")).output();
        let told = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{what}: {told}");
        assert!(told.contains(words), "{what}: {told}");
        saw("H5", Seen::new("exit 2", start.elapsed(), Duration::from_secs(1)));
    }
}

#[test]
fn a_log_that_goes_away_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let audit = dir.path().join("audit");
    let client = Launch::without_engine().config(&config(&audit)).connect();
    for (at, what) in ["rename", "delete", "delete the folder"].into_iter().enumerate() {
        read(&client);
        let start = Instant::now();
        while !audit.exists() || text(&audit).is_empty() {
            assert!(start.elapsed() < Duration::from_secs(5), "before {what}: nothing was written");
            std::thread::sleep(MS(10));
        }
        std::thread::sleep(MS(50));
        for name in names() {
            let path = audit.join(name);
            let moved = match what {
                "rename" => std::fs::rename(&path, dir.path().join(at.to_string())),
                "delete" => std::fs::remove_file(&path),
                _ => std::fs::remove_dir_all(&audit),
            };
            moved.ok();
        }
        let result = read(&client);
        assert!(!degraded(&result), "{what}: {}", result.text);
    }
    let start = Instant::now();
    while !audit.exists() || text(&audit).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(5), "nothing was written at the end");
        std::thread::sleep(MS(10));
    }
    assert!(!degraded(&read(&client)));
}

#[test]
fn a_wall_clock_that_jumps_moves_nothing_but_dates() {
    const DAY: i64 = 86_400;
    const CLOCK: Duration = Duration::from_secs(2);
    let Some(shim) = Shim::new("neverhang::audit_clock") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (audit, socket) = (dir.path().join("audit"), dir.path().join("hung.sock"));
    // The kernel takes connections, nobody answers.
    let _hung = UnixListener::bind(&socket).unwrap();
    let config = format!("{}[neverhang]\nread_timeout = \"2s\"\n", config(&audit));
    let launch = Launch::at(&format!("unix://{}", socket.display())).config(&config);
    let client = shim.under(launch).connect();

    // Three faults in three days are three in a few seconds.
    for jump in [DAY, -DAY, 0] {
        let id = client.begin_call("docker_ps", &json!({}));
        std::thread::sleep(MS(500));
        shim.clock(jump);
        let result = client.wait(&id).tool();
        assert_eq!(result.kind(), "daemon_timeout", "{}", result.text);
        assert!(result.took >= CLOCK - MS(100), "the clock ran fast: {:?}", result.took);
        saw("H6", Seen::of(&result, CLOCK).circuit("+1"));
    }
    for jump in [0, DAY, -DAY, 365 * DAY] {
        shim.clock(jump);
        let result = client.call("docker_ps", &json!({}));
        assert_eq!(result.kind(), "circuit_open", "{jump}: {}", result.text);
        let after = result.structured["error"]["retry_after_ms"].as_u64().unwrap();
        assert!((1..=300_000).contains(&after), "{jump}: {after}");
    }
    for jump in [DAY, 0, -DAY, 0, DAY] {
        shim.clock(jump);
        for _ in 0..3 {
            read(&client);
        }
    }
    let start = Instant::now();
    while text(&audit).lines().count() < 3 + 4 + 15 {
        assert!(start.elapsed() < Duration::from_secs(5), "lines are missing");
        std::thread::sleep(MS(10));
    }
    let found = verified(&audit);
    assert_eq!((found.lines.len(), found.lost, found.torn), (3 + 4 + 15, 0, 0));
    let files = std::fs::read_dir(&audit).unwrap().count();
    assert!((4..=6).contains(&files), "{files} days");
    // The longest call of this test is no day long.
    let longest = found.lines.iter().filter_map(|line| line["duration_ms"].as_u64()).max();
    assert!(longest.is_some_and(|ms| (1_900..10_000).contains(&ms)), "{longest:?}");
    let mut days: HashMap<&str, usize> = HashMap::new();
    for line in &found.lines {
        *days.entry(line["ts"].as_str().unwrap().split('T').next().unwrap()).or_default() += 1;
    }
    assert!(days.len() >= 4, "{days:?}");
}

/// Changes are allowed, and recorded there.
pub fn changing(dir: &Path, more: &str) -> String {
    format!("[permissions]\nlifecycle = true\n{}{more}", config(dir))
}

#[test]
fn what_may_change_things_does_not_start_without_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    // Below a file there is no folder, for root neither.
    let nowhere = file.join("audit");
    let open = dir.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();

    for (audit, words) in [(&nowhere, "Not a directory"), (&open, "others can write")] {
        for arguments in [&[][..], &["serve"], &["--bypass-permissions"]] {
            let launch = arguments.iter().fold(Launch::without_engine(), |launch, arg| launch.arg(arg));
            let text =
                if arguments == ["--bypass-permissions"] { config(audit) } else { changing(audit, "") };
            let start = Instant::now();
            let run = launch.config(&text).output();
            saw("H14", Seen::new("exit 2", start.elapsed(), Duration::from_secs(1)));
            let told = String::from_utf8(run.stderr).unwrap();
            assert_eq!(run.status.code(), Some(2), "{arguments:?}: {told}");
            assert!(run.stdout.is_empty(), "stdout belongs to the protocol");
            for word in [words, "error", "help: ", "[audit] dir", "required = false"] {
                assert!(told.contains(word), "`{word}` is missing in:\n{told}");
            }
        }
    }
    // Nothing to refuse, or nothing to be recorded.
    for (text, says) in [
        (config(&nowhere), true),
        (changing(&nowhere, "required = false\n"), true),
        (format!("dry_run = true\n{}", changing(&nowhere, "")), true),
        (changing(&nowhere, "enabled = false\n"), false),
    ] {
        let client = Launch::without_engine().config(&text).connect();
        let result = if says { read_until(&client, true, Duration::from_secs(3)) } else { read(&client) };
        assert_eq!(degraded(&result), says, "{text}: {}", result.text);
        // stderr has a thread of its own.
        let told = || client.stderr().contains("audit log cannot be written");
        let until = std::time::Instant::now() + Duration::from_secs(2);
        while says && !told() && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(told(), says, "{}", client.stderr());
        saw("H14", Seen::of(&result, LOCAL).circuit("0"));
    }
}
