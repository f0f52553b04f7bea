//! Whatever is written as options: it is refused, or what is sent of it holds nothing that the profile refuses.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::config::Settings;
use crate::config::settings::{Profile, Roots};
use crate::guard::create::CAPABILITIES;
use crate::tool::args;

use super::options::Options;
use super::{TOOLS, asks, blueprint};

/// Words that mean something to the engine, to a shell, or to us.
const WORDS: &[&str] = &[
    "",
    " ",
    "host",
    "Host",
    "container:vault",
    "container:",
    "private",
    "none",
    "default",
    "bridge",
    "shareable",
    "ALL",
    "all",
    "CAP_SYS_ADMIN",
    "chown",
    "cap_chown",
    "NET_BIND_SERVICE",
    "seccomp=unconfined",
    "seccomp:unconfined",
    "label:disable",
    "no-new-privileges",
    "no-new-privileges:true",
    "no-new-privileges=false",
    "no-new-privileges: true",
    "apparmor=unconfined",
    "/",
    "/etc",
    "/srv/work",
    "/srv/work/data",
    "/srv/work/../../etc",
    "//srv/work/a",
    "/proc",
    "/var/run/docker.sock",
    "/srv/work/data:/x",
    "/etc:/x:ro",
    "data:/x",
    "vault:ro",
    "vault:alias",
    "/run:size=1m",
    "/run:exec",
    "/run:suid,size=1m",
    "/proc:ro",
    "nofile",
    "memlock",
    "1024:2048",
    "-1:-1",
    "1:2:3",
    "kernel.shmmax",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_syncookies=1",
    "1",
    "0",
    "0:0",
    "root",
    "1000:1000",
    "+0:+0",
    "syslog",
    "json-file",
    "local",
    "always",
    "on-failure:3",
    "no",
    "80",
    "0.0.0.0:80:80",
    "docker",
    "1000",
    "true",
    "false",
    "-500",
    "512m",
    "99g",
    "docker-mcp-x",
    "/docker-mcp-x",
    "web",
    "com.docker.compose.project",
    "docker-mcp.call",
    "team",
    "/dev/null",
    "/dev/mem:/dev/mem:rwm",
    "runc",
    "busybox",
    "healthy",
    "log",
    "\u{0}",
    "\n",
    "${secret:X}",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![8 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => word().prop_map(Value::String),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(|n| json!(n)),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((word(), inner.clone()), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            // As some clients send what is no text.
            inner.prop_map(|value| Value::String(value.to_string())),
        ]
    })
}

fn settings(profile: Profile) -> Settings {
    let mut settings = Settings::default();
    settings.create.profile = profile;
    settings.create.bind_roots = Roots::Under(vec!["/srv/work".into()]);
    settings
}

fn keys() -> Vec<String> {
    let schema = TOOLS.iter().map(crate::tool::ToolDef::schema).next_back().unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    properties.keys().cloned().chain(["Privileged", "HostConfig"].map(str::to_owned)).collect()
}

