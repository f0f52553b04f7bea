use super::super::tests::{after, echoes};
use super::*;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Answers the ping, then gives back what it gets.
const ENGINE: &str = r#"
while IFS= read -r line && [ "$line" != "$(printf '\r')" ]; do printf '%s\n' "$line" >> "$0.asked"; done
printf 'HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\n\r\n'
exec cat
"#;

/// A program in the place of `ssh`, which first notes its process and arguments.
struct Stub {
    dir: TempDir,
}

impl Stub {
    fn new(script: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let text =
            format!("#!/bin/sh\necho $$ >> \"$0.pid\"\nprintf '%s\\n' \"$@\" >> \"$0.args\"\n{script}\n");
        // Written by a child: a descriptor of ours, open for writing in another test's fork, would forbid to run it.
        let mut writer = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod 700 \"$0\""])
            .arg(dir.path().join("ssh"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
        Self { dir }
    }

    fn program(&self) -> OsString {
        self.dir.path().join("ssh").into()
    }

    fn noted(&self, what: &str) -> String {
        let path: PathBuf = self.dir.path().join(format!("ssh.{what}"));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    async fn dial(&self, address: &str, millis: u64) -> Result<SshIo, DialError> {
        connect(&self.program(), &Endpoint::parse(address).unwrap(), after(millis)).await
    }

    async fn refused(&self) -> String {
        let Err(error) = self.dial("ssh://box", 5000).await else { panic!("connected") };
        assert_eq!(error.kind, DialKind::Ssh);
        assert!(error.hint().contains("known_hosts"));
        error.detail
    }

    /// Every process started is gone, reaped too, within two seconds.
    async fn is_gone(&self) {
        let pids = self.noted("pid");
        assert!(!pids.is_empty(), "the stub never ran");
        for pid in pids.lines() {
            let until = after(2000);
            while Command::new("sh").args(["-c", "kill -0 $0 2>&-", pid]).status().unwrap().success() {
                assert!(Instant::now() < until, "{pid} still lives");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

#[tokio::test]
async fn an_engine_is_reached_and_the_child_ends_with_the_stream() {
    let stub = Stub::new(ENGINE);
    let mut io = stub.dial("ssh://me@box:2222/run/user/1/docker.sock", 5000).await.unwrap();
    echoes(&mut io).await;
    assert_eq!(stub.noted("asked"), "HEAD /_ping HTTP/1.1\r\nHost: docker\r\n");
    let args = stub.noted("args");
    let words: Vec<&str> = args.lines().collect();
    assert!(args.starts_with("-T\n") && words.contains(&"BatchMode=yes"), "{args}");
    assert!(words.contains(&"StrictHostKeyChecking=yes") && words.contains(&"ConnectTimeout=4"), "{args}");
    let last = ["-p", "2222", "-l", "me", "--", "box"];
    let remote = ["docker", "-H", "unix:///run/user/1/docker.sock", "system", "dial-stdio"];
    assert!(words.ends_with(&[&last[..], &remote[..]].concat()), "{args}");
    drop(io);
    stub.is_gone().await;
}

#[tokio::test]
async fn half_a_close_reaches_the_other_side_and_what_it_still_says_is_read() {
    let stub = Stub::new(ENGINE);
    let mut io = stub.dial("ssh://box", 5000).await.unwrap();
    io.write_all(b"the end").await.unwrap();
    io.shutdown().await.unwrap();
    assert!(io.write_all(b"more").await.is_err());
    let mut rest = String::new();
    io.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "the end");
}

#[tokio::test]
async fn a_child_that_hangs_is_gone_at_the_deadline_and_what_it_said_is_told() {
    let stub = Stub::new("echo 'debug: still waiting' >&2; exec sleep 1000");
    let start = Instant::now();
    let Err(error) = stub.dial("ssh://box", 700).await else { panic!("connected") };
    let took = start.elapsed().as_millis();
    assert_eq!(error.kind, DialKind::Ssh);
    assert!(error.detail.contains("still waiting") && (600..1500).contains(&took), "{error} after {took} ms");
    stub.is_gone().await;
}

#[tokio::test]
async fn a_dial_that_is_dropped_leaves_no_child() {
    let stub = Stub::new("exec sleep 1000");
    assert!(tokio::time::timeout(Duration::from_millis(700), stub.dial("ssh://box", 60_000)).await.is_err());
    stub.is_gone().await;
}

#[tokio::test]
async fn failures_are_told_in_the_words_of_ssh() {
    let keys =
        Stub::new("cat > /dev/null & printf 'Host key verification\\033[1m failed.\\r\\n' >&2; exit 255");
    let said = keys.refused().await;
    assert!(said.contains("Host key verification [1m failed.") && said.contains("255"), "{said:?}");
    let nothing = Stub::new("exit 127").refused().await;
    assert!(nothing.contains("docker is not installed there"), "{nothing}");
    let shell = Stub::new("echo 'Welcome to box, today is sunny'; exec cat").refused().await;
    assert!(shell.contains("something else than an engine") && shell.contains("Welcome"), "{shell}");
    let endless = Stub::new("printf 'HTTP/1.1 200 OK\\r\\n'; exec yes").refused().await;
    assert!(endless.contains("does not end"), "{endless}");
    let absent = connect("/no/such/ssh".as_ref(), &Endpoint::parse("ssh://box").unwrap(), after(500)).await;
    assert!(absent.err().unwrap().detail.contains("no `/no/such/ssh`"));
}

#[tokio::test]
async fn much_on_stderr_blocks_nothing_and_its_end_is_kept() {
    let stub = Stub::new("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo ' the reason' >&2; exit 255");
    let said = stub.refused().await;
    assert!(said.contains("the reason") && said.len() < 5000, "{} bytes", said.len());
}

#[tokio::test]
async fn a_proxy_that_closes_after_each_answer_gets_a_second_child() {
    let closing = ENGINE.replace(r"\r\n\r\n", r"\r\nConnection: close\r\n\r\n").replace("exec cat", "exit 0");
    let stub = Stub::new(&format!("[ -e \"$0.asked\" ] && exec cat\n{closing}"));
    let mut io = stub.dial("ssh://box", 5000).await.unwrap();
    echoes(&mut io).await;
    assert_eq!(stub.noted("pid").lines().count(), 2);
    drop(io);
    stub.is_gone().await;
}

#[tokio::test]
async fn nobody_can_be_asked() {
    let stub = Stub::new("env | sort > \"$0.env\"; (: < /dev/tty) 2>&- && echo yes > \"$0.tty\"; exit 255");
    stub.refused().await;
    let env = stub.noted("env");
    assert!(env.contains("SSH_ASKPASS_REQUIRE=never\n") && env.contains("DOCKER_MCP_JOB="), "{env}");
    // The words of cargo stand for all that is not meant for it.
    for name in ["DISPLAY", "SSH_ASKPASS", "CARGO"] {
        assert!(!env.contains(&format!("\n{name}=")), "{env}");
    }
    assert_eq!(stub.noted("tty"), "", "a terminal could be opened");
    let soon = stub.dial("ssh://box", 0).await;
    assert!(soon.is_err() && !stub.noted("args").contains("ConnectTimeout=0"), "0 would mean for ever");
}

/// The true program, if there is one: it understands the options and its own deadline comes before ours.
#[tokio::test]
async fn the_true_ssh_is_told_in_its_words() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("ssh://127.0.0.1:{port}")).unwrap();
    let start = Instant::now();
    let silent = super::super::dial(&endpoint, after(2500)).await.err().unwrap();
    if silent.detail.contains("in PATH") {
        return eprintln!("skipped: {silent}");
    }
    assert!(silent.detail.contains("timed out") && start.elapsed() < Duration::from_secs(3), "{silent}");
    drop(listener);
    let closed = super::super::dial(&endpoint, after(2500)).await.err().unwrap();
    assert!(closed.kind == DialKind::Ssh && closed.detail.contains("refused"), "{closed}");
}
