//! What variables and options may do.

use std::time::Duration;

use super::*;
use crate::policy::{Grant, Level};

#[test]
fn ours_tighten_guards_and_set_the_rest() {
    let s = with_env(&[
        ("DOCKER_MCP__PERMISSIONS__EXEC", "false"),
        ("DOCKER_MCP__PERMISSIONS__LIFECYCLE", "web-*"),
        ("DOCKER_MCP__PERMISSIONS__BLACKLIST_CONTAINERS", "vault, *-db"),
        ("DOCKER_MCP__PERMISSIONS__WHITELIST_CONTAINERS", "web-*"),
        ("DOCKER_MCP__NEVERHANG__READ_TIMEOUT", "5s"),
        ("DOCKER_MCP__NEVERHANG__CIRCUIT_BREAKER__FAILURES", "7"),
        ("DOCKER_MCP__DRY_RUN", "1"),
        ("DOCKER_MCP__COMPOSE__ROOTS", "/srv/shop/stack"),
        ("UNRELATED", "x"),
    ]);
    let text = "permissions = { exec = true, lifecycle = true, blacklist_containers = [\"a\"], \
                whitelist_containers = [\"*-1\", \"b\"] }";
    let settings = loaded(&s, text).settings;
    assert!(!settings.rules.holds(Level::Exec));
    assert!(matches!(&settings.rules.level(Level::Lifecycle).grant, Grant::Only(_)));
    assert_eq!(settings.rules.containers.deny.patterns().len(), 3);
    assert_eq!(value(&settings, "permissions.whitelist_containers").0, "[\"web-*-1\", \"web-1\"]");
    assert_eq!(settings.neverhang.read_timeout, Duration::from_secs(5));
    assert_eq!(settings.neverhang.breaker.failures, 7);
    assert!(settings.dry_run);
    assert_eq!(settings.compose.roots.paths(), [PathBuf::from("/srv/shop/stack")]);
    assert_eq!(
        value(&settings, "neverhang.read_timeout"),
        ("\"5s\"", "$DOCKER_MCP__NEVERHANG__READ_TIMEOUT".to_owned())
    );
    assert_eq!(value(&settings, "permissions.blacklist_containers").0, "[\"a\", \"vault\", \"*-db\"]");
}

const LOOSE: &[(&str, &str)] = &[
    ("DOCKER_MCP__PERMISSIONS__EXEC", "true"),
    ("DOCKER_MCP__PERMISSIONS__EXEC", "a-*"),
    ("DOCKER_MCP__EXEC_SAFETY__MODE", "none"),
    ("DOCKER_MCP__EXEC_SAFETY__ALLOW_ROOT", "true"),
    ("DOCKER_MCP__EXEC_SAFETY__ALLOW_PRIVILEGED_TARGETS", "1"),
    ("DOCKER_MCP__CREATE_SAFETY__ALLOW", "network_mode=host"),
    ("DOCKER_MCP__CREATE_SAFETY__BIND_ROOTS", "/"),
    ("DOCKER_MCP__COMPOSE__TRUSTED_FILES", "/x.yml"),
    ("DOCKER_MCP__COMPOSE__PASS_ENV", "AWS_SECRET"),
    ("DOCKER_MCP__BUILD__ROOTS", "/etc"),
    ("DOCKER_MCP__CONFIRM__REQUIRE", "none"),
    ("DOCKER_MCP__LIMITS__EXEC_PER_MINUTE", "0"),
    ("DOCKER_MCP__REDACT__ENABLED", "false"),
    ("DOCKER_MCP__REDACT__ENV", "off"),
    ("DOCKER_MCP__REDACT__LEARN", "0"),
    ("DOCKER_MCP__AUDIT__ENABLED", "false"),
    ("DOCKER_MCP__AUDIT__REQUIRED", "false"),
    ("DOCKER_MCP__HTTP__ALLOWED_ORIGINS", "https://evil.example"),
    ("DOCKER_MCP__HTTP__ANONYMOUS_ROLE", "ops"),
    ("DOCKER_MCP__HTTP__BEHIND_PROXY", "true"),
    ("DOCKER_MCP__FALLBACK__ENABLED", "true"),
    ("DOCKER_MCP__FALLBACK__BASE_URL", "https://evil.example"),
    ("DOCKER_MCP__ROLES__OPS__EXEC", "true"),
    ("DOCKER_MCP__ROLES__OPS__CAN_AUDIT", "true"),
];

