//! Children of the served program: `ssh` is one, and here it is a script.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::ledger::{Seen, saw};
use crate::support::stub::{ENGINE, Stub, descriptors, offspring, settles, state, threads};
use crate::support::{Client, ToolResult, rss};

/// `read_timeout` in the stub's configuration: what a call may take here.
const CALL: Duration = Duration::from_secs(2);
/// From the end of a call to the end of its processes.
const GONE: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_millis(700);

fn ps(client: &Client) -> ToolResult {
    client.call("docker_ps", &json!({}))
}

/// A call that fails because of its child, within its time.
#[track_caller]
fn fails(client: &Client) -> ToolResult {
    let result = ps(client);
    assert!(["daemon_unreachable", "daemon_timeout"].contains(&result.kind()), "{}", result.text);
    assert!(result.took <= CALL + Duration::from_secs(1), "{:?}", result.took);
    result
}

/// How many descriptors a server has that was asked once, and has no child any more.
fn at_rest(client: &Client, stub: &Stub) -> usize {
    ps(client);
    stub.gone_within(GONE);
    std::thread::sleep(LATER);
    descriptors(client.pid())
}

#[test]
fn e1_a_child_that_ignores_sigterm_is_killed_and_nobody_waits() {
    let stub = Stub::new("trap '' TERM\nwhile :; do sleep 1; done");
    let client = stub.launch().connect();
    let result = fails(&client);
    saw("E1", Seen::of(&result, CALL));
    // It had its time to tidy up, and the server answers meanwhile.
    std::thread::sleep(Duration::from_secs(2));
    assert!(stub.pids().iter().any(|pid| state(*pid).is_some()), "killed without being asked");
    assert!(!client.tools().is_empty());
    let took = stub.gone_within(GONE.saturating_sub(Duration::from_secs(2)) + LATER);
    eprintln!("answered after {:?}, gone {:?} later", result.took, took + Duration::from_secs(2));
    settles(&client, usize::MAX, LATER);
}

#[test]
fn e1_at_the_end_of_the_server_nothing_is_left_either() {
    // The death signal reaches the child alone, so it is the other one that counts.
    let stub =
        Stub::new("trap '' TERM\nsetsid sh -c \"trap '' TERM; $NOTE; while :; do sleep 1; done\" &\nwait");
    let client = stub.launch().connect();
    client.begin_call("docker_ps", &json!({}));
    stub.pids_of(2);
    client.signal("TERM");
    let (_, took) = client.wait_exit(Duration::from_secs(3)).expect("it ends");
    let gone = stub.gone_within(LATER);
    eprintln!("ended within {took:?}; its children {gone:?} later");
    assert_eq!(offspring(client.pid()), Vec::<String>::new());
}

#[test]
fn e1_a_cancelled_call_leaves_nothing() {
    let stub = Stub::new("sh -c \"$NOTE; exec sleep 1000\" &\nexec sleep 1000");
    let client = stub.launch().connect();
    let before = at_rest(&client, &stub);
    let id = client.begin_call("docker_ps", &json!({}));
    stub.pids_of(4);
    client.notify("notifications/cancelled", json!({ "requestId": id }));
    let took = stub.gone_within(Duration::from_secs(1));
    assert!(took < Duration::from_secs(1), "the call's own clock ended them");
    settles(&client, before, LATER);
}

#[test]
fn e2_a_grandchild_in_its_own_session_that_holds_the_pipes() {
    let stub = Stub::new("setsid sh -c \"$NOTE; exec sleep 1000\" &\nsleep 0.2; exit 255");
    let client = stub.launch().connect();
    let before = at_rest(&client, &stub);
    let result = fails(&client);
    saw("E2", Seen::of(&result, CALL));
    assert!(result.text.contains("255"), "{}", result.text);
    let took = stub.gone_within(GONE);
    eprintln!("answered after {:?}, gone {took:?} later", result.took);
    settles(&client, before, LATER);
}

