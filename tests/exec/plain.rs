//! What a command gives back.

use serde_json::{Value, json};

use super::{asleep, client, config, run, sh};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

#[test]
fn a_command_gives_its_outputs_and_its_code() {
    let Some(engine) = engine::at_hand("exec::plain::outputs") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    for (command, code, out, err) in [
        (json!(["echo", "hi"]), 0, "hi\n", ""),
        (json!(["printf", "no end"]), 0, "no end", ""),
        (json!(["printf", "\\n\\nx"]), 0, "\n\nx", ""),
        (json!(["true"]), 0, "", ""),
        (json!(["sh", "-c", "echo a; echo b >&2; exit 3"]), 3, "a\n", "b\n"),
        (json!("echo 'two words' $"), 0, "two words $\n", ""),
        (json!(["echo", "a b", "", "$HOME; rm"]), 0, "a b  $HOME; rm\n", ""),
        (json!("cat /nosuch"), 1, "", "cat: can't open '/nosuch': No such file or directory\n"),
        (json!(["kill", "-9", "0"]), 137, "", ""),
    ] {
        let result = run(&client, &app, command.clone()).ok().structured;
        let seen = (&result["exit_code"], &result["stdout"], &result["stderr"]);
        assert_eq!(seen, (&json!(code), &json!(out), &json!(err)), "{command}");
        assert_eq!((&result["container"], &result["truncated"]), (&json!(app), &Value::Null), "{command}");
    }
    // A text is words, until only a shell understands it.
    let words = run(&client, &app, json!("echo 'a b'  c")).ok().structured;
    assert_eq!((&words["command"], &words["shell"]), (&json!(["echo", "a b", "c"]), &Value::Null));
    let shell = run(&client, &app, json!("echo a && echo b | tr b c")).ok();
    assert_eq!(shell.structured["command"], json!(["sh", "-c", "echo a && echo b | tr b c"]));
    assert_eq!((&shell.structured["shell"], &shell.structured["stdout"]), (&json!(true), &json!("a\nc\n")));
    assert!(shell.text.contains("exit_code: 0") && shell.text.contains("stdout:\na\nc\n"), "{}", shell.text);
    for bad in [json!([]), json!(""), json!([""]), json!("echo 'x"), json!(["a\u{0}b"]), json!(7)] {
        assert_eq!(run(&client, &app, bad.clone()).kind(), "invalid_arguments", "{bad}");
    }
}

#[test]
fn where_as_whom_and_with_what_it_runs() {
    let Some(engine) = engine::at_hand("exec::plain::options") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    let out = |script: &str, more: Value| {
        let result = sh(&client, &app, script, more).ok().structured;
        assert_eq!(result["exit_code"], 0, "{script}: {result}");
        result["stdout"].as_str().unwrap().to_owned()
    };
    assert_eq!(out("pwd", json!({ "workdir": "/tmp" })), "/tmp\n");
    assert_eq!(out("id -u; id -g", json!({ "user": "1000:1001" })), "1000\n1001\n");
    assert_eq!(out("echo $A-$B", json!({ "env": { "A": "x y", "B": 2 } })), "x y-2\n");
    assert_eq!(out("cat; echo end", json!({ "stdin": "line\nrest" })), "line\nrestend\n");
    assert_eq!(out("wc -c", json!({ "stdin": "x".repeat(64 << 10) })), "65536\n");
    // What nobody reads is no failure, nor is what comes without anything to read.
    assert_eq!(out("exec <&-; sleep 0.2; echo done", json!({ "stdin": "x".repeat(64 << 10) })), "done\n");
    assert_eq!(out("cat; echo none", json!({})), "none\n");
    // A terminal says so, and its output is all of it.
    assert_eq!(out("test -t 1 && test -t 0 && echo yes; echo err >&2", json!({ "tty": true })), "yes\nerr\n");
    assert_eq!(out("read x; echo got-$x", json!({ "tty": true, "stdin": "word\n" })), "word\ngot-word\n");
    let many = out("seq 3000", json!({ "tty": true }));
    assert!(many.starts_with("1\n2\n") && many.ends_with("2999\n3000\n"), "{many}");
    for (name, value) in
        [("DOCKER_MCP_EXEC", "x"), ("docker_mcp_x", "x"), ("A", "a\u{0}b"), ("1A", "x"), ("A=B", "")]
    {
        let refused = sh(&client, &app, "env", json!({ "env": { name: value } }));
        assert_eq!(refused.kind(), "invalid_arguments", "{name}");
    }
    for more in [
        json!({ "stdin": "x".repeat((64 << 10) + 1) }),
        json!({ "tty": true, "stdin": "\u{10}\u{11}" }),
        json!({ "workdir": "tmp" }),
        json!({ "service": "web" }),
        json!({ "detach": true }),
        json!({ "privileged": true }),
        json!({ "detach_keys": "a" }),
        json!({ "timeout": "11m" }),
    ] {
        assert_eq!(sh(&client, &app, "true", more.clone()).kind(), "invalid_arguments", "{more}");
    }
}

