//! What fresh eyes found: each of these came up, or read a file, once.

use serde_json::{Value, json};

use super::yard::{IMAGE, Yard};
use crate::support::engine;

#[test]
fn options_of_new_volumes_mount_nothing_of_the_host() {
    let Some(engine) = engine::at_hand("stack_threats::fresh::volumes") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    let volume = |options: &str| format!("volumes:\n  data:\n    driver_opts: {{{options}}}\n");
    for options in [
        "type: overlay, device: overlay, o: \"lowerdir=/etc:/usr\"",
        "type: proc, device: proc",
        "type: ext4, device: /dev/vda",
        "type: none, device: /etc, o: bind",
        "type: nfs, device: \":/x\", o: \"addr=127.0.0.1\"",
    ] {
        yard.web("    volumes: [\"data:/d\"]\n", &volume(options));
        let refused = yard.refused(&client, options);
        assert_eq!(refused.kind(), "permission_denied", "{options}: {}", refused.text);
        // Of what nobody uses nothing is made.
        yard.web("", &volume(options));
        let plan = client.call("docker_compose_up", &json!({ "file": "app", "dry_run": true }));
        assert!(!plan.text.contains("volume"), "{options}: {}", plan.text);
    }
    yard.web("    volumes: [\"data:/d\"]\n", &volume("type: tmpfs, device: tmpfs, o: size=1m"));
    yard.up(&client);
}

/// A text that says one thing to us and another to compose could name any file of the host.
#[test]
fn a_file_means_the_same_to_us_and_to_compose() {
    let Some(engine) = engine::at_hand("stack_threats::fresh::yaml") else { return };
    let yard = Yard::new(&engine);
    yard.write("outside/y.env", "CANARY=canary-of-another-file\n");
    yard.write("outside/svc.yaml", "services: {z: {image: canary-of-another-file}}\n");
    let (env, svc) = (yard.path("outside/y.env"), yard.path("outside/svc.yaml"));
    let (env, svc) = (env.display(), svc.display());
    let client = yard.client("");
    let top = format!("x-a: &a {{env_file: {env}}}\n");
    for (lines, top) in [
        (format!("    !!binary ZW52X2ZpbGU= : {env}\n"), ""),
        (format!("    !!binary ZXh0ZW5kcw== : {{file: {svc}, service: z}}\n"), ""),
        ("    !!merge \"<<\" : *a\n".to_owned(), top.as_str()),
        ("    !<tag:yaml.org,2002:merge> \"<<\": *a\n".to_owned(), top.as_str()),
        ("    !!str <<: {env_file: x.env}\n    <<: *a\n".to_owned(), top.as_str()),
        (format!("    # x\u{2028}    env_file: {env}\n"), ""),
        (format!("    # x\u{2029}    env_file: {env}\n"), ""),
        (format!("    # x\u{85}    env_file: {env}\n"), ""),
    ] {
        let yaml = match top {
            "" => yard.of_web(&lines, ""),
            top => format!("{top}{}", yard.of_web(&lines, "")),
        };
        yard.write("root/app/compose.yaml", &yaml);
        let shown = client.call("docker_compose_config", &json!({ "file": "app" }));
        let deployed = client
            .call("docker_compose_deploy", &json!({ "project_name": yard.project, "compose_yaml": yaml }));
        for answer in [shown, deployed] {
            assert_eq!(answer.kind(), "invalid_arguments", "{lines}: {}", answer.text);
            assert!(answer.text.contains("line ") && !answer.whole().contains("canary"), "{}", answer.text);
        }
    }
    assert_eq!(yard.made(), Vec::<String>::new());
}

/// Compose hands mounts on to the container that takes another's place.
#[test]
fn mounts_of_the_container_before_are_judged() {
    let Some(engine) = engine::at_hand("stack_threats::fresh::inherited") else { return };
    let yard = Yard::new(&engine);
    let label = |key: &str, value: &str| format!("com.docker.compose.{key}={value}");
    let labels = [
        label("project", &yard.project),
        label("service", "web"),
        label("container-number", "1"),
        label("oneoff", "False"),
        label("config-hash", "0000000000000000000000000000000000000000000000000000000000000000"),
    ];
    let mut options: Vec<&str> = labels.iter().flat_map(|l| ["--label", l.as_str()]).collect();
    options.extend(["-v", "/etc:/hostetc"]);
    yard.scope.run("web-1", &options, &["sleep", "9999"]);
    let before = yard.state("web-1");
    yard.web("    volumes: [/hostetc]\n", "");
    let client = yard.client("");
    let refused = client.call("docker_compose_up", &json!({ "file": "app" }));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(refused.text.contains("`bind` = `/etc`"), "{}", refused.text);
    assert_eq!(yard.state("web-1"), before);
}

