//! Section 7 of the threats, row by row: tried, refused, and nothing made.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::{CANARY, Tree, id};
use crate::support::faultd::Faultd;
use crate::support::{Client, Launch, engine};

/// Tries it: it is refused in that way, nothing is made, and nothing from outside is said.
#[track_caller]
fn refused(tree: &Tree, client: &Client, row: &str, more: &Value, kind: &str) -> String {
    let tag = tree.tag("never");
    let mut arguments = json!({ "context": "app", "tags": tag });
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let result = client.call("docker_build", &arguments);
    assert_eq!(result.kind(), kind, "{row} {arguments}: {}", result.text);
    assert!(!result.whole().contains(CANARY), "{row}: {}", result.text);
    assert_eq!(result.structured["error"]["effect"], "none", "{row}: {}", result.text);
    assert_eq!(id(&tree.scope.engine, &tag), None, "{row} {arguments}");
    result.text
}

/// The engine heard of none of it: no step ran, and nothing is cached.
#[track_caller]
fn nothing_sent(faultd: &Faultd, client: &Client) {
    client.call("docker_ps", &json!({})).ok();
    let asked = faultd.lines();
    assert!(!asked.is_empty() && asked.iter().all(|line| line.starts_with("GET ")), "{asked:#?}");
}

#[test]
fn b1_b2_b3_contexts_and_dockerfiles_from_elsewhere() {
    let Some(engine) = engine::at_hand("build::refused::context") else { return };
    let tree = Tree::new(&engine);
    let faultd = Faultd::before(&engine);
    tree.steps("RUN true");
    std::fs::copy(tree.path("outside/secret"), tree.path("outside/Dockerfile")).unwrap();
    symlink(tree.path("outside"), tree.path("root/link")).unwrap();
    symlink(tree.path("outside/secret"), tree.path("root/app/Linked")).unwrap();
    let client = Launch::at(&faultd.host()).config(&tree.config("", "")).connect();
    let (outside, root) = (tree.path("outside"), tree.path("root"));
    for context in [outside.to_str().unwrap(), "../outside", "link", "/", "..", "app/../../outside", "nosuch"]
    {
        refused(&tree, &client, "B1", &json!({ "context": context }), "permission_denied");
    }
    let secret = tree.path("outside/secret");
    for file in
        ["/etc/passwd", "../../outside/secret", "Linked", secret.to_str().unwrap(), "nosuch", "-", "."]
    {
        refused(&tree, &client, "B2", &json!({ "dockerfile": file }), "invalid_arguments");
    }
    // A file of the context that is no Dockerfile is not shown either.
    tree.write("notes", &format!("FROM docker-mcp/base\n{CANARY}: x\n"));
    let said = refused(&tree, &client, "B2", &json!({ "dockerfile": "notes" }), "invalid_arguments");
    assert!(said.contains("line 2"), "{said}");
    for context in [
        "https://example.invalid/a.git",
        "git@example.invalid:a",
        "-",
        "docker-image://x",
        "oci-layout://x",
        "",
    ] {
        refused(&tree, &client, "B3", &json!({ "context": context }), "invalid_arguments");
    }
    let nowhere =
        Launch::at(&faultd.host()).config("[permissions]\nimages = true\n[build]\nroots = []\n").connect();
    refused(&tree, &nowhere, "B1", &json!({ "context": root.to_str().unwrap() }), "permission_denied");
    // Too large, by its bytes as they are listed; a list of what is left out makes it smaller.
    tree.write("huge", "");
    std::fs::File::options()
        .write(true)
        .open(tree.path("root/app/huge"))
        .unwrap()
        .set_len((1 << 30) + 1)
        .unwrap();
    let said = refused(&tree, &client, "B1", &json!({}), "invalid_arguments");
    assert!(said.contains("1024 MB") && said.contains(".dockerignore"), "{said}");
    tree.write(".dockerignore", "huge\n");
    client
        .call("docker_build", &json!({ "context": "app", "tags": tree.tag("small"), "dry_run": true }))
        .ok();
    // Neither does a list of what is left out lie elsewhere.
    symlink(tree.path("outside/secret"), tree.path("root/app/Dockerfile.dockerignore")).unwrap();
    refused(&tree, &client, "B1", &json!({}), "invalid_arguments");
    std::fs::remove_file(tree.path("root/app/Dockerfile.dockerignore")).unwrap();
    nothing_sent(&faultd, &client);
    // A link in the context that leads out of it brings nothing in.
    tree.steps("COPY Linked /x");
    let result = client.call("docker_build", &json!({ "context": "app", "tags": tree.tag("never") }));
    assert!(!result.whole().contains(CANARY) && result.is_error, "{}", result.text);
}

