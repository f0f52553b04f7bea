//! The room as a whole: texts in, settings or problems out.

use std::time::{Duration, Instant};

use super::tree::{At, Value};
use super::*;
use crate::policy::{Container, Grant, Level, Network};

fn sources() -> Sources {
    Sources { home: Some("/home/ada".into()), cwd: Some("/work/app".into()), ..Sources::default() }
}

fn with_env(vars: &[(&str, &str)]) -> Sources {
    Sources { env: vars.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(), ..sources() }
}

fn toml(text: &str) -> Arc<Settings> {
    loaded(&sources(), text).settings
}

fn loaded(sources: &Sources, text: &str) -> Loaded {
    load_text(sources, "config.toml", text).unwrap_or_else(|p| panic!("{p}"))
}

fn problems(text: &str) -> Vec<Problem> {
    load_text(&sources(), "config.toml", text).map(|_| Vec::new()).unwrap_or_else(|p| p.list)
}

fn messages(sources: &Sources, text: &str) -> Vec<String> {
    let list = load_text(sources, "config.toml", text).map(|_| Vec::new()).unwrap_or_else(|p| p.list);
    list.into_iter().map(|p| p.message).collect()
}

fn value<'s>(settings: &'s Settings, key: &str) -> (&'s str, String) {
    let found = settings.describe().iter().find(|d| d.key == key).unwrap_or_else(|| panic!("{key}"));
    (&found.value, found.origin.to_string())
}

fn container(name: &str) -> Container {
    Container { id: "0".repeat(64), name: name.into(), aliases: Vec::new(), project: None, ..blank() }
}

fn blank() -> Container {
    Container::default()
}

mod example {
    use super::*;

    #[test]
    fn it_loads_and_equals_the_defaults() {
        let loaded = loaded(&sources(), EXAMPLE);
        assert_eq!(loaded.settings.warnings, []);
        let defaults = toml("");
        let pairs = |s: &Settings| -> Vec<(String, String)> {
            s.describe().iter().map(|d| (d.key.clone(), d.value.clone())).collect()
        };
        assert_eq!(pairs(&loaded.settings), pairs(&defaults));
        assert_eq!(loaded.settings.log, defaults.log);
        assert!(loaded.settings.hosts.is_empty() && loaded.settings.roles.is_empty());
    }

    #[test]
    fn it_loads_with_everything_set() {
        let settings = toml(&keys::uncommented(EXAMPLE));
        assert_eq!(settings.http.keys.len(), 1);
        assert_eq!(settings.roles.len(), 1);
        assert_eq!(settings.hosts.len(), 1);
        assert_eq!(settings.secrets.len(), 2);
        assert_eq!(settings.limits.cooldown["docker_compose_restart"].every, Duration::from_secs(300));
        assert_eq!(settings.create.limits.memory, Some(2 << 30));
        assert!(settings.http.oidc.is_some());
        assert!(settings.roles["ops"].limits.cooldown.contains_key("docker_restart"));
    }

    #[test]
    fn it_holds_every_key_with_its_words() {
        let all = keys();
        assert!(all.len() > 130, "{}", all.len());
        for key in &all {
            assert!(!key.doc.is_empty(), "{} has no comment above it", key.key);
            assert!(
                key.doc.ends_with(['.', ':', '}', '*', '"']) || key.doc.contains(". "),
                "{}: {}",
                key.key,
                key.doc
            );
            assert!(!key.shape.is_empty());
        }
        let text = keys::uncommented(EXAMPLE);
        let file = TextFile::new("x", &text);
        let tree = parse::parse(&file, parse::Format::Toml).0;
        // What has a default but stands nowhere in the text would be a key that nobody can find.
        for described in toml("").describe() {
            let mut node = &tree;
            for part in described.key.split('.') {
                node =
                    &node.get(part).unwrap_or_else(|| panic!("{} is not in the example", described.key)).node;
            }
        }
    }

