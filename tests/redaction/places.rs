//! The places, and every call that could show one of them.

use serde_json::{Value, json};

use super::canary::Canary;
use crate::support::engine::BASE;
use crate::support::fixture::Scope;
use crate::support::probe::{plain_calls, slots, views};
use crate::support::{Client, Engine, Launch, engine};

/// A container that holds the secret wherever Docker keeps text.
struct Leaky {
    scope: Scope,
    canary: Canary,
    image: String,
    _dir: tempfile::TempDir,
}

impl Leaky {
    fn new(engine: &Engine) -> Self {
        let (scope, canary) = (Scope::new(engine), Canary::new());
        let secret = &canary.plain;
        let dir = tempfile::Builder::new().prefix(&format!("dir-{secret}-")).tempdir().unwrap();
        let bind = format!("{}:/mnt", dir.path().display());
        scope.volume("vol", &["--label", &format!("api_token={secret}")]);
        let volume = format!("{}:/vol", scope.name("vol"));
        let mut options: Vec<String> =
            ["-v", &bind, "-v", &volume, "--health-interval", "1s"].map(String::from).to_vec();
        for env in [
            format!("API_TOKEN={secret}"),
            format!("DB_PASSWORD={secret}"),
            format!("DATABASE_URL=postgres://user:{}@db/x", canary.url()),
            format!("JAVA_OPTS=-Xmx1g -Dapi.token={secret}"),
            "COLOUR=blue-harmless".to_owned(),
        ] {
            options.extend(["-e".to_owned(), env]);
        }
        for label in [
            format!("note=it uses {secret} here"),
            format!("api.token={secret}"),
            "team=red-harmless".to_owned(),
        ] {
            options.extend(["-l".to_owned(), label]);
        }
        options.extend(["--health-cmd".to_owned(), format!("echo health-says {secret} to-all")]);
        let basic = crate::support::text::base64(format!("user:{secret}").as_bytes());
        let lines = [
            format!("before-plain {secret} after-plain"),
            format!("before-base64 {} after-base64", canary.base64()),
            format!("before-url {} after-url", canary.url()),
            format!("before-basic Authorization: Basic {basic}"),
            format!("before-key {{\"password\": \"{secret}\"}} after-key"),
            format!("before-option --password={secret} after-option"),
        ];
        let mut script: String = lines.iter().map(|l| format!("echo '{l}'; echo '{l}' >&2; ")).collect();
        script.push_str(&format!("touch '/tmp/file-{secret}'; while true; do sleep 1; done"));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        scope.run("leaky", &options, &["sh", "-c", &script, "sh", &format!("--password={secret}")]);
        // The command of an exec stands in the events.
        engine.docker(&["exec", &scope.name("leaky"), "sh", "-c", &format!("true --password={secret}")]);
        let image = format!("{}:1", scope.name("image"));
        let (env, label) = (format!("ENV DEPLOY_KEY={secret}"), format!("LABEL note={secret}"));
        let run = format!("LABEL {}", scope.label());
        let message = format!("built with token={secret}");
        engine.docker(&[
            "commit",
            "-m",
            &message,
            "-c",
            &env,
            "-c",
            &label,
            "-c",
            &run,
            &scope.name("leaky"),
            &image,
        ]);
        scope.container(&["create"], "of-image", &[], &image, &["true"]);
        Self { scope, canary, image, _dir: dir }
    }

    fn config(&self) -> String {
        let p = &self.scope.prefix;
        format!("[permissions]\nwhitelist_containers = [\"{p}-*\"]\nwhitelist_volumes = [\"{p}-*\"]\n")
    }

    /// Every call that the tools allow, on every object.
    fn calls(&self, client: &Client) -> Vec<(String, Value)> {
        let tools = client.tools();
        let mut calls = Vec::new();
        for (tool, least) in plain_calls(&tools) {
            calls.extend(views(&tools, &tool, &least).into_iter().map(|v| (tool.clone(), v)));
        }
        let names = ["leaky", "of-image", "vol"].map(|n| self.scope.name(n));
        for slot in slots(&tools) {
            for word in names.iter().map(String::as_str).chain([self.image.as_str()]) {
                let least = slot.arguments(word);
                calls.extend(views(&tools, &slot.tool, &least).into_iter().map(|v| (slot.tool.clone(), v)));
            }
        }
        let leaky = self.scope.name("leaky");
        for view in [
            json!({ "container": leaky, "grep": "before", "context": 2 }),
            json!({ "container": leaky, "tail": 1 }),
            json!({ "container": leaky, "grep": "harmless", "invert": true }),
            json!({ "container": leaky, "follow": true, "duration": "1s" }),
        ] {
            calls.push(("docker_logs".into(), view));
        }
        calls.push(("docker_ps".into(), json!({ "all": true, "filter": { "label": "team" } })));
        calls
    }
}

