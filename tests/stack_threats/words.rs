//! C12, C17, C18, C20: words that look like options, levels, what is not offered, and what comes back.

use serde_json::{Value, json};

use super::yard::{POLITE, Yard};
use crate::support::{Launch, engine};

#[test]
fn c12_no_value_is_an_option() {
    let Some(engine) = engine::at_hand("stack_threats::words::c12") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    yard.web("", "");
    for word in [
        "--help",
        "-h",
        "--version",
        "-v",
        "--build",
        "--remove-orphans",
        "--follow",
        "--pull=always",
        "-",
        "--",
        "-f",
        "a b",
        "a\nb",
        "$(id)",
        "A",
        "../x",
        "",
    ] {
        for (tool, arguments) in [
            ("docker_compose_up", json!({ "file": "app", "project": word })),
            ("docker_compose_up", json!({ "file": "app", "services": [word] })),
            ("docker_compose_up", json!({ "file": "app", "services": ["web", word] })),
            ("docker_compose_up", json!({ "file": word })),
            ("docker_compose_config", json!({ "file": "app", "services": [word] })),
            ("docker_compose_config", json!({ "file": "app", "project": word })),
            ("docker_compose_config", json!({ "file": word })),
            ("docker_compose_pull", json!({ "file": "app", "services": word })),
            ("docker_compose_build", json!({ "file": "app", "services": word })),
            ("docker_compose_deploy", json!({ "project_name": word, "compose_yaml": yard.of_web("", "") })),
            ("docker_compose_up", json!({ "file": "app", "timeout": word })),
            ("docker_compose_ps", json!({ "project": word })),
            ("docker_compose_logs", json!({ "project": word, "services": [word] })),
            ("docker_compose_down", json!({ "project": word })),
            ("docker_compose_restart", json!({ "project": yard.project, "services": [word] })),
        ] {
            let answer = client.call(tool, &arguments);
            assert!(answer.is_error, "{tool} {arguments}: {}", answer.text);
            for said in ["Usage:", "Options:", "Docker Compose version"] {
                assert!(!answer.whole().contains(said), "{tool} {arguments}: {}", answer.text);
            }
            assert_eq!(yard.made(), Vec::<String>::new(), "{tool} {arguments}");
        }
    }
    // Keys of the file itself, and a folder of such a name.
    for key in ["--help", "-v", "\"a b\"", "\"../x\"", "\"$$x\""] {
        yard.write(
            "root/app/compose.yaml",
            &format!("name: {}\nservices:\n  {key}:\n    image: docker-mcp/base\n", yard.project),
        );
        yard.refused(&client, key);
    }
    yard.write("root/--help/compose.yaml", &yard.of_web("", ""));
    let config = client.call("docker_compose_config", &json!({ "file": "--help" })).ok();
    assert!(!config.text.contains("Usage:"), "{}", config.text);
}

#[test]
fn c17_levels_and_c18_what_is_not_offered() {
    let Some(engine) = engine::at_hand("stack_threats::words::c17") else { return };
    let yard = Yard::new(&engine);
    yard.write("root/app/Dockerfile", "FROM docker-mcp/base\n");
    yard.web("    volumes: [\"data:/data\"]\n", "volumes:\n  data: {}\n");
    yard.up(&yard.client(""));
    let before = yard.state("web-1");
    let without = |level: &str, more: &str| {
        let config = yard.config(more).replace(&format!("{level} = true\n"), &format!("{level} = false\n"));
        Launch::at(&engine.host).config(&config).connect()
    };
    let up = json!({ "file": "app" });
    for (level, tool, arguments) in [
        ("create", "docker_compose_up", up.clone()),
        ("lifecycle", "docker_compose_up", up.clone()),
        ("images", "docker_compose_up", json!({ "file": "app", "build": true })),
        ("images", "docker_compose_up", json!({ "file": "app", "pull": true })),
        ("images", "docker_compose_pull", up.clone()),
        ("images", "docker_compose_build", up.clone()),
        (
            "create",
            "docker_compose_deploy",
            json!({ "project_name": yard.project, "compose_yaml": yard.of_web("", "") }),
        ),
        ("lifecycle", "docker_compose_down", json!({ "project": yard.project })),
        ("volumes", "docker_compose_down", json!({ "project": yard.project, "volumes": true })),
        ("lifecycle", "docker_compose_stop", json!({ "project": yard.project })),
    ] {
        let client = without(level, "");
        for dry_run in [false, true] {
            let mut arguments = arguments.clone();
            if dry_run {
                arguments["dry_run"] = json!(true);
            }
            let answer = client.call(tool, &arguments);
            assert!(answer.is_error, "{level}, {tool} {arguments}: {}", answer.text);
            assert!(
                ["permission_denied", "invalid_arguments"].contains(&answer.kind()),
                "{level}, {tool}: {}",
                answer.text
            );
        }
        assert_eq!(yard.state("web-1"), before, "{level}, {tool}");
    }
    let client = yard.client("");
    assert!(client.call("docker_compose_down", &json!({ "project": yard.project, "rmi": "all" })).is_error);
    assert_eq!(yard.state("web-1"), before);
    let tools = client.tools();
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    for word in [
        "run", "exec", "cp", "watch", "publish", "attach", "create", "rm", "kill", "port", "events",
        "convert", "scale", "alpha",
    ] {
        assert!(!names.contains(&format!("docker_compose_{word}").as_str()), "docker_compose_{word}");
    }
    for tool in tools.iter().filter(|t| t["name"].as_str().unwrap().starts_with("docker_compose_")) {
        let properties = tool["inputSchema"]["properties"].as_object().unwrap();
        for word in [
            "rmi",
            "env_file",
            "profiles",
            "project_directory",
            "env",
            "args",
            "ssh",
            "no_deps",
            "override",
            "parallel",
        ] {
            assert!(!properties.contains_key(word), "{} has `{word}`", tool["name"]);
        }
    }
}

