//! What the settings mean.

use std::time::{Duration, Instant};

use super::*;
use crate::policy::{Grant, Image, Level, Network};

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
    for (name, shown) in [("web-1", true), ("web-2", false), ("api", false), ("x-1", false), ("vault", false)]
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
fn image_lists_with_nothing_in_common_hide_untagged_images_too() {
    let text =
        "permissions.whitelist_images = [\"a/*\"]\n[roles.x]\nread = true\nwhitelist_images = [\"b/*\"]\n";
    let settings = toml(text);
    let rules = &settings.roles["x"].rules;
    let named = |name: &str| crate::policy::reference::ImageRef::parse(name).unwrap();
    for references in [vec![], vec![named("a/x")], vec![named("b/x")], vec![named("c")]] {
        let image = Image { references, ..Image::default() };
        assert!(!rules.image(&image).shown(), "{image:?}");
    }
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
        assert_eq!(quiet.warnings.iter().filter(|w| w.message.contains("bind_roots")).count(), 0, "{cwd}");
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
    assert_eq!(toml("").create.bind_roots.paths(), [PathBuf::from("/srv/shop")]);
    let named = toml("create_safety.bind_roots = [\"~/data\", \"/srv/x/../y\", \"sub\"]");
    let want = ["/home/ada/data", "/srv/y", "/srv/shop/sub"].map(PathBuf::from);
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
        value(&s, "exec_safety.allowed_commands").0.contains("{ argv0 = \"psql\", args = [\"-c\", \"a|b\"]")
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
