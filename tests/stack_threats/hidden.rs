//! C1, C2, C3: what is hidden is not touched, not told of, and nobody takes its names.

use serde_json::{Value, json};

use super::yard::{IMAGE, POLITE, Yard, words};
use crate::support::engine;

/// Every way to speak of a project, and what it needs beside its name.
fn calls(project: &str, yaml: &str) -> Vec<(&'static str, Value)> {
    let of = |more: Value| {
        let mut arguments = json!({ "project": project });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    vec![
        ("docker_compose_up", of(json!({ "file": "app" }))),
        ("docker_compose_up", of(json!({ "file": "app", "dry_run": true }))),
        ("docker_compose_up", of(json!({ "file": "app", "force_recreate": true, "services": ["web"] }))),
        ("docker_compose_up", of(json!({}))),
        ("docker_compose_config", of(json!({ "file": "app" }))),
        ("docker_compose_pull", of(json!({ "file": "app" }))),
        ("docker_compose_build", of(json!({ "file": "app" }))),
        ("docker_compose_deploy", json!({ "project_name": project, "compose_yaml": yaml })),
        ("docker_compose_ps", of(json!({}))),
        ("docker_compose_logs", of(json!({}))),
        ("docker_compose_start", of(json!({}))),
        ("docker_compose_stop", of(json!({}))),
        ("docker_compose_restart", of(json!({}))),
        ("docker_compose_down", of(json!({ "volumes": true, "remove_orphans": true }))),
    ]
}

#[test]
fn c1_a_hidden_container_in_a_projects_labels_is_not_touched_and_not_told_of() {
    let Some(engine) = engine::at_hand("stack_threats::hidden::c1") else { return };
    let yard = Yard::new(&engine);
    yard.web("", "");
    let label = |key: &str, value: &str| format!("com.docker.compose.{key}={value}");
    let labels = [
        label("project", &yard.project),
        label("service", "web"),
        label("container-number", "1"),
        label("oneoff", "False"),
        label("config-hash", "0000000000000000000000000000000000000000000000000000000000000000"),
    ];
    let mut options: Vec<&str> = labels.iter().flat_map(|l| ["--label", l.as_str()]).collect();
    options.extend(["-e", "DB_PASSWORD=hiddenhunter2"]);
    yard.scope.run("vault-1", &options, POLITE);
    let before = yard.state("vault-1");
    let client = yard.client("");
    let yaml = format!("services:\n  web:\n{IMAGE}");
    for (tool, arguments) in calls(&yard.project, &yaml) {
        let answer = client.call(tool, &arguments);
        assert!(answer.is_error, "{tool} {arguments}: {}", answer.text);
        let kind = if ["ps", "logs", "start", "stop", "restart", "down"].iter().any(|t| tool.ends_with(t)) {
            "not_found"
        } else {
            "permission_denied"
        };
        let hidden_from_sight = arguments.get("file").is_none() && tool == "docker_compose_up";
        assert!(answer.kind() == kind || hidden_from_sight, "{tool} {arguments}: {}", answer.text);
        for word in ["vault", "hiddenhunter2"] {
            assert!(!answer.whole().contains(word), "{tool} {arguments}: {}", answer.text);
        }
        assert_eq!(yard.state("vault-1"), before, "{tool} {arguments}");
    }
    let list = client.call("docker_compose_ls", &json!({})).ok();
    assert!(!list.whole().contains(&yard.project), "{}", list.text);
    assert!(!client.stderr().contains("hiddenhunter2") && !client.audit_text().contains("hiddenhunter2"));
    let left: Vec<String> = yard.made().into_iter().filter(|made| !made.contains("vault")).collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn c3_a_projects_name_that_is_hidden_is_nobodys_however_it_is_given() {
    let Some(engine) = engine::at_hand("stack_threats::hidden::c3") else { return };
    let yard = Yard::new(&engine);
    let (secret, taken) = (yard.name("secret"), yard.name("payroll"));
    let label = format!("com.docker.compose.project={taken}");
    yard.scope.run("vault-1", &["--label", &label, "--label", "com.docker.compose.service=web"], POLITE);
    let before = yard.state("vault-1");
    let client = yard.client(&format!("blacklist_projects = [\"{secret}\"]\n"));
    let mut said = Vec::new();
    for name in [&secret, &taken] {
        let by_name = format!("name: {name}\nservices:\n  web:\n{IMAGE}");
        let plain = format!("services:\n  web:\n{IMAGE}");
        let ways = [
            ("name", by_name.as_str(), "", json!({ "file": "app" })),
            ("-p", &plain, "", json!({ "file": "app", "project": name })),
            (".env", &plain, &format!("COMPOSE_PROJECT_NAME={name}\n"), json!({ "file": "app" })),
            (
                "interpolated",
                &format!("name: ${{N}}\nservices:\n  web:\n{IMAGE}"),
                &format!("N={name}\n"),
                json!({ "file": "app" }),
            ),
        ];
        for (way, yaml, env, arguments) in ways {
            yard.write("root/app/compose.yaml", yaml);
            yard.write("root/app/.env", env);
            let up = client.call("docker_compose_up", &arguments);
            assert_eq!(up.kind(), "permission_denied", "{way}: {}", up.text);
            said.push(words(&up).replace(name.as_str(), "<project>"));
        }
        let deploy =
            client.call("docker_compose_deploy", &json!({ "project_name": name, "compose_yaml": by_name }));
        assert_eq!(deploy.kind(), "permission_denied", "{}", deploy.text);
        assert_eq!(yard.state("vault-1"), before);
        assert!(super::yard::made(&engine, name).iter().all(|made| made.contains("vault")));
    }
    // Which of the two reasons it is, nobody is told.
    said.dedup();
    assert_eq!(said.len(), 1, "{said:#?}");
    // The name of the folder, where nothing else says: `app` is in no whitelist.
    yard.write("root/app/compose.yaml", &format!("services:\n  web:\n{IMAGE}"));
    yard.write("root/app/.env", "");
    assert!(client.call("docker_compose_up", &json!({ "file": "app" })).is_error);
    assert_eq!(super::yard::made(&engine, "app"), Vec::<String>::new());
}

/// Of names that are taken by what is hidden and by what is seen, the same is said.
#[test]
fn c2_names_of_others_are_not_taken() {
    let Some(engine) = engine::at_hand("stack_threats::hidden::c2") else { return };
    let yard = Yard::new(&engine);
    let n = |short: &str| yard.name(short);
    yard.scope.network("shared");
    yard.scope.network("vnet");
    yard.scope.volume("vdata", &[]);
    yard.scope.volume("secretvol", &[]);
    let (shared, vnet, vdata) = (n("shared"), n("vnet"), format!("{}:/data", n("vdata")));
    yard.scope.run("vault-1", &["--network", &vnet, "-v", &vdata, "--hostname", "safe"], POLITE);
    engine.docker(&["network", "connect", "--alias", "payroll", &shared, &n("vault-1")]);
    yard.scope.run("shop", &["--network", &shared, "--network-alias", "till", "--hostname", "desk"], POLITE);
    let id = yard.inspect("vault-1")["Id"].as_str().unwrap()[..12].to_owned();
    let before = (yard.state("vault-1"), yard.state("shop"));
    let client = yard.client("");
    let p = &yard.project;
    let external = format!("networks:\n  shared:\n    external: true\n    name: {shared}\n");

    let up = |yaml: String| {
        yard.write("root/app/compose.yaml", &yaml);
        let refused = yard.refused(&client, &yaml);
        let told = refused.whole().contains("vault-1") && !yaml.contains("vault-1");
        assert!(!told, "{yaml}: {}", refused.text);
        assert_eq!((yard.state("vault-1"), yard.state("shop")), before, "{yaml}");
        refused
    };
    // Names on a network that is there.
    let mut said = Vec::new();
    for (hidden, seen) in [("payroll", "till"), ("safe", "desk")] {
        for word in [hidden, seen] {
            for yaml in [
                format!("name: {p}\nservices:\n  {word}:\n{IMAGE}    networks: [shared]\n{external}"),
                yard.of_web(&format!("    networks:\n      shared:\n        aliases: [{word}]\n"), &external),
                yard.of_web(&format!("    networks: [shared]\n    hostname: {word}\n"), &external),
            ] {
                let refused = up(yaml);
                assert_eq!(refused.kind(), "conflict", "{}", refused.text);
                said.push(
                    words(&refused)
                        .replace(word, "<word>")
                        .replace("`web`", "<service>")
                        .replace("`<word>`", "<service>"),
                );
            }
        }
    }
    said.sort();
    said.dedup();
    assert_eq!(said.len(), 1, "{said:#?}");
    for word in [id.as_str(), &n("vault-7")] {
        let refused = up(
            yard.of_web(&format!("    networks:\n      shared:\n        aliases: [\"{word}\"]\n"), &external)
        );
        assert_eq!(refused.kind(), "conflict", "{}", refused.text);
    }
    // Names of containers.
    for name in ["vault-1", "vault-new", "shop"] {
        let refused = up(yard.of_web(&format!("    container_name: {}\n", n(name)), ""));
        assert!(["permission_denied", "conflict"].contains(&refused.kind()), "{}", refused.text);
    }
    let outside = up(yard.of_web("    container_name: zz-nobodys\n", ""));
    assert_eq!(outside.kind(), "permission_denied", "{}", outside.text);
    // Networks and volumes that are hidden: under a new name's cloak, as external ones, and as a mode.
    let of = |kind: &str, name: &str, external: bool| {
        let (lines, source) = match kind {
            "networks" => ("    networks: [x]\n".to_owned(), name),
            _ => ("    volumes: [\"x:/x\"]\n".to_owned(), name),
        };
        let external = if external { "\n    external: true" } else { "" };
        yard.of_web(&lines, &format!("{kind}:\n  x:\n    name: {source}{external}\n"))
    };
    for (kind, name) in [("networks", n("vnet")), ("volumes", n("vdata")), ("volumes", n("secretvol"))] {
        for external in [false, true] {
            let refused = up(of(kind, &name, external));
            assert!(
                ["permission_denied", "conflict", "not_found"].contains(&refused.kind()),
                "{}",
                refused.text
            );
        }
        let nowhere = n("nowhere");
        let same = |name: &str| words(&up(of(kind, name, true))).replace(name, "<name>");
        assert_eq!(same(&name), same(&nowhere));
    }
    for mode in [vnet.as_str(), engine.inspect("network", &vnet)["Id"].as_str().unwrap()] {
        let refused = up(yard.of_web(&format!("    network_mode: {mode}\n"), ""));
        assert_eq!(refused.kind(), "not_found", "{}", refused.text);
    }
    // And what is nobody's comes up there.
    yard.write(
        "root/app/compose.yaml",
        &yard.of_web("    networks: [shared]\n    hostname: mine\n", &external),
    );
    yard.up(&client);
    // Once more: its own names are its own.
    yard.write(
        "root/app/compose.yaml",
        &yard.of_web("    networks: [shared]\n    hostname: mine\n    labels: {a: b}\n", &external),
    );
    yard.up(&client);
}
