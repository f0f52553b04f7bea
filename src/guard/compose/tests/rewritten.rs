//! The copy that is used, and where its paths lead.

use crate::config::settings::{Ceilings, CreateSafety, Profile, PublishedPorts, Roots};

use super::*;

pub(super) fn settings(profile: Profile) -> CreateSafety {
    CreateSafety {
        profile,
        allow: Vec::new(),
        bind_roots: Roots::Under(vec!["/srv/work".into()]),
        published_ports: PublishedPorts::Any,
        limits: Ceilings { memory: Some(100), cpus: Some(1.5), pids: Some(10), containers: None },
    }
}

fn of(service: Value, settings: &CreateSafety) -> Value {
    frozen(project(service), settings, false)["services"]["web"].clone()
}

#[test]
fn nothing_changes_without_a_reason() {
    let json = project(json!({ "profiles": ["p"], "command": null }));
    let mut none = settings(Profile::Baseline);
    none.limits = Ceilings::default();
    assert_eq!(frozen(json.clone(), &none, false), json);
    assert_eq!(frozen(json.clone(), &settings(Profile::Restricted), true), json);
    assert_eq!(frozen(json.clone(), &settings(Profile::Off), false), json);
    // In the order of before, too: the hash is made of it.
    let text = r#"{"services":{"b":{"z":1,"a":2},"a":{}},"name":"x"}"#;
    let read: Value = serde_json::from_str(text).unwrap();
    assert_eq!(frozen(read.clone(), &none, false).to_string(), read.to_string());
    assert_eq!(frozen(json!([1]), &none, false), json!([1]));
}

#[test]
fn ceilings_where_the_file_is_silent() {
    let base = settings(Profile::Baseline);
    let image = "nginx";
    assert_eq!(
        of(json!({}), &base),
        json!({ "image": image, "mem_limit": "100", "cpus": 1.5, "pids_limit": 10 })
    );
    let said = json!({ "image": image, "mem_limit": "50", "cpus": 0.5, "pids_limit": 5 });
    assert_eq!(of(said.clone(), &base), said);
    // Nought is silence.
    let none = json!({ "mem_limit": 0, "cpus": 0, "pids_limit": -1 });
    assert_eq!(of(none, &base), json!({ "image": image, "mem_limit": "100", "cpus": 1.5, "pids_limit": 10 }));
    // Compose takes no limit of the service beside limits under deploy.
    let deployed = json!({ "pids_limit": 0, "deploy": { "resources": { "limits": { "memory": "50" } } } });
    assert_eq!(
        of(deployed, &base),
        json!({ "image": image, "deploy": { "resources": { "limits": { "memory": "50", "cpus": 1.5, "pids": 10 } } } })
    );
    let reserved = json!({ "deploy": { "resources": { "reservations": { "memory": "50" } } } });
    assert_eq!(of(reserved, &base)["mem_limit"], "100");
    // The engine takes no number of processors beside a period.
    assert_eq!(of(json!({ "cpu_period": 20000 }), &base)["cpu_quota"], 30000);
    assert_eq!(of(json!({ "cpu_period": 20000 }), &base).get("cpus"), None);
    assert_eq!(of(json!({ "cpu_quota": 5000 }), &base).get("cpus"), None);
}

#[test]
fn restricted_hardens() {
    let mut tight = settings(Profile::Restricted);
    tight.limits = Ceilings::default();
    assert_eq!(
        of(json!({}), &tight),
        json!({ "image": "nginx", "cap_drop": ["ALL"], "read_only": true, "security_opt": ["no-new-privileges:true"] })
    );
    let said = of(
        json!({ "cap_drop": ["net_raw"], "security_opt": ["no-new-privileges:false"], "read_only": false }),
        &tight,
    );
    assert_eq!(said["cap_drop"], json!(["net_raw", "ALL"]));
    assert_eq!(
        (&said["security_opt"], &said["read_only"]),
        (&json!(["no-new-privileges:false"]), &json!(false))
    );
    assert_eq!(of(json!({ "cap_drop": ["all"] }), &tight)["cap_drop"], json!(["all"]));
    assert_eq!(of(json!({ "privileged": true }), &tight).get("security_opt"), None);
    // What comes of it can be read again.
    assert!(model(&frozen(project(json!({})), &settings(Profile::Restricted), false)).is_ok());
}

