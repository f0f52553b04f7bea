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
            "child",
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
        &[
            "app",
            "audit",
            "child",
            "config",
            "confirm",
            "engine",
            "output",
            "policy",
            "reference",
            "server",
            "state",
            "tool",
            "transport",
        ],
    ),
    // What a tool takes stands in its definition, also for those who call it without MCP.
    ("transport", &["config", "server", "tool"]),
    (
        "server",
        &[
            "audit",
            "config",
            "confirm",
            "engine",
            "guard",
            "limits",
            "output",
            "policy",
            "state",
            "supervisor",
            "tool",
            "tools",
        ],
    ),
    // Its probes ping the engine; its refusals are in the words of the contract of tools.
    ("supervisor", &["config", "engine", "tool"]),
    ("tools", &["config", "engine", "guard", "output", "policy", "tool"]),
    // Is what is asked safe? It judges by what the settings say, and by what it is told of the rest.
    ("guard", &["config", "policy"]),
    // The context hands a tool the engine and the settings; failures of the engine become kinds here.
    ("tool", &["child", "config", "engine", "guard", "output", "policy", "state"]),
    // Other programs are ways to an engine: ssh, compose. What a context leaves out is read as the guard reads it.
    ("engine", &["child", "guard", "policy"]),
    ("child", &[]),
    ("audit", &["state", "tool"]),
    ("config", &["policy"]),
    // What a person says comes from another process, and cooldowns outlive this one.
    ("confirm", &["state"]),
    ("limits", &["state"]),
    ("state", &[]),
    ("output", &[]),
    ("policy", &[]),
    // Renders tables from the catalogue.
    ("reference", &["config", "server", "tool", "tools"]),
];

/// Words of the code that few files may use, whatever stands around them, so that no `use .. as ..` hides one; where they
/// may stand, as rooms or files; and why nowhere else.
const HOMES: &[(&str, &[&str], &str)] = &[
    ("bollard", &["engine"], "what it sends must pass the closed list"),
    ("hyper", &["engine", "transport/http"], "what it sends must pass the closed list; callers are answered"),
    (
        "hyper_util",
        &["engine", "transport/http"],
        "what it sends must pass the closed list; callers are answered",
    ),
    (
        "tokio_rustls",
        &["engine", "transport/http/tls.rs", "transport/http/oidc/fetch.rs"],
        "the engine is dialled, and the identity provider; callers are answered",
    ),
    ("jsonwebtoken", &["transport/http/oidc"], "who calls is found out there"),
    ("rmcp", &["server", "transport"], "the service is started where its transport is put together"),
    ("clap", &["cli"], "arguments of the command line end there"),
    ("prometheus", &["server/metrics"], "it is counted in one place, and labels are words of ours"),
    (
        "stdout",
        &[
            "cli/out.rs",
            "transport/stdio",
            "engine/dial/ssh.rs",
            "engine/watched.rs",
            "engine/compose",
            "child",
        ],
        "stdout is the protocol's; children have their own",
    ),
    ("UnixStream", &["engine"], "a socket past the engine room is a way to Docker without a permit"),
    ("UnixSocket", &[], "streams are how the engine is dialled"),
    ("UnixDatagram", &[], "nobody is told anything"),
    ("UnixListener", &[], "nothing listens"),
    (
        "TcpStream",
        &["engine", "cli/health.rs", "transport/http/oidc/fetch.rs"],
        "a socket past the engine room is a way to Docker without a permit; a health check asks a server of ours",
    ),
    ("TcpSocket", &[], "streams are how the engine is dialled"),
    ("TcpListener", &["transport/http/mod.rs"], "callers come in there, and nowhere else"),
    ("UdpSocket", &[], "nobody is told anything"),
    (
        "net",
        &[
            "engine",
            "config/settings/service.rs",
            "config/resolve/service.rs",
            "config/resolve/web.rs",
            "guard/create/fields.rs",
            "guard/network.rs",
            "cli/health.rs",
            "cli/serve.rs",
            "transport/http",
        ],
        "only the engine is dialled; over HTTP callers come from somewhere; the configuration writes addresses down, and the guard reads them",
    ),
    (
        "fs",
        &[
            "config/locate.rs",
            "config/secret.rs",
            "engine/discover",
            "engine/dial",
            "audit",
            "cli/doctor.rs",
            "cli/init.rs",
            "cli/umask.rs",
            "child",
            "engine/build",
            "engine/docker_cli.rs",
            "engine/compose",
            "engine/exec/host.rs",
            "engine/room.rs",
            "engine/scratch.rs",
            "state",
            "tools/images/build",
            "tools/making/real.rs",
            "transport/http/tls.rs",
        ],
        "read: the configuration, the secrets and certificates it names, where paths of a mount lead, asked or had, docker's contexts and certificates, \
         sockets, /proc, contexts of builds, free space; written: the audit; both: the check of the host, the folders that a build and compose are given",
    ),
    (
        "OpenOptions",
        &["audit/file.rs", "cli/init.rs", "state", "engine/compose/mirror.rs", "engine/scratch.rs"],
        "the only files that are written",
    ),
    (
        "process",
        &["main.rs", "cli", "engine/dial/ssh.rs", "audit/file.rs", "state/mod.rs", "child"],
        "exit codes, docker's own programs in doctor, children and the pipes of ssh; whose files are ours",
    ),
    (
        "Command",
        // A shell's command in a parsed text is another thing.
        &["cli", "child/fork.rs", "child/apart.rs", "guard/exec/script.rs"],
        "a program that runs past the engine is an exec without a permit",
    ),
    ("unsafe", &["child/fork.rs"], "only between fork and exec it is needed"),
];