#[test]
fn c20_what_comes_back_is_clean() {
    let Some(engine) = engine::at_hand("stack_threats::words::c20") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    let clean = |text: &str| {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{text:?}");
        for word in ["hunter2", "\u{202e}"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    };
    // A container that fails says why: its last words are shown, and are words of others.
    yard.write(
        "root/app/compose.yaml",
        &format!(
            "name: {}\nservices:\n  web:\n    image: docker-mcp/base\n    environment: {{DB_PASSWORD: hunter2-hunter2-hunter2}}\n    \
             command: [sh, -c, \"printf '\\\\033[31mred\\\\033[0m \\\\033]0;title\\\\007 %s password=%s \\\\342\\\\200\\\\256\\\\n' \\\"$$DB_PASSWORD\\\" hunt''er2; exit 7\"]\n",
            yard.project
        ),
    );
    let failed = client.call("docker_compose_up", &json!({ "file": "app" }));
    assert!(failed.is_error && failed.text.contains("red"), "{}", failed.text);
    clean(&failed.whole());
    let logs = client.call("docker_compose_logs", &json!({ "project": yard.project })).ok();
    assert!(logs.text.contains("red"), "{}", logs.text);
    clean(&logs.whole());
    let config = client.call("docker_compose_config", &json!({ "file": "app" })).ok();
    clean(&config.whole());
    // What compose complains of repeats the file.
    for lines in [
        "    mem_limit: \"\\e[31mPASSWORD=hunter2-hunter2\"\n",
        "    \"\\e[31mkey\\u202e\": 1\n",
        "    ports: [\"\\e]0;x\\a\"]\n",
        "    image: \"\\e[2J:x\"\n",
        "    depends_on: [\"\\e[31m\"]\n",
        "    container_name: \"\\e[31m\"\n",
        "    networks: [\"\\e[31m\"]\n",
        "    labels: {\"\\e[31mlabel\": \"\\u202ex\"}\n",
    ] {
        yard.write(
            "root/app/compose.yaml",
            &format!(
                "name: {}\nservices:\n  web:\n{}{lines}",
                yard.project,
                if lines.contains("image") { "" } else { "    image: docker-mcp/base\n" }
            ),
        );
        for tool in ["docker_compose_config", "docker_compose_up"] {
            clean(&client.call(tool, &json!({ "file": "app" })).whole());
        }
    }
    // A name of a container's that is no name to compose: what the labels of others say comes through the same filter.
    let label = format!("com.docker.compose.project={}", yard.project);
    let service = "com.docker.compose.service=\u{1b}[31mx";
    yard.scope.run("odd", &["--label", &label, "--label", service], POLITE);
    for tool in ["docker_compose_ps", "docker_compose_ls", "docker_compose_down"] {
        let arguments: Value =
            if tool.ends_with("ls") { json!({}) } else { json!({ "project": yard.project }) };
        clean(&client.call(tool, &arguments).whole());
    }
}
