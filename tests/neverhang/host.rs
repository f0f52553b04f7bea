//! Rows H: what the host does. Signals, too little memory, no CPU, no network, odd environments.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::meet::{CLASS, PATIENT, SHORT};
use crate::support::client::PATIENCE;
use crate::support::faultd::{Fault, Faultd, Made, get, post};
use crate::support::launch::is_root;
use crate::support::ledger::{Seen, saw};
use crate::support::text::each_file;
use crate::support::{Client, Launch, ToolResult, fixture, rss};

const SECOND: Duration = Duration::from_secs(1);
const MAY_STOP: &str = "[permissions]\nlifecycle = true\n";

/// Memory that the server may have: a cgroup of its own where we may make one, else a limit on its data.
struct Limit {
    cgroup: Option<PathBuf>,
    wrapper: Vec<String>,
}

impl Limit {
    const BYTES: u64 = 256 << 20;

    fn new() -> Self {
        let name = format!("test-of-docker-mcp-{}", fixture::unique());
        for (root, file, needs) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max", "cgroup.procs"),
        ] {
            let cgroup = Path::new(root).join(&name);
            if !Path::new(root).join(needs).exists() || std::fs::create_dir(&cgroup).is_err() {
                continue;
            }
            if std::fs::write(cgroup.join(file), Self::BYTES.to_string()).is_ok() {
                let join = format!("echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"", cgroup.display());
                return Self { cgroup: Some(cgroup), wrapper: vec!["sh".into(), "-c".into(), join] };
            }
            let _not_that_one = std::fs::remove_dir(&cgroup);
        }
        Self { cgroup: None, wrapper: vec!["prlimit".into(), format!("--data={}", Self::BYTES), "--".into()] }
    }

