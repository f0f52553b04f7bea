//! There and back: text, bytes, folders, and what is too large.

use serde_json::json;

use super::{QUIET, ROOT, container, file, from, says, to};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine, rss};

/// Bytes that are no text, in base64.
const BYTES: &str = "AP9/gAoNAQI=";

#[test]
fn what_goes_in_comes_out() {
    let Some(engine) = engine::at_hand("copy::there_and_back") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "mkdir -m 777 /data");
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let long = format!("{}/{}.txt", "d".repeat(90), "n".repeat(120));
    let files = json!([
        { "path": "größe-名.txt", "content": "zwei\nZeilen: \"ä\" \\ \t|\n" },
        { "path": "empty", "content": "" },
        { "path": "bin", "content": BYTES, "encoding": "base64", "mode": "600" },
        { "path": "sub/run.sh", "content": "#!/bin/sh\necho ran\n", "mode": "0755" },
        { "path": long, "content": "far\n" },
    ]);
    let missing = to(&client, &app, "/data", files.clone(), json!({ "owner": "1234:4321" }));
    assert_eq!(missing.kind(), "not_found", "folders are not made unasked: {}", missing.text);
    assert!(missing.text.contains("parents = true"), "{}", missing.text);
    assert_eq!(says(&engine, &app, "ls /data"), "", "nothing was written");
    let done = to(&client, &app, "/data", files, json!({ "owner": "1234:4321", "parents": true })).ok();
    assert_eq!(
        file(&done, "/data/bin"),
        json!({ "path": "/data/bin", "size": 8, "mode": "0600", "replaced": false })
    );
    let seen = says(&engine, &app, "cd /data && stat -c '%n %a %u:%g %s' * sub/run.sh");
    for line in [
        "bin 600 1234:4321 8",
        "empty 644 1234:4321 0",
        "sub 755 1234:4321 4096",
        "sub/run.sh 755 1234:4321 19",
    ] {
        assert!(seen.lines().any(|l| l == line), "{line} in {seen}");
    }
    assert_eq!(says(&engine, &app, "/data/sub/run.sh"), "ran");
    assert_eq!(says(&engine, &app, "base64 /data/bin"), BYTES);

    let back = from(&client, &app, "/data").ok();
    let text = file(&back, "/data/größe-名.txt");
    assert_eq!(
        (&text["content"], &text["encoding"]),
        (&json!("zwei\nZeilen: \"ä\" \\ \t|\n"), &json!("text"))
    );
    assert_eq!((&text["mode"], &text["owner"]), (&json!("0644"), &json!("1234:4321")));
    assert_eq!(file(&back, "/data/empty")["content"], "");
    assert_eq!(
        (&file(&back, "/data/bin")["content"], &file(&back, "/data/bin")["encoding"]),
        (&json!(BYTES), &json!("base64"))
    );
    assert_eq!(file(&back, &format!("/data/{long}"))["content"], "far\n");
    assert_eq!(file(&back, "/data/sub")["kind"], "folder");
    assert!(back.structured.get("truncated").is_none() && back.text.contains("echo ran"), "{}", back.text);

    // One file alone, in either encoding, over what was there before, also in a container that does not run.
    let one = client
        .call(
            "docker_copy_from",
            &json!({ "container": app, "path": "/data/sub/run.sh", "encoding": "base64" }),
        )
        .ok();
    assert_eq!(file(&one, "/data/sub/run.sh")["content"], "IyEvYmluL3NoCmVjaG8gcmFuCg==");
    engine.docker(&["stop", "-t", "0", &app]);
    let again =
        to(&client, &app, "/data", json!([{ "path": "empty", "content": "now" }]), json!({ "owner": "5:5" }))
            .ok();
    assert_eq!(file(&again, "/data/empty")["replaced"], true);
    assert_eq!(file(&from(&client, &app, "/data/empty").ok(), "/data/empty")["content"], "now");
    assert_eq!(from(&client, &app, "/data/nosuch").kind(), "not_found");
}