fn mirrored() -> Value {
    json!({
        "name": "p",
        "services": { "web": {
            "image": "x",
            "build": { "context": "/t/a/m/srv/ctx", "dockerfile": "/t/a/m/srv/D", "additional_contexts": { "o": "/t/a/m/srv/o", "i": "docker-image://x" } },
            "volumes": [
                { "type": "bind", "source": "/t/a/m/srv/rel", "target": "/r" },
                { "type": "bind", "source": "/etc", "target": "/e" },
                { "type": "bind", "source": "/t/a/m", "target": "/all" },
                { "type": "volume", "source": "v", "target": "/v" },
            ],
            "develop": { "watch": [{ "path": "/t/a/m/srv/src" }] },
        } },
        "secrets": { "s": { "file": "/t/a/m/srv/s" } },
        "configs": { "c": { "file": "/t/a/m/srv/c" } },
        "volumes": { "v": { "driver": "local", "driver_opts": { "o": "bind", "type": "none", "device": "/t/a/m/srv/v" } } },
    })
}

#[test]
fn the_mirror_is_taken_off() {
    for prefix in ["/t/a/m", "/t/a/m/"] {
        let mut json = mirrored();
        unmirror(&mut json, prefix.as_ref()).unwrap();
        let web = &json["services"]["web"];
        assert_eq!(
            web["build"],
            json!({ "context": "/srv/ctx", "dockerfile": "/srv/D", "additional_contexts": { "o": "/srv/o", "i": "docker-image://x" } })
        );
        let sources: Vec<&str> =
            web["volumes"].as_array().unwrap().iter().map(|v| v["source"].as_str().unwrap()).collect();
        assert_eq!(sources, ["/srv/rel", "/etc", "/", "v"]);
        assert_eq!(web["develop"]["watch"][0]["path"], "/srv/src");
        assert_eq!(
            (&json["secrets"]["s"]["file"], &json["configs"]["c"]["file"]),
            (&json!("/srv/s"), &json!("/srv/c"))
        );
        assert_eq!(json["volumes"]["v"]["driver_opts"]["device"], "/srv/v");
    }
}

#[test]
fn and_is_nowhere_else() {
    for (pointer, value, place) in [
        ("/services/web/image", json!("/t/a/m/x"), "services.web.image"),
        ("/services/web/command", json!(["cat", "a:/t/a/m/x"]), "services.web.command[1]"),
        ("/services/web/environment", json!({ "PWD": "/t/a/m/srv" }), "services.web.environment.PWD"),
        ("/services/web/labels", json!({ "/t/a/m": "x" }), "services.web.labels"),
        ("/x-top", json!("/t/a/m"), "x-top"),
    ] {
        let mut json = mirrored();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        json.pointer_mut(parent).unwrap()[key] = value;
        assert_eq!(unmirror(&mut json, "/t/a/m".as_ref()).unwrap_err().place, place);
    }
    // A way above the root of the project, or a home, ends beside the mirror.
    for path in ["/t/a", "/t/a/home/x", "/t/a/m2"] {
        let mut json = mirrored();
        json["services"]["web"]["volumes"][1]["source"] = json!(path);
        let refused = unmirror(&mut json, "/t/a/m".as_ref()).unwrap_err();
        assert_eq!(refused.place, "services.web.volumes[1].source", "{path}");
    }
    let mut json = mirrored();
    json["services"]["web"]["working_dir"] = json!("/t/a");
    assert!(unmirror(&mut json, "/t/a/m".as_ref()).is_ok());
    // Everybody's folder is not ours.
    let mut json = json!({ "services": { "a": { "volumes": [{ "type": "bind", "source": "/tmp/x", "target": "/x" }] } } });
    assert!(unmirror(&mut json, "/tmp/m".as_ref()).is_ok());
    assert!(unmirror(&mut json, "".as_ref()).is_err() && unmirror(&mut json, "/".as_ref()).is_err());
    // Printed twice, like every `$`.
    let mut json = json!({ "secrets": { "s": { "file": "/t/$$/m/srv/$$s" } } });
    unmirror(&mut json, "/t/$/m".as_ref()).unwrap();
    assert_eq!(json["secrets"]["s"]["file"], "/srv/$$s");
}
