//! Secrets that are longer than a line, or lie where a log is cut.

use serde_json::{Value, json};

use super::canary::Canary;
use crate::support::fixture::Scope;
use crate::support::text::base64;
use crate::support::{Client, Launch, engine};

fn client(scope: &Scope, more: &str) -> Client {
    let config = format!("[permissions]\nwhitelist_containers = [\"{}-*\"]\n{more}", scope.prefix);
    Launch::at(&scope.engine.host).config(&config).connect()
}

/// What a client got besides the answers.
fn told(client: &Client) -> String {
    let text = |(m, _): (Value, _)| m["params"]["message"].as_str().unwrap_or_default().to_owned();
    client.others().into_iter().map(text).collect::<Vec<_>>().join("\n")
}

/// Lines that are no key, but look like one's; all differ.
fn body() -> Vec<String> {
    let line = |i: u32| {
        let bytes = (0..48_u32).map(|k| u8::try_from((i * 131 + k * 89 + i * k * 7) % 251).unwrap());
        base64(&bytes.collect::<Vec<u8>>())
    };
    (1..=26).map(line).collect()
}

fn leaked(text: &str, body: &[String]) -> Vec<String> {
    body.iter().filter(|l| text.contains(&l[..24]) || text.contains(&l[40..])).cloned().collect()
}

#[test]
fn a_key_leaves_no_log_line_by_line() {
    let Some(engine) = engine::at_hand("redaction::key") else { return };
    let scope = Scope::new(&engine);
    let body = body();
    let (begin, end) =
        (["-----BEGIN ", "PRIVATE KEY-----"].concat(), ["-----END ", "PRIVATE KEY-----"].concat());
    let key = format!("{begin}\n{}\n{end}", body.join("\n"));
    let prefixed: String = key.lines().map(|l| format!("app | {l}\n")).collect();
    for (name, key) in [("plain", key.as_str()), ("prefixed", &prefixed), ("headless", &body.join("\n"))] {
        let tail = if name == "headless" { format!("\n{end}") } else { String::new() };
        let script = format!("printf '%s\\n' first-words '{key}{tail}' last-words; sleep 9999");
        scope.run(name, &[], &["sh", "-c", &script]);
    }
    let client = client(&scope, "");
    for name in ["plain", "prefixed", "headless"] {
        let container = scope.name(name);
        let armour = "[A-Za-z0-9+/=]{40,}$";
        let mut views: Vec<Value> =
            [1, 2, 3, 5, 12, 27, 28, 29, 100].iter().map(|n| json!({ "tail": n })).collect();
        views.extend([
            json!({ "grep": armour }),
            json!({ "grep": armour, "follow": true, "duration": "1s" }),
            json!({ "grep": "words", "invert": true }),
            json!({ "grep": "words|END|BEGIN", "context": 3 }),
            json!({ "grep": body[7][..30].replace('+', "\\+") }),
            json!({ "tail": 7, "follow": true, "duration": "1s" }),
            json!({ "follow": true, "duration": "1s" }),
        ]);
        for mut view in views {
            view["container"] = json!(container);
            let reply = client.call("docker_logs", &view).ok();
            assert!(leaked(&reply.whole(), &body).is_empty(), "{name} {view}: {}", reply.text);
            if let (Some(tail), None) = (view["tail"].as_u64(), view["follow"].as_bool()) {
                assert_eq!(
                    reply.structured["lines"],
                    tail.min(29 + u64::from(name != "headless") + u64::from(name == "prefixed")),
                    "{name}"
                );
                assert!(reply.text.contains("last-words"), "{}", reply.text);
            }
        }
        // What the mask itself matches tells nothing of what is behind it.
        let hits = |p: &str| {
            let reply = client.call("docker_logs", &json!({ "container": container, "grep": p })).ok();
            reply.structured["hits"].as_u64()
        };
        assert_eq!(hits(&format!("redacted|{}", &body[3][..6].replace('+', "\\+"))), hits("redacted"));
        let wait = json!({ "container": container, "until": "log", "pattern": armour, "timeout": "2s" });
        let reply = client.call("docker_wait", &wait).ok();
        assert_eq!(reply.structured["met"], false, "{name}: {}", reply.text);
    }
    assert!(leaked(&told(&client), &body).is_empty());
}

#[test]
fn no_border_cuts_a_secret_in_two() {
    let Some(engine) = engine::at_hand("redaction::borders") else { return };
    let (scope, canary) = (Scope::new(&engine), Canary::new());
    let secret = &canary.plain;
    // On the border of a part at 64 KiB, and of an entry of the engine at 16 KiB.
    let mut script = String::new();
    for border in [16 << 10, 64 << 10, 128 << 10] {
        for back in [1, secret.len() / 2, secret.len() - 1] {
            let before = border - back;
            script.push_str(&format!(
                "head -c {before} /dev/zero | tr '\\0' x; printf %s '{secret}'; head -c 9000 /dev/zero | tr '\\0' y; echo; "
            ));
        }
    }
    let env = format!("API_TOKEN={secret}");
    scope.run("long", &["-e", &env], &["sh", "-c", &format!("{script} sleep 9999")]);
    // Lines of all lengths, so that each border of progress lies in some.
    let short =
        format!("i=0; while [ $i -lt 300 ]; do i=$((i+1)); printf '%0'$i'd{secret}\\n' 0; done; sleep 9999");
    scope.run("short", &["-e", &env], &["sh", "-c", &short]);
    let client = client(&scope, "[output]\nchunk_bytes = 256\n");
    let halves = [&secret[..secret.len() / 2], &secret[secret.len() / 2..]];
    for name in ["long", "short"] {
        let mut views: Vec<Value> = [1, 2, 3, 9].iter().map(|n| json!({ "tail": n })).collect();
        views.extend([
            json!({ "tail": "all" }),
            json!({ "grep": "y$|x", "tail": 3 }),
            json!({ "grep": "0" }),
        ]);
        for mut view in views {
            view["container"] = json!(scope.name(name));
            let reply = client.call("docker_logs", &view).ok();
            for half in halves {
                assert!(!reply.whole().contains(half), "{name} {view}");
            }
        }
        let arguments =
            json!({ "container": scope.name(name), "follow": true, "duration": "3s", "tail": "all" });
        let call =
            json!({ "name": "docker_logs", "arguments": arguments, "_meta": { "progressToken": name } });
        let id = client.begin("tools/call", call);
        client.wait(&id).tool().ok();
        let told = told(&client);
        assert!(told.contains(if name == "long" { "yyyy" } else { "0000" }), "nothing was told");
        for half in halves {
            assert!(!told.contains(half), "{name}: in progress");
        }
    }
}