#[test]
fn a_name_that_a_service_gets_later_is_judged_as_well() {
    let Some(engine) = engine::at_hand("stack_threats::fresh::names") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    yard.web("", "");
    yard.up(&client);
    let before = yard.made();
    for name in [yard.name("vault"), yard.name("vault-x"), "elsewhere".to_owned()] {
        yard.web(&format!("    container_name: {name}\n"), "");
        let refused = client.call("docker_compose_up", &json!({ "file": "app" }));
        assert_eq!(refused.kind(), "permission_denied", "{name}: {}", refused.text);
        assert_eq!(yard.made(), before, "{name}");
    }
    let vault = yard.name("vault");
    yard.write("root/app/compose.yaml", &format!("name: {}\nservices:\n  {vault}:\n{IMAGE}", yard.project));
    let refused = client.call("docker_compose_up", &json!({ "file": "app" }));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert_eq!(yard.made(), before);
}

/// What is made anew or taken away is shown first, where what loses data is.
#[test]
fn what_is_lost_is_asked_about() {
    let Some(engine) = engine::at_hand("stack_threats::fresh::asks") else { return };
    let yard = Yard::new(&engine);
    let config = yard.config("").replace("require = \"none\"", "require = \"destructive\"");
    let client = crate::support::Launch::at(&engine.host).config(&config).connect();
    yard.web("", "");
    yard.up(&client);
    let again = yard.up(&client).structured;
    assert_eq!((&again["status"], &again["changed"]), (&Value::Null, &json!(false)), "{again}");
    for lines in ["    environment: {A: b}\n", "    scale: 0\n"] {
        yard.web(lines, "");
        let before = yard.made();
        let asked = yard.up(&client).structured;
        assert_eq!(asked["status"], "confirmation_required", "{lines}: {asked}");
        assert_eq!(yard.made(), before, "{lines}");
    }
}

#[test]
fn more_than_one_call_makes_is_refused_at_once() {
    let Some(engine) = engine::at_hand("stack_threats::fresh::many") else { return };
    let yard = Yard::new(&engine);
    yard.web("    deploy: {replicas: 501}\n", "");
    let refused = yard.refused(&yard.client(""), "replicas");
    assert!(refused.text.contains("500 containers are the most"), "{}", refused.text);
}

/// Two projects of one folder: a file means its own.
#[test]
fn a_file_means_its_own_project() {
    let Some(engine) = engine::at_hand("stack_threats::fresh::file") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    let (a, b) = (format!("{}a", yard.project), format!("{}b", yard.project));
    for (file, name) in [("a.yaml", &a), ("b.yaml", &b)] {
        yard.write(&format!("root/app/{file}"), &format!("name: {name}\nservices:\n  web:\n{IMAGE}"));
    }
    let of = |file: &str| json!({ "file": format!("app/{file}") });
    client.call("docker_compose_up", &of("a.yaml")).ok();
    assert_eq!(client.call("docker_compose_ps", &of("a.yaml")).ok().structured["project"], json!(a));
    for file in ["b.yaml", "nosuch.yaml"] {
        let other = client.call("docker_compose_down", &of(file));
        assert_eq!(other.kind(), "not_found", "{file}: {}", other.text);
    }
    client.call("docker_compose_up", &of("b.yaml")).ok();
    assert_eq!(client.call("docker_compose_ps", &of("b.yaml")).ok().structured["project"], json!(b));
    client.call("docker_compose_down", &of("a.yaml")).ok();
    client.call("docker_compose_ps", &of("b.yaml")).ok();
    client.call("docker_compose_down", &of("b.yaml")).ok();
}

/// A secret of `.env` is one wherever the file puts it.
#[test]
fn what_is_interpolated_is_masked() {
    let Some(engine) = engine::at_hand("stack_threats::fresh::interpolated") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    yard.write("root/app/.env", "REDIS_PASSWORD=canary-of-dotenv-77\nCOLOUR=blue\n");
    yard.web("    labels: {note: \"pw ${REDIS_PASSWORD} ${COLOUR}\"}\n", "x-z: \"${REDIS_PASSWORD}\"\n");
    let shown = client.call("docker_compose_config", &json!({ "file": "app" })).ok();
    assert!(!shown.whole().contains("canary-of-dotenv-77"), "{}", shown.text);
    assert!(shown.text.contains("blue"), "{}", shown.text);
}