#[test]
fn b4_b5_what_a_dockerfile_may_not_ask_for() {
    let Some(engine) = engine::at_hand("build::refused::dockerfile") else { return };
    let tree = Tree::new(&engine);
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host())
        .config(&tree.config("blacklist_images = [\"evil/*\", \"docker/dockerfile\"]\n", ""))
        .connect();
    for (row, text, kind) in [
        ("B4", "# syntax=other/frontend\nFROM BASE", "permission_denied"),
        ("B4", "# syntax=docker/dockerfile:1\nFROM BASE", "permission_denied"),
        ("B4", "FROM evil/x", "permission_denied"),
        ("B4", "FROM index.docker.io/evil/x:latest", "permission_denied"),
        ("B4", "ARG X=evil\nFROM ${X}/x", "permission_denied"),
        ("B4", "FROM $UNKNOWN", "permission_denied"),
        ("B4", "FROM BASE\nCOPY --from=evil/x / /", "permission_denied"),
        ("B4", "FROM BASE\nCOPY \\\n # comment\n --from=evil/x / /", "permission_denied"),
        ("B4", "FROM BASE\nRUN --mount=from=evil/x,target=/x true", "permission_denied"),
        ("B4", "FROM evil/x AS unused\nFROM BASE", "permission_denied"),
        ("B5", "FROM BASE\nRUN --mount=type=secret,id=x true", "permission_denied"),
        ("B5", "FROM BASE\nRUN --mount=type=ssh true", "permission_denied"),
        ("B5", "FROM BASE\nRUN --mount=type=bind,target=/x true", "permission_denied"),
        ("B5", "FROM BASE\nRUN --mount=type=cache,target=/x true", "permission_denied"),
        ("B5", "FROM BASE\nRUN --network=host true", "permission_denied"),
        ("B5", "FROM BASE\nRUN --security=insecure true", "permission_denied"),
        ("B3", "FROM BASE\nADD https://example.invalid/x /", "permission_denied"),
        ("B3", "FROM BASE\nADD git@example.invalid:x /", "permission_denied"),
        ("B4", "FROM BASE\nRUN echo \"<<EOF\" <<EOF\nFROM evil/x\nEOF", "invalid_arguments"),
    ] {
        tree.write("Dockerfile", &text.replace("BASE", "docker-mcp/base:latest"));
        let said = refused(&tree, &client, row, &json!({}), kind);
        assert!(said.contains("line "), "{row}: {said}");
    }
    // The same where the caller chooses.
    tree.write("Dockerfile", "ARG X=docker-mcp/base\nFROM $X\n");
    refused(&tree, &client, "B4", &json!({ "build_args": { "X": "evil/x" } }), "permission_denied");
    refused(
        &tree,
        &client,
        "B4",
        &json!({ "build_args": { "BUILDKIT_SYNTAX": "evil/x" } }),
        "permission_denied",
    );
    for field in ["secrets", "ssh", "output", "build_contexts", "allow", "cache_to"] {
        refused(&tree, &client, "B5", &json!({ field: "x" }), "invalid_arguments");
    }
    nothing_sent(&faultd, &client);
}