    fn wrapper(&self) -> Vec<&str> {
        self.wrapper.iter().map(String::as_str).collect()
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let Some(cgroup) = &self.cgroup else { return };
        for _ in 0..50 {
            if std::fs::remove_dir(cgroup).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Eight inspections of 100 MB and eight logs of 64 MB without a newline, all at once: before anything is known of these
/// containers, and when their secrets were learned.
#[test]
fn h7_memory_is_limited_to_256_mib() {
    let limit = Limit::new();
    let huge = || Fault::Huge(100 << 20);
    let line = || Fault::NoNewline { bytes: 64 << 20, tty: false };
    for known in [false, true] {
        let faultd = Faultd::new()
            .on(get("/logs"), line())
            .running((0..8).map(|n| Made::new(n, &format!("app{n}"))).collect());
        let config = format!("[neverhang]\nread_timeout = \"20s\"\n{PATIENT}");
        let client = Launch::at(&faultd.host()).config(&config).under(&limit.wrapper()).connect();
        client.call("docker_ps", &json!({})).ok();
        if let Some(cgroup) = &limit.cgroup {
            let members = std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap();
            assert!(members.lines().any(|pid| pid == client.pid().to_string()), "{members:?}");
        }
        if known {
            client.call("docker_logs", &json!({ "container": "app0" })).ok();
        }
        faultd.add(get("/containers/*/json"), huge());
        let mut calls = Vec::new();
        for name in (0..8).map(|n| format!("app{n}")) {
            calls.push(client.begin_call("docker_inspect", &json!({ "name": name })));
            calls.push(client.begin_call("docker_logs", &json!({ "container": name, "tail": 10_000 })));
        }
        let answer = |call| client.answer_within(call, PATIENCE).map(|reply| reply.tool());
        let Some(results) = calls.iter().map(answer).collect::<Option<Vec<_>>>() else {
            panic!("a call without an answer; ended: {:?}; {}", client.wait_exit(SECOND), client.stderr());
        };
        let peak = rss::peak(client.pid());
        let slowest = results.iter().max_by_key(|r| r.took).unwrap();
        eprintln!(
            "learned: {known}; peak {:.1} MiB; in a cgroup: {}; the slowest after {:?}; {:?}",
            rss::mib(peak),
            limit.cgroup.is_some(),
            slowest.took,
            results.iter().map(ToolResult::kind).collect::<Vec<_>>()
        );
        assert!(peak < Limit::BYTES, "{:.1} MiB", rss::mib(peak));
        client.call("docker_ps", &json!({})).ok();
        saw("H7", Seen::of(slowest, 20 * SECOND).memory(peak));
    }
}

/// Processes that never let go of their CPU.
struct Busy(Vec<Child>);

impl Busy {
    fn on(cpu: &str, count: usize) -> Self {
        let one = |_| {
            let mut command = Command::new("taskset");
            command.args(["-c", cpu, "sh", "-c", "while :; do :; done"]).stdin(Stdio::null());
            command.spawn().unwrap()
        };
        Self((0..count).map(one).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let (_gone, _status) = (child.kill(), child.wait());
        }
    }
}

/// The first CPU that this process may use.
fn cpu() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    list.split([',', '-']).next().unwrap().to_owned()
}

/// The row allows one second more than others: what is written down as promised is the class's time and a second.
#[test]
fn h8_one_cpu_that_others_want_too() {
    let cpu = cpu();
    let faultd = Faultd::new()
        .on(get("/containers/json").nth(2..), Fault::BodyStall { after: 10 })
        .on(get("/networks"), Fault::NoAnswer)
        .on(get("/logs"), Fault::EndlessLog)
        .running(vec![Made::new(1, "app")]);
    let config = format!("[neverhang]\n{SHORT}{PATIENT}");
    let client = Launch::at(&faultd.host()).config(&config).under(&["taskset", "-c", &cpu]).connect();
    client.call("docker_ps", &json!({})).ok();
    let busy = Busy::on(&cpu, 4);
    for tool in ["docker_ps", "docker_networks", "docker_ps", "docker_networks"] {
        let several: Vec<_> = (0..3).map(|_| client.begin_call(tool, &json!({}))).collect();
        for call in several {
            let result = client.wait(&call).tool();
            assert!(["daemon_timeout", "daemon_protocol"].contains(&result.kind()), "{}", result.text);
            saw("H8", Seen::of(&result, CLASS + SECOND));
        }
    }
    drop(busy);
}

/// There is no network but the engine's socket; where a tracer is at hand it sees that no other was tried.
#[test]
fn h9_no_network() {
    let alone = ["unshare", "--net", "--map-root-user", "--"];
    let can = Command::new(alone[0]).args(&alone[1..]).arg("true").stdin(Stdio::null()).output();
    if !can.is_ok_and(|run| run.status.success()) {
        eprintln!("no namespaces here");
        return;
    }
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let traced = Command::new("strace").arg("-V").stdin(Stdio::null()).output().is_ok();
    let tracer = ["strace", "-f", "-o", trace.to_str().unwrap(), "-e", "trace=socket,connect,open,openat"];
    let mut wrapper = alone.to_vec();
    if traced {
        wrapper.extend(tracer);
    }
    let client = Launch::at(&faultd.host()).under(&wrapper).connect();
    let listed = client.call("docker_ps", &json!({})).ok();
    assert!(listed.text.contains("app"), "{}", listed.text);
    client.call("docker_health", &json!({})).ok();
    client.call("docker_logs", &json!({ "container": "app" })).ok();
    client.close_stdin();
    assert!(client.wait_exit(5 * SECOND).is_some());
    if traced {
        let calls = std::fs::read_to_string(&trace).unwrap();
        assert!(calls.contains("AF_UNIX"), "{calls}");
        for word in ["AF_INET", "resolv.conf", "nsswitch.conf", "/etc/hosts"] {
            assert!(!calls.contains(word), "{word} in {calls}");
        }
    }
    saw("H9", Seen::of(&listed, SECOND));
}

/// Starts it in that environment, lists containers, and looks at the modes of what it has written.
#[track_caller]
fn serves(what: &str, launch: &Launch) {
    let client = launch.connect();
    let listed = client.call("docker_ps", &json!({})).ok();
    assert!(listed.text.contains("app"), "{what}: {}", listed.text);
    client.close_stdin();
    let ended = client.wait_exit(3 * SECOND);
    assert!(
        ended.is_some_and(|(status, _)| status.code() == Some(0)),
        "{what}: {ended:?}: {}",
        client.stderr()
    );
    let mut files = 0;
    each_file(&client.home().join("state"), &mut |path| {
        files += 1;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path), 0o600, "{what}: {path:?}");
        let mut dir = path.parent().unwrap();
        while dir != client.home() {
            assert_eq!(mode(dir), 0o700, "{what}: {dir:?}");
            dir = dir.parent().unwrap();
        }
    });
    if !what.contains("no home") {
        assert!(files > 0, "{what}: no audit");
    }
    saw("H10", Seen::of(&listed, SECOND));
}

