//! What a compose file means, and what is said of one that means nothing.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::{Shop, none, symlink};
use crate::support::{ToolResult, engine};

#[test]
fn a_file_is_shown_with_its_secrets_masked() {
    let Some(engine) = engine::at_hand("compose::files::shown") else { return };
    let shop = Shop::new(&engine);
    shop.file(
        r#"
services:
  web:
    image: BASE
    environment: { DB_PASSWORD: "${DB_PASSWORD}", URL: "http://u:${DB_PASSWORD}@h/", COLOUR: "${COLOUR}", NONE: "${NOT_THERE}" }
    env_file: [app.env]
    command: ["echo", "$$HOME", "--password=${DB_PASSWORD}"]
    ports: ["127.0.0.1:8080:80"]
    depends_on: [db]
    networks: [front]
  db: { image: "PROJECT/db:1", build: ./db, healthcheck: { test: ["CMD", "true"] } }
networks: { front: {} }
"#,
    );
    shop.write(".env", "DB_PASSWORD=canary-4711-env\nCOLOUR=blue\n");
    shop.write("app.env", "API_TOKEN=canary-4711-file\nSIZE=large\n");
    shop.write("db/Dockerfile", "FROM BASE\n");
    let client =
        shop.launch("create = false\nlifecycle = false\nimages = false\nvolumes = false", "").connect();
    let shown = client.call("docker_compose_config", &none()).ok();
    let whole = format!("{}{}{}", shown.whole(), client.audit_text(), client.stderr());
    assert!(!whole.contains("canary"), "{whole}");
    for word in ["blue", "large", "$HOME", "NOT_THERE", "127.0.0.1:8080 -> 80/tcp", "API_TOKEN"] {
        assert!(shown.text.contains(word), "{word} in {}", shown.text);
    }
    assert!(!shown.text.contains("$$"), "{}", shown.text);
    let services = shown.structured["services"].as_array().unwrap();
    let web = services.iter().find(|s| s["service"] == "web").unwrap();
    assert_eq!((&web["needs"], &web["replicas"]), (&json!(["db"]), &json!(1)), "{web}");
    let db = services.iter().find(|s| s["service"] == "db").unwrap();
    assert_eq!(db["build"], shop.dir.join("db").display().to_string(), "{db}");
    assert_eq!(shown.structured["files"], json!([shop.dir.join("compose.yaml").display().to_string()]));
    let one = client.call("docker_compose_config", &json!({ "services": "db" })).ok();
    assert_eq!(one.structured["services"].as_array().unwrap().len(), 1, "{}", one.text);
    let named =
        client.call("docker_compose_config", &json!({ "project": "other", "file": "compose.yaml" })).ok();
    assert_eq!(named.structured["project"], "other");
    assert_eq!(shop.objects(), Vec::<String>::new());
}

