//! What a container puts where files are looked for.

use serde_json::json;

use super::{QUIET, ROOT, container, file, from};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

const SECRET: &str = "correct-horse-battery-9";

#[test]
fn what_is_no_file_is_named_and_never_followed() {
    let Some(engine) = engine::at_hand("copy::kinds") else { return };
    let scope = Scope::new(&engine);
    let script = "mkdir -p /t/real; cd /t; echo content > file; ln file hard; ln -s /etc/passwd passwd; ln -s nowhere broken; \
                  ln -s loop loop; mkfifo fifo; mknod null c 1 3; echo x > \"$(printf 'a\\nb\\033[2J')\"; echo x > ..odd; \
                  echo x > \"$(printf 'not\\377utf')\"; touch \"$(head -c 255 /dev/zero | tr '\\0' n)\"; \
                  printf 'rewritten\\033]0;title\\007\\n' > escape; printf 'dos\\r\\nlines\\r\\n' > dos";
    let app = container(&scope, "app", &[], script);
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let all = from(&client, &app, "/t").ok();
    let kind = |path: &str| file(&all, path)["kind"].as_str().unwrap().to_owned();
    assert_eq!(kind("/t/file"), "file");
    assert_eq!(
        (kind("/t/hard"), &file(&all, "/t/hard")["target"]),
        ("hard link".to_owned(), &json!("/t/file"))
    );
    assert_eq!(
        (kind("/t/passwd"), &file(&all, "/t/passwd")["target"]),
        ("link".to_owned(), &json!("/etc/passwd"))
    );
    assert_eq!((kind("/t/broken"), kind("/t/loop")), ("link".to_owned(), "link".to_owned()));
    assert_eq!((kind("/t/fifo"), kind("/t/null")), ("fifo".to_owned(), "device".to_owned()));
    assert_eq!(kind("/t/..odd"), "file");
    assert_eq!(kind(&format!("/t/{}", "n".repeat(255))), "file");
    assert!(!all.whole().contains("root:x:0"), "{}", all.text);
    assert!(!all.text.contains('\u{1b}') && !all.text.contains('\u{7}'), "no control leaves");
    // Names that are no text are shown escaped, and said to be so.
    let odd = file(&all, "/t/a\\nb\\x1b[2J");
    assert!(odd["note"].as_str().unwrap().contains("escaped"), "{odd}");
    assert_eq!(kind("/t/not\\xffutf"), "file");
    assert_eq!(file(&all, "/t/dos")["content"], "dos\nlines\n");
    assert!(file(&all, "/t/dos")["note"].as_str().unwrap().contains("base64"));
    // Alone, each.
    for (path, kind) in
        [("/t/passwd", "link"), ("/t/fifo", "fifo"), ("/t/null", "device"), ("/t/broken", "link")]
    {
        let one = from(&client, &app, path).ok();
        assert_eq!(file(&one, path)["kind"], kind);
        assert!(file(&one, path).get("content").is_none() && one.took.as_secs() < 5, "{}", one.text);
    }
    // What leads in a circle the engine cannot tell.
    let circle = from(&client, &app, "/t/loop");
    assert_eq!(circle.kind(), "conflict", "{}", circle.text);
    let link = from(&client, &app, "/t/passwd").ok();
    assert!(link.text.contains("/etc/passwd"), "{}", link.text);
}

