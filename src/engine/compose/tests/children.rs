use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tokio::time::Instant;

use super::super::cli::{Compose, NoOutput, output};

/// A script in the place of compose.
async fn run(
    script: &str,
    input: Option<usize>,
    most: usize,
) -> (Result<(Option<i32>, usize, usize), &'static str>, Duration) {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("docker-compose");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let spec = Compose { program, version: (2, 26) }.closed(dir.path());
    let began = Instant::now();
    let input = input.map(|bytes| vec![b'x'; bytes]);
    let came = output(spec, input, Instant::now() + Duration::from_secs(4), most).await;
    let came = match came {
        Ok(output) => Ok((output.status.code(), output.stdout.len(), output.stderr.len())),
        Err(NoOutput::Child(_)) => Err("child"),
        Err(NoOutput::Late) => Err("late"),
        Err(NoOutput::TooMuch) => Err("too much"),
    };
    (came, began.elapsed())
}

#[tokio::test]
async fn what_it_prints_is_bounded_and_so_is_its_time() {
    for (script, input, want, within) in [
        ("echo hello; echo no >&2; exit 3", None, Ok((Some(3), 6, 3)), 2_000),
        ("cat", Some(5_000), Ok((Some(0), 5_000, 0)), 2_000),
        ("exit 0", Some(9_000_000), Ok((Some(0), 0, 0)), 2_000),
        ("cat > /dev/null", None, Ok((Some(0), 0, 0)), 2_000),
        ("read answer; echo \"$answer\"", None, Ok((Some(0), 1, 0)), 2_000),
        ("yes", None, Err("too much"), 3_000),
        ("yes >&2 & yes", None, Err("too much"), 3_000),
        ("head -c 1000000 /dev/zero >&2; echo end", None, Ok((Some(0), 4, 64 << 10)), 3_000),
        ("yes >&2", None, Err("late"), 4_500),
        ("trap '' TERM; while :; do sleep 1; done", None, Err("late"), 4_500),
        ("exec >&- 2>&-; sleep 100", None, Err("late"), 4_500),
        ("setsid sh -c 'sleep 30' & echo left; exit 0", None, Ok((Some(0), 5, 0)), 3_500),
    ] {
        let (came, took) = run(script, input, 100_000).await;
        assert_eq!(came, want, "{script}");
        assert!(took <= Duration::from_millis(within), "{script}: {took:?}");
    }
}

#[tokio::test]
async fn its_environment_is_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("docker-compose");
    fs::write(&at, "#!/bin/sh\nenv\n").unwrap();
    fs::set_permissions(&at, fs::Permissions::from_mode(0o700)).unwrap();
    let spec = Compose { program: at, version: (2, 26) }.closed(dir.path());
    let came = output(spec, None, Instant::now() + Duration::from_secs(4), 100_000).await.ok().unwrap();
    let text = String::from_utf8(came.stdout).unwrap();
    for line in text.lines() {
        let (name, _) = line.split_once('=').unwrap();
        // The shell's own.
        assert!(super::super::cli::of_ours(name) || ["_", "SHLVL", "OLDPWD"].contains(&name), "{line}");
    }
    assert!(text.contains(&format!("HOME={}/home\n", dir.path().display())), "{text}");
}
