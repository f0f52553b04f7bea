//! Services of random keys in random forms: whatever is let through has no power when it is up.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::yard::Yard;
use crate::support::engine;

/// So many come up.
const CASES: u32 = 20;

/// Keys, and forms of each: the first ones are harmless, and chosen more often.
const KEYS: &[(&str, &[&str])] = &[
    ("privileged", &["false", "true", "\"true\"", "${T}", "!!bool yes"]),
    ("cap_add", &["[CHOWN]", "[kill, CAP_CHOWN]", "[SYS_ADMIN]", "[cap_sys_admin]", "[ALL]", "[\"${C}\"]"]),
    ("cap_drop", &["[ALL]", "[NET_RAW]"]),
    ("network_mode", &["none", "bridge", "host", "HOST", "\"ho${E}st\"", "container:x", "service:web"]),
    ("pid", &["\"\"", "host", "\"${H}\"", "service:web", "container:x"]),
    ("ipc", &["private", "none", "host", "shareable", "service:web"]),
    ("uts", &["\"\"", "host"]),
    ("cgroup", &["private", "host"]),
    ("userns_mode", &["\"\"", "host"]),
    (
        "security_opt",
        &[
            "[\"no-new-privileges\"]",
            "[\"seccomp=unconfined\"]",
            "[\"seccomp:unconfined\"]",
            "[systempaths=unconfined]",
            "[\"label:disable\"]",
            "[\"apparmor:${U}\"]",
        ],
    ),
    ("devices", &["[]", "[/dev/null]", "[\"/dev/null:/dev/x:r\"]"]),
    ("device_cgroup_rules", &["[]", "[\"a *:* rwm\"]"]),
    (
        "volumes",
        &[
            "[\"data:/data\"]",
            "[\".:/x:ro\"]",
            "[{type: tmpfs, target: /t}]",
            "[\"./new/folder:/x\"]",
            "[/:/h]",
            "[/var/run/docker.sock:/s]",
            "[\"${S}:/s\"]",
            "[\"..:/x\"]",
            "[\"./a/../../..:/x\"]",
            "[{type: bind, source: /etc, target: /e, read_only: true}]",
        ],
    ),
    ("tmpfs", &["/run", "[\"/run:size=1m\"]", "[\"/proc\"]", "[\"/x:size=900g\"]"]),
    ("user", &["\"1000\"", "root", "\"0:0\""]),
    ("group_add", &["[\"1000\"]", "[\"0\"]", "[docker]"]),
    (
        "sysctls",
        &[
            "{net.ipv4.tcp_syncookies: 1}",
            "[net.ipv4.ip_unprivileged_port_start=0]",
            "{kernel.msgmax: 1}",
            "{net.ipv4.ip_forward: 1}",
        ],
    ),
    ("ulimits", &["{nofile: 1024}", "{nofile: {soft: 10, hard: 20}}", "{memlock: -1}"]),
    ("ports", &["[\"127.0.0.1::80\"]", "[80]", "[{target: 81, host_ip: 127.0.0.1}]"]),
    (
        "labels",
        &["{a: b}", "[\"a=b\", c]", "{com.docker.compose.oneoff: \"True\"}", "[\"docker-mcp.call=x\"]"],
    ),
    ("environment", &["{A: 1, B: null}", "[\"A=$$x\", PATH]", "{\"A\": \"${H}\"}"]),
    ("read_only", &["true", "false"]),
    ("init", &["true"]),
    ("oom_score_adj", &["100", "-100"]),
    ("oom_kill_disable", &["false", "true"]),
    ("mem_limit", &["64m", "\"67108864\"", "900g", "-1"]),
    ("cgroup_parent", &["\"\"", "/x", "system.slice"]),
    ("runtime", &["\"\"", "runc"]),
    ("extra_hosts", &["[\"a:127.0.0.1\"]", "{a: host-gateway}"]),
    ("dns", &["127.0.0.1", "[127.0.0.1]"]),
    ("logging", &["{driver: json-file}", "{driver: none}", "{driver: syslog}", "{options: {tag: x}}"]),
    ("healthcheck", &["{disable: true}", "{test: [NONE]}"]),
    ("shm_size", &["1m", "900g"]),
    ("stop_signal", &["SIGKILL"]),
    (
        "deploy",
        &[
            "{replicas: 1}",
            "{resources: {limits: {memory: 64m}}}",
            "{resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
            "{mode: global}",
        ],
    ),
    ("storage_opt", &["{}", "{size: 1g}"]),
    ("mac_address", &["\"\"", "\"02:42:ac:11:00:09\""]),
    ("hostname", &["mine"]),
    ("links", &["[]", "[web]"]),
    ("volumes_from", &["[]", "[web]", "[\"container:x\"]"]),
    ("gpus", &["[]", "all"]),
    ("annotations", &["{}", "{a: b}"]),
    ("secrets", &["[s]", "[{source: s, target: /etc/shadow}]", "[{source: s, target: ../../x}]"]),
];

fn service() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let one = (0..KEYS.len(), any::<prop::sample::Index>(), 0..10_u8).prop_map(|(key, form, daring)| {
        let (key, forms) = KEYS[key];
        let few = if daring < 6 { forms.len().min(2) } else { forms.len() };
        (key, forms[form.index(few)])
    });
    prop::collection::vec(one, 1..5)
}

