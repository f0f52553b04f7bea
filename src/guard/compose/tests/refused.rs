//! What no setting lets through.

use super::*;

fn place(value: Value) -> String {
    web(value).unwrap_err().place
}

#[test]
fn what_runs_on_the_host_or_past_us() {
    for (key, value) in [
        ("provider", json!({ "type": "evil" })),
        ("use_api_socket", json!(true)),
        ("credential_spec", json!({ "file": "x.json" })),
        ("models", json!({ "llm": null })),
        ("pre_start", json!([{ "command": ["sh"], "image": "x" }])),
        ("post_start", json!([{ "command": ["sh"], "privileged": true }])),
        ("pre_stop", json!([{ "command": ["sh"] }])),
        ("annotations", json!({ "a": "b" })),
        ("external_links", json!(["vault"])),
        ("env_file", json!([{ "path": "/etc/passwd" }])),
        ("label_file", json!(["/etc/passwd"])),
        ("extends", json!({ "service": "a" })),
    ] {
        let refused = web(json!({ key: value })).unwrap_err();
        assert_eq!(refused.place, format!("services.web.{key}"));
        assert!(!refused.hint.is_empty() && refused.why.starts_with(char::is_lowercase), "{refused:?}");
    }
    assert!(web(json!({ "use_api_socket": false })).is_ok());
    for key in ["models", "include"] {
        let mut json = project(json!({}));
        json[key] = json!({ "a": {} });
        assert_eq!(model(&json).unwrap_err().place, key);
    }
}

#[test]
fn names_lead_to_what_is_there() {
    for (value, want) in [
        (json!({ "networks": { "other": null } }), "networks.other"),
        (json!({ "network_mode": "service:nobody" }), "network_mode"),
        (json!({ "links": ["nobody:x"] }), "links"),
        (json!({ "volumes_from": ["nobody:ro"] }), "volumes_from"),
        (json!({ "depends_on": { "nobody": { "required": true } } }), "depends_on.nobody"),
        (json!({ "volumes": [{ "type": "volume", "source": "nobody", "target": "/a" }] }), "volumes[0]"),
        (json!({ "secrets": [{ "source": "nobody" }] }), "secrets[0]"),
        (json!({ "configs": [{ "source": "nobody" }] }), "configs[0]"),
    ] {
        assert_eq!(place(value), format!("services.web.{want}"));
    }
    assert!(web(json!({ "depends_on": { "nobody": { "required": false } } })).unwrap().needs.is_empty());
}

#[test]
fn mounts_that_are_none_of_ours() {
    for value in [
        json!({ "type": "image", "source": "alpine", "target": "/a" }),
        json!({ "type": "npipe", "source": "x", "target": "/a" }),
        json!({ "type": "cluster", "source": "x", "target": "/a" }),
        json!({ "source": "x", "target": "/a" }),
        json!({ "type": "bind", "source": "rel", "target": "/a" }),
        json!({ "type": "bind", "target": "/a" }),
        json!({ "type": "bind", "source": "C:\\x", "target": "/a" }),
        json!({ "type": "volume", "target": "v:/x" }),
        json!({ "type": "volume", "target": "/" }),
        json!({ "type": "tmpfs", "target": "/a/../proc" }),
        json!({ "type": "tmpfs" }),
    ] {
        assert_eq!(place(json!({ "volumes": [value] })), "services.web.volumes[0]");
    }
}

#[test]
fn ports_that_are_none() {
    for value in [
        json!({ "published": "80" }),
        json!({ "target": 0 }),
        json!({ "target": 70000 }),
        json!({ "target": 80, "published": "x" }),
        json!({ "target": 80, "published": "9-8" }),
        json!({ "target": 80, "published": "0-8" }),
        json!({ "target": 80, "published": "80-" }),
        json!({ "target": 80, "published": "+80" }),
        json!({ "target": 80, "host_ip": "localhost" }),
        json!({ "target": 80, "protocol": "raw" }),
        json!({ "target": 80, "published": "1-257" }),
        json!({ "target": 80, "published": "1-65535" }),
    ] {
        assert_eq!(place(json!({ "ports": [value] })), "services.web.ports[0]", "{value}");
    }
    assert!(web(json!({ "ports": [{ "target": 80, "published": "1-256" }] })).is_ok());
    let half = json!({ "target": 80, "published": "1-200" });
    assert_eq!(place(json!({ "ports": [half, half] })), "services.web.ports[1]");
}

