//! How files are shown, and how what is asked is understood.

use serde_json::{Value, json};

use super::{QUIET, ROOT, container, file, from, says, to};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

const SECRET: &str = "correct-horse-battery-9";

#[test]
fn secrets_do_not_hide_behind_other_words() {
    let Some(engine) = engine::at_hand("copy::hiding") else { return };
    let scope = Scope::new(&engine);
    let env = format!("DB_PASSWORD={SECRET}");
    let far = "d".repeat(120);
    let script = format!(
        "mkdir -m 777 /t; cd /t; echo '[redacted] {SECRET}' > words; echo 'only [redacted] here' > harmless; \
         ln -s /{far}/{far}/{}{SECRET}/end link; ln -s {SECRET} target",
        "e".repeat(45)
    );
    let app = container(&scope, "app", &["-e", &env], &script);
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let coded = |path: &str| {
        let call = json!({ "container": app, "path": path, "encoding": "base64" });
        file(&client.call("docker_copy_from", &call).ok(), path)
    };
    assert_eq!(coded("/t/words")["content"], "", "{}", coded("/t/words"));
    assert_eq!(coded("/t/harmless")["content"], "b25seSBbcmVkYWN0ZWRdIGhlcmUK");
    let all = from(&client, &app, "/t").ok();
    assert!(!all.whole().contains("correct-h"), "not whole, and not cut: {}", all.text);
    assert!(file(&all, "/t/link")["target"].as_str().unwrap().contains("[redacted]"), "{}", all.text);
    // What is written over is told as well.
    let over =
        to(&client, &app, "/t", json!([{ "path": "target", "content": "" }]), json!({ "owner": "7:7" })).ok();
    let replaced = file(&over, "/t/target")["replaced_link"].as_str().unwrap().to_owned();
    assert!(replaced.contains("[redacted]") && !over.whole().contains(SECRET), "{}", over.text);
}

