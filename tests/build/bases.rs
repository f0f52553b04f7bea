//! What builds begin with: fetched as docker_pull does it, looked at, and only then built on.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use super::child::ASKED;
use super::{Tree, id, served};
use crate::support::registry::{PASSWORD, Registry, USER, image};
use crate::support::stub::Stub;
use crate::support::{Client, Launch, ToolResult, engine};

fn build(client: &Client, tag: &str, more: &Value) -> ToolResult {
    let mut arguments = json!({ "context": "app", "tags": tag });
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.call("docker_build", &arguments)
}

/// A folder with docker's configuration: credentials for these.
fn logged_in(hosts: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let entry = json!({ "username": USER, "password": PASSWORD });
    let auths: serde_json::Map<String, Value> =
        hosts.iter().map(|host| ((*host).to_owned(), entry.clone())).collect();
    // The builder is found as before.
    if let Ok(plugins) = std::env::var("PATH").map(|path| path.split(':').next().unwrap().to_owned()) {
        std::os::unix::fs::symlink(plugins, dir.path().join("cli-plugins")).unwrap();
    }
    std::fs::write(dir.path().join("config.json"), json!({ "auths": auths }).to_string()).unwrap();
    dir
}

/// I12: a base of a locked registry comes with the credentials of that registry, which the builder itself never has.
#[test]
fn i12_a_missing_base_is_fetched_and_the_builder_knows_no_secret() {
    let test = "build::bases::fetched";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, true) else { return };
    let tree = Tree::new(&engine);
    let (base, other) = (registry.name(&tree.scope, "base"), registry.name(&tree.scope, "other"));
    let dir = logged_in(&[&registry.host, "registry.example"]);
    let launch = |extra: &str| {
        Launch::at(&engine.host)
            .config(&tree.config("", extra))
            .env("DOCKER_CONFIG", dir.path().to_str().unwrap())
    };
    let client = served(launch(""), tree.dir.path());
    for name in [&base, &other] {
        image(&engine, &tree.scope, name, 100_000);
        client.call("docker_push", &json!({ "image": name })).ok();
        engine.docker(&["rmi", name]);
    }
    let label = tree.scope.label();
    tree.write("Dockerfile", &format!("FROM {base}\nLABEL {label}\nCOPY --from={other} /blob /other\n"));
    let tag = tree.tag("fetched");
    let shown = build(&client, &tag, &json!({ "dry_run": true })).ok();
    assert!(shown.text.contains(&format!("image `{base}`: fetched first")), "{}", shown.text);
    assert_eq!(id(&engine, &base), None, "only looked at");
    build(&client, &tag, &json!({})).ok();
    assert!(id(&engine, &tag).is_some() && id(&engine, &base).is_some());
    assert!(!client.audit_text().contains(PASSWORD) && !client.stderr().contains(PASSWORD));
    engine.docker(&["rmi", "-f", &tag, &base]);
    // A stage that is not built needs nothing.
    tree.write(
        "Dockerfile",
        &format!("FROM {base} AS big\nFROM docker-mcp/base AS small\nLABEL {label}\nFROM big\n"),
    );
    build(&client, &tree.tag("small"), &json!({ "target": "small" })).ok();
    assert_eq!(id(&engine, &base), None, "nobody needs it");
    // What the builder is given, as it sees it.
    let script = "cat \"$DOCKER_CONFIG/config.json\" > $(dirname $0)/config; ls \"$DOCKER_CONFIG\" >> $(dirname $0)/config; exit 1";
    let stub = Stub::of("docker", &format!("{ASKED}{script}"));
    tree.steps("RUN true");
    let client = served(launch("").env("PATH", &stub.search_path()), tree.dir.path());
    build(&client, &tree.tag("never"), &json!({}));
    let config = std::fs::read_to_string(stub.path("config")).unwrap();
    assert!(config.starts_with("{}") && !config.contains("auth"), "{config}");
}