#[test]
fn secrets_and_configs_have_a_source_here() {
    for (kind, value, want) in [
        ("secrets", json!({ "environment": "HOME" }), "secrets.s.environment"),
        ("configs", json!({ "environment": "HOME" }), "configs.s.environment"),
        ("secrets", json!({ "external": true }), "secrets.s.external"),
        ("secrets", json!({ "external": { "name": "x" } }), "secrets.s.external"),
        ("secrets", json!({ "driver": "vault" }), "secrets.s.driver"),
        ("configs", json!({ "template_driver": "golang", "content": "x" }), "configs.s.template_driver"),
        ("secrets", json!({ "name": "x" }), "secrets.s"),
        ("secrets", json!({ "file": "/a", "content": "b" }), "secrets.s"),
        ("secrets", json!({ "file": "rel" }), "secrets.s.file"),
    ] {
        let mut json = project(json!({}));
        json[kind] = json!({ "s": value });
        assert_eq!(model(&json).unwrap_err().place, want);
    }
}

/// What is left to be replaced would be something else than what was looked at.
#[test]
fn no_variable_is_left() {
    for text in ["$HOME", "${X}", "$$$X", "a$", "$$ $"] {
        assert_eq!(place(json!({ "environment": { "A": text } })), "services.web.environment.A", "{text}");
        assert_eq!(place(json!({ "x-a": [text] })), "services.web.x-a[0]");
    }
    assert_eq!(place(json!({ "labels": { "a$$b": "x" } })), "services.web.labels.a$$b");
    let service = web(json!({ "environment": { "A": "a$$b$$$$" } })).unwrap();
    assert_eq!(service.environment["A"].as_deref(), Some("a$b$$"));
    let bind = json!([{ "type": "bind", "source": "/srv/$$x", "target": "/a" }]);
    assert_eq!(asks(json!({ "volumes": bind })), ["bind=/srv/$x", "target=/a"]);
}

#[test]
fn names_and_numbers() {
    for name in ["", "Proj", "-x", "../x", "a b", "--help"] {
        let mut json = project(json!({}));
        json["name"] = json!(name);
        assert_eq!(model(&json).unwrap_err().place, "name", "{name}");
    }
    for key in ["", "a b", "a/b", "--help\n"] {
        let mut json = project(json!({}));
        json["services"][key] = json!({ "image": "x" });
        assert!(model(&json).is_err(), "{key:?}");
    }
    assert_eq!(place(json!({ "image": "" })), "services.web");
    assert_eq!(place(json!({ "scale": -1 })), "services.web.scale");
    assert_eq!(place(json!({ "deploy": { "replicas": 1001 } })), "services.web.deploy.replicas");
    assert_eq!(place(json!({ "mem_limit": "much" })), "services.web.mem_limit");
    assert_eq!(place(json!({ "pids_limit": 1.5 })), "services.web.pids_limit");
    let aliases = |list: Value| web(json!({ "networks": { "default": { "aliases": list } } }));
    assert!(aliases(json!(["db-1"])).is_ok());
    assert_eq!(aliases(json!(["a b"])).unwrap_err().place, "services.web.networks.default.aliases");
    for json in [json!(null), json!([]), json!("x"), json!({}), json!({ "name": "a", "services": [] })] {
        assert!(model(&json).is_err(), "{json}");
    }
    assert_eq!(model(&json!({ "name": "a" })).unwrap().services, []);
}