    fn names(node: &Node, out: &mut Vec<std::ops::Range<usize>>, chosen: bool) {
        for field in node.fields() {
            if let (At::File(span), false) = (&field.at, chosen) {
                out.push(span.clone());
            }
            let free = !chosen && ["hosts", "roles", "secrets", "cooldown"].contains(&field.key.as_str());
            names(&field.node, out, free);
            if let Value::List(items) = &field.node.value {
                items.iter().for_each(|item| names(item, out, false));
            }
        }
    }

    #[test]
    fn every_name_with_a_letter_dropped_is_refused_and_the_right_one_is_named() {
        let text = keys::uncommented(EXAMPLE);
        let file = TextFile::new("x", &text);
        let mut spans = Vec::new();
        names(&parse::parse(&file, parse::Format::Toml).0, &mut spans, false);
        assert!(spans.len() > 120, "{}", spans.len());
        let mut tried = 0;
        for span in spans {
            let name = &text[span.clone()];
            for drop in 0..name.len() {
                let wrong = format!("{}{}", &name[..drop], &name[drop + 1..]);
                if wrong.is_empty() {
                    continue;
                }
                let broken = format!("{}{wrong}{}", &text[..span.start], &text[span.end..]);
                let list = problems(&broken);
                let line = file.line(span.start);
                let found = list.iter().any(|p| {
                    p.message.contains(&format!("`{wrong}` is not a key"))
                        && p.hint.as_deref().is_some_and(|h| h.starts_with(&format!("did you mean `{name}`")))
                });
                assert!(found, "{name} -> {wrong} on line {line}: {list:#?}");
                tried += 1;
            }
        }
        assert!(tried > 1_000, "{tried}");
    }
}

mod mistakes {
    use super::*;

    #[test]
    fn five_mistakes_are_five_problems_with_line_mark_and_hint() {
        let text = "dry_run = \"false\"\n\
                    [permissions]\n\
                    exce = true\n\
                    blacklist_containers = [\"vault\", \"db-[0-9]\"]\n\
                    [exec_safety]\n\
                    blocked_patterns = ['a(b']\n\
                    [neverhang]\n\
                    read_timeout = 5\n";
        let problems = load_text(&sources(), "config.toml", text).unwrap_err();
        assert_eq!(
            problems.to_string(),
            r#"error: `dry_run` must be true or false, not a string
 --> config.toml:1:11
  |
1 | dry_run = "false"
  |           ^^^^^^^
  = help: write false without quotes

error: `exce` is not a key of `[permissions]`
 --> config.toml:3:1
  |
3 | exce = true
  | ^^^^
  = help: did you mean `exec`?

error: the pattern `db-[0-9]` cannot be used: `[` has no meaning in patterns here
 --> config.toml:4:34
  |
4 | blacklist_containers = ["vault", "db-[0-9]"]
  |                                  ^^^^^^^^^^
  = help: only `*` is special: it stands for any run of characters

error: `a(b` is not a regex: unclosed group
 --> config.toml:6:21
  |
6 | blocked_patterns = ['a(b']
  |                     ^^^^^
  = help: in a TOML string, `'...'` keeps backslashes as they are

error: `neverhang.read_timeout` must be from 1s to 30m, not 5ms
 --> config.toml:8:16
  |
8 | read_timeout = 5
  |                ^
  = help: a bare number is milliseconds

5 problems in config.toml; nothing was started"#
        );
    }