#[test]
fn i2_i4_b6_b9_names_and_secrets() {
    let Some(engine) = engine::at_hand("build::refused::names") else { return };
    let tree = Tree::new(&engine);
    let faultd = Faultd::before(&engine);
    tree.steps("RUN true");
    // An image that is hidden by one of its names, and has another.
    let hidden = format!("{}-hidden/x:1", tree.scope.prefix);
    let both = tree.tag("never-both");
    engine.docker(&["build", "-q", "-t", &hidden, "-t", &both, tree.path("root/app").to_str().unwrap()]);
    let before = id(&engine, &hidden);
    let config = tree.config(&format!("blacklist_images = [\"{}-hidden/*\"]\n", tree.scope.prefix), "");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let full = format!("docker.io/{hidden}");
    for tag in
        [&hidden, &full, &format!("index.docker.io/{hidden}"), &format!("{}-hidden/new", tree.scope.prefix)]
    {
        refused(&tree, &client, "B9", &json!({ "tags": tag }), "permission_denied");
        refused(&tree, &client, "B9", &json!({ "tags": [tree.tag("never"), tag] }), "permission_denied");
    }
    tree.write("Dockerfile", "FROM docker-mcp/base:latest\nRUN echo other\n");
    refused(&tree, &client, "B9", &json!({ "tags": both }), "permission_denied");
    assert_eq!((id(&engine, &hidden), id(&engine, &both)), (before.clone(), before.clone()));
    let (long, short) = (before.clone().unwrap(), before.unwrap()[7..19].to_owned());
    for image in [hidden.as_str(), &long, &short, &long[7..]] {
        tree.write("Dockerfile", &format!("FROM {image}\n"));
        let result = client.call("docker_build", &json!({ "context": "app", "tags": tree.tag("never") }));
        assert!(result.is_error, "I4 {image}: {}", result.text);
        assert_eq!(id(&engine, &tree.tag("never")), None, "I4 {image}");
    }
    tree.steps("RUN true");
    for tag in ["", "UPPER", "a b", "x@sha256:12", "../x", "--output=type=local", &short] {
        refused(&tree, &client, "I2", &json!({ "tags": tag }), "invalid_arguments");
    }
    for key in ["API_TOKEN", "password", "AWS_SECRET_ACCESS_KEY"] {
        let said =
            refused(&tree, &client, "B6", &json!({ "build_args": { key: "v4lue" } }), "permission_denied");
        assert!(!said.contains("v4lue"), "{said}");
    }
    for more in [
        json!({ "build_args": { "--x": "y" } }),
        json!({ "build_args": { "A=B": "y" } }),
        json!({ "target": "--x" }),
        json!({ "platform": "linux/amd64 --x" }),
        json!({ "pull": true }),
        json!({ "network": "host" }),
        json!({ "tags": [] }),
    ] {
        refused(&tree, &client, "B5", &more, "invalid_arguments");
    }
    let listed =
        Launch::at(&faultd.host()).config(&tree.config("whitelist_images = [\"allowed/*\"]\n", "")).connect();
    refused(&tree, &listed, "I2", &json!({ "tags": "allowed/x" }), "permission_denied");
    let off = tree.config("", "").replace("images = true", "images = false");
    let off = Launch::at(&faultd.host()).config(&off).connect();
    refused(&tree, &off, "off", &json!({}), "permission_denied");
    let registries = Launch::at(&faultd.host())
        .config(&tree.config("", "[registries]\nallow = [\"registry.example\"]"))
        .connect();
    tree.write("Dockerfile", "FROM other.invalid/x/y\n");
    refused(&tree, &registries, "I4", &json!({}), "permission_denied");
    // I2: with a whitelist a build gives a name that it allows only to what it allows.
    let listed = tree.config("whitelist_images = [\"allowed/*\"]\n", "");
    let listed = Launch::at(&faultd.host()).config(&listed).connect();
    for text in [
        "FROM docker-mcp/base\n",
        "FROM scratch\nCOPY --from=docker-mcp/base / /\n",
        "FROM scratch AS a\nFROM docker-mcp/base AS b\nFROM a\n",
    ] {
        tree.write("Dockerfile", text);
        refused(&tree, &listed, "I2", &json!({ "tags": "allowed/x" }), "permission_denied");
    }
    assert_eq!(id(&engine, "allowed/x"), None);
    nothing_sent(&faultd, &client);
}