#[test]
fn ours_do_not_loosen_without_the_flag() {
    for (name, text) in LOOSE {
        let mut s = with_env(&[(name, text)]);
        let file = "[roles.ops]\nread = true\n";
        let list = load_text(&s, "config.toml", file).unwrap_err().list;
        assert_eq!(list.len(), 1, "{name}: {list:#?}");
        assert_eq!(list[0].place.as_deref(), Some(format!("${name}").as_str()));
        assert!(list[0].hint.as_deref().unwrap().contains("--allow-env-override"), "{name}: {list:#?}");
        s.allow_env_override = true;
        assert!(load_text(&s, "config.toml", file).is_ok(), "{name}");
    }
}

#[test]
fn unknown_ones_and_bad_texts_are_problems() {
    let s = with_env(&[("DOCKER_MCP__PERMISSIONS__EXCE", "false"), ("DOCKER_MCP__DRY_RUN", "yes")]);
    let list = load_text(&s, "config.toml", "").unwrap_err();
    assert!(list.to_string().contains("did you mean `DOCKER_MCP__PERMISSIONS__EXEC`?"), "{list}");
    assert!(list.to_string().contains("`dry_run` must be true or false"), "{list}");
    let s = with_env(&[("DOCKER_MCP__DOCKER__TLS", "{}")]);
    assert_eq!(messages(&s, ""), ["`DOCKER_MCP__DOCKER__TLS` names no setting"]);
}

#[test]
fn those_of_the_seeds_set_what_the_file_leaves_open() {
    let vars = [
        ("MCP_DOCKER_MAX_BYTES", "10485760"),
        ("MCP_DOCKER_CHUNK_BYTES", "8192"),
        ("MCP_DOCKER_MAX_CONCURRENT", "5"),
        ("MCP_DOCKER_TIMEOUT_MS", "45000"),
        ("MCP_DOCKER_SECURITY", "true"),
        ("MCP_DOCKER_DEFAULT_USER", "nobody"),
        ("MCP_DOCKER_COMMAND_POLICY_MODE", "allowlist"),
        ("MCP_DOCKER_COMMAND_PATTERNS", "^ls,^cat,^grep,^echo"),
        ("MCP_DOCKER_DENIED_PATHS", "/etc,/root,/var/lib"),
        ("MCP_DOCKER_DENIED_FLAGS", "--cap-add"),
        ("MCP_DOCKER_EXEC_PER_MINUTE", "20"),
        ("MCP_DOCKER_AUDIT_FILE", "/var/log/mcp-docker-exec/audit.jsonl"),
        ("MCP_DOCKER_AUDIT_RETENTION_DAYS", "7"),
        ("MCP_DOCKER_LOG_LEVEL", "debug"),
        ("MCP_DOCKER_DRY_RUN", "true"),
        ("COMPOSE_FILE", "/opt/stack/docker-compose.yml"),
        ("DOCKER_MCP_PORT", "3334"),
    ];
    let loaded_ = loaded(&with_env(&vars), "[output]\nmax_bytes = 5000\n");
    let s = &loaded_.settings;
    assert_eq!((s.output.max_bytes, s.output.chunk_bytes), (5_000, 8_192));
    assert_eq!((s.exec.max_concurrent, s.exec.timeout), (5, Duration::from_secs(45)));
    assert_eq!(s.neverhang.exec_timeout, Duration::from_secs(45));
    assert_eq!((s.exec.default_user.as_deref(), s.exec.mode), (Some("nobody"), ExecMode::Allowlist));
    let allows = |line: &str| {
        s.exec.allowed_commands.iter().any(|c| matches!(c, AllowedCommand::Line(r) if r.regex.is_match(line)))
    };
    assert!(allows("ls -la /app") && !allows("rm -r x") && !allows("x ls"));
    let denied: Vec<&str> = s.exec.denied_paths.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(denied, ["/proc", "/sys", "/dev", "/etc", "/root", "/var/lib"]);
    assert_eq!(s.exec.denied_flags.len(), 4);
    assert_eq!((s.limits.exec_per_minute, s.audit.retention_days, s.dry_run), (20, 7, true));
    assert_eq!(s.audit.dir, Some("/var/log/mcp-docker-exec".into()));
    assert_eq!((s.log.level, s.http.listen.port()), (LogLevel::Debug, 3334));
    assert_eq!(s.compose.files, [PathBuf::from("/opt/stack/docker-compose.yml")]);
    let ignored: Vec<&str> = loaded_.ignored_env.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(ignored, ["MCP_DOCKER_MAX_BYTES"]);
}