fn powers(facts: &Value, root: &str, usual: &Value) -> Vec<String> {
    let host = &facts["HostConfig"];
    let mut all = Vec::new();
    let mut odd = |what: &str, is: bool| {
        if is {
            all.push(what.to_owned());
        }
    };
    odd("privileged", host["Privileged"] == true);
    for key in ["PidMode", "IpcMode", "UTSMode", "UsernsMode", "NetworkMode", "CgroupnsMode"] {
        let mode = host[key].as_str().unwrap_or_default();
        // With the cgroups of the older version, the host's are the usual.
        odd(
            key,
            (mode == "host" && host[key] != usual["HostConfig"][key])
                || (mode.starts_with("container:") && key != "NetworkMode"),
        );
    }
    for key in ["Devices", "DeviceCgroupRules", "DeviceRequests", "VolumesFrom", "Links"] {
        odd(key, host[key].as_array().is_some_and(|list| !list.is_empty()));
    }
    for cap in host["CapAdd"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        odd(cap, !["CHOWN", "KILL", "CAP_CHOWN", "CAP_KILL"].contains(&cap.to_uppercase().as_str()));
    }
    for option in host["SecurityOpt"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        odd(option, !option.starts_with("no-new-privileges"));
    }
    for key in ["MaskedPaths", "ReadonlyPaths"] {
        odd(key, host[key].as_array().is_none_or(Vec::is_empty));
    }
    for group in host["GroupAdd"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        odd(group, group != "1000");
    }
    odd("CgroupParent", host["CgroupParent"] != "");
    odd("OomKillDisable", host["OomKillDisable"] == true);
    odd("OomScoreAdj", host["OomScoreAdj"].as_i64().unwrap_or(0) < 0);
    odd(
        "Sysctls",
        host["Sysctls"]
            .as_object()
            .into_iter()
            .flatten()
            .any(|(key, _)| !key.starts_with("net.ipv4.tcp") && !key.starts_with("net.ipv4.ip_unpriv")),
    );
    odd(
        "LogConfig",
        !["json-file", "local", "none"].contains(&host["LogConfig"]["Type"].as_str().unwrap_or_default()),
    );
    odd("Annotations", host["Annotations"].as_object().is_some_and(|map| !map.is_empty()));
    for mount in facts["Mounts"].as_array().into_iter().flatten() {
        let source = mount["Source"].as_str().unwrap_or_default();
        odd(source, mount["Type"] == "bind" && !source.starts_with(root));
        let target = mount["Destination"].as_str().unwrap_or_default();
        odd(target, target.starts_with("/proc") || target.starts_with("/sys"));
    }
    all
}

#[test]
fn what_is_let_through_has_no_power() {
    let Some(engine) = engine::at_hand("stack_threats::fuzz::powers") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    yard.write("root/app/.env", "T=true\nC=SYS_ADMIN\nE=\nH=host\nU=unconfined\nS=/var/run/docker.sock\n");
    yard.write("root/app/secret", "x");
    yard.scope.run("usual", &[], super::yard::POLITE);
    let usual = yard.inspect("usual");
    let root = std::fs::canonicalize(yard.path("root")).unwrap().display().to_string();
    let mut runner =
        TestRunner::new(Config { cases: CASES * 8, failure_persistence: None, ..Config::default() });
    let (came, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let outcome = runner.run(&service(), |keys| {
        if came.get() >= CASES || refused.get() >= 3 * CASES {
            return Ok(());
        }
        let mut lines = String::new();
        let mut seen = Vec::new();
        for (key, form) in keys {
            if !seen.contains(&key) {
                seen.push(key);
                lines.push_str(&format!("    {key}: {form}\n"));
            }
        }
        let text = format!(
            "name: {}\nservices:\n  odd:\n    image: docker-mcp/base\n    command: [sleep, \"99\"]\n    stop_grace_period: 0s\n{lines}\
             \x20 web:\n    image: docker-mcp/base\n    command: [sleep, \"99\"]\n    stop_grace_period: 0s\nvolumes:\n  data: {{}}\nsecrets:\n  s: {{file: ./secret}}\n",
            yard.project
        );
        yard.write("root/app/compose.yaml", &text);
        let plan = client.call("docker_compose_up", &json!({ "file": "app", "services": "odd", "dry_run": true }));
        prop_assert!(!plan.text.contains("internal"), "{}: {}", lines, plan.text);
        if plan.is_error {
            prop_assert!(["permission_denied", "invalid_arguments", "not_found", "conflict"].contains(&plan.kind()), "{}: {}", lines, plan.text);
            refused.set(refused.get() + 1);
            return Ok(());
        }
        let up = client.call("docker_compose_up", &json!({ "file": "app", "services": "odd" }));
        let Ok(facts) = engine.try_docker(&["inspect", "--type", "container", &yard.name("odd-1")]) else {
            // The engine did not take it.
            prop_assert!(up.is_error, "{}: {}", lines, up.text);
            return Ok(());
        };
        came.set(came.get() + 1);
        let facts: Value = serde_json::from_str::<Value>(&facts).unwrap()[0].take();
        let powers = powers(&facts, &root, &usual);
        prop_assert!(powers.is_empty(), "{}: {:?}", lines, powers);
        prop_assert!(!up.text.contains("does not ask for"), "{}: {}", lines, up.text);
        engine.docker(&["rm", "-f", &yard.name("odd-1")]);
        Ok(())
    });
    eprintln!("{} came up, {} were refused", came.get(), refused.get());
    outcome.unwrap();
    assert!(came.get() >= 5 && refused.get() >= 3, "{} came up, {} were refused", came.get(), refused.get());
}
