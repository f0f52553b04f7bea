//! Who may name whom, read from the source itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::text::each_file;

/// What each room may name of ours, beside itself. What is not here is forbidden.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("lib", &[]),
    // The composition root sees everything.
    (
        "app",
        &[
            "audit",
            "config",
            "engine",
            "output",
            "policy",
            "server",
            "supervisor",
            "tool",
            "tools",
            "transport",
        ],
    ),
    // Commands load a configuration, make the app and call through the server as a client would.
    (
        "cli",
        &["app", "audit", "config", "engine", "output", "policy", "reference", "server", "tool", "transport"],
    ),
    ("transport", &["server"]),
    ("server", &["audit", "config", "engine", "output", "policy", "supervisor", "tool", "tools"]),
    // Its probes ping the engine; its refusals are in the words of the contract of tools.
    ("supervisor", &["config", "engine", "tool"]),
    ("tools", &["config", "engine", "output", "policy", "tool"]),
    // The context hands a tool the engine and the settings; failures of the engine become kinds here.
    ("tool", &["config", "engine", "output", "policy"]),
    ("engine", &["policy"]),
    ("audit", &["tool"]),
    ("config", &["policy"]),
    ("output", &[]),
    ("policy", &[]),
    // Renders tables from the catalogue.
    ("reference", &["config", "server", "tool", "tools"]),
];

/// Crates that few rooms may name.
const CRATES: &[(&str, &[&str])] = &[
    ("bollard", &["engine"]),
    ("hyper", &["engine"]),
    // The service is started where its transport is put together.
    ("rmcp", &["server", "transport", "cli/serve.rs"]),
    ("clap", &["cli"]),
];

#[test]
fn rooms_look_in_one_direction() {
    let mut wrong = Vec::new();
    each_source(|file| {
        let (_, may) = MAY_NAME
            .iter()
            .find(|(room, _)| *room == file.room)
            .unwrap_or_else(|| panic!("a new room: `{}` is not in MAY_NAME", file.room));
        for named in named(&file.code) {
            if named != file.room && !may.contains(&named.as_str()) {
                wrong.push(format!("{} names crate::{named}", file.path));
            }
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    each_source(|file| {
        for (name, homes) in CRATES {
            let at_home = homes.iter().any(|h| file.room == *h || file.path.ends_with(h));
            let word = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            let names = file.code.match_indices(&format!("{name}::")).any(|(i, _)| {
                word(&file.code[i + name.len()..]) && {
                    let before = file.code[..i].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                }
            });
            if names && !at_home {
                wrong.push(format!("{} names {name}", file.path));
            }
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_rooms_do_not_wait_and_have_no_clock() {
    let mut wrong = Vec::new();
    each_source(|file| {
        if !["policy", "config", "output"].contains(&file.room.as_str()) {
            return;
        }
        for word in [
            "tokio",
            "async fn",
            "async move",
            ".await",
            "Instant::",
            "SystemTime",
            "TcpStream",
            "UnixStream",
        ] {
            if file.code.contains(word) {
                wrong.push(format!("{} has `{word}`", file.path));
            }
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_printed_past_the_protocol() {
    let mut wrong = Vec::new();
    each_source(|file| {
        for word in ["println!", "print!(", "dbg!", "io::stdout()"] {
            let at = file.code.match_indices(word).any(|(i, _)| !file.code[..i].ends_with('e'));
            let allowed = word == "io::stdout()"
                && ["cli/out.rs", "transport/stdio.rs"].iter().any(|p| file.path.ends_with(p));
            if at && !allowed {
                wrong.push(format!("{} has `{word}`", file.path));
            }
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is() {
    let mut wrong = Vec::new();
    each_source(|file| {
        if !file.whole.starts_with("//!") && !file.is_test() {
            wrong.push(file.path.clone());
        }
    });
    assert!(wrong.is_empty(), "without module docs: {wrong:#?}");
}

#[test]
fn what_may_be_sent_to_an_engine_only_reads() {
    let written: BTreeSet<&str> = docker_mcp::engine::ops::ALLOWED
        .iter()
        .filter(|(m, ..)| !["GET", "HEAD"].contains(m))
        .map(|(m, ..)| *m)
        .collect();
    let changing = docker_mcp::server::catalogue::all().any(|def| !def.spec.effect.read_only());
    assert!(changing || written.is_empty(), "no tool changes anything, but {written:?} may be sent");
    // These read by their method only: stdin of a container, files of it, whole images.
    for path in ["attach/ws", "archive", "export", "/images/get"] {
        assert!(docker_mcp::engine::ops::ALLOWED.iter().all(|(_, p, _)| !p.contains(path)), "{path}");
    }
}

/// A file of the source.
struct Source {
    path: String,
    room: String,
    whole: String,
    /// Without comments and tests.
    code: String,
}

impl Source {
    /// Tests in a file or folder of their own.
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

fn each_source(mut look: impl FnMut(&Source)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths: Vec<PathBuf> = Vec::new();
    each_file(&root, &mut |path| {
        paths.extend(path.extension().is_some_and(|e| e == "rs").then(|| path.to_owned()))
    });
    paths.sort();
    assert!(paths.len() > 50, "the source was not found");
    for path in paths {
        let whole = std::fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let room = path.split(['/', '.']).next().unwrap().to_owned();
        let body = whole.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code: Vec<&str> = body.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
        let mut file = Source { path, room, code: code.join("\n"), whole };
        if file.is_test() {
            file.code.clear();
        }
        look(&file);
    }
}

/// Rooms that a file names: `crate::x`, also the first words within braces.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let word = |text: &str| {
        text.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
    };
    for (at, found) in code.match_indices("crate::") {
        let rest = &code[at + found.len()..];
        let Some(inside) = rest.strip_prefix('{') else {
            names.extend(word(rest));
            continue;
        };
        let mut depth = 1;
        names.extend(word(inside));
        for (i, c) in inside.char_indices() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            match (c, depth) {
                (_, 0) => break,
                (',', 1) => names.extend(word(&inside[i + 1..])),
                _ => {}
            }
        }
    }
    names.remove("");
    names
}

#[test]
fn names_within_braces_are_seen() {
    let seen = named("use crate::{engine::{Budget, Wire}, tool::Ctx,\n output};\nuse crate::policy::Permit;");
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["engine", "output", "policy", "tool"]);
}