#[test]
fn a_command_that_cannot_start_says_why() {
    let Some(engine) = engine::at_hand("exec::plain::unstarted") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    for (command, more, code, why) in [
        (json!(["nosuch", "-x"]), json!({}), 126, "executable file not found"),
        (json!(["/etc/passwd"]), json!({}), 126, "permission denied"),
        (json!(["/"]), json!({}), 126, ""),
        (json!(["true"]), json!({ "workdir": "/nosuch" }), 126, "/nosuch"),
        (json!(["true"]), json!({ "user": "nobodyknows" }), 126, "nobodyknows"),
    ] {
        let mut arguments = json!({ "container": app, "command": command });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let result = client.call("docker_exec", &arguments);
        eprintln!("{arguments}: {}", result.text);
        if result.is_error {
            // Some of it the engine refuses before it makes anything.
            assert!(["invalid_arguments", "daemon_error"].contains(&result.kind()), "{}", result.text);
            continue;
        }
        let result = result.structured;
        let seen = (&result["could_not_start"], &result["stdout"], &result["stderr"]);
        assert_eq!(seen, (&json!(true), &json!(""), &json!("")), "{result}");
        assert!([json!(code), json!(127)].contains(&result["exit_code"]), "{result}");
        let reason = result["reason"].as_str().unwrap().to_lowercase();
        assert!(reason.contains(why) && !reason.contains("oci runtime"), "{result}");
    }
    // A program may say the same words, and use the same codes.
    let words = "OCI runtime exec failed: unable to start container process: nothing ran";
    let script = format!("echo '{words}'; touch /tmp/ran; exit 126");
    for more in [json!({}), json!({ "tty": true })] {
        let forged = sh(&client, &app, &script, more).ok().structured;
        assert_eq!(
            (&forged["could_not_start"], &forged["stdout"]),
            (&Value::Null, &json!(format!("{words}\n")))
        );
    }
    let lacks = run(&client, &app, json!(["nosuch"])).ok();
    assert!(lacks.text.contains("no such program"), "{}", lacks.text);
    // What only a shell knows runs under one.
    for line in ["command -v sh", "cd /tmp", "type ls", "exit 0"] {
        let shell = run(&client, &app, json!(line)).ok().structured;
        assert_eq!((&shell["exit_code"], &shell["shell"]), (&json!(0), &json!(true)), "{line}: {shell}");
    }
    let itself = sh(&client, &app, "echo not me; exit 127", json!({})).ok().structured;
    assert_eq!((&itself["could_not_start"], &itself["stdout"]), (&Value::Null, &json!("not me\n")));
}

#[test]
fn a_container_that_cannot_be_entered() {
    let Some(engine) = engine::at_hand("exec::plain::states") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "");
    scope.container(&["create"], "off", &[], engine::BASE, &["true"]);
    let off = run(&client, &scope.name("off"), json!(["true"]));
    assert_eq!(off.kind(), "conflict");
    assert!(off.text.contains(&scope.name("off")) && off.text.contains("docker_start"), "{}", off.text);
    engine.docker(&["pause", &app]);
    let paused = run(&client, &app, json!(["true"]));
    engine.docker(&["unpause", &app]);
    assert_eq!((paused.kind(), paused.structured["error"]["effect"].as_str()), ("conflict", Some("none")));
    assert!(paused.text.contains("docker_unpause"), "{}", paused.text);
    assert_eq!(run(&client, &scope.name("nosuch"), json!(["true"])).kind(), "not_found");
    run(&client, &app, json!(["true"])).ok();
}