#[test]
fn a_secret_leaves_through_no_tool_log_or_audit() {
    let Some(engine) = engine::at_hand("redaction::places") else { return };
    let leaky = Leaky::new(&engine);
    // The health check speaks once a second.
    std::thread::sleep(std::time::Duration::from_millis(2200));
    let client = Launch::at(&engine.host).config(&leaky.config()).arg("--log-level").arg("trace").connect();

    let mut leaks = Vec::new();
    let mut seen = String::new();
    for (tool, arguments) in leaky.calls(&client) {
        let whole = client.call(&tool, &arguments).whole();
        leaks.extend(leaky.canary.found(&whole).into_iter().map(|f| format!("{tool} {arguments}: {f}")));
        seen.push_str(&whole);
    }
    for (message, _) in client.others() {
        leaks.extend(
            leaky.canary.found(&message.to_string()).into_iter().map(|f| format!("a notification: {f}")),
        );
    }
    client.audit_wait(10);
    for (what, text) in [("stderr", client.stderr()), ("audit", client.audit_text())] {
        assert!(!text.is_empty(), "{what} is empty");
        leaks.extend(leaky.canary.found(&text).into_iter().map(|f| format!("{what}: {f}")));
    }
    let shown: Vec<String> = leaks.iter().map(|l| l.replace(&leaky.scope.prefix, "PFX")).collect();
    assert!(
        shown.is_empty(),
        "{} leaks, the first ones:\n{}",
        shown.len(),
        shown[..shown.len().min(25)].join("\n")
    );

    // The test must be able to fail: what is around the secret is shown.
    let mut expected =
        vec!["before-plain", "after-plain", "before-base64", "after-url", "after-key", "after-option"];
    if client.tools().iter().any(|t| t["name"] == "docker_inspect") {
        expected.extend(["health-says", "blue-harmless", "red-harmless"]);
    }
    for word in expected {
        assert!(seen.contains(word), "`{word}` was shown nowhere: the test sees nothing");
    }
}

#[test]
fn a_secret_that_the_caller_sends_is_neither_logged_nor_recorded() {
    let Some(engine) = engine::at_hand("redaction::arguments") else { return };
    let leaky = Leaky::new(&engine);
    let secret = &leaky.canary.plain;
    let client = Launch::at(&engine.host).config(&leaky.config()).arg("--log-level").arg("trace").connect();
    for (tool, arguments) in [
        ("docker_ps", json!({ "filter": { "label": format!("api.token={secret}") } })),
        ("docker_ps", json!({ "password": secret })),
        ("docker_logs", json!({ "container": leaky.scope.name("leaky"), "grep": secret })),
        ("docker_logs", json!({ "container": leaky.scope.name("leaky"), "grep": format!("({secret}") })),
        ("docker_login", json!({ "password": secret })),
    ] {
        client.call(tool, &arguments);
    }
    client.audit_wait(5);
    assert_eq!(leaky.canary.found(&client.audit_text()), Vec::<String>::new(), "in the audit");
    assert_eq!(leaky.canary.found(&client.stderr()), Vec::<String>::new(), "on stderr");
}

#[test]
fn a_search_does_not_find_what_is_masked() {
    let Some(engine) = engine::at_hand("redaction::search") else { return };
    let leaky = Leaky::new(&engine);
    let client = Launch::at(&engine.host).config(&leaky.config()).connect();
    let hits = |pattern: &str| {
        let arguments = json!({ "container": leaky.scope.name("leaky"), "grep": pattern });
        client.call("docker_logs", &arguments).ok().structured["hits"].as_u64()
    };
    assert!(hits("before-plain").is_some_and(|n| n > 0));
    // Letter by letter the secret could be asked for.
    for pattern in ["before-plain Zq7", "before-plain Z", "(?i)PLAIN zq", "plain [A-Z]q7"] {
        assert_eq!(hits(pattern), Some(0), "`{pattern}` tells what is masked");
    }
}

#[test]
fn a_secret_of_one_container_is_masked_in_the_log_of_another() {
    let Some(engine) = engine::at_hand("redaction::elsewhere") else { return };
    let leaky = Leaky::new(&engine);
    let line = format!("calling-it with {} as-is", leaky.canary.plain);
    leaky.scope.container(&["run", "-d"], "caller", &[], BASE, &["echo", &line]);
    leaky.scope.engine.wait_state(&leaky.scope.name("caller"), "exited");
    let client = Launch::at(&engine.host).config(&leaky.config()).connect();
    // Both were looked at.
    client.call("docker_logs", &json!({ "container": leaky.scope.name("leaky") })).ok();
    let log = client.call("docker_logs", &json!({ "container": leaky.scope.name("caller") })).ok();
    assert!(log.text.contains("calling-it") && log.text.contains("as-is"), "{}", log.text);
    assert!(leaky.canary.found(&log.whole()).is_empty(), "{}", log.text);
}