#[test]
fn h10_odd_environments() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let plain = || Launch::at(&faultd.host());
    for (what, locale) in [("another locale", "tr_TR.UTF-8"), ("a locale that is none", "\u{1f433}@@..//%n")]
    {
        serves(what, &plain().env("LANG", locale).env("LC_ALL", locale).env("TZ", ":/nonexistent"));
    }
    for umask in ["000", "777", "022"] {
        let set = format!("umask {umask}; exec \"$0\" \"$@\"");
        serves(&format!("umask {umask}"), &plain().under(&["sh", "-c", &set]));
    }
    serves("no TMPDIR", &plain().env("TMPDIR", "/nonexistent"));
    serves(
        "a folder that is gone",
        &plain().under(&["sh", "-c", "mkdir w && cd w && rmdir ../w && exec \"$0\" \"$@\""]),
    );
    // Without a home there is no place for an audit of reads, nor for a configuration.
    let home = tempfile::tempdir().unwrap();
    let nothing = || plain().unset("HOME").unset("XDG_STATE_HOME").unset("XDG_CONFIG_HOME");
    let audit = home.path().join("audit");
    serves("no home, but an audit", &nothing().env("DOCKER_MCP__AUDIT__DIR", audit.to_str().unwrap()));
    assert!(audit.exists());
    serves("no descriptors to speak of", &plain().under(&["prlimit", "--nofile=40", "--"]));
}

#[test]
fn h10_a_full_tmp() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let script = "mkdir full && mount -t tmpfs -o size=4k none full && { cat /dev/zero > full/x 2> full/y; \
                  export TMPDIR=$PWD/full; exec \"$0\" \"$@\"; }";
    let alone = ["unshare", "--mount", "sh", "-c"];
    let can =
        is_root() && Command::new(alone[0]).args(["--mount", "true"]).status().is_ok_and(|s| s.success());
    if can {
        serves("a full TMPDIR", &Launch::at(&faultd.host()).under(&[&alone[..], &[script]].concat()));
    }
}

/// Rights of files must not depend on who started it: a user without rights cannot go past his own mistake.
#[test]
fn h10_a_umask_that_takes_everything_from_its_owner() {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let mut launch = Launch::at(&faultd.host()).under(&["sh", "-c", "umask 777; exec \"$0\" \"$@\""]);
    if is_root() {
        open_to_all(&faultd);
        launch = launch.by_nobody();
    }
    serves("umask 777 of a user without rights", &launch);
}

fn open_to_all(faultd: &Faultd) {
    let path = faultd.path();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
    std::fs::set_permissions(path.parent().unwrap(), PermissionsExt::from_mode(0o755)).unwrap();
}

/// Ended by itself with this code, within `promised` and a second; that is written down.
#[track_caller]
fn ends(client: &Client, code: i32, what: &str, promised: Duration) -> Duration {
    let ended = client.wait_exit(promised + 3 * SECOND);
    let Some((status, took)) = ended else { panic!("{what}: it goes on; stderr: {}", client.stderr()) };
    assert_eq!(status.code(), Some(code), "{what}: {status:?}; stderr: {}", client.stderr());
    saw("H11", Seen::new(&format!("{what}: exit {code}"), took, promised));
    took
}

