//! The configuration of the first seed.

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