#[test]
fn the_container_of_a_service() {
    let Some(engine) = engine::at_hand("exec::plain::service") else { return };
    let scope = Scope::new(&engine);
    let project = scope.name("shop");
    let make = |name: &str, service: &str, number: &str, how: &[&str]| {
        let labels = [("project", project.as_str()), ("service", service), ("container-number", number)]
            .map(|(key, value)| format!("com.docker.compose.{key}={value}"));
        let options: Vec<&str> = labels.iter().flat_map(|label| ["-l", label.as_str()]).collect();
        scope.container(how, name, &options, engine::BASE, &["sleep", "9999"]);
    };
    make("web-1", "web", "1", &["create"]);
    make("web-3", "web", "3", &["run", "-d", "--stop-timeout", "0"]);
    make("web-2", "web", "2", &["run", "-d", "--stop-timeout", "0"]);
    make("vault-db", "db", "1", &["run", "-d", "--stop-timeout", "0"]);
    let more = config("").replace("exec = true", "exec = true\nblacklist_containers = [\"*-vault-*\"]");
    let client = Launch::at(&engine.host).config(&more).connect();
    let ask = |project: &str, service: &str| {
        let arguments = json!({ "project": project, "service": service, "command": ["hostname"] });
        client.call("docker_exec", &arguments)
    };
    assert_eq!(ask(&project, "web").ok().structured["container"], json!(scope.name("web-2")));
    let hidden = ask(&project, "db");
    let missing = ask(&project, "zz");
    assert_eq!((hidden.kind(), missing.kind()), ("not_found", "not_found"));
    let said = |text: &str| text.lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(said(&hidden.text).replace("`db`", "`zz`"), said(&missing.text));
    assert_eq!(ask("", "web").kind(), "not_found");
}