#[test]
fn h11_a_signal_during_reads() {
    for signal in ["TERM", "INT", "HUP"] {
        let faultd = Faultd::new().on(get("/networks"), Fault::NoAnswer);
        let client = Launch::at(&faultd.host()).connect();
        let calls: Vec<_> = (0..5).map(|_| client.begin_call("docker_networks", &json!({}))).collect();
        faultd.wait_for(&get("/networks"), 5, 5 * SECOND);
        client.signal(signal);
        let took = ends(&client, 0, signal, SECOND);
        assert!(took <= SECOND, "{signal}: {took:?}");
        for call in &calls {
            assert_eq!(client.wait(call).tool().kind(), "shutting_down");
        }
        let lines = client.audit_lines();
        assert_eq!(lines.iter().filter(|l| l["error_kind"] == "shutting_down").count(), 5, "{lines:?}");
        faultd.wait_closed(SECOND);
    }
}

#[test]
fn h11_a_broken_pipe_is_no_signal() {
    let client = Launch::without_engine().connect();
    client.signal("PIPE");
    client.call("docker_policy", &json!({})).ok();
    drop(client);
    // stdout is closed by a client that goes on to write.
    let mut bare = Launch::without_engine().bare();
    drop(bare.child.stdout.take());
    let mut stdin = bare.child.stdin.take().unwrap();
    let start = Instant::now();
    let status = loop {
        let ping = format!("{}\n", json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
        let _gone = std::io::Write::write_all(&mut stdin, ping.as_bytes());
        if let Some(status) = bare.child.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < 5 * SECOND, "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(0), "{status:?}");
    saw("H11", Seen::new("stdout closed: exit 0", start.elapsed(), 2 * SECOND));
}

/// A change that the engine took and never answers keeps the server for ten seconds; the second signal does not.
#[test]
fn h11_a_second_signal_ends_it_at_once() {
    for (first, second, code) in
        [("TERM", "TERM", 143), ("INT", "INT", 130), ("TERM", "INT", 130), ("INT", "HUP", 129)]
    {
        let faultd = Faultd::new().on(post("/stop"), Fault::NoAnswer).running(vec![Made::new(1, "app")]);
        let client = Launch::at(&faultd.host()).config(MAY_STOP).connect();
        client.begin_call("docker_stop", &json!({ "containers": "app", "timeout": "5s" }));
        faultd.wait_for(&post("/stop"), 1, 5 * SECOND);
        client.signal(first);
        std::thread::sleep(SECOND);
        assert!(
            client.wait_exit(Duration::ZERO).is_none(),
            "the change was not waited for: {}",
            client.stderr()
        );
        // While it drains, nothing new begins.
        let refused = client.call("docker_ps", &json!({}));
        assert_eq!(refused.kind(), "shutting_down", "{}", refused.text);
        let refused = client.call("docker_stop", &json!({ "containers": "app" }));
        assert_eq!(refused.kind(), "shutting_down", "{}", refused.text);
        assert_eq!(faultd.count(&post("/stop")), 1);
        client.signal(second);
        let took = ends(&client, code, &format!("{first}, {second}"), Duration::ZERO);
        assert!(took <= SECOND, "{took:?}");
        // The change is not forgotten: what became of it is not known, and the record says so.
        let lines = client.audit_lines();
        let of_change: Vec<_> =
            lines.iter().filter(|l| l["tool"] == "docker_stop" && l["effect"] == "unknown").collect();
        assert!(of_change.iter().any(|l| l["outcome"] == "unknown"), "{lines:?}");
    }
}

/// The engine answers the change while the server waits for it.
#[test]
fn h11_a_signal_during_a_change() {
    let late = Fault::Late(3 * SECOND);
    let faultd = Faultd::new().on(post("/stop"), late).running(vec![Made::new(1, "app")]);
    let client = Launch::at(&faultd.host()).config(MAY_STOP).connect();
    let stop = client.begin_call("docker_stop", &json!({ "containers": "app", "timeout": "5s" }));
    faultd.wait_for(&post("/stop"), 1, 5 * SECOND);
    client.signal("TERM");
    ends(&client, 0, "TERM during a change", 10 * SECOND);
    client.wait(&stop).tool().ok();
    let lines = client.audit_lines();
    assert_eq!(lines.last().unwrap()["outcome"], "done", "{lines:?}");
}
