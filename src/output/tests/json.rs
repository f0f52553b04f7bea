use serde_json::{Value, json};

use super::{Learned, Redactor, hex};

fn walked(mut value: Value, learned: &Learned) -> Value {
    Redactor::default().json(&mut value, learned);
    value
}

#[test]
fn an_inspection() {
    let id = hex(64, 1);
    let learned = Learned::builder().env("DB_PASSWORD", "sup3rsecret").visible("web").build();
    let out = walked(
        json!({
            "Id": id, "Name": "/sup3rsecret", "Image": format!("sha256:{id}"), "Author": "Bob", "confirm_token": "abc123def",
            "Config": {
                "Env": ["DB_PASSWORD=sup3rsecret", "PATH=/usr/bin", "MOTD=uses sup3rsecret", "EMPTY_KEY="],
                "Cmd": ["app", "--password", "hunter3", "--token=x1y2", "-e", "API_KEY=q", "-v"],
                "Labels": {"db.password": "x", "org.opencontainers.image.authors": "Bob", "name": "sup3rsecret", "a\u{1b}[1mb": "\u{202e}t"},
                "Healthcheck": {"Test": ["CMD-SHELL", "curl -H 'X-Api-Key: abc9' http://x"]}
            },
            "HostConfig": {
                "Binds": ["/data/sup3rsecret:/x"],
                "LogConfig": {"Type": "json-file", "Config": {"splunk-token": "abc"}},
                "Options": {"o": "username=u,password=cifs1"}
            },
            "State": {"Health": {"Log": [{"Output": "token=hc-secret\u{1b}[0m"}]}},
            "NetworkSettings": {"SandboxKey": "/var/run/docker/netns/abc", "Ports": {"80/tcp": null}},
            "Action": "exec_create: sh -c x --password=hunter3",
            "environment": {"MY_KEY": "v", "LANG": "C"}
        }),
        &learned,
    );
    // A whole value has a fingerprint.
    let password = out["Config"]["Env"][0].as_str().unwrap().to_owned();
    assert!(password.starts_with("DB_PASSWORD=[redacted:"), "{password}");
    assert_eq!(
        out,
        json!({
            "Id": id, "Name": "/sup3rsecret", "Image": format!("sha256:{id}"), "Author": "Bob", "confirm_token": "abc123def",
            "Config": {
                "Env": [password, "PATH=/usr/bin", "MOTD=uses [redacted]", "EMPTY_KEY="],
                "Cmd": ["app", "--password", "[redacted]", "--token=[redacted]", "-e", "API_KEY=[redacted]", "-v"],
                "Labels": {"db.password": "[redacted]", "org.opencontainers.image.authors": "Bob", "name": "[redacted]", "ab": "t"},
                "Healthcheck": {"Test": ["CMD-SHELL", "curl -H 'X-Api-Key: [redacted]' http://x"]}
            },
            "HostConfig": {
                "Binds": ["/data/[redacted]:/x"],
                "LogConfig": {"Type": "json-file", "Config": {"splunk-token": "[redacted]"}},
                "Options": {"o": "username=u,password=[redacted]"}
            },
            "State": {"Health": {"Log": [{"Output": "token=[redacted]"}]}},
            "NetworkSettings": {"SandboxKey": "/var/run/docker/netns/abc", "Ports": {"80/tcp": null}},
            "Action": "exec_create: sh -c x --password=[redacted]",
            "environment": {"MY_KEY": "[redacted]", "LANG": "C"}
        })
    );
    assert_eq!(walked(out.clone(), &learned), out);
}

#[test]
fn a_sentence_in_a_name_field_is_no_name() {
    let learned = Learned::builder().value("sup3rsecret").build();
    let out = walked(json!({"status": "exec_create: sh sup3rsecret", "names": ["a-sup3rsecret"]}), &learned);
    assert_eq!(out, json!({"status": "exec_create: sh [redacted]", "names": ["a-sup3rsecret"]}));
}