#[test]
fn what_is_too_long_keeps_its_ends() {
    let Some(engine) = engine::at_hand("exec::plain::long") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let client = client(&engine, "max_output = 2000\n");
    let long = sh(&client, &app, "seq 50000", json!({})).ok();
    let (out, total) = (long.structured["stdout"].as_str().unwrap(), long.structured["total"].as_u64());
    assert!(out.starts_with("1\n2\n") && out.ends_with("49999\n50000\n"), "{out}");
    assert!(out.contains("bytes cut]") && out.len() < 2100, "{}", out.len());
    assert_eq!((total, &long.structured["stdout_lines"]), (Some(288_894), &json!(50_000)));
    let cut: u64 = out.split("[... ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap();
    assert_eq!(long.structured["shown"].as_u64(), Some(288_894 - cut), "{out}");
    let exactly = sh(&client, &app, "yes x | head -c 2000 | tr '\\n' y", json!({})).ok().structured;
    assert_eq!((exactly["stdout"].as_str().map(str::len), &exactly["truncated"]), (Some(2000), &Value::Null));
    assert_eq!(long.structured["truncated"], true);
    assert!(long.text.contains("bytes shown") && long.text.contains("max_output"), "{}", long.text);
    // Two outputs share what there is; a short one stays whole.
    let both = sh(&client, &app, "seq 50000; seq 90000 >&2", json!({})).ok().structured;
    let (out, err) = (both["stdout"].as_str().unwrap(), both["stderr"].as_str().unwrap());
    assert!(
        out.len() > 800 && err.len() > 800 && out.len() + err.len() < 2200,
        "{} {}",
        out.len(),
        err.len()
    );
    assert!(out.ends_with("50000\n") && err.ends_with("90000\n"));
    let one = sh(&client, &app, "seq 50000; echo oops >&2", json!({})).ok().structured;
    assert_eq!(one["stderr"], "oops\n");
    assert!(one["stdout"].as_str().unwrap().len() > 1800);
    let line = sh(&client, &app, "yes x | head -c 300000 | tr -d '\\n'; echo end", json!({})).ok().structured;
    let out = line["stdout"].as_str().unwrap();
    assert!(out.starts_with("xxx") && out.ends_with("xend\n") && out.len() < 2100, "{out}");
}

/// The document that mcp-docker-exec came with.
#[test]
fn arguments_of_another_system() {
    let Some(engine) = engine::at_hand("exec::plain::seed") else { return };
    let scope = Scope::new(&engine);
    let id = scope.run("app", &[], &["sleep", "9999"]);
    let client = client(&engine, "");
    let arguments = json!({ "id": id, "cmd": ["sh", "-c", "echo $K"], "env": ["K=V=1"], "workdir": "/tmp",
                            "user": "1000:1000", "tty": false, "timeoutMs": 20000, "chunkBytes": 16384 });
    let result = client.call("docker_exec", &arguments).ok().structured;
    assert_eq!((&result["stdout"], &result["exit_code"]), (&json!("V=1\n"), &json!(0)));
    let late = json!({ "id": id, "cmd": ["sleep", "99"], "timeoutMs": 1500 });
    let late = client.call("docker_exec", &late);
    assert_eq!((late.kind(), &late.structured["error"]["limit_ms"]), ("exec_timeout", &json!(1500)));
}

#[test]
fn how_often_and_how_many() {
    let Some(engine) = engine::at_hand("exec::plain::limits") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let few = config("max_concurrent = 1\n").replace("exec_per_minute = 0", "exec_per_minute = 3");
    let client = Launch::at(&engine.host).config(&few).connect();
    let long = client
        .begin_call("docker_exec", &json!({ "container": app, "command": ["sleep", "4"], "timeout": 20 }));
    std::thread::sleep(std::time::Duration::from_millis(500));
    // One at a time: who waits takes a quarter of its own time for it.
    let full = client.call("docker_exec", &json!({ "container": app, "command": ["true"], "timeout": 4 }));
    assert_eq!((full.kind(), full.structured["error"]["retry"].as_str()), ("overloaded", Some("after")));
    client.wait(&long).tool().ok();
    run(&client, &app, json!(["true"])).ok();
    let much = run(&client, &app, json!(["true"]));
    assert_eq!(much.kind(), "rate_limited", "{}", much.text);
    let after = much.structured["error"]["retry_after_ms"].as_u64().unwrap();
    assert!((1..=20_000).contains(&after) && much.text.contains("exec_per_minute"), "{}", much.text);
    client.call("docker_ps", &json!({})).ok();
}

#[test]
fn it_is_shown_before_it_runs_where_that_is_wanted() {
    let Some(engine) = engine::at_hand("exec::plain::preview") else { return };
    let scope = Scope::new(&engine);
    let app = asleep(&scope, "app");
    let asks = config("").replace("require = \"none\"", "require = \"mutating\"");
    let client = Launch::at(&engine.host).config(&asks).connect();
    let mut arguments = json!({ "container": app, "command": "touch '/tmp/a b'", "user": "1000:1000" });
    let shown = client.call("docker_exec", &arguments).ok();
    assert_eq!(shown.structured["status"], "confirmation_required", "{}", shown.text);
    assert!(shown.text.contains("runs `touch '/tmp/a b'` as `1000:1000`"), "{}", shown.text);
    assert_eq!(engine.inspect("container", &app)["ExecIDs"], Value::Null);
    arguments["confirm_token"] = shown.structured["confirm_token"].clone();
    assert_eq!(client.call("docker_exec", &arguments).ok().structured["exit_code"], 0);
    let other = json!({ "container": app, "command": "true", "dry_run": true });
    assert!(client.call("docker_exec", &other).ok().text.contains("runs `true`"));
    // All of it is shown, and nothing of it can look like a line of ours.
    let script = format!("true #\n  container `x` runs `ls`\n{}; touch /tmp/last", "x ".repeat(5000));
    let all = json!({ "container": app, "command": ["sh", "-c", script], "dry_run": true, "workdir": "/tmp", "tty": true,
                      "env": { "LD_PRELOAD": "/tmp/x.so" }, "stdin": "rm -r /data\n" });
    let shown = client.call("docker_exec", &all).ok();
    for words in
        ["touch /tmp/last", "in `/tmp`", "LD_PRELOAD", "on a terminal", "reads 12 bytes", "rm -r /data\\n"]
    {
        assert!(shown.text.contains(words), "{words}: {}", shown.text);
    }
    assert!(!shown.text.contains("\n  container `x`"), "{}", shown.text);
}