/// Forked twice, in a session of its own, its environment empty, its streams closed.
fn daemon(between: &str, then: &str) -> Stub {
    let fork = format!("{between} setsid sh -c '$NOTE; exec sleep 1000' &");
    let quiet = "< /dev/null > /dev/null 2>&1 &";
    Stub::new(&format!("env -i PATH=\"$PATH\" setsid sh -c \"{fork}\" {quiet}\n{then}"))
}

#[test]
fn e3_a_daemon_forked_twice_with_an_empty_environment() {
    for (what, between, then) in [
        ("seen while its parents lived", "sleep 0.7;", "sleep 1.2; exit 255"),
        ("gone from its parents before anybody looked", "", "sleep 0.05; exit 255"),
        ("of a child that hangs", "", "exec sleep 1000"),
    ] {
        let stub = daemon(between, then);
        let client = stub.launch().connect();
        let result = fails(&client);
        saw("E3", Seen::of(&result, CALL));
        let daemon = *stub.pids_of(2).last().unwrap();
        let environ = std::fs::read(format!("/proc/{daemon}/environ")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&environ).contains("DOCKER_MCP"), "{what}: marked");
        let took = stub.gone_within(GONE);
        eprintln!("{what}: answered after {:?}, gone {took:?} later", result.took);
        settles(&client, usize::MAX, LATER);
    }
}

#[test]
fn e4_floods_on_both_streams() {
    let stub = Stub::new("yes no newline | tr -d '\\n' >&2 &\nexec cat /dev/zero");
    let client = stub.launch().connect();
    let before = at_rest(&client, &stub);
    let memory = rss::peak(client.pid());
    let result = fails(&client);
    assert!(result.text.len() < 6000, "{} bytes", result.text.len());
    let more = rss::peak(client.pid()) - memory;
    assert!(more < 32 << 20, "{} MiB more", rss::mib(more));
    saw("E4", Seen::of(&result, CALL).memory(more));
    stub.gone_within(GONE);
    settles(&client, before, LATER);
}

#[test]
fn e5_a_child_that_asks_finds_nobody_and_the_protocol_goes_on() {
    let ask = "if { read answer < /dev/tty; } 2> /dev/null; then exit 1; fi\n\
               echo 'no terminal to ask for the password' >&2; exit 255";
    let stub = Stub::new(ask);
    let client = stub.launch().connect();
    for _ in 0..3 {
        let result = fails(&client);
        assert!(result.text.contains("no terminal to ask"), "{}", result.text);
        assert!(result.took < Duration::from_secs(1), "{:?}", result.took);
        saw("E5", Seen::of(&result, CALL));
    }
    assert!(client.tools().len() > 3);
    stub.gone_within(GONE);
    settles(&client, usize::MAX, LATER);
}