/// The engine reads as root; a command would not.
#[test]
fn what_only_root_may_read_stays_so() {
    let Some(engine) = engine::at_hand("copy::only_root") else { return };
    let scope = Scope::new(&engine);
    let script = format!(
        "mkdir -p /t/open /t/closed/deep; echo {SECRET} > /t/secret; chmod 600 /t/secret; echo {SECRET} > /t/closed/deep/x; \
         chmod 700 /t/closed; echo mine > /t/mine; chown 7:7 /t/mine; chmod 600 /t/mine; mkdir -m 700 /t/home; \
         echo home > /t/home/x; chown -R 7:7 /t/home; ln -s /t/closed /t/way; \
         mkdir -m 700 \"$(printf '/t/gr\\303\\266\\001')\"; echo {SECRET} > \"$(printf '/t/gr\\303\\266\\001')/x\""
    );
    let app = container(&scope, "app", &[], &script);
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let all = from(&client, &app, "/t").ok();
    assert!(!all.whole().contains(SECRET), "{}", all.text);
    assert!(file(&all, "/t/secret")["note"].as_str().unwrap().contains("allow_root = false"));
    assert_eq!(all.structured["left_out"], 3);
    assert_eq!(file(&all, "/t/mine")["content"], "mine\n");
    assert_eq!(file(&all, "/t/home/x")["content"], "home\n");
    assert!(!from(&client, &app, "/t/secret").ok().whole().contains(SECRET));
    assert_eq!(file(&from(&client, &app, "/t/home/x").ok(), "/t/home/x")["content"], "home\n");
    for path in ["/t/closed", "/t/closed/deep", "/t/closed/deep/x", "/t/way/deep/x", "/t/closed/nosuch"] {
        let refused = from(&client, &app, path);
        assert_eq!(refused.kind(), "permission_denied", "{path}: {}", refused.text);
        assert!(refused.text.contains("allow_root = false"), "{}", refused.text);
    }
    // From the root on, names stand otherwise in the archive.
    let root = from(&client, &app, "/").ok();
    assert!(!root.whole().contains(SECRET), "{}", root.text);
    assert_eq!(file(&root, "/")["kind"], "folder");
    let free = Launch::at(&engine.host).config(ROOT).connect();
    assert_eq!(
        file(&from(&free, &app, "/t/closed/deep/x").ok(), "/t/closed/deep/x")["content"],
        format!("{SECRET}\n")
    );
}

#[test]
fn secrets_are_masked_in_files() {
    let Some(engine) = engine::at_hand("copy::secrets") else { return };
    let scope = Scope::new(&engine);
    let env = format!("DB_PASSWORD={SECRET}");
    // Cut so that the border falls into the secret.
    let script = format!(
        "mkdir /t; cd /t; echo \"db: {SECRET} end\" > conf; printf '{SECRET}' | base64 > coded; printf 'a\\0{SECRET}\\0' > bin; \
         yes x | tr -d '\\n' | head -c 39000 > edge; printf '{SECRET}' >> edge; yes x | tr -d '\\n' | head -c 100000 >> edge; \
         (head -c 29980 /dev/zero; printf '{SECRET}'; head -c 9000 /dev/zero) > binedge; \
         printf 'API_TOKEN=abcdefgh12345678\\n' > env; (echo '-----BEGIN PRIVATE KEY-----'; head -c 300 /dev/urandom | base64; \
         echo '-----END PRIVATE KEY-----'; echo after) > pem"
    );
    let app = container(&scope, "app", &["-e", &env], &script);
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let conf = file(&from(&client, &app, "/t/conf").ok(), "/t/conf");
    assert_eq!(conf["content"], "db: [redacted] end\n");
    for path in ["/t/coded", "/t/bin", "/t/edge", "/t/binedge"] {
        let read = from(&client, &app, path).ok();
        let coded = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LTk";
        assert!(
            !read.whole().contains("correct-horse") && !read.whole().contains(coded),
            "{path}: {}",
            &read.text[..300]
        );
    }
    let bytes = client
        .call("docker_copy_from", &json!({ "container": app, "path": "/t/conf", "encoding": "base64" }))
        .ok();
    let bytes = file(&bytes, "/t/conf");
    assert_eq!(bytes["content"], "");
    assert!(bytes["note"].as_str().unwrap().contains("encoding = \"text\""), "{bytes}");
    assert!(!from(&client, &app, "/t/env").ok().whole().contains("abcdefgh12345678"));
    let pem = file(&from(&client, &app, "/t/pem").ok(), "/t/pem")["content"].as_str().unwrap().to_owned();
    assert!(pem.ends_with("after\n") && pem.lines().all(|l| l.len() < 40), "{pem}");
}
