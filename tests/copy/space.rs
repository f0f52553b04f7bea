//! What the engine does not take: it may have begun, and what is there is looked at.

use serde_json::json;

use super::{ROOT, container, from, says, to};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

#[test]
fn a_full_disk_and_folders_that_are_only_read() {
    let Some(engine) = engine::at_hand("copy::space") else { return };
    let scope = Scope::new(&engine);
    let volume = |name: &str, options: &[&str]| scope.volume(name, options);
    let small = volume("small", &["--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=256k"]);
    let fixed = volume("fixed", &[]);
    let (at_small, at_fixed) = (format!("{small}:/small"), format!("{fixed}:/data/fixed:ro"));
    let app = container(
        &scope,
        "app",
        &["-v", &at_small, "-v", &at_fixed],
        "mkdir -p /data; head -c 50000 /dev/zero > /small/conf; echo old > /data/conf",
    );
    let client = Launch::at(&engine.host).config(ROOT).connect();
    let large = "x".repeat(600 << 10);
    let full = to(&client, &app, "/small", json!([{ "path": "conf", "content": large }]), json!({}));
    let error = &full.structured["error"];
    assert_eq!((full.kind(), &error["effect"]), ("conflict", &json!("unknown")), "{}", full.text);
    assert!(full.text.contains("may be cut") && full.text.contains("`/small/conf`"), "{}", full.text);
    assert_ne!(says(&engine, &app, "wc -c < /small/conf"), "50000", "the old one is gone, and that is said");
    // A volume that is only read, in a folder that is written.
    let files = json!([{ "path": "conf", "content": "new" }, { "path": "fixed/x", "content": "x" }]);
    let nested = to(&client, &app, "/data", files, json!({}));
    assert_eq!(nested.structured["error"]["effect"], "unknown", "{}", nested.text);
    assert!(nested.text.contains("read-only") && nested.text.contains("volume"), "{}", nested.text);
    assert!(nested.text.contains("`/data/conf` has as many bytes"), "{}", nested.text);
    assert!(nested.text.contains("`/data/fixed/x` is not there"), "{}", nested.text);
    // The volume itself, and the root: said before anything is touched.
    let itself = to(&client, &app, "/data/fixed", json!([{ "path": "x", "content": "x" }]), json!({}));
    assert_eq!(itself.structured["error"]["effect"], "none", "{}", itself.text);
    assert!(itself.text.contains("that volume is mounted read-only"), "{}", itself.text);
    scope.run("ro", &["--read-only"], &["sleep", "9999"]);
    let root = to(&client, &scope.name("ro"), "/tmp", json!([{ "path": "x", "content": "x" }]), json!({}));
    assert_eq!(root.structured["error"]["effect"], "none", "{}", root.text);
    assert!(root.text.contains("its root is read-only"), "{}", root.text);
}

/// The engine copies beneath what lies in memory.
#[test]
fn mounts_in_memory_are_said_to_be_out_of_reach() {
    let Some(engine) = engine::at_hand("copy::memory") else { return };
    let scope = Scope::new(&engine);
    let data = format!("{}:/small/data", scope.volume("data", &[]));
    let options = ["--tmpfs", "/small", "--mount", "type=tmpfs,destination=/other", "-v", &data];
    let app =
        container(&scope, "app", &options, "echo m > /small/x; echo d > /small/data/x; ln -s /small /way");
    let config = ROOT.replace("allow_root = true", "allow_root = true\ndenied_paths = []");
    let client = Launch::at(&engine.host).config(&config).connect();
    let files = || json!([{ "path": "new", "content": "x" }]);
    for (path, folder) in [
        ("/small", "/small"),
        ("/small/x", "/small"),
        ("/other", "/other"),
        ("/way/x", "/small"),
        ("/dev/shm", "/dev/shm"),
    ] {
        let said = format!("`{folder}` is a tmpfs: the engine copies beneath it");
        let read = from(&client, &app, path);
        assert_eq!(read.kind(), "unsupported", "{path}: {}", read.text);
        assert!(read.text.contains(&said) && read.text.contains("`cat`"), "{path}: {}", read.text);
        let written = to(&client, &app, path, files(), json!({ "parents": true }));
        assert_eq!(written.kind(), "unsupported", "{path}: {}", written.text);
        assert!(written.text.contains(&said) && written.text.contains("`tee`"), "{path}: {}", written.text);
    }
    let read = from(&client, &app, "/small/data/x").ok();
    assert_eq!(read.structured["files"][0]["content"], "d\n");
    to(&client, &app, "/small/data", files(), json!({})).ok();
    assert_eq!(says(&engine, &app, "cat /small/data/new; echo; ls /small"), "x\ndata\nx");
    assert!(from(&client, &app, "/").ok().text.contains("is a tmpfs: what is in it is not seen"));
}
