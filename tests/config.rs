//! Mistakes in a configuration: all of them at once, each with its place and the way out, before anything is served.

use std::time::Duration;

use docker_mcp::config::{self, Sources};
use docker_mcp::tool::{Class, Clocks};

use crate::support::Launch;

/// Five kinds of mistakes, the line they stand on, and what their message must hold.
const WRONG: &str = "\
dry_runn = false
[permissions]
read = 7
blacklist_container = [\"vault\"]
[output]
max_bytes = -5
[redact]
patterns = [\"((\"]
[neverhang]
read_timeout = \"30 parsecs\"
";

#[test]
fn all_mistakes_are_told_in_one_run() {
    let run = Launch::without_engine().config(WRONG).output();
    assert_eq!(run.status.code(), Some(2));
    assert!(run.stdout.is_empty(), "stdout belongs to the protocol");
    let told = String::from_utf8(run.stderr).unwrap();
    for (line, words) in [
        (1, ["dry_runn", "`dry_run`"]),
        (3, ["permissions.read", "number"]),
        (4, ["blacklist_container", "`blacklist_containers`"]),
        (6, ["output.max_bytes", "-5"]),
        (8, ["((", "regex"]),
        (10, ["30 parsecs", "duration"]),
    ] {
        let place = format!("config.toml:{line}:");
        let at = told.find(&place).unwrap_or_else(|| panic!("nothing about line {line} in:\n{told}"));
        let from = told[..at].rfind("error: ").unwrap();
        let block = told[from..].split("\n\n").next().unwrap();
        for word in words {
            assert!(block.contains(word), "`{word}` is missing in:\n{block}");
        }
        assert!(block.contains('^'), "no caret in:\n{block}");
    }
    assert!(told.contains("6 problems"), "{told}");
}

#[test]
fn what_is_no_configuration_at_all_is_refused() {
    for text in [
        "\0",
        "read = true",
        "[permissions",
        "{\"permissions\":{}}",
        "[permissions]\nread = true\nread = false\n",
        "\u{feff}x",
    ] {
        let run = Launch::without_engine().config(text).output();
        assert_eq!(run.status.code(), Some(2), "{text:?}: {}", String::from_utf8_lossy(&run.stderr));
        assert!(run.stdout.is_empty());
    }
    let run = Launch::without_engine().arg("--config").arg("/nonexistent/docker-mcp.toml").output();
    assert_eq!(run.status.code(), Some(2), "a named file that is missing");
    assert!(String::from_utf8_lossy(&run.stderr).contains("/nonexistent/docker-mcp.toml"));
}

#[test]
fn the_example_loads_as_it_is_and_with_every_setting_set() {
    assert_eq!(problems(config::EXAMPLE), None);
    // Set, some settings exclude each other: what they must not be is unknown.
    if let Some(told) = problems(&all_set()) {
        assert!(!told.contains("is not a key"), "{told}");
    }
}

#[test]
fn every_documented_key_with_a_letter_dropped_is_refused() {
    let text = all_set();
    let mut tried = 0;
    for (at, key) in keys(&text) {
        // Each of the letters would do; the last one and one in the middle are the usual slips.
        for drop in [key.len() - 1, key.len() / 2] {
            let mut slip = key.to_owned();
            slip.remove(drop);
            let mut wrong = text.clone();
            wrong.replace_range(at..at + key.len(), &slip);
            let told = problems(&wrong).unwrap_or_else(|| panic!("`{slip}` instead of `{key}` is taken"));
            let line = wrong[..at].matches('\n').count() + 1;
            let told =
                told.split("\n\n").find(|p| p.contains(&format!(":{line}:")) && p.contains("is not a key"));
            let told =
                told.unwrap_or_else(|| panic!("`{slip}` instead of `{key}` on line {line} is not told"));
            assert!(told.contains(&format!("`{slip}`")), "{told}");
            tried += 1;
        }
    }
    assert!(tried > 200, "only {tried} were tried");
}

#[test]
fn a_dropped_letter_keeps_the_program_from_starting() {
    for (right, slip) in [
        ("[permissions]\nblacklist_containers = []\n", "[permissions]\nblacklist_container = []\n"),
        ("[permissions]\nread = true\n", "[permisions]\nread = true\n"),
        ("[redact]\nenabled = true\n", "[redact]\nenabld = true\n"),
        ("[docker]\ntls = { ca = \"\" }\n", "[docker]\ntls = { c = \"\" }\n"),
    ] {
        let started = Launch::without_engine().config(right).output();
        assert_eq!(started.status.code(), Some(0), "{right}: {}", String::from_utf8_lossy(&started.stderr));
        let refused = Launch::without_engine().config(slip).output();
        assert_eq!(refused.status.code(), Some(2), "{slip}");
    }
}

/// What is said about a text, or nothing.
fn problems(text: &str) -> Option<String> {
    let sources = Sources { cwd: Some("/tmp".into()), home: Some("/root".into()), ..Sources::default() };
    config::load_text(&sources, "x.toml", text).err().map(|p| p.to_string())
}

/// The example with every setting set: lines that begin with `#` and no space.
fn all_set() -> String {
    let set = |line: &'static str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
        _ => line,
    };
    config::EXAMPLE.lines().map(set).collect::<Vec<_>>().join("\n")
}

/// Every key with its place, also those of inline tables; names that the user chooses are left out.
fn keys(text: &str) -> Vec<(usize, &str)> {
    let mut keys = Vec::new();
    let mut from = 0;
    let mut section = "";
    for line in text.split_inclusive('\n') {
        let start = from;
        from += line.len();
        if line.starts_with('[') {
            section = line.trim();
        }
        if line.starts_with('#') || line.starts_with('[') {
            continue;
        }
        let code = line.split(" #").next().unwrap();
        for (equals, _) in code.match_indices(" =") {
            let word =
                code[..equals].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |i| i + 1);
            let of_the_user = word == 0 && (section == "[secrets]" || section.ends_with("cooldown]"));
            // Within a string an equals sign is text.
            let in_a_string = code[..equals].matches('"').count() % 2 == 1;
            if word < equals && !of_the_user && !in_a_string {
                keys.push((start + word, &text[start + word..start + equals]));
            }
        }
    }
    keys
}