    #[test]
    fn nothing_is_coerced() {
        for text in [
            "permissions.read = 0",
            "permissions.read = \"true\"",
            "permissions.blacklist_containers = \"vault\"",
            "permissions.blacklist_containers = [1]",
            "permissions.blacklist_containers = [\"\"]",
            "permissions = true",
            "output.max_bytes = \"40000\"",
            "output.max_bytes = 1.5",
            "output.max_bytes = 0",
            "output.max_bytes = -1",
            "output.max_bytes = 99999999999999999999",
            "exec_safety.timeout = 0",
            "exec_safety.timeout = -5",
            "exec_safety.timeout = \"31m\"",
            "exec_safety.timeout = \"soon\"",
            "exec_safety.timeout = 1979-05-27",
            "neverhang.max_timeout = inf",
            "exec_safety.mode = \"Denylist\"",
            "exec_safety.max_output = 0",
            "limits.exec_per_minute = -1",
            "audit.dir = 1",
            "audit.dir = \"~root/x\"",
            "docker.host = \"/var/run/docker.sock\"",
            "docker.tls.cert = \"/c\"",
            "http.listen = \"localhost\"",
            "http.keys = { name = \"x\" }",
            "secrets.X = {}",
            "secrets.X = { env = \"A\", file = \"/b\" }",
            "hosts.x = {}",
            "hosts.\"a b\" = { socket = \"/s\" }",
            "confirm.require = [\"\"]",
            "confirm.require = true",
            "exec_safety.allowed_commands = [{ args = [\"x\"] }]",
            "exec_safety.allowed_commands = [3]",
            "exec_safety.denied_paths = [\"proc\"]",
            "create_safety.limits.memory = \"lots\"",
            "create_safety.allow = [\"network_mode=\"]",
            "permissions.images = [\"a-*\"]",
            "registries.allow = [\"ghcr.io/me\"]",
            "state.redis = \"localhost\"",
            "fallback.base_url = \"example.com\"",
            "http.oidc.issuer = \"https://x\"",
            "limits.cooldown.docker_stop = {}",
            "exec_safety.default_user = \"a b\"",
        ] {
            let list = problems(text);
            assert_eq!(list.len(), 1, "{text}: {list:#?}");
            assert!(list[0].line == 1, "{text}: {list:#?}");
            assert!(
                list[0].message.starts_with(|c: char| !c.is_uppercase()) && !list[0].message.ends_with('.')
            );
        }
    }

    #[test]
    fn a_key_in_the_wrong_section_is_sent_to_the_right_one() {
        let hint = |text: &str| problems(text)[0].hint.clone().unwrap();
        assert_eq!(hint("output.tail = 5"), "did you mean `log_tail`?");
        assert_eq!(hint("output.read_timeout = 5"), "`read_timeout` belongs in `[neverhang]`");
        assert_eq!(hint("blacklist_containers = []"), "`blacklist_containers` belongs in `[permissions]`");
        assert_eq!(
            hint("[permissions]\nblocked_comands = []"),
            "did you mean `blocked_commands` in `[exec_safety]`?"
        );
        assert_eq!(hint("permisions.read = true"), "did you mean `permissions`?");
        assert_eq!(hint("build.zebra = 1"), "known here: roots");
    }

    #[test]
    fn values_must_fit_each_other() {
        for (text, words) in [
            ("docker = { host = \"tcp://x:1\", socket = \"/s\" }", "are both set"),
            ("output = { log_tail = 20, log_tail_max = 10 }", "is more than"),
            ("neverhang.exec_timeout = \"11m\"", "is longer than `neverhang.max_timeout`"),
            ("neverhang = { transfer_idle = \"5m\", transfer_timeout = \"1m\" }", "is longer than"),
            ("http.anonymous_role = \"x\"", "there is no role `x`"),
            ("http.tls.cert = \"/c\"", "without `http.tls.key`"),
        ] {
            let list = problems(text);
            assert!(list.len() == 1 && list[0].message.contains(words), "{text}: {list:#?}");
        }
    }

    #[test]
    fn keys_of_http_refer_to_roles_and_are_unlike_each_other() {
        let key = |name: &str, digit: &str, role: &str| {
            format!("[[http.keys]]\nname = \"{name}\"\nhash = \"{}\"\nrole = \"{role}\"\n", digit.repeat(64))
        };
        let role = "[roles.ops]\nread = true\n";
        assert!(problems(&(key("a", "1", "ops") + &key("b", "2", "ops") + role)).is_empty());
        let text = key("a", "1", "opps") + &key("a", "1", "ops") + &key("c", "g", "ops") + role;
        let list = problems(&text);
        let found: Vec<(u32, &str)> = list.iter().map(|p| (p.line, p.message.as_str())).collect();
        assert_eq!(
            found,
            [
                (4, "there is no role `opps`"),
                (6, "two keys have the same name"),
                (7, "two keys have the same hash"),
                (11, "this is not the hash of a key: 64 hex digits"),
            ]
        );
        assert_eq!(list[0].hint.as_deref(), Some("did you mean `ops`?"));
    }