#[test]
fn files_that_mean_nothing_are_named() {
    let Some(engine) = engine::at_hand("compose::files::shown::bad") else { return };
    let shop = Shop::new(&engine);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("compose.yaml"), "services: { x: { image: canary-image } }\n").unwrap();
    fs::write(outside.path().join("secret.env"), "canary-4711 is no line\n").unwrap();
    shop.write("bad/compose.yaml", "services:\n  web:\n    image: [\n");
    shop.write("unknown/compose.yaml", "services:\n  web:\n    image: x\n    imagine: y\n");
    shop.write("type/compose.yaml", "services:\n  web:\n    image: x\n    ports: 7\n");
    shop.write("none/readme", "x");
    shop.write("needs/compose.yaml", "services: { web: { image: x, depends_on: [nowhere] } }\n");
    shop.write("envs/compose.yaml", "services: { web: { image: x, env_file: [bad.env] } }\n");
    shop.write("envs/bad.env", "canary-4711 is no line\n");
    shop.write("up/compose.yaml", "services: { web: { image: x, env_file: [../../secret.env] } }\n");
    shop.write("include/compose.yaml", "include: [missing.yaml]\nservices: { web: { image: x } }\n");
    symlink(&outside.path().join("compose.yaml"), &shop.dir.join("link.yaml"));
    fs::create_dir(shop.dir.join("fifo")).unwrap();
    let fifo = shop.dir.join("fifo/compose.yaml");
    let made = std::process::Command::new("mkfifo").arg(fifo).status().unwrap();
    assert!(made.success());
    let client = shop.client();
    let elsewhere = outside.path().join("compose.yaml").display().to_string();
    for (file, kind, words) in [
        ("bad/compose.yaml", "invalid_arguments", ["`compose.yaml`", "line"].as_slice()),
        ("unknown/compose.yaml", "invalid_arguments", &["imagine", "web"]),
        ("type/compose.yaml", "invalid_arguments", &["services.web.ports"]),
        ("needs/compose.yaml", "invalid_arguments", &["nowhere"]),
        ("envs/compose.yaml", "invalid_arguments", &["env file", "line 1"]),
        ("up/compose.yaml", "permission_denied", &["../../secret.env", "line 1"]),
        ("include/compose.yaml", "permission_denied", &["missing.yaml", "line 1"]),
        ("fifo/compose.yaml", "invalid_arguments", &["compose.yaml"]),
        ("fifo", "invalid_arguments", &["compose.yaml"]),
        ("missing.yaml", "permission_denied", &["missing.yaml", "[compose]"]),
        ("none", "invalid_arguments", &["none", "compose.yaml"]),
        ("link.yaml", "permission_denied", &["link.yaml"]),
        (&elsewhere, "permission_denied", &["[compose]"]),
        ("../x/compose.yaml", "permission_denied", &["[compose]"]),
        ("/proc/self/environ", "permission_denied", &["[compose]"]),
        ("/dev/zero", "permission_denied", &["[compose]"]),
    ] {
        for tool in ["docker_compose_config", "docker_compose_up"] {
            let answer: ToolResult = client.call(tool, &json!({ "file": file }));
            assert_eq!(answer.kind(), kind, "{tool} {file}: {}", answer.text);
            for word in words {
                assert!(answer.text.contains(word), "{tool} {file}: no {word} in {}", answer.text);
            }
            let whole = answer.whole();
            for word in ["canary", "/tmp/docker-mcp-compose", "/m/"] {
                assert!(!whole.contains(word), "{tool} {file}: {word} in {whole}");
            }
            if file != elsewhere {
                assert!(!whole.contains(&outside.path().display().to_string()), "{whole}");
            }
            assert!(answer.took < Duration::from_secs(10), "{file}: {:?}", answer.took);
        }
    }
    // Several that could be meant, and none in the root itself.
    let which = client.call("docker_compose_config", &none());
    assert_eq!(which.kind(), "invalid_arguments", "{}", which.text);
    for word in ["bad/", "unknown/", "`file`"] {
        assert!(which.text.contains(word), "{word} in {}", which.text);
    }
}

#[test]
fn a_folder_and_what_its_env_names_are_found() {
    let Some(engine) = engine::at_hand("compose::files::shown::found") else { return };
    let shop = Shop::new(&engine);
    shop.write("app/docker-compose.yml", "services: { first: { image: BASE } }\n");
    let env = "COMPOSE_FILE=a.yaml:b.yaml\nCOMPOSE_PROJECT_NAME=from-env\n";
    fs::write(shop.dir.join("app/.env"), env).unwrap();
    shop.write("app/a.yaml", "services: { second: { image: BASE } }\n");
    shop.write("app/b.yaml", "services: { second: { command: from-b } }\n");
    let client = shop.client();
    let shown = client.call("docker_compose_config", &json!({ "file": "app" })).ok();
    assert_eq!(shown.structured["project"], "from-env", "{}", shown.text);
    let files = ["a.yaml", "b.yaml"].map(|name| shop.dir.join("app").join(name).display().to_string());
    assert_eq!(shown.structured["files"], json!(files));
    assert!(shown.text.contains("from-b") && !shown.text.contains("first"), "{}", shown.text);
    let file = client.call("docker_compose_config", &json!({ "file": "app/docker-compose.yml" })).ok();
    assert!(file.text.contains("first") && !file.text.contains("second"), "{}", file.text);
}