/// What sees past the filters, or makes the ground that decisions stand on: for the layers around the tools, never for tools.
const AROUND_TOOLS: &[(&str, &[&str])] = &[
    // The permit for what the engine says that it made.
    (".born(", &["engine"]),
    ("learn(", &["server", "engine", "output/redact.rs"]),
    ("environments(", &["server", "engine"]),
    ("known_names(", &["server", "engine"]),
    ("census(", &["cli/doctor.rs", "engine"]),
    // The names of a project are made into permits from its model: a tool gets both.
    (".stack(", &["server", "engine"]),
    (".all_in_sight(", &["server", "engine"]),
    (".folder_of(", &["server", "engine"]),
    (".made_from(", &["server", "engine"]),
    // Only decisions on what was found: each asks the rules again.
    ("policy::came(", &["tools/compose/stack/after.rs"]),
    ("policy::also(", &["tools/images/build/bases.rs", "tools/compose/stack/images.rs"]),
    ("policy::arrived(", &["tools/compose/stack/bring.rs", "tools/making/fetch.rs"]),
    // Paths of the configuration are resolved as well.
    (".resolve(", &["server", "engine", "config"]),
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
fn words_stay_in_their_homes() {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    each_source(|file| {
        let code = bare(&file.code);
        for (word, homes, why) in HOMES {
            if !has_word(&code, word) {
                continue;
            }
            match homes.iter().find(|home| file.lives_in(home)) {
                Some(home) => drop(used.insert((*word, *home))),
                None => wrong.push(format!("{} has `{word}`: {why}", file.path)),
            }
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
    // A home that is not lived in is a door left open.
    let all = HOMES.iter().flat_map(|(word, homes, _)| homes.iter().map(|home| (*word, *home)));
    let empty: Vec<_> = all.filter(|home| !used.contains(home)).collect();
    assert!(empty.is_empty(), "no longer used, take it out of HOMES: {empty:?}");
}

#[test]
fn what_sees_past_the_filters_is_not_for_tools() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    each_source(|file| {
        let code = bare(&file.code);
        for (name, homes) in AROUND_TOOLS {
            let called = code.match_indices(name).any(|(at, _)| {
                name.starts_with('.') || !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
            });
            if called {
                seen.insert(*name);
                if !homes.iter().any(|home| file.lives_in(home)) {
                    wrong.push(format!("{} uses `{name}`", file.path));
                }
            }
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(seen.len(), AROUND_TOOLS.len(), "a name has changed: {seen:?}");
}

#[test]
fn pure_rooms_do_not_wait_and_have_no_clock() {
    let mut wrong = Vec::new();
    each_source(|file| {
        if !["policy", "config", "output", "guard"].contains(&file.room.as_str()) {
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
        let code = bare(&file.code);
        // The way of `stdout` itself is in HOMES.
        for word in ["println", "print", "dbg"] {
            let at = code
                .match_indices(&format!("{word}!"))
                .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
            if at {
                wrong.push(format!("{} has `{word}!`", file.path));
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
    // These read by their method only: stdin of a container, all of its files, whole images.
    for path in ["attach/ws", "export", "/images/get"] {
        assert!(docker_mcp::engine::ops::ALLOWED.iter().all(|(_, p, _)| !p.contains(path)), "{path}");
    }
    // And this, which is what commands could read.
    let archive = docker_mcp::engine::ops::ALLOWED.iter().filter(|(_, p, _)| p.ends_with("/archive"));
    assert!(
        archive.clone().count() == 3
            && archive.clone().all(|(.., level)| *level == docker_mcp::policy::Level::Exec)
    );
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

    /// In that file, or that folder, or the module of that name.
    fn lives_in(&self, home: &str) -> bool {
        let rest = self.path.strip_prefix(home);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs")
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
        let (body, tests) = whole.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&whole, "\n}\n"));
        assert!(
            tests.find("\n}\n") == Some(tests.len() - 3),
            "{path}: code behind its tests is not looked at"
        );
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

/// Code without comments, and without what stands in strings and characters.
fn bare(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            'r' if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') => raw_string(rest),
            '"' => quoted(rest),
            // A lifetime has no second quote.
            '\'' => character(rest),
            _ => 0,
        };
        let taken = if skipped == 0 { c.len_utf8() } else { skipped };
        out.push_str(if skipped == 0 { &rest[..taken] } else { " " });
        rest = &rest[taken..];
    }
    out
}

fn quoted(text: &str) -> usize {
    let mut escaped = true;
    for (i, c) in text.char_indices() {
        match c {
            '"' if !escaped => return i + 1,
            '\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    text.len()
}

fn raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|b| *b == b'#').count();
    if text.as_bytes().get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let from = hashes + 2;
    text[from..].find(&end).map_or(text.len(), |at| from + at + end.len())
}

fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[3.min(text.len())..].find('\'').map_or(0, |at| at + 4),
        Some(_) => chars.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// A word of its own; not the method of something, which `.stdout(..)` of a command is.
fn has_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].trim_end();
        !code[..at].ends_with(part) && !before.ends_with('.') && !code[at + word.len()..].starts_with(part)
    })
}

#[test]
fn words_are_found_in_code_only() {
    let code = "use bollard as b; // hyper\n/* clap */ let x = \"rmcp \\\" net\"; r#\"fs \" File\"#; 'p'; '\"'; '\\''; \
                fn f<'process>(a: &'process str) { command\n .stdout(x); my_net(); network; std::{io, Command as C} }";
    let code = bare(code);
    for word in ["bollard", "Command", "process", "x"] {
        assert!(has_word(&code, word), "{word} in {code}");
    }
    for word in ["hyper", "clap", "rmcp", "net", "fs", "File", "stdout", "p"] {
        assert!(!has_word(&code, word), "{word} in {code}");
    }
}