    #[test]
    fn a_syntax_error_hides_no_other_and_is_told_once() {
        let list = problems("dry_run = tru\n[permissions]\nexce = 1\n");
        let lines: Vec<u32> = list.iter().map(|p| p.line).collect();
        assert_eq!(lines, [1, 3], "{list:#?}");
    }

    #[test]
    fn tools_must_exist_where_the_catalogue_is_known() {
        let tools = [
            ("docker_compose_ps", "docker_compose_ps"),
            ("compose_ps", "docker_compose_ps"),
            ("docker_ps", "docker_ps"),
        ];
        let sources = Sources { tools: tools.map(|(a, b)| (a.into(), b.into())).into(), ..sources() };
        let list = |text: &str| load_text(&sources, "config.toml", text).map(|_| ()).map_err(|p| p.list);
        let bad = list("tools.disable = [\"docker_pss\"]").unwrap_err();
        assert_eq!(bad[0].hint.as_deref(), Some("did you mean `docker_ps`?"));
        let settings =
            loaded(&sources, "tools.disable = [\"compose_*\"]\nroles.a.allow_tools = [\"docker_*\"]")
                .settings;
        assert!(settings.rules.disabled_tools.matches("docker_compose_ps").is_some());
        assert!(settings.rules.disabled_tools.matches("docker_ps").is_none());
        assert!(settings.roles["a"].allows_tool("docker_ps"));
    }
}

mod seed {
    use super::*;

    const WHOLE: &str = r#"{
"docker": { "socket": "/var/run/docker.sock" },
"permissions": { "read": true, "lifecycle": false, "exec": false, "create": false, "images": false,
"whitelist_containers": [], "blacklist_containers": ["*-db", "vault"] },
"neverhang": { "read_timeout": 30000, "exec_timeout": 30000 },
"fallback": { "enabled": false }
}"#;

    #[test]
    fn its_examples_load_unchanged() {
        for text in [
            WHOLE,
            r#"{"permissions": {"read": true, "lifecycle": false, "exec": false, "create": false,
                "whitelist_containers": ["myapp-*", "nginx", "redis"],
                "blacklist_containers": ["*-db", "vault", "secrets-*"], "whitelist_images": ["myorg/*", "nginx:*"]}}"#,
            r#"{"exec_safety": {"blocked_commands": ["rm -rf", "dd if=", "mkfs", "> /dev/"], "max_output": 10000,
                "timeout": "30s"}}"#,
            r#"{"docker": {"socket": "/var/run/docker.sock", "host": null}}"#,
            r#"{"docker": {"host": "tcp://localhost:2375", "tls": {"ca": "/path/to/ca.pem",
                "cert": "/path/to/cert.pem", "key": "/path/to/key.pem"}}}"#,
            r#"{"neverhang": {"read_timeout": 30000, "lifecycle_timeout": 60000, "exec_timeout": 30000,
                "compose_timeout": 120000, "circuit_breaker": {"failures": 3, "window": 60000, "cooldown": 300000}}}"#,
            r#"{"fallback": {"enabled": true, "model": "claude-haiku-4-5", "api_key_env": "DOCKER_MCP_FALLBACK_KEY",
                "max_log_lines": 200, "max_tokens": 500}}"#,
        ] {
            let loaded = load_text(&sources(), "config.json", text).unwrap_or_else(|p| panic!("{p}"));
            assert_eq!(loaded.settings.warnings, [], "{text}");
        }
        let settings = load_text(&sources(), "config.json", WHOLE).unwrap().settings;
        assert_eq!(settings.docker.socket, Some("/var/run/docker.sock".into()));
        assert!(!settings.rules.container(&container("app-db")).shown());
        let deny = settings.rules.containers.deny.patterns();
        assert_eq!(deny[1].source.to_string(), "config.json:4");
    }

    #[test]
    fn a_file_that_holds_no_table_is_refused() {
        for text in ["[]", "null", "1", "\"x\"", ""] {
            assert!(load_text(&sources(), "config.json", text).is_err() || text.is_empty(), "{text}");
        }
    }

    #[test]
    fn null_means_not_set_and_json_is_marked_like_toml() {
        let text = "{\r\n  \"permissions\": null,\r\n  \"ärger\": 1,\r\n  \"exec_safety\": {\"mode\": \"none\", \"env\": 3}}";
        let list = load_text(&sources(), "config.json", text).unwrap_err().list;
        let found: Vec<(u32, u32)> = list.iter().map(|p| (p.line, p.column)).collect();
        assert_eq!(found, [(3, 3), (4, 42)], "{list:#?}");
        assert_eq!(list[1].excerpt.as_ref().map(|e| e.marked), Some(1));
    }
}