/// Changes, their previews, and what is held for a person: on the same containers.
#[test]
fn a_secret_leaves_through_no_change_and_no_question() {
    let Some(engine) = engine::at_hand("redaction::changes") else { return };
    let leaky = Leaky::new(&engine);
    let p = &leaky.scope.prefix;
    let levels = "[permissions]\nlifecycle = true\nexec = true\ncreate = true\nimages = true\nvolumes = true\nnetworks = true\nsystem = true\n";
    let filters = format!(
        "whitelist_containers = [\"{p}-*\"]\nwhitelist_volumes = [\"{p}-*\"]\n[exec_safety]\nallow_root = true\n"
    );
    let mut leaks = Vec::new();
    let mut seen = String::new();
    let mut look = |what: &str, text: &str| {
        seen.push_str(text);
        leaks.extend(leaky.canary.found(text).into_iter().map(|f| format!("{what}: {f}")));
    };
    let names = ["leaky", "of-image", "vol"].map(|n| leaky.scope.name(n));
    let human = "[confirm]\nrequire = \"mutating\"\nby = \"human\"\n";
    for more in ["dry_run = true\n", human, ""] {
        let (before, after) = if more.starts_with("dry") { (more, "") } else { ("", more) };
        let config = format!("{before}{levels}{filters}{after}");
        let client = Launch::at(&engine.host).config(&config).arg("--log-level").arg("trace").connect();
        if !more.is_empty() {
            let tools = client.tools();
            let changing: Vec<Value> =
                tools.iter().filter(|t| t["annotations"]["readOnlyHint"] != true).cloned().collect();
            for slot in slots(&changing) {
                for word in names.iter().map(String::as_str).chain([leaky.image.as_str()]) {
                    let result = client.call(&slot.tool, &slot.arguments(word));
                    look(&format!("{} {word} ({more})", slot.tool), &result.whole());
                }
            }
            look("pending", &client.prints(&["pending"]));
        }
        let name = &names[0];
        for (tool, arguments) in [
            ("docker_exec", json!({ "container": name, "command": ["env"] })),
            (
                "docker_exec",
                json!({ "container": name, "command": ["sh", "-c", "echo say-$API_TOKEN >&2; exit 3"] }),
            ),
            ("docker_pause", json!({ "containers": name })),
            ("docker_unpause", json!({ "containers": name })),
            ("docker_update", json!({ "container": name, "resources": { "memory": "64m" } })),
            ("docker_recreate", json!({ "container": name, "image": "no-such-image:1" })),
            ("docker_restart", json!({ "containers": name, "timeout": 1 })),
            ("docker_copy_from", json!({ "container": name, "path": "/tmp" })),
            ("docker_stop", json!({ "containers": name, "timeout": 1 })),
            ("docker_remove", json!({ "containers": name })),
        ] {
            look(tool, &client.call(tool, &arguments).whole());
        }
        client.audit_wait(10);
        look("stderr", &client.stderr());
        look("audit", &client.audit_text());
        look("the command line", &client.prints(&["audit"]));
        // What is kept beside the log is no place for it either.
        let mut kept = Vec::new();
        crate::support::text::each_file(client.home(), &mut |file| kept.push(file.to_owned()));
        for file in kept.iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
            look("a file of ours", &std::fs::read_to_string(file).unwrap());
        }
        for (message, _) in client.others() {
            look("a notification", &message.to_string());
        }
    }
    let shown: Vec<String> = leaks.iter().map(|l| l.replace(p.as_str(), "PFX")).collect();
    assert!(shown.is_empty(), "{} leaks:\n{}", shown.len(), shown[..shown.len().min(25)].join("\n"));
    for word in ["say-[redacted]", "approval_pending", "dry_run", "blue-harmless"] {
        assert!(seen.contains(word), "`{word}` was shown nowhere: the test sees nothing");
    }
}

/// What compose says when a container cannot start stands in the answer, the log and the record of the change.
#[test]
fn a_secret_of_a_stack_leaves_through_no_failure() {
    let Some(engine) = engine::at_hand("redaction::stack") else { return };
    let (scope, canary) = (Scope::new(&engine), Canary::new());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".env"), format!("DEPLOY_SECRET={}\n", canary.plain)).unwrap();
    let yaml = format!(
        "name: {}\nservices:\n  web:\n    image: {BASE}\n    command: [\"/no-such-$DEPLOY_SECRET\", \"--password=$DEPLOY_SECRET\"]\n    labels: [\"{}\"]\n",
        scope.name("shop"),
        scope.label(),
    );
    let file = dir.path().join("compose.yaml");
    std::fs::write(&file, yaml).unwrap();
    let config = format!(
        "[permissions]\ncreate = true\nlifecycle = true\nnetworks = true\nimages = true\nvolumes = true\n[confirm]\nrequire = \"none\"\n[compose]\nroots = [{:?}]\n",
        dir.path()
    );
    let client = Launch::at(&engine.host).config(&config).arg("--log-level").arg("trace").connect();
    let up = client.call("docker_compose_up", &json!({ "file": file }));
    assert!(up.is_error && up.text.contains("web"), "{}", up.text);
    let config = client.call("docker_compose_config", &json!({ "file": file }));
    client.audit_wait(3);
    let audit = client.audit_text();
    assert!(audit.contains("\"conflict\""), "{audit}");
    for (what, text) in
        [("up", up.whole()), ("config", config.whole()), ("stderr", client.stderr()), ("audit", audit)]
    {
        assert_eq!(canary.found(&text), Vec::<String>::new(), "{what}");
    }
    client.call("docker_compose_down", &json!({ "project": scope.name("shop") }));
}