#[test]
fn e6_a_child_that_cannot_be_started_says_why() {
    let stub = Stub::empty();
    let path = stub.path("ssh");
    let only = stub.path("").display().to_string();
    let client = stub.launch().env("PATH", &only).connect();
    let mut before = 0;
    let script = |text: &str| stub.write(text);
    let missing = || drop(std::fs::remove_file(&path));
    let shut = || {
        script("#!/bin/sh\nexit 255\n");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    let states: [(&dyn Fn(), &str); 6] = [
        (&missing, "there is no `ssh` in PATH"),
        (&shut, "is not executable"),
        (&|| script("\u{7f}ELF no program"), "exec format error"),
        (&|| script("echo a script without its first line\n"), "exec format error"),
        (&|| script("#!/no/such/interpreter\n"), "names an interpreter that is not there"),
        (&missing, "there is no `ssh` in PATH"),
    ];
    for (make, said) in states {
        make();
        let result = fails(&client);
        assert!(result.text.contains(said), "{said}? {}", result.text);
        assert!(result.took < Duration::from_millis(500), "{:?}", result.took);
        saw("E6", Seen::of(&result, CALL));
        before = before.max(descriptors(client.pid()));
    }
    settles(&client, before, LATER);
    // It is there after all.
    script("#!/bin/sh\necho found >&2\nexit 255\n");
    assert!(fails(&client).text.contains("found"));
}

#[test]
fn e10_many_children_leave_no_zombie_and_no_descriptor() {
    let count = std::env::var("DOCKER_MCP_TEST_CHILDREN").map_or(300, |count| count.parse().unwrap());
    let stub = Stub::new(&format!("(setsid sleep 0.1 &)\n{ENGINE}"));
    let client = stub.launch().connect();
    let before = at_rest(&client, &stub);
    let threads_before = threads(client.pid());
    let start = Instant::now();
    let mut slowest = ps(&client).ok();
    for _ in 0..count / 10 {
        let ids: Vec<_> = (0..10).map(|_| client.begin_call("docker_ps", &json!({}))).collect();
        for id in ids {
            let result = client.wait(&id).tool();
            assert!(!result.is_error, "{}", result.text);
            if result.took > slowest.took {
                slowest = result;
            }
        }
    }
    eprintln!("{count} children in {:?}, the slowest answer {:?}", start.elapsed(), slowest.took);
    saw("E10", Seen::of(&slowest, CALL));
    settles(&client, before, GONE);
    assert!(threads(client.pid()) <= threads_before, "{} threads", threads(client.pid()));
    assert!(stub.pids().len() >= count);
}

#[test]
fn e12_killed_with_sigkill_its_children_die_and_the_next_one_ends_what_is_left() {
    let stub = Stub::new(
        "trap '' TERM HUP\nsetsid sh -c \"$NOTE; exec sleep 1000\" < /dev/null > /dev/null 2>&1 &\nwait",
    );
    let client = stub.launch().connect();
    client.begin_call("docker_ps", &json!({}));
    let pids = stub.pids_of(2);
    let start = Instant::now();
    client.signal("KILL");
    while state(pids[0]).is_some_and(|state| state != 'Z') {
        assert!(start.elapsed() < Duration::from_secs(1), "the child lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
    saw("E12", Seen::new("child gone", start.elapsed(), Duration::from_secs(1)));
    // What it had started does not die with it.
    assert!(state(pids[1]).is_some());
    let other = Stub::new("exit 255");
    let start = Instant::now();
    let next = other.launch().connect();
    assert!(!next.tools().is_empty());
    // Dead, that is: whose child it is now may be slow to reap it.
    while state(pids[1]).is_some_and(|state| state != 'Z') {
        assert!(start.elapsed() < Duration::from_secs(2), "it was left");
        std::thread::sleep(Duration::from_millis(5));
    }
    eprintln!("the next docker-mcp ended what was left within {:?}", start.elapsed());
}

#[test]
fn e12_what_another_living_docker_mcp_started_is_left_alone() {
    let stub = Stub::new("exec sleep 1000");
    let client = stub.launch().connect();
    let id = client.begin_call("docker_ps", &json!({}));
    let pids = stub.pids_of(1);
    let next = Stub::new("exit 255").launch().connect();
    assert!(!next.tools().is_empty());
    std::thread::sleep(Duration::from_millis(300));
    assert!(state(pids[0]).is_some_and(|state| state != 'Z'), "killed by another");
    client.wait(&id);
    stub.gone_within(GONE);
}

#[test]
fn e3_what_others_started_in_our_process_before_us_is_left_alone() {
    let stub = Stub::new("exec sleep 1");
    // A wrapper has a service in the background and becomes docker-mcp: what the service leaves comes to us as well.
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("pids");
    let service = "sleep 1.5; sh -c 'setsid sleep 30 & echo $! > $NOTE'; echo $$ >> $NOTE; exec sleep 30";
    let script = "setsid sh -c \"$SERVICE\" < /dev/null > /dev/null 2>&1 &\nexec \"$@\"";
    let launch = stub.launch().env("SERVICE", service).env("NOTE", note.to_str().unwrap()).through(script);
    let client = launch.connect();
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        ps(&client);
        std::thread::sleep(Duration::from_millis(50));
    }
    let pids = std::fs::read_to_string(&note).unwrap();
    let pids: Vec<u32> = pids.lines().map(|pid| pid.parse().unwrap()).collect();
    let live = pids.iter().filter(|pid| state(**pid).is_some_and(|state| state != 'Z')).count();
    for pid in &pids {
        let _gone = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
    }
    assert_eq!(live, 2, "killed, though they are none of ours: {pids:?}");
}