mod variables {
    use super::*;

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
            ("DOCKER_MCP__COMPOSE__ROOTS", "/work/app/stack"),
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
        assert_eq!(settings.compose.roots.paths(), [PathBuf::from("/work/app/stack")]);
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
            s.exec
                .allowed_commands
                .iter()
                .any(|c| matches!(c, AllowedCommand::Line(r) if r.regex.is_match(line)))
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
}

mod meaning {
    use super::*;

    #[test]
    fn levels_and_filters_name_their_lines() {
        let settings = toml("[permissions]\nlifecycle = [\n  \"web-*\",\n]\nblacklist_networks = [\"db\"]\n");
        let Grant::Only(globs) = &settings.rules.level(Level::Lifecycle).grant else { panic!() };
        assert_eq!(globs.patterns()[0].source.to_string(), "config.toml:3");
        assert_eq!(settings.rules.level(Level::Lifecycle).source.to_string(), "config.toml:2");
        assert_eq!(settings.rules.level(Level::Exec).source.to_string(), "built-in default");
        let network = Network { name: "db".into(), ..Network::default() };
        assert!(!settings.rules.network(&network).shown());
        assert!(settings.rules.holds(Level::Read) && !settings.rules.holds(Level::Exec));
    }

    #[test]
    fn a_role_replaces_levels_adds_denials_and_narrows_what_is_allowed() {
        let text = "[permissions]\nlifecycle = true\nexec = true\nwhitelist_containers = [\"web-*\", \"api\"]\n\
                    blacklist_containers = [\"vault\"]\nwhitelist_images = [\"myorg/*\"]\n\
                    [tools]\ndisable = [\"docker_kill\"]\n\
                    [roles.ops]\nread = true\nexec = [\"web-1\"]\nwhitelist_containers = [\"*-1\"]\n\
                    blacklist_containers = [\"x-1\"]\nwhitelist_images = [\"myorg/app:1.*\"]\ndeny_tools = [\"docker_exec\"]\n\
                    limits = { exec_per_minute = 5 }\n\
                    [roles.none]\nread = true\nwhitelist_containers = [\"db\"]\n";
        let settings = toml(text);
        let ops = &settings.roles["ops"];
        assert!(!ops.rules.holds(Level::Lifecycle), "absent means off");
        assert_eq!(ops.rules.level(Level::Lifecycle).source.to_string(), "config.toml:9");
        for (name, shown) in
            [("web-1", true), ("web-2", false), ("api", false), ("x-1", false), ("vault", false)]
        {
            assert_eq!(ops.rules.container(&container(name)).shown(), shown, "{name}");
        }
        assert_eq!(ops.rules.containers.deny.patterns().len(), 2);
        assert!(ops.rules.disabled_tools.matches("docker_kill").is_some());
        assert!(ops.rules.disabled_tools.matches("docker_exec").is_some());
        assert!(settings.rules.disabled_tools.matches("docker_exec").is_none());
        assert_eq!((ops.limits.exec_per_minute, ops.limits.logs_per_minute), (5, 30));
        // Two lists with nothing in common hide everything: an empty one would show all.
        let none = &settings.roles["none"].rules;
        for name in ["db", "web-1", "api", "other"] {
            assert!(!none.container(&container(name)).shown(), "{name}");
        }
        assert_eq!(settings.warnings.len(), 1, "{:#?}", settings.warnings);
    }