/// The clocks of the document that leads (S1) are the defaults, and each can be set.
#[test]
fn the_seeds_clocks_are_the_defaults_and_each_can_be_set() {
    let of = |text: &str| {
        let loaded = config::load_text(&Sources::default(), "config.toml", text).unwrap();
        loaded.settings.neverhang
    };
    let total = |class: Class, text: &str| Clocks::of(class, &of(text)).total;
    for (class, key, seconds) in [
        (Class::Read, "read_timeout", 30),
        (Class::Lifecycle, "lifecycle_timeout", 60),
        (Class::Exec, "exec_timeout", 30),
        (Class::Compose, "compose_timeout", 120),
        (Class::Stream, "stream_timeout", 30),
        (Class::Transfer, "transfer_timeout", 30 * 60),
    ] {
        assert_eq!(total(class, ""), Duration::from_secs(seconds), "{key}");
        let text = format!("[neverhang]\ntransfer_idle = 5000\n{key} = 7000\n");
        assert_eq!(total(class, &text), Duration::from_secs(7), "{key}");
    }
    let idle = |text: &str| Clocks::of(Class::Transfer, &of(text)).idle;
    assert_eq!(idle(""), Some(Duration::from_secs(60)));
    assert_eq!(idle("[neverhang]\ntransfer_idle = \"7s\"\n"), Some(Duration::from_secs(7)));
    let breaker = of("").breaker;
    assert_eq!((breaker.failures, breaker.early_recovery), (3, true));
    assert_eq!((breaker.window, breaker.cooldown), (Duration::from_secs(60), Duration::from_secs(300)));
    let other = "[neverhang]\nmax_timeout = \"1m\"\n\
                 circuit_breaker = { failures = 5, window = 10000, cooldown = 20000, early_recovery = false }\n";
    let set = of(other);
    assert_eq!((set.max_timeout, set.breaker.failures), (Duration::from_secs(60), 5));
    assert_eq!(
        (set.breaker.window, set.breaker.cooldown),
        (Duration::from_secs(10), Duration::from_secs(20))
    );
    assert!(!set.breaker.early_recovery);
}