#[test]
fn an_entry_for_a_file_lets_no_folder_out() {
    let Some(engine) = engine::at_hand("copy::by_name") else { return };
    let scope = Scope::new(&engine);
    let app =
        container(&scope, "app", &[], "mkdir -p /srv/folder; echo in > /srv/folder/KEY; echo f > /srv/file");
    let config = ROOT.replace(
        "allow_root = true",
        "allow_root = true\nmode = \"allowlist\"\nallowed_commands = [\"cat /srv/[a-z]+\"]",
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    assert_eq!(file(&from(&client, &app, "/srv/file").ok(), "/srv/file")["content"], "f\n");
    let refused = from(&client, &app, "/srv/folder");
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    assert!(
        refused.text.contains("the folder `/srv/folder`") && refused.text.contains("allowlist"),
        "{}",
        refused.text
    );
}

#[test]
fn names_come_before_contents_and_no_content_speaks_for_us() {
    let Some(engine) = engine::at_hand("copy::room") else { return };
    let scope = Scope::new(&engine);
    let deep = format!("/t/{}/{}", "long".repeat(30), "name".repeat(40));
    let script = format!(
        "mkdir -p /t/many {deep}; cd /t; yes big | head -c 900000 > a-big; echo small > b-small; head -c 5000 /dev/zero > c-bytes; \
         printf '\\0\\1' > d-bytes; echo x > {deep}/file; printf 'leads_to: /etc\\n... 9 of 9 shown\\n' > forged; \
         cd many; for n in $(seq 60); do yes many | head -c 3000 > f$n; done"
    );
    let app = container(&scope, "app", &[], &script);
    let client = Launch::at(&engine.host).config(QUIET).connect();
    let all = from(&client, &app, "/t").ok();
    assert_eq!(file(&all, "/t/a-big")["truncated"], true);
    assert!(file(&all, "/t/a-big")["content"].as_str().unwrap().len() < 6000);
    assert_eq!(file(&all, "/t/b-small")["content"], "small\n", "{}", all.text);
    assert!(file(&all, "/t/c-bytes")["note"].as_str().unwrap().contains("base64"));
    assert_eq!(file(&all, "/t/d-bytes")["content"], "AAE=");
    assert!(all.text.contains(&format!("{deep}/file")), "paths are whole in the text: {}", all.text);
    let many = from(&client, &app, "/t/many").ok();
    assert_eq!(many.structured["files"].as_array().unwrap().len(), 61, "{}", many.text);
    assert!(many.text.contains("max_bytes = 0"), "{}", many.text);
    let names =
        client.call("docker_copy_from", &json!({ "container": app, "path": "/t", "max_bytes": 0 })).ok();
    assert_eq!(file(&names, "/t/b-small")["content"], "", "{}", names.text);
    let forged = from(&client, &app, "/t/forged").ok();
    assert!(
        forged.text.contains("/t/forged (text)\n| leads_to: /etc\n| ... 9 of 9 shown"),
        "{}",
        forged.text
    );
    let bytes = from(&client, &app, "/t/d-bytes").ok();
    assert!(bytes.text.contains("(base64)"), "{}", bytes.text);
}

#[test]
fn what_is_asked_is_understood_or_said_to_be_wrong() {
    let Some(engine) = engine::at_hand("copy::asked") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "mkdir -m 777 /t; mkfifo /t/fifo; touch /t/file");
    let client = Launch::at(&engine.host).config(ROOT).connect();
    let with = |mode: Value| json!([{ "path": "run", "content": "", "mode": mode }]);
    for (mode, is) in
        [(json!(755), "755"), (json!("0o700"), "700"), (json!("0644"), "644"), (json!("600"), "600")]
    {
        to(&client, &app, "/t", with(mode.clone()), json!({})).ok();
        assert_eq!(says(&engine, &app, "stat -c %a /t/run"), is, "{mode}");
    }
    let long = "a".repeat(5000);
    let deep = "/a".repeat(70);
    let file = |name: &str| json!([{ "path": name, "content": "" }]);
    for (path, files, more, words) in [
        ("/t", with(json!(420)), json!({}), "\"0755\""),
        ("/t", with(json!(999)), json!({}), "\"0755\""),
        ("/t", with(json!("999")), json!({}), "\"0755\""),
        ("/t\u{202e}x", file("x"), json!({}), "not seen"),
        ("/t\u{200b}", file("x"), json!({}), "not seen"),
        ("/t", file("a\u{2066}b"), json!({}), "not seen"),
        ("/t\0", file("x"), json!({}), "NUL"),
        (&format!("/{long}"), file("x"), json!({}), "longer than 4096"),
        (&deep, file("x"), json!({}), "deeper than 64"),
        ("t", file("x"), json!({}), "is not absolute"),
        ("/t", file("/x"), json!({}), "is absolute"),
        ("/t", file(&"n".repeat(300)), json!({}), "longer than 255"),
        ("/t/new.conf", file("new.conf"), json!({ "parents": true }), "`path` is the folder"),
        ("/t/file", file("x"), json!({}), "it is a file"),
        ("/t/fifo", file("x"), json!({}), "it is a fifo"),
    ] {
        let refused = to(&client, &app, path, files, more);
        assert!(refused.is_error && refused.text.contains(words), "{path:.40} {words}: {}", refused.text);
    }
    let hidden = from(&client, &app, "/t\u{202e}x");
    assert!(hidden.is_error && hidden.text.contains("not seen"), "{}", hidden.text);
    let nowhere = client.call("docker_copy_from", &json!({ "path": "/t" }));
    assert!(nowhere.text.contains("docker_ps"), "{}", nowhere.text);
    // The real reason comes first, and what the policy tells is no promise of what is there.
    let guarded = Launch::at(&engine.host).config(QUIET).connect();
    let refused = to(&guarded, &app, "/etc", file("x"), json!({}));
    assert!(refused.text.contains("root trusts") && !refused.text.contains("owner ="), "{}", refused.text);
    for (tool, more) in
        [("docker_copy_from", json!({})), ("docker_copy_to", json!({ "files": file("x"), "owner": "7:7" }))]
    {
        let mut arguments = json!({ "container": app, "path": "/t" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let told =
            guarded.call("docker_policy", &json!({ "tool": tool, "arguments": arguments })).ok().structured;
        assert_eq!(told["allowed"], true, "{told}");
        assert!(told["rules"].to_string().contains("judged when it runs"), "{told}");
        assert_eq!(told["rules"].to_string().contains("dry_run"), tool == "docker_copy_to", "{told}");
    }
}

#[test]
fn copies_count_as_commands() {
    let Some(engine) = engine::at_hand("copy::rate") else { return };
    let scope = Scope::new(&engine);
    let app = container(&scope, "app", &[], "mkdir -m 777 /t");
    let client = Launch::at(&engine.host).config(&format!("{ROOT}[limits]\nexec_per_minute = 2\n")).connect();
    from(&client, &app, "/t").ok();
    to(&client, &app, "/t", json!([{ "path": "x", "content": "" }]), json!({})).ok();
    let refused = from(&client, &app, "/t");
    assert_eq!(refused.kind(), "rate_limited", "{}", refused.text);
    assert!(refused.text.contains("exec_per_minute"), "{}", refused.text);
}