    #[test]
    fn the_exec_clock_has_two_keys_and_the_guard_leads() {
        let s = toml("neverhang.exec_timeout = 20000");
        assert_eq!(
            (s.exec.timeout, s.neverhang.exec_timeout),
            (Duration::from_secs(20), Duration::from_secs(20))
        );
        assert_eq!(value(&s, "exec_safety.timeout"), ("\"20s\"", "config.toml:1".to_owned()));
        let s = toml("exec_safety.timeout = \"10s\"\nneverhang.exec_timeout = 20000");
        assert_eq!(
            (s.exec.timeout, s.neverhang.exec_timeout),
            (Duration::from_secs(10), Duration::from_secs(10))
        );
    }

    #[test]
    fn bind_roots_never_mean_a_wide_folder_by_a_dot() {
        for cwd in ["/", "/home/ada", "/home/bob", "/etc/app", "/home"] {
            let s = Sources { cwd: Some(cwd.into()), ..sources() };
            let quiet = loaded(&s, "").settings;
            assert_eq!(quiet.create.bind_roots, Roots::Under(Vec::new()), "{cwd}");
            assert_eq!(
                quiet.warnings.iter().filter(|w| w.message.contains("bind_roots")).count(),
                0,
                "{cwd}"
            );
            for text in ["permissions.create = true", "create_safety.bind_roots = [\".\", \"/data\"]"] {
                let told = loaded(&s, text).settings;
                assert!(!told.create.bind_roots.contain(std::path::Path::new("/home/ada/x")), "{cwd}");
                assert_eq!(
                    told.warnings.iter().filter(|w| w.message.contains("bind_roots")).count(),
                    1,
                    "{cwd} {text}"
                );
            }
        }
        assert_eq!(toml("").create.bind_roots.paths(), [PathBuf::from("/work/app")]);
        let named = toml("create_safety.bind_roots = [\"~/data\", \"/srv/x/../y\", \"sub\"]");
        let want = ["/home/ada/data", "/srv/y", "/work/app/sub"].map(PathBuf::from);
        assert_eq!(named.create.bind_roots.paths(), want);
        let root = Sources { cwd: Some("/".into()), ..sources() };
        assert!(loaded(&root, "").settings.build.roots.paths().is_empty());
    }

    #[test]
    fn bypass_opens_every_guard_and_nothing_else() {
        let s = Sources { bypass: true, ..sources() };
        let s = loaded(&s, "audit.retention_days = 5\n[roles.a]\n").settings;
        assert!(
            s.bypass
                && s.rules.bypass
                && s.roles["a"].rules.bypass
                && Level::ALL.iter().all(|l| s.rules.holds(*l))
        );
        assert_eq!((s.exec.mode, s.create.profile), (ExecMode::None, Profile::Off));
        assert!(matches!(s.confirm.require, Require::None));
        assert_eq!((s.compose.roots.clone(), s.build.roots.clone()), (Roots::Anywhere, Roots::Anywhere));
        assert!(s.redact.enabled && s.audit.enabled);
        assert_eq!(s.neverhang, toml("").neverhang);
    }