#[test]
fn what_is_no_copy_is_told() {
    let Some(engine) = engine::at_hand("copy::no_copy") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "mkdir -p /data/folder; ln -s /data /link; mkfifo /data/fifo");
    let client = Launch::at(&engine.host).config(ROOT).connect();
    let x = || json!([{ "path": "x", "content": "" }]);
    for (path, files, kind) in [
        ("data", x(), "invalid_arguments"),
        ("/data/../etc", x(), "invalid_arguments"),
        ("/data", json!([]), "invalid_arguments"),
        ("/data", json!([{ "path": "/etc/x", "content": "" }]), "invalid_arguments"),
        ("/data", json!([{ "path": "../x", "content": "" }]), "invalid_arguments"),
        ("/data", json!([{ "path": "a/./b", "content": "" }]), "invalid_arguments"),
        ("/data", json!([{ "path": "a\nb", "content": "" }]), "invalid_arguments"),
        (
            "/data",
            json!([{ "path": "x", "content": "" }, { "path": "x", "content": "" }]),
            "invalid_arguments",
        ),
        (
            "/data",
            json!([{ "path": "x", "content": "" }, { "path": "x/y", "content": "" }]),
            "invalid_arguments",
        ),
        ("/data", json!([{ "path": "x", "content": "%%", "encoding": "base64" }]), "invalid_arguments"),
        ("/data", json!([{ "path": "x", "content": "", "mode": "4755" }]), "invalid_arguments"),
        ("/data", json!([{ "path": "x", "content": "", "mode": "rwx" }]), "invalid_arguments"),
        ("/data", json!([{ "path": "x", "content": "a".repeat(1 << 20) }]), "invalid_arguments"),
        ("/data", json!([{ "path": "folder", "content": "" }]), "conflict"),
        ("/data", json!([{ "path": "fifo", "content": "" }]), "conflict"),
        ("/data/fifo", x(), "conflict"),
        ("/", json!([{ "path": "link/x", "content": "" }]), "conflict"),
    ] {
        let refused = to(&client, &app, path, files.clone(), json!({}));
        assert_eq!(refused.kind(), kind, "{path} {files}: {}", refused.text);
    }
    assert_eq!(says(&engine, &app, "find /data | sort"), "/data\n/data/fifo\n/data/folder");
    let nowhere = client.call("docker_copy_from", &json!({ "path": "/data" }));
    assert_eq!(nowhere.kind(), "invalid_arguments");
    let large = json!([{ "path": "large", "content": "a".repeat(900 << 10) }]);
    to(&client, &app, "/data", large, json!({})).ok();
    assert_eq!(says(&engine, &app, "wc -c < /data/large"), (900 << 10).to_string());
}

#[test]
fn a_large_file_is_shown_from_its_beginning_in_flat_memory() {
    let Some(engine) = engine::at_hand("copy::large") else { return };
    let scope = Scope::new(&engine);
    let app = container(
        &scope,
        "app",
        &[],
        "mkdir /data; yes 'a line of text' | head -c 209715200 > /data/large; head -c 50000000 /dev/zero > /data/zero",
    );
    let client = Launch::at(&engine.host).config(QUIET).connect();
    from(&client, &app, "/etc/passwd").ok();
    let before = rss::peak(client.pid());
    let read = from(&client, &app, "/data/large").ok();
    let large = file(&read, "/data/large");
    assert_eq!((&large["size"], &large["truncated"]), (&json!(209_715_200), &json!(true)));
    let content = large["content"].as_str().unwrap();
    assert!(content.lines().all(|l| l == "a line of text"), "whole lines");
    assert!((20_000..40_000).contains(&content.len()), "{}", content.len());
    assert_eq!(
        (&read.structured["truncated"], &read.structured["total"]),
        (&json!(true), &json!(209_715_200))
    );
    assert!(read.text.contains("docker_exec"), "how to get the rest");
    let folder = from(&client, &app, "/data").ok();
    assert_eq!(folder.structured["truncated"], true);
    let bytes = file(&from(&client, &app, "/data/zero").ok(), "/data/zero");
    assert_eq!(bytes["encoding"], "base64");
    assert!(bytes["content"].as_str().unwrap().len().is_multiple_of(4), "what was cut can be decoded");
    let grown = rss::peak(client.pid()) - before;
    assert!(grown < 6 << 20, "{:.1} MiB more", rss::mib(grown));
    let few = client
        .call("docker_copy_from", &json!({ "container": app, "path": "/data/large", "max_bytes": 40 }))
        .ok();
    assert_eq!(file(&few, "/data/large")["content"], "a line of text\na line of text\n");
}

#[test]
fn a_folder_of_a_hundred_thousand_is_cut() {
    let Some(engine) = engine::at_hand("copy::many") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "mkdir /many && cd /many && seq 100000 | xargs touch");
    let client = Launch::at(&engine.host).config(QUIET).connect();
    from(&client, &app, "/etc/passwd").ok();
    let before = rss::peak(client.pid());
    let many = from(&client, &app, "/many").ok();
    assert_eq!(many.structured["truncated"], true);
    let shown = many.structured["files"].as_array().unwrap().len();
    assert!((50..5_000).contains(&shown), "{shown}");
    assert!(many.structured.to_string().len() <= 40_000 && many.text.len() <= 40_000);
    assert!(
        many.text.contains(&format!("only {shown} files shown")),
        "{}",
        &many.text[many.text.len() - 300..]
    );
    let grown = rss::peak(client.pid()) - before;
    assert!(grown < 6 << 20, "{:.1} MiB more", rss::mib(grown));
    assert!(many.took.as_secs() < 10, "{:?}", many.took);
}
