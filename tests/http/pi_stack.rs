//! `examples/configs/pi-stack.toml`: the policy of a gateway's guide in our words. The gateway's own client is in
//! `tests/clients/gateway`.

use serde_json::{Value, json};

use super::{Served, keys};
use crate::support::Launch;

const TOML: &str = include_str!("../../examples/configs/pi-stack.toml");

fn value(shown: &Value, key: &str) -> String {
    let found = shown.as_array().unwrap().iter().find(|line| line["key"] == key);
    found.unwrap_or_else(|| panic!("no {key}"))["value"].as_str().unwrap().to_owned()
}

#[test]
fn it_holds_and_says_what_the_guide_says() {
    let run = |args: &[&str]| {
        let launch = args.iter().fold(Launch::without_engine().config(TOML), |launch, arg| launch.arg(arg));
        let output = launch.output();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["config", "check"]);
    let shown: Value = serde_json::from_str(&run(&["config", "show", "--json"])).unwrap();
    for (key, words) in [
        ("compose.files", "/opt/stack/docker-compose.yml"),
        ("output.max_bytes", "120000"),
        ("output.log_tail_max", "500"),
        ("http.anonymous_role", "gateway"),
        ("http.allowed_hosts", "docker-mcp:8080"),
        ("limits.cooldown.docker_compose_restart.every", "5m"),
        ("limits.cooldown.docker_compose_restart.key", "service"),
        ("limits.cooldown.docker_compose_pull.every", "1h"),
        ("limits.cooldown.docker_compose_up.every", "1h"),
        ("roles.standard.can_approve", "docker_compose_restart"),
        ("roles.standard.deny_tools", "docker_compose_pull"),
        ("roles.admin.can_approve", "*"),
        ("redact.patterns", "apikey"),
    ] {
        assert!(value(&shown, key).contains(words), "{key} = {}", value(&shown, key));
    }
}

#[test]
fn the_gateway_has_what_it_needs_and_the_rest_is_for_a_key() {
    let (lines, _, admin) = keys("");
    let key = lines.split("[[http.keys]]").skip(1).find(|part| part.contains("operator")).expect("its lines");
    let key = key.lines().filter(|line| line.contains(" = ")).collect::<Vec<_>>().join("\n");
    let key = format!("\n[[http.keys]]\n{}\n", key.replace("\"operator\"", "\"admin\""));
    let at = TOML.find("# What the gateway may").expect("the place for keys");
    let config = format!("{}{key}\n{}", &TOML[..at], &TOML[at..]);
    let served = Served::start(Launch::without_engine().config(&config));
    let tools = |key: Option<&str>| -> Vec<String> {
        let listed = served.mcp(key, "tools/list", json!({})).json()["result"]["tools"].clone();
        listed
            .as_array()
            .expect("tools")
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut gateways = tools(None);
    gateways.sort();
    assert_eq!(
        gateways,
        [
            "docker_compose_logs",
            "docker_compose_ps",
            "docker_compose_restart",
            "docker_compose_start",
            "docker_compose_stop",
            "docker_health",
            "docker_policy",
            "docker_ps"
        ]
    );
    let admins = tools(Some(&admin));
    for tool in ["docker_compose_up", "docker_compose_pull", "docker_compose_restart"] {
        assert!(admins.iter().any(|name| name == tool), "{tool} is not in {admins:?}");
    }
    let host = [("host", "docker-mcp:8080"), ("content-type", "application/json")];
    let file = json!({ "file": "/opt/stack/docker-compose.yml" }).to_string();
    let status = |tool: &str| served.send("POST", &format!("/tools/{tool}"), &host, &file).status;
    // There is no engine here: what is allowed fails there, and what is not does not come so far.
    assert_eq!((status("docker_ps"), status("compose_pull"), status("compose_up")), (400, 403, 403));
    let other = [("host", "evil.example:8080"), ("content-type", "application/json")];
    assert_eq!(served.send("POST", "/tools/docker_ps", &other, "{}").status, 403);
}