    #[test]
    fn unwise_things_are_told_and_do_not_stop_the_start() {
        for (text, words) in [
            (
                "permissions = { whitelist_containers = [\"a\"], blacklist_containers = [\"a\"] }",
                "both allowed and denied",
            ),
            ("exec_safety.allowed_commands = [\".*\"]", "so broad"),
            ("exec_safety.allowed_commands = [\"(ba)?sh.*\"]", "so broad"),
            ("exec_safety.allowed_commands = [{ argv0 = \"/usr/bin/env\" }]", "runs other programs"),
            ("permissions.exec = true\nexec_safety.mode = \"allowlist\"", "nothing may run"),
            ("create_safety.bind_roots = [\"/home/ada\"]", "a home folder"),
            ("create_safety.bind_roots = [\"/\"]", "the root of the file system"),
            ("create_safety.allow = [\"netwrk_mode=host\"]", "no guarded field"),
        ] {
            let warnings = toml(text).warnings.clone();
            assert!(warnings.len() == 1 && warnings[0].message.contains(words), "{text}: {warnings:#?}");
        }
        assert_eq!(
            toml("exec_safety.allowed_commands = [\"ls( .*)?\", \"cat /app/[a-z]+\\\\.log\"]").warnings,
            []
        );
    }

    #[test]
    fn allowed_commands_match_whole_lines() {
        let s = toml(
            "exec_safety.allowed_commands = ['id|ls', { argv0 = \"psql\", args = ['-c', 'a|b'], containers = ['db-*'] }]",
        );
        let AllowedCommand::Line(rule) = &s.exec.allowed_commands[0] else { panic!() };
        assert!(rule.regex.is_match("id") && rule.regex.is_match("ls"));
        for line in ["idx", "xls", "id; rm", "id\n", "id\nrm"] {
            assert!(!rule.regex.is_match(line), "{line:?}");
        }
        let AllowedCommand::Argv(rule) = &s.exec.allowed_commands[1] else { panic!() };
        assert!(rule.args[1].is_match("a") && !rule.args[1].is_match("ax"));
        assert!(
            value(&s, "exec_safety.allowed_commands")
                .0
                .contains("{ argv0 = \"psql\", args = [\"-c\", \"a|b\"]")
        );
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let s = toml("state.redis = \"redis://user:hunter2@host:1\"");
        assert_eq!(value(&s, "state.redis").0, "\"redis://***@host:1\"");
        assert_eq!(s.state.redis.as_deref(), Some("redis://user:hunter2@host:1"));
    }

    #[test]
    fn what_is_shown_can_be_written_back() {
        let s = toml(EXAMPLE);
        for described in s.describe().iter().filter(|d| d.value != "not set") {
            let text = format!("{} = {}", described.key, described.value);
            assert_eq!(value(&toml(&text), &described.key).0, described.value, "{text}");
        }
    }

    #[test]
    fn levels_of_confirmation_and_tools_may_be_mixed() {
        let s = toml("confirm.require = [\"volumes\", \"docker_compose_*\"]");
        let Require::Listed { levels, tools } = &s.confirm.require else { panic!() };
        assert_eq!(
            (levels.as_slice(), tools.matches("docker_compose_up").is_some()),
            ([Level::Volumes].as_slice(), true)
        );
        let s = with_env(&[("DOCKER_MCP__CONFIRM__REQUIRE", "mutating")]);
        assert!(matches!(loaded(&s, "").settings.confirm.require, Require::Mutating));
    }

    #[test]
    fn it_is_fast_enough_for_the_start() {
        let started = Instant::now();
        for _ in 0..20 {
            toml(EXAMPLE);
        }
        // Twenty loads, unoptimised, on a busy machine: far more than the one optimised load that the start has 10 ms for.
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }

    #[test]
    fn a_file_is_loaded_from_where_it_lies() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(&path, "\u{feff}dry_run = true\r\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let loaded = load(&Sources { config: Some(path.clone()), ..sources() }).unwrap();
        assert!(loaded.settings.dry_run && loaded.path == Some(path));
        assert!(load(&Sources { home: None, ..sources() }).unwrap().path.is_none());
    }
}
