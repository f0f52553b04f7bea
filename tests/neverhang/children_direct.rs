//! Children started by the library's room itself: what `ssh` cannot show.

use std::time::{Duration, Instant};

use docker_mcp::child::{Ended, Failure, Spec, Stdin, Unavailable, counts, spawn};
use docker_mcp::tool::{Kind, ToolError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::time::Instant as Moment;

use crate::support::ledger::{Seen, saw};
use crate::support::rss;
use crate::support::stub::{Stub, descriptors, marked, offspring, state};

/// The room counts its children for the whole process, which `cargo test` shares between tests.
static TURN: Mutex<()> = Mutex::const_new(());

/// What is open, or used, in this process is this test's, as with `cargo nextest`.
fn alone() -> bool {
    std::env::var_os("NEXTEST").is_some()
}

fn sh(script: &str) -> Spec {
    Spec::new("sh").args(["-c", script])
}

async fn run(spec: Spec, limit: Duration) -> Result<Ended, Failure> {
    spawn(spec).await?.wait(Moment::now() + limit).await
}

async fn fine(spec: Spec) -> Ended {
    run(spec, Duration::from_secs(10)).await.unwrap()
}

/// None of ours is left, and none was unkillable.
async fn all_gone(limit: Duration) {
    let start = Instant::now();
    while counts().alive > 0 {
        assert!(start.elapsed() < limit, "{:?}", marked(std::process::id()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(counts().unkillable, 0);
}

#[tokio::test]
async fn a_child_says_how_it_ended_and_what_it_wrote() {
    let _turn = TURN.lock().await;
    let ended = fine(sh("echo out; echo err >&2; exit 7")).await;
    assert_eq!(ended.status.unwrap().code(), Some(7));
    assert_eq!((ended.stdout.text().as_str(), ended.stderr.text().as_str()), ("out\n", "err\n"));
    assert!(!ended.killed && !ended.pipes_held);
    let ended = fine(sh("kill -9 $$")).await;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status.unwrap()), Some(9));
    all_gone(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_child_finds_what_was_set_for_it_and_no_more() {
    let _turn = TURN.lock().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let script = "cut -d ' ' -f 1,5,6 /proc/$$/stat; echo $$; readlink /proc/$$/fd/0; umask; ulimit -c; pwd; \
                  readlink /proc/$$/fd/*; env | cut -d = -f 1 | sort";
    let said = fine(sh(script).env("GIVEN", "x")).await.stdout.text();
    let words: Vec<&str> = said.split_whitespace().collect();
    let pid = words[3];
    assert_eq!(words[..3], [pid, pid, pid], "its own session and group: {said}");
    assert_eq!(words[4..8], ["/dev/null", "0077", "0", "/"], "{said}");
    // Nothing that is open here, such as this file and what the runtime waits with.
    assert!(!words.contains(&file.path().to_str().unwrap()) && !said.contains("eventpoll"), "{said}");
    assert!(words.contains(&"DOCKER_MCP_JOB") && words.contains(&"GIVEN"), "{said}");
    // Cargo and nextest speak to this process through many.
    assert!(!words.iter().any(|word| word.starts_with("CARGO") || word.starts_with("NEXTEST")), "{said}");
}

#[tokio::test]
async fn e1_answered_at_the_deadline_and_killed_after_it() {
    let _turn = TURN.lock().await;
    let limit = Duration::from_secs(1);
    let child = spawn(sh("trap '' TERM; echo before; while :; do sleep 1; done")).await.unwrap();
    let pid = child.pid();
    let start = Instant::now();
    let failure = child.wait(Moment::now() + limit).await.unwrap_err();
    let took = start.elapsed();
    let Failure::TimedOut { ended, .. } = &failure else { panic!("{failure}") };
    assert!(ended.killed && ended.status.is_none() && ended.stdout.text() == "before\n", "{ended:?}");
    let error = ToolError::from(failure);
    assert_eq!(error.kind, Kind::ChildTimeout);
    saw("E1", Seen::new(error.kind.name(), took, limit));
    assert!(state(pid).is_some());
    all_gone(Duration::from_millis(5500)).await;
    assert!(state(pid).is_none());
}

#[tokio::test]
async fn e2_pipes_held_open_are_waited_for_two_seconds() {
    let _turn = TURN.lock().await;
    let stub = Stub::empty();
    let note = format!("echo $$ >> {}", stub.path("pids").display());
    let start = Instant::now();
    let ended = fine(sh(&format!("setsid sh -c '{note}; exec sleep 1000' & echo done"))).await;
    let took = start.elapsed();
    assert!(
        ended.pipes_held && ended.status.unwrap().success() && ended.stdout.text() == "done\n",
        "{ended:?}"
    );
    assert!(took >= Duration::from_millis(1900), "{took:?}");
    saw("E2", Seen::new("ok", took, Duration::from_secs(2)));
    eprintln!("answered after {took:?}, gone {:?} later", stub.gone_within(Duration::from_secs(3)));
    all_gone(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn e3_without_its_mark_a_daemon_is_known_by_its_parents() {
    let _turn = TURN.lock().await;
    // This process takes no orphans: only what was seen while its parents lived is found.
    let stub = Stub::empty();
    let note = format!("echo $$ >> {}", stub.path("pids").display());
    let daemon = format!("setsid sh -c '{note}; exec sleep 1000' & sleep 0.7");
    let script =
        format!("env -i PATH=\"$PATH\" setsid sh -c \"{daemon}\" < /dev/null > /dev/null 2>&1 & sleep 1");
    let start = Instant::now();
    fine(sh(&script.replace("$$", "\\$\\$"))).await;
    saw("E3", Seen::new("ok", start.elapsed(), Duration::from_secs(1)));
    assert_eq!(stub.pids_of(1).len(), 1);
    stub.gone_within(Duration::from_secs(3));
    all_gone(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn e4_floods_are_drained_and_their_ends_kept() {
    let _turn = TURN.lock().await;
    let flood = "head -c 300000000 /dev/zero";
    let script =
        format!("({flood}; echo out-end) & ({flood} | tr '\\0' '\\377' >&2; echo err-end >&2) & wait");
    let memory = rss::peak(std::process::id());
    let limit = Duration::from_secs(20);
    let start = Instant::now();
    let ended = run(sh(&script), limit).await.unwrap();
    let more = rss::peak(std::process::id()) - memory;
    assert_eq!((ended.stdout.total(), ended.stderr.total()), (300_000_008, 300_000_008));
    let (out, err) = (ended.stdout.text(), ended.stderr.text());
    assert!(
        out.ends_with("out-end\n") && err.ends_with("err-end\n"),
        "{} and {} bytes",
        out.len(),
        err.len()
    );
    assert!(
        out.contains("bytes left out]") && out.len() < 20_000 && err.len() < 40_000,
        "{} bytes",
        out.len()
    );
    assert!(!alone() || more < 32 << 20, "{} MiB more", rss::mib(more));
    eprintln!("600 MB in {:?}, {:.1} MiB more", start.elapsed(), rss::mib(more));
    saw("E4", Seen::new("ok", start.elapsed(), limit).memory(more));
}

#[tokio::test]
async fn e4_a_flood_without_end_does_not_delay_the_deadline() {
    let _turn = TURN.lock().await;
    let limit = Duration::from_secs(1);
    let start = Instant::now();
    let failure = run(sh("yes >&2 & exec cat /dev/zero"), limit).await.unwrap_err();
    assert!(matches!(failure, Failure::TimedOut { .. }), "{failure}");
    saw("E4", Seen::new("child_timeout", start.elapsed(), limit));
    all_gone(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn e5_who_reads_stdin_finds_its_end() {
    let _turn = TURN.lock().await;
    let start = Instant::now();
    let ended = fine(sh("read line; echo \"$?:$line\"; cat; git --version > /dev/null; echo went on")).await;
    assert_eq!(ended.stdout.text(), "1:\nwent on\n");
    saw("E5", Seen::new("ok", start.elapsed(), Duration::from_secs(1)));
}

#[tokio::test]
async fn a_pipe_for_stdin_is_there_for_who_asks() {
    let _turn = TURN.lock().await;
    let mut child = spawn(Spec::new("cat").stdin(Stdin::Piped)).await.unwrap();
    let mut pipes = child.pipes().unwrap();
    let mut stdin = pipes.stdin.take().unwrap();
    stdin.write_all(b"to and fro").await.unwrap();
    drop(stdin);
    let mut said = String::new();
    pipes.stdout.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "to and fro");
    assert!(child.end().wait().await.success());
}

#[tokio::test]
async fn e6_what_cannot_be_started_is_told_apart() {
    let _turn = TURN.lock().await;
    let stub = Stub::empty();
    let file = stub.path("ssh");
    let limit = Duration::from_secs(1);
    let mut seen = Vec::new();
    let mut refused = async |spec: Spec| {
        let start = Instant::now();
        let error = run(spec, limit).await.unwrap_err();
        let Failure::Unavailable(why) = &error else { panic!("{error}") };
        seen.push(why.reason());
        assert_eq!(ToolError::from(why.clone()).kind, Kind::ChildUnavailable);
        saw("E6", Seen::new("child_unavailable", start.elapsed(), limit));
        why.clone()
    };
    refused(Spec::new("no-such-program")).await;
    refused(Spec::new("./sh")).await;
    refused(Spec::new("/no/such/program")).await;
    refused(Spec::new("/etc")).await;
    refused(sh("true").cwd("/no/such/folder")).await;
    stub.write("no format that is known\n");
    assert_eq!(refused(Spec::new(&file)).await, Unavailable::WrongFormat(file.clone()));
    stub.write("#!/no/such/interpreter\n");
    refused(Spec::new(&file)).await;
    let words = ["not_found", "not_found", "not_found", "not_executable", "no_folder", "wrong_format"];
    assert_eq!(seen, [&words[..], &["no_interpreter"]].concat());
    all_gone(limit).await;
}

#[tokio::test]
async fn e10_many_children_one_after_another() {
    let _turn = TURN.lock().await;
    fine(sh("true")).await;
    all_gone(Duration::from_secs(1)).await;
    let before = descriptors(std::process::id());
    let start = Instant::now();
    for _ in 0..200 {
        assert!(fine(Spec::new("true")).await.status.unwrap().success());
    }
    saw("E10", Seen::new("ok", start.elapsed() / 200, Duration::from_secs(1)));
    all_gone(Duration::from_secs(2)).await;
    assert_eq!(marked(std::process::id()), Vec::<String>::new());
    assert!(!alone() || offspring(std::process::id()).is_empty(), "zombies");
    assert!(!alone() || descriptors(std::process::id()) <= before);
}

#[tokio::test]
async fn other_children_of_the_process_keep_their_status() {
    let _turn = TURN.lock().await;
    let mut other = std::process::Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
    let mut runtimes = tokio::process::Command::new("sh").args(["-c", "exit 8"]).spawn().unwrap();
    // Two looks of the thread that reaps, and the one at the end.
    fine(sh("sleep 0.6")).await;
    all_gone(Duration::from_secs(1)).await;
    assert_eq!(state(other.id()), Some('Z'), "somebody reaped it");
    assert_eq!(other.wait().unwrap().code(), Some(7));
    assert_eq!(runtimes.wait().await.unwrap().code(), Some(8));
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let _turn = TURN.lock().await;
    for _ in 0..20 {
        let start = spawn(sh("exec sleep 1000"));
        tokio::select! {
            biased;
            _ = start => {}
            () = tokio::task::yield_now() => {}
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    all_gone(Duration::from_secs(2)).await;
    assert_eq!(marked(std::process::id()), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_left_by_many_at_once_is_found() {
    let _turn = TURN.lock().await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..60 {
        running.spawn(fine(sh("setsid sleep 1000 < /dev/null > /dev/null 2>&1 & exit 0")));
    }
    for ended in running.join_all().await {
        assert!(ended.status.unwrap().success() && !ended.pipes_held);
    }
    all_gone(Duration::from_secs(3)).await;
    assert_eq!(marked(std::process::id()), Vec::<String>::new());
}