#[test]
fn those_of_the_seeds_never_loosen_and_never_stop_the_start() {
    let vars = [
        ("MCP_DOCKER_SECURITY", "false"),
        ("MCP_DOCKER_ALLOW_ROOT", "true"),
        ("MCP_DOCKER_RATE_LIMITS", "false"),
        ("MCP_DOCKER_AUDIT", "false"),
        ("MCP_DOCKER_TIMEOUT_MS", "soon"),
        ("MCP_DOCKER_MAX_BYTES", "1"),
        ("MCP_DOCKER_COMMAND_PATTERNS", "a(b"),
        ("MCP_DOCKER_DEFAULT_USER", "a b"),
        ("MCP_DOCKER_LOG_LEVEL", "loud"),
    ];
    let l = loaded(&with_env(&vars), "");
    assert_eq!(l.settings.exec.mode, ExecMode::Denylist);
    assert!(!l.settings.exec.allow_root && l.settings.audit.enabled);
    assert_eq!(l.settings.limits.exec_per_minute, 60);
    for (name, _) in vars.iter().filter(|(n, _)| *n != "MCP_DOCKER_DEFAULT_USER") {
        assert!(l.ignored_env.iter().any(|i| i.name == *name), "{name}: {:#?}", l.ignored_env);
    }
    assert!(l.settings.warnings.len() >= vars.len() - 1, "{:#?}", l.settings.warnings);
}

#[test]
fn an_allowlist_of_the_file_is_not_replaced_by_a_variable() {
    let file = "exec_safety = { mode = \"allowlist\", allowed_commands = [\"id\"] }";
    let s = with_env(&[("DOCKER_MCP__EXEC_SAFETY__ALLOWED_COMMANDS", "rm.*")]);
    assert_eq!(messages(&s, file), ["this would loosen `exec_safety.allowed_commands`"]);
    let s = with_env(&[("MCP_DOCKER_COMMAND_PATTERNS", "^rm")]);
    let l = loaded(&s, "exec_safety.mode = \"allowlist\"");
    assert!(l.settings.exec.allowed_commands.is_empty());
    assert_eq!(l.ignored_env.len(), 1);
}

#[test]
fn options_beat_everything() {
    let mut s = with_env(&[("DOCKER_MCP__LOG__LEVEL", "warn"), ("LOG_LEVEL", "ERROR")]);
    s.options = vec![("log.level".into(), "trace".into(), "--log-level".into())];
    let settings = loaded(&s, "log.level = \"debug\"").settings;
    assert_eq!(value(&settings, "log.level"), ("\"trace\"", "--log-level".to_owned()));
    s.options = vec![("log.level".into(), "lout".into(), "--log-level".into())];
    let problems = load_text(&s, "config.toml", "").unwrap_err().to_string();
    assert!(problems.contains("--> --log-level"), "{problems}");
}
