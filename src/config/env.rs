//! Variables: `DOCKER_MCP__SECTION__KEY`, and the table of those that the servers we replace have read.
//!
//! A variable may tighten a guard. One of ours that would loosen it is a problem; one of the seeds is ignored and said so,
//! because it stands in many a client's entry already.

use std::path::Path;
use std::sync::Arc;

use super::layers::{Given, IgnoredEnv, Layers};
use super::tree::At;

/// What the variables of this program begin with.
pub const PREFIX: &str = "DOCKER_MCP__";

/// `exec_safety.timeout` -> `DOCKER_MCP__EXEC_SAFETY__TIMEOUT`
#[must_use]
pub fn variable(key: &str) -> String {
    let mut name = String::with_capacity(PREFIX.len() + key.len() + 4);
    name.push_str(PREFIX);
    for c in key.chars() {
        match c {
            '.' => name.push_str("__"),
            '-' => name.push('_'),
            c => name.push(c.to_ascii_uppercase()),
        }
    }
    name
}

/// The regexes of a seed: where they belong depends on the mode, so the exec section asks for them by this name.
pub const COMMAND_PATTERNS: &str = "MCP_DOCKER_COMMAND_PATTERNS";

enum Meaning {
    /// The text is the key's.
    Key(&'static str),
    /// The text is the key's once it is converted; `None`: it is not understood.
    Converted(&'static str, fn(&str) -> Option<String>),
    /// A switch: the keys and what `false` sets them to. `true` is what we do anyway.
    Switch(&'static [(&'static str, &'static str)]),
    /// No effect here; the reason.
    Gone(&'static str),
}

use Meaning::{Converted, Gone, Key, Switch};

/// Where two name the same key, the first that is set counts.
const SEEDS: &[(&str, Meaning)] = &[
    ("MCP_DOCKER_MAX_BYTES", Key("output.max_bytes")),
    ("MCP_DOCKER_CHUNK_BYTES", Key("output.chunk_bytes")),
    ("MCP_DOCKER_MAX_CONCURRENT", Key("exec_safety.max_concurrent")),
    ("MCP_DOCKER_TIMEOUT_MS", Key("exec_safety.timeout")),
    ("MCP_DOCKER_SECURITY", Switch(&[("exec_safety.mode", "none")])),
    ("MCP_DOCKER_DEFAULT_USER", Key("exec_safety.default_user")),
    ("MCP_DOCKER_ALLOW_ROOT", Key("exec_safety.allow_root")),
    ("MCP_DOCKER_COMMAND_POLICY_MODE", Key("exec_safety.mode")),
    (COMMAND_PATTERNS, Key(COMMAND_PATTERNS)),
    ("MCP_DOCKER_DENIED_PATHS", Key("exec_safety.denied_paths")),
    ("MCP_DOCKER_DENIED_FLAGS", Key("exec_safety.denied_flags")),
    ("MCP_DOCKER_RATE_LIMITS", Switch(&[("limits.exec_per_minute", "0"), ("limits.logs_per_minute", "0")])),
    ("MCP_DOCKER_EXEC_PER_MINUTE", Key("limits.exec_per_minute")),
    ("MCP_DOCKER_LOGS_PER_MINUTE", Key("limits.logs_per_minute")),
    ("MCP_DOCKER_AUDIT", Key("audit.enabled")),
    ("MCP_DOCKER_AUDIT_FILE", Converted("audit.dir", folder)),
    ("AUDIT_DIR", Key("audit.dir")),
    ("MCP_DOCKER_AUDIT_RETENTION_DAYS", Key("audit.retention_days")),
    ("MCP_DOCKER_LOG_LEVEL", Converted("log.level", log_level)),
    ("LOG_LEVEL", Converted("log.level", log_level)),
    ("MCP_DOCKER_STRUCTURED_LOGS", Converted("log.format", log_format)),
    ("MCP_DOCKER_DRY_RUN", Key("dry_run")),
    ("COMPOSE_FILE", Converted("compose.files", compose_files)),
    ("DOCKER_MCP_PORT", Converted("http.listen", listen)),
    ("MCP_AUTH_SECRET", Gone("signed tokens are replaced by bearer keys: `docker-mcp key new`")),
    ("DOCKER_MCP_BASE_URL", Gone("it belongs to the client of the HTTP gateway")),
    (
        "DOCKER_MCP_COMPOSE_FILE",
        Gone("it belongs to the client of the HTTP gateway; here it is `COMPOSE_FILE`"),
    ),
];

/// Takes what the seeds' table names out of an environment.
pub(super) fn seeds(vars: &[(String, String)], layers: &mut Layers) {
    if !vars.iter().any(|(name, _)| concerns_us(name)) {
        return;
    }
    for (name, meaning) in SEEDS {
        let Some((_, text)) = vars.iter().find(|(n, text)| n == name && !text.trim().is_empty()) else {
            continue;
        };
        let at = At::Env(Arc::from(*name));
        let mut give = |key: &str, text: String| {
            layers.seeds.push(Given { key: key.to_owned(), text, at: at.clone(), used: false });
        };
        let mut ignore =
            |reason: String| layers.ignored.push(IgnoredEnv { name: (*name).to_owned(), reason });
        match meaning {
            Key(key) => give(key, text.clone()),
            Converted(key, convert) => match convert(text.trim()) {
                Some(text) => give(key, text),
                None => ignore(format!("`{text}` is not understood")),
            },
            Switch(keys) => match text.trim() {
                "true" | "1" => {}
                "false" | "0" => keys.iter().for_each(|(key, off)| give(key, (*off).to_owned())),
                _ => ignore(format!("`{text}` is neither true nor false")),
            },
            Gone(reason) => ignore((*reason).to_owned()),
        }
    }
    for (name, _) in vars {
        let known = SEEDS.iter().any(|(seed, _)| seed == name);
        if name.starts_with("MCP_DOCKER_") && !known {
            layers.ignored.push(IgnoredEnv { name: name.clone(), reason: "nothing reads it".to_owned() });
        } else if name.starts_with("DOCKER_MCP_") && !name.starts_with(PREFIX) && name.contains("__") {
            let reason = format!("variables for settings begin with `{PREFIX}`");
            layers.ignored.push(IgnoredEnv { name: name.clone(), reason });
        }
    }
}

fn concerns_us(name: &str) -> bool {
    name.starts_with("MCP_")
        || name.starts_with("DOCKER_MCP_")
        || matches!(name, "LOG_LEVEL" | "COMPOSE_FILE" | "AUDIT_DIR")
}

fn folder(file: &str) -> Option<String> {
    let parent = Path::new(file).parent()?.to_str()?;
    Some(if parent.is_empty() { ".".to_owned() } else { parent.to_owned() })
}

fn log_level(text: &str) -> Option<String> {
    let level = match text.to_ascii_lowercase().as_str() {
        "warning" => "warn",
        "critical" | "fatal" => "error",
        "trace" => "trace",
        "debug" => "debug",
        "info" => "info",
        "warn" => "warn",
        "error" => "error",
        _ => return None,
    };
    Some(level.to_owned())
}

fn log_format(text: &str) -> Option<String> {
    match text {
        "true" | "1" => Some("json".to_owned()),
        "false" | "0" => Some("text".to_owned()),
        _ => None,
    }
}

/// Compose separates several files as the system separates paths.
fn compose_files(text: &str) -> Option<String> {
    let files: Vec<&str> =
        text.split(if cfg!(windows) { ';' } else { ':' }).filter(|file| !file.is_empty()).collect();
    serde_json::to_string(&files).ok().filter(|_| !files.is_empty())
}

fn listen(port: &str) -> Option<String> {
    port.parse::<u16>().ok().filter(|port| *port != 0).map(|port| format!("127.0.0.1:{port}"))
}

/// A regex of a seed, which was searched for anywhere in the line, as one that must match the whole line.
#[must_use]
pub fn whole_line(pattern: &str) -> String {
    let start = if pattern.starts_with('^') { "" } else { ".*" };
    let end = if pattern.ends_with('$') && !pattern.ends_with("\\$") { "" } else { ".*" };
    format!("{start}{pattern}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(vars: &[(&str, &str)]) -> Layers {
        let vars: Vec<(String, String)> = vars.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        Layers::new(&vars, &[], false)
    }

    #[test]
    fn names_follow_the_key() {
        assert_eq!(variable("dry_run"), "DOCKER_MCP__DRY_RUN");
        assert_eq!(variable("roles.on-call.read"), "DOCKER_MCP__ROLES__ON_CALL__READ");
    }

    #[test]
    fn seed_texts_are_converted() {
        let mut l = layers(&[
            ("LOG_LEVEL", "WARNING"),
            ("DOCKER_MCP_PORT", "3334"),
            ("MCP_DOCKER_AUDIT_FILE", "/var/log/x/audit.jsonl"),
            ("AUDIT_DIR", "/other"),
            ("MCP_DOCKER_STRUCTURED_LOGS", "true"),
        ]);
        let mut text = |key: &str| l.seed(key).map(|g| g.text);
        assert_eq!(text("log.level").as_deref(), Some("warn"));
        assert_eq!(text("http.listen").as_deref(), Some("127.0.0.1:3334"));
        assert_eq!(text("audit.dir").as_deref(), Some("/var/log/x"));
        assert_eq!(text("log.format").as_deref(), Some("json"));
        assert_eq!(text("dry_run"), None);
    }

    #[test]
    fn what_means_nothing_here_is_told() {
        let l = layers(&[
            ("MCP_DOCKER_ALOW_ROOT", "false"),
            ("MCP_AUTH_SECRET", "x"),
            ("LOG_LEVEL", "loud"),
            ("DOCKER_MCP_PERMISSIONS__EXEC", "false"),
            ("DOCKER_MCP_FALLBACK_KEY", "k"),
            ("DOCKER_MCP_CONFIG", "c"),
        ]);
        let names: Vec<&str> = l.ignored.iter().map(|i| i.name.as_str()).collect();
        assert_eq!(
            names,
            ["LOG_LEVEL", "MCP_AUTH_SECRET", "MCP_DOCKER_ALOW_ROOT", "DOCKER_MCP_PERMISSIONS__EXEC"]
        );
    }

    #[test]
    fn searched_regexes_become_whole_lines() {
        assert_eq!(whole_line("^ls"), "^ls.*");
        assert_eq!(whole_line("^id$"), "^id$");
        assert_eq!(whole_line("x"), ".*x.*");
    }
}