/// Everything that may stand in the body, and of what kind.
fn harmless(host: &Map<String, Value>, restricted: bool) -> Result<(), String> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    for (key, value) in host {
        let fine = match key.as_str() {
            "IpcMode" => ["private", "none"].contains(&value.as_str().unwrap_or_default()),
            "CgroupnsMode" => value == "private",
            "Init" | "ReadonlyRootfs" => value == true,
            "OomScoreAdj" => value.as_i64().is_some_and(|n| n >= 0),
            "CapAdd" => texts(value).iter().all(|cap| {
                let cap = cap.to_ascii_uppercase();
                let cap = cap.trim().trim_start_matches("CAP_");
                if restricted { cap == "NET_BIND_SERVICE" } else { CAPABILITIES.contains(&cap) }
            }),
            "SecurityOpt" => texts(value) == ["no-new-privileges"],
            "GroupAdd" => texts(value).iter().all(|group| group.parse::<u32>().is_ok_and(|id| id >= 1000)),
            "Tmpfs" => value.as_object().is_some_and(|all| {
                let odd = ["exec", "suid", "dev"];
                all.iter().all(|(path, o)| {
                    !path.starts_with("/proc")
                        && !o.as_str().unwrap_or_default().split(',').any(|o| odd.contains(&o))
                })
            }),
            "Sysctls" => value.as_object().is_some_and(|all| {
                all.keys().all(|k| {
                    k.starts_with("net.ipv4.tcp")
                        || k.starts_with("net.ipv4.ip_")
                        || k.starts_with("net.ipv4.ping")
                        || k == "kernel.shm_rmid_forced"
                })
            }),
            "Ulimits" => value.as_array().is_some_and(|all| {
                all.iter().all(|l| {
                    l["Hard"].as_i64().is_some_and(|n| (0..=1_048_576).contains(&n)) && l["Name"] != "memlock"
                })
            }),
            "LogConfig" => {
                ["json-file", "local", "none"].contains(&value["Type"].as_str().unwrap_or_default())
            }
            "RestartPolicy" => {
                !restricted || ["no", "on-failure"].contains(&value["Name"].as_str().unwrap_or_default())
            }
            "Dns" | "ExtraHosts" => !restricted,
            "CapDrop" | "Memory" | "NanoCpus" | "PidsLimit" => true,
            _ => false,
        };
        if !fine {
            return Err(format!("{key} = {value}"));
        }
    }
    let dropped = host.get("CapDrop").map(&texts).unwrap_or_default();
    let enough = dropped.iter().any(|cap| cap.eq_ignore_ascii_case("all"))
        || !restricted && dropped.iter().any(|cap| cap == "NET_RAW");
    match (enough, host.get("PidsLimit").and_then(Value::as_u64)) {
        (true, Some(1..)) => Ok(()),
        (enough, pids) => Err(format!("drops enough: {enough}, pids: {pids:?}")),
    }
}

/// Options as a call brings them: every one of them alone would be refused or taken.
fn read(arguments: Map<String, Value>) -> Option<Options> {
    let schema = TOOLS.last()?.schema();
    args::read::<Options>(&schema, arguments).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_asked_for_nothing_refused_is_sent(
        pairs in vec((prop::sample::select(keys()), value()), 1..4),
        restricted in any::<bool>(),
    ) {
        let settings = settings(if restricted { Profile::Restricted } else { Profile::Baseline });
        let mut arguments = Map::from_iter(pairs);
        arguments.insert("image".to_owned(), json!("busybox"));
        // Neither of the tools breaks on it.
        for tool in TOOLS {
            if let Ok(prepared) = tool.prepare(arguments.clone()) {
                let _ = tool.judge(&prepared, &settings, &[]);
            }
        }
        let Some(options) = read(arguments) else { return Ok(()) };
        if asks::targets(&options).is_err() || asks::guard(&options, &settings).is_err() {
            return Ok(());
        }
        let host: Map<String, Value> =
            blueprint::host(&options, &settings).unwrap().into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        prop_assert_eq!(harmless(&host, restricted), Ok(()), "{:?}", options);
        prop_assert!(asks::containers(&options).is_empty(), "{:?}", options);
        prop_assert!(!asks::networks(&options).contains(&"host"), "{:?}", options);
        prop_assert!(options.network_mode.as_deref() != Some("host"), "{:?}", options);
        for mount in asks::mounts(&options).unwrap() {
            prop_assert!(!mount.is_host() || mount.source.starts_with("/srv/work/") || mount.source.starts_with("//srv/work/"), "{:?}", mount);
            prop_assert!(!mount.target.starts_with("/proc"), "{:?}", mount);
        }
        let config = blueprint::config(&options).unwrap();
        if let (true, Some(user)) = (restricted, config.get("User")) {
            prop_assert!(!user.as_str().unwrap_or_default().split(':').any(|id| id.parse::<u32>().is_ok_and(|id| id == 0)), "{:?}", user);
        }
        for (key, _) in Options::texts(options.labels.as_ref()) {
            prop_assert!(!key.starts_with("com.docker.") && !key.starts_with("docker-mcp."), "{}", key);
        }
        prop_assert!(!options.name.unwrap_or_default().starts_with("docker-mcp"));
    }
}
