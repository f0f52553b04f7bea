//! What is wrong is told, all at once, at its place.

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
        "exec_safety.allowed_commands = [\"whoami)|(?:cat .*\"]",
        "exec_safety.allowed_commands = [{ argv0 = \"x\", args = [\"a)|(?:b\"] }]",
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
        assert!(list[0].message.starts_with(|c: char| !c.is_uppercase()) && !list[0].message.ends_with('.'));
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
    assert_eq!(hint("build.zebra = 1"), "known here: roots, network");
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
        ("http.oidc.resource = \"https://x/mcp\"", "needs `issuer`, `audience` and `role_claim`"),
        (
            "http.oidc = { issuer = \"http://login.example\", audience = \"a\", role_claim = \"r\" }",
            "`http://login.example` is not an issuer",
        ),
        (
            "http.oidc = { issuer = \"https://x\", audience = \"a\", role_claim = \"r\", resource = \"x/mcp\" }",
            "`x/mcp` is not the address of a server",
        ),
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
        loaded(&sources, "tools.disable = [\"compose_*\"]\nroles.a.allow_tools = [\"docker_*\"]").settings;
    assert!(settings.rules.disabled_tools.matches("docker_compose_ps").is_some());
    assert!(settings.rules.disabled_tools.matches("docker_ps").is_none());
    assert!(settings.roles["a"].rules.allowed_tools.matches("docker_ps").is_some());
}
