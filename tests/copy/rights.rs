//! Without root's leave nothing is written where only root writes, and nothing that root runs.

use serde_json::{Value, json};

use super::{QUIET, ROOT, container, says, to};
use crate::support::engine::BASE;
use crate::support::fixture::Scope;
use crate::support::{Launch, ToolResult, engine};

fn named(name: &str) -> Value {
    json!([{ "path": name, "content": "x" }])
}

#[track_caller]
fn denied(refused: &ToolResult, words: &str) {
    assert!(refused.is_error, "{words}: {}", refused.text);
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(
        refused.text.contains(words) && refused.text.contains("allow_root = false"),
        "{words}: {}",
        refused.text
    );
}

#[test]
fn a_copy_does_what_some_user_could_do() {
    let Some(engine) = engine::at_hand("copy::rights") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "");
    // Not in its own script: what root runs names no file of these.
    let script = "mkdir -p /srv /w/open /w/group /w/own /w/blind /w/sticky /w/sub/in /w/closed/open; echo r > /srv/root; \
         chmod 777 /w/open /w/sub/in /w/closed/open; chgrp 7 /w/group; chmod 775 /w/group; chown 7 /w/own; chmod 722 /w/blind; \
         chmod 1777 /w/sticky; echo r > /w/sticky/roots; echo r > /w/sticky/sevens; chown 7 /w/sticky/sevens; \
         echo r > /w/open/roots; chmod 700 /w/closed; ln -s /srv /w/open/link; ln -s /srv/root /w/open/way";
    says(&engine, &app, script);
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let put = |path: &str, name: &str| {
        to(&client, &app, path, named(name), json!({ "owner": "7:7", "parents": true }))
    };
    for (path, name, words) in [
        ("/srv", "new", "only root may write in `/srv`"),
        ("/srv", "root", "only root may write in `/srv`"),
        ("/srv/new/deep", "x", "only root may write in `/srv`"),
        ("/srv", "new/deep/x", "only root may write in `/srv`"),
        ("/", "x", "only root may write in `/`"),
        ("/w/blind", "x", "`/w/blind`, which only root may enter"),
        ("/w/sub", "x", "only root may write in `/w/sub`"),
        ("/w/sub", "new/x", "only root may write in `/w/sub`"),
        ("/w/open/link", "x", "only root may write in `/srv`"),
        ("/w/closed/open", "x", "`/w/closed`, which only root may enter"),
        ("/w", "closed/open/x", "`/w/closed`, which only root may enter"),
        ("/w/sticky", "roots", "only root may replace `/w/sticky/roots`"),
        ("/root", "x", "allow_root = true"),
    ] {
        denied(&put(path, name), words);
    }
    assert_eq!(
        says(&engine, &app, "cat /srv/root /w/sticky/roots; ls /srv /w/sub /w/blind | wc -l"),
        "r\nr\n7"
    );
    for (path, name) in [
        ("/tmp", "x"),
        ("/tmp/new/deep", "x"),
        ("/w/open", "new"),
        ("/w/open", "roots"),
        ("/w/open", "way"),
        ("/w/group", "x"),
        ("/w/own", "sub/x"),
        ("/w/sub", "in/x"),
        ("/w/sticky", "sevens"),
        ("/w/sticky", "new"),
    ] {
        let done = put(path, name).ok();
        if name == "way" {
            assert_eq!(done.structured["files"][0]["replaced_link"], "/srv/root", "{}", done.text);
        }
    }
    assert_eq!(says(&engine, &app, "cat /srv/root /w/open/way"), "r\nx");
    let free = Launch::at(&engine.host).config(ROOT).connect();
    to(&free, &app, "/srv", named("root"), json!({})).ok();
}

#[test]
fn what_root_runs_is_not_replaced() {
    let Some(engine) = engine::at_hand("copy::runs") else { return };
    let scope = Scope::new(&engine);
    let options = [
        "-w",
        "/work",
        "-e",
        "PATH=/bin:/usr/bin:/tools",
        "--health-cmd",
        "test -e /d/check && /d/check; /d/conf=/d/value",
        "--entrypoint",
        "/d/start",
    ];
    let made = "mkdir -m 777 /d /tools /work /data; cd /d; printf '#!/bin/sh\\nexec \"$@\"\\n' > real; chmod 755 real; \
                touch check value; ln -s real start";
    // The files of its start must be there before it starts.
    let first = container(&scope, "first", &[], made);
    let image = scope.name("image");
    engine.docker(&["commit", &first, &image]);
    let script = "sleep 9999; ./up.sh --with=/d/opt; . env.sh";
    scope.container(
        &["run", "-d", "--stop-timeout", "0"],
        "app",
        &options,
        &image,
        &["sh", "-c", script, "job.py"],
    );
    let app = scope.name("app");
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let put = |path: &str, name: &str| to(&client, &app, path, named(name), json!({ "owner": "7:7" }));
    for (path, name) in [
        ("/d", "check"),
        ("/d", "value"),
        ("/d", "real"),
        ("/d", "start"),
        ("/d", "opt"),
        ("/d", "beside"),
        ("/tools", "ls"),
        ("/work", "up.sh"),
        ("/work", "env.sh"),
        ("/work", "job.py"),
    ] {
        denied(&put(path, name), "that the container starts as root");
    }
    put("/data", "x").ok();
    put("/work", "other").ok();
    engine.docker(&["rm", "-f", &app, &first]);
    engine.docker(&["rmi", "-f", &image]);
}

#[test]
fn whose_the_files_become() {
    let Some(engine) = engine::at_hand("copy::owners") else { return };
    let scope = Scope::new(&engine);
    let root = container(&scope, "root", &[], "");
    scope.container(&["create"], "named", &["--user", "app"], BASE, &["sleep", "9999"]);
    let named_user = scope.name("named");
    scope.run("numbered", &["--user", "1000:1001"], &["sleep", "9999"]);
    let numbered = scope.name("numbered");
    let usual = |user: &str| {
        ROOT.replace("allow_root = true", &format!("allow_root = true\ndefault_user = \"{user}\""))
    };
    for (config, app, owner, note) in [
        (ROOT.to_owned(), &root, "0:0", false),
        (ROOT.to_owned(), &numbered, "1000:1001", false),
        (ROOT.to_owned(), &named_user, "0:0", true),
        (usual("65534:65533"), &numbered, "65534:65533", false),
        (usual("65534:65533"), &root, "65534:65533", false),
        (usual("nobody"), &numbered, "1000:1001", false),
    ] {
        let client = Launch::at(&engine.host).config(&config).connect();
        let done = to(&client, app, "/tmp", named("x"), json!({})).ok();
        assert_eq!(done.structured["owner"], owner, "{}", done.text);
        assert_eq!(done.text.contains("is a name; give `owner`"), note, "{}", done.text);
    }
    let config = format!("{QUIET}[exec_safety]\ndefault_user = \"nobody\"\n");
    let client = Launch::at(&engine.host).config(&config).connect();
    let refused = to(&client, &root, "/tmp", named("x"), json!({}));
    denied(&refused, "allow_root = false");
    assert!(refused.text.contains("those of `nobody`, who may be root"), "{}", refused.text);
    to(&client, &root, "/tmp", named("x"), json!({ "owner": "65534" })).ok();
}