/// I12, B4: a registry that a Dockerfile names hears nothing of the host's credentials for others, and one that the
/// settings do not name hears nothing at all.
#[test]
fn i12_b4_registries_of_a_dockerfile_are_told_no_secret() {
    let Some(engine) = engine::at_hand("build::bases::thief") else { return };
    let tree = Tree::new(&engine);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let thief = listener.local_addr().unwrap().to_string();
    let (sender, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((mut line, _)) = listener.accept() {
            let mut bytes = [0; 4096];
            let read = line.read(&mut bytes).unwrap_or(0);
            let _gone = sender.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            let _gone = line.write_all(
                b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    // An image of that name is here, for another platform than the stage asks for: a builder would ask the registry.
    let here = format!("{thief}/{}:1", tree.scope.prefix);
    image(&engine, &tree.scope, &here, 2000);
    let dir = logged_in(&["https://index.docker.io/v1/", "registry.example", &thief]);
    let launch = |extra: &str| {
        let launch = Launch::at(&engine.host).config(&tree.config("", extra));
        launch.env("DOCKER_CONFIG", dir.path().to_str().unwrap()).connect()
    };
    let tag = tree.tag("never");
    let only = launch("[registries]\nallow = [\"registry.example\"]");
    for text in [
        format!("FROM --platform=linux/s390x {here}"),
        format!("FROM {thief}/nosuch:1"),
        format!("FROM docker-mcp/base\nCOPY --from={thief}/nosuch:1 / /"),
    ] {
        tree.write("Dockerfile", &text);
        let refused = build(&only, &tag, &json!({}));
        assert!(["permission_denied", "conflict"].contains(&refused.kind()), "{text}: {}", refused.text);
    }
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), Vec::<String>::new(), "it was asked");
    // Where any may be asked, it is asked as the one who logged in there, and as nobody else.
    let auths = logged_in(&["https://index.docker.io/v1/", "registry.example"]);
    let launch = Launch::at(&engine.host).config(&tree.config("", ""));
    let open = launch.env("DOCKER_CONFIG", auths.path().to_str().unwrap()).connect();
    let refused = build(&open, &tag, &json!({}));
    assert!(refused.is_error && refused.text.contains("could not be fetched"), "{}", refused.text);
    let heard: Vec<String> = heard.try_iter().collect();
    assert!(!heard.is_empty(), "nobody asked");
    assert!(heard.iter().all(|h| !h.to_ascii_lowercase().contains("authorization")), "{heard:#?}");
    assert_eq!(id(&engine, &tag), None);
}

/// B4, B5: what a base triggers is judged as what a Dockerfile says.
#[test]
fn b4_b5_what_a_base_triggers() {
    let test = "build::bases::onbuild";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let tree = Tree::new(&engine);
    let client = Launch::at(&engine.host).config(&tree.config("", "")).connect();
    let (base, tag) = (registry.name(&tree.scope, "base"), tree.tag("never"));
    let label = tree.scope.label();
    let made = |trigger: &str| {
        tree.write("Dockerfile", &format!("FROM docker-mcp/base\nLABEL {label}\nONBUILD {trigger}\n"));
        let app = tree.path("root/app");
        engine.docker(&["build", "-q", "-t", &base, app.to_str().unwrap()]);
    };
    for trigger in [
        "COPY --from=docker-mcp/base / /",
        "ADD https://example.invalid/x /",
        "RUN --mount=type=secret,id=x true",
        "RUN --mount=type=bind,from=docker-mcp/base,target=/x true",
        "RUN --network=host true",
    ] {
        made(trigger);
        engine.docker(&["push", "-q", &base]);
        tree.write("Dockerfile", &format!("FROM docker-mcp/base AS first\nFROM {base}\nLABEL {label}\n"));
        // Here, and then to be fetched.
        for fetched in [false, true] {
            if fetched {
                engine.docker(&["rmi", &base]);
            }
            let refused = build(&client, &tag, &json!({}));
            assert_eq!(refused.kind(), "permission_denied", "{trigger} {fetched}: {}", refused.text);
            assert!(refused.text.contains("line 2") && refused.text.contains("ONBUILD"), "{}", refused.text);
            assert_eq!(refused.structured["error"]["effect"], "none");
            assert_eq!((id(&engine, &tag), id(&engine, &base).is_some()), (None, !fetched), "{trigger}");
        }
        // Copied from, it triggers nothing.
        tree.write(
            "Dockerfile",
            &format!("FROM docker-mcp/base\nLABEL {label}\nCOPY --from={base} /bin /x\n"),
        );
        build(&client, &tree.tag("copied"), &json!({})).ok();
    }
    made("RUN echo triggered > /t");
    tree.write("Dockerfile", &format!("FROM {base}\nLABEL {label}\nRUN grep triggered /t\n"));
    build(&client, &tree.tag("fine"), &json!({})).ok();
}

/// B4: an image that another of its names hides is not built on either.
#[test]
fn b4_a_hidden_image_has_no_second_name() {
    let Some(engine) = engine::at_hand("build::bases::hidden") else { return };
    let tree = Tree::new(&engine);
    let (vault, both) = (format!("{}-hidden/x:1", tree.scope.prefix), tree.tag("both"));
    image(&engine, &tree.scope, &vault, 2000);
    engine.docker(&["tag", &vault, &both]);
    let config = tree.config(&format!("blacklist_images = [\"{}-hidden/*\"]\n", tree.scope.prefix), "");
    let client = Launch::at(&engine.host).config(&config).connect();
    for text in [format!("FROM {both}"), format!("FROM docker-mcp/base\nCOPY --from={both} /blob /x")] {
        tree.write("Dockerfile", &text);
        let refused = build(&client, &tree.tag("never"), &json!({}));
        assert_eq!(refused.kind(), "permission_denied", "{text}: {}", refused.text);
        assert!(!refused.whole().contains("-hidden"), "{}", refused.text);
        assert_eq!(id(&engine, &tree.tag("never")), None);
    }
}

/// I5: what a build was confirmed to begin with is what it begins with.
#[test]
fn i5_a_base_that_moves_is_another_build() {
    let Some(engine) = engine::at_hand("build::bases::moves") else { return };
    let tree = Tree::new(&engine);
    let (base, other) = (tree.tag("base"), tree.tag("other"));
    let first = image(&engine, &tree.scope, &base, 2000);
    image(&engine, &tree.scope, &other, 2000);
    let config = tree.config("", "[confirm]\nrequire = \"mutating\"\n");
    let client = Launch::at(&engine.host).config(&config).connect();
    tree.write("Dockerfile", &format!("FROM {base}\nLABEL {}\n", tree.scope.label()));
    let tag = tree.tag("built");
    for (moved, kind) in [(&other, "confirmation_invalid"), (&first, "")] {
        engine.docker(&["tag", &first, &base]);
        let held = build(&client, &tag, &json!({})).ok();
        engine.docker(&["tag", moved, &base]);
        let token = held.structured["confirm_token"].clone();
        let result = build(&client, &tag, &json!({ "confirm_token": token }));
        assert_eq!(result.kind(), kind, "{}", result.text);
        assert_eq!(id(&engine, &tag).is_some(), kind.is_empty());
    }
}
