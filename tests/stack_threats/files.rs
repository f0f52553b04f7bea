//! C6 to C11, C14, C16: what compose reads is what lies below the roots, once, and nothing of the server's.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::yard::{IMAGE, Yard, words};
use crate::support::{Client, ToolResult, engine, rss};

/// What must come out nowhere.
const CANARY: &str = "canary-hunter2-canary";

#[track_caller]
fn silent(client: &Client, answer: &ToolResult, word: &str) {
    assert!(!answer.whole().contains(word), "{}", answer.text);
    assert!(!client.audit_text().contains(word), "in the audit log");
    assert!(!client.stderr().contains(word), "in the log");
}

fn ask(more: Value) -> Value {
    let mut arguments = json!({ "file": "app" });
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    arguments
}

#[test]
fn c6_the_servers_environment_does_not_interpolate() {
    let Some(engine) = engine::at_hand("stack_threats::files::c6") else { return };
    let yard = Yard::new(&engine);
    let launch =
        |more: &str| yard.launch(more).env("SENTINEL_TOKEN", CANARY).env("SENTINEL_PLAIN", "plain-sentinel");
    yard.web(
        "    environment:\n      A: \"x${SENTINEL_TOKEN}x\"\n      B: ${SENTINEL_TOKEN:-none}\n      C: ${SENTINEL_PLAIN:+set}\n      \
         SENTINEL_TOKEN:\n      SENTINEL_PLAIN:\n    \
         labels:\n      one: \"${SENTINEL_TOKEN}${SENTINEL_PLAIN}\"\n      two: \"${HOSTNAME}\"\n",
        "",
    );
    let client = launch("").connect();
    for tool in ["docker_compose_config", "docker_compose_up"] {
        let answer = client.call(tool, &ask(json!({}))).ok();
        silent(&client, &answer, CANARY);
        silent(&client, &answer, "plain-sentinel");
    }
    let facts = yard.inspect("web-1");
    assert!(!facts.to_string().contains("sentinel") && !facts.to_string().contains(CANARY), "{facts}");
    let env: Vec<&str> =
        facts["Config"]["Env"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(env.contains(&"A=xx") && env.contains(&"B=none") && env.contains(&"C="), "{env:?}");
    // What compose itself is given of ours.
    let home = client.home().display().to_string();
    for name in [
        "PATH",
        "HOME",
        "PWD",
        "TMPDIR",
        "DOCKER_HOST",
        "DOCKER_CONFIG",
        "DOCKER_MCP_JOB",
        "COMPOSE_ANSI",
        "NO_COLOR",
    ] {
        for lines in
            [format!("    environment: [{name}]\n"), format!("    environment: {{A: \"${{{name}}}\"}}\n")]
        {
            yard.web(&lines, "");
            let up = client.call("docker_compose_up", &ask(json!({})));
            let facts = if up.is_error { json!({}) } else { yard.inspect("web-1")["Config"]["Env"].clone() };
            for of_ours in ["docker.sock", "docker-mcp-compose-", home.as_str()] {
                assert!(!up.whole().contains(of_ours), "{lines}: {}", up.text);
                assert!(!facts.to_string().contains(of_ours), "{lines}: {facts}");
            }
        }
    }
    drop(client);
    let text =
        "    environment:\n      A: \"x${SENTINEL_TOKEN}x\"\n      SENTINEL_TOKEN:\n      SENTINEL_PLAIN:\n";
    yard.web(text, "");
    // What a person passes is there, and masked where it looks like a secret.
    let roots = format!(
        "[compose]\nroots = [\"{}\"]\npass_env = [\"SENTINEL_TOKEN\"]\n",
        yard.path("root").display()
    );
    let client = launch(&roots).connect();
    for tool in ["docker_compose_config", "docker_compose_up"] {
        let answer = client.call(tool, &ask(json!({}))).ok();
        silent(&client, &answer, CANARY);
        silent(&client, &answer, "plain-sentinel");
    }
    let env = yard.inspect("web-1")["Config"]["Env"].clone();
    assert!(env.as_array().unwrap().contains(&json!(format!("A=x{CANARY}x"))), "{env}");
    assert!(env.as_array().unwrap().contains(&json!(format!("SENTINEL_TOKEN={CANARY}"))), "{env}");
    assert!(!env.to_string().contains("plain-sentinel"), "{env}");
}

#[test]
fn c7_files_elsewhere_are_not_read_and_nobody_learns_whether_they_are_there() {
    let Some(engine) = engine::at_hand("stack_threats::files::c7") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    let outside = yard.path("outside").display().to_string();
    // As an env file, as YAML, and as neither: what compose would complain of it would tell.
    for (name, text) in [
        ("env", format!("CANARY={CANARY}\n")),
        ("yaml", format!("services:\n  base:\n    image: {CANARY}\n    labels: {{a: {CANARY}}}\n")),
        ("bad", format!("{CANARY} {CANARY}: [\n  - {CANARY}\n")),
    ] {
        yard.write(&format!("outside/{name}"), &text);
    }
    symlink(yard.path("outside"), yard.path("root/app/out")).unwrap();
    for name in ["env", "yaml", "bad", "missing"] {
        symlink(yard.path(&format!("outside/{name}")), yard.path(&format!("root/app/link-{name}"))).unwrap();
    }
    let files = |name: &str| {
        [
            format!("{outside}/{name}"),
            format!("../../outside/{name}"),
            format!("./x/../../../outside/{name}"),
            format!("~/{name}"),
            format!("out/{name}"),
            format!("link-{name}"),
            format!("${{HOME:-{outside}}}/{name}"),
        ]
    };
    type Way = (&'static str, fn(&str) -> (String, String));
    let ways: &[Way] = &[
        ("env_file", |f| (format!("    env_file: [\"{f}\"]\n"), String::new())),
        ("env_file, not required", |f| {
            (format!("    env_file: [{{path: \"{f}\", required: false}}]\n"), String::new())
        }),
        ("label_file", |f| (format!("    label_file: \"{f}\"\n"), String::new())),
        ("extends", |f| (format!("    extends: {{file: \"{f}\", service: base}}\n"), String::new())),
        ("include", |f| (String::new(), format!("include: [\"{f}\"]\n"))),
        ("include with its env file", |f| {
            (String::new(), format!("include: [{{path: inc.yaml, env_file: \"{f}\"}}]\n"))
        }),
        ("include with its folder", |f| {
            (String::new(), format!("include: [{{path: inc.yaml, project_directory: \"{f}\"}}]\n"))
        }),
    ];
    yard.write("root/app/inc.yaml", &format!("services:\n  inc:\n{IMAGE}"));
    for (way, write) in ways {
        let mut said: Vec<Vec<String>> = Vec::new();
        for name in ["env", "yaml", "bad", "missing"] {
            let mut of_this = Vec::new();
            for file in files(name) {
                let (lines, top) = write(&file);
                yard.web(&lines, &top);
                for tool in ["docker_compose_config", "docker_compose_up"] {
                    let answer = client.call(tool, &ask(json!({})));
                    // A folder that is not there yet is none that a file is read from.
                    let nothing = *way == "include with its folder";
                    assert!(answer.is_error || nothing, "{way} {file}: {}", answer.text);
                    silent(&client, &answer, CANARY);
                    of_this.push(
                        words(&answer).replace(&file, "<file>").replace(&format!("/{name}"), "/<name>"),
                    );
                }
                assert!(yard.made().is_empty() || *way == "include with its folder", "{way} {file}");
            }
            said.push(of_this);
        }
        for other in &said[1..] {
            for (at, (a, b)) in said[0].iter().zip(other).enumerate() {
                assert_eq!(a, b, "{way}, {at}: it tells whether a file is there");
            }
        }
    }
    // Those that are mounted: compose names them, and the guard refuses them.
    for kind in ["secrets", "configs"] {
        let mut said: Vec<Vec<String>> = Vec::new();
        for name in ["env", "missing"] {
            let mut of_this = Vec::new();
            for file in [
                format!("{outside}/{name}"),
                format!("../../outside/{name}"),
                "/etc/shadow".into(),
                format!("link-{name}"),
            ] {
                yard.web(&format!("    {kind}: [x]\n"), &format!("{kind}:\n  x: {{file: \"{file}\"}}\n"));
                let refused = yard.refused(&client, &file);
                silent(&client, &refused, CANARY);
                of_this
                    .push(words(&refused).replace(&file, "<file>").replace(&format!("/{name}"), "/<name>"));
            }
            said.push(of_this);
        }
        let of_paths = |all: &[String]| all[..3].to_vec();
        assert_eq!(of_paths(&said[0]), of_paths(&said[1]), "{kind}: it tells whether a file is there");
    }
}

#[test]
fn c8_links_pipes_and_devices_are_no_files() {
    let Some(engine) = engine::at_hand("stack_threats::files::c8") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    yard.write("outside/compose.yaml", &yard.of_web(&format!("    labels: {{a: {CANARY}}}\n"), ""));
    let odd = |name: &str, what: &str| {
        let path = yard.path(name);
        let _gone = std::fs::remove_file(&path);
        match what {
            "link" => symlink(yard.path("outside/compose.yaml"), &path).unwrap(),
            "zero" => symlink("/dev/zero", &path).unwrap(),
            "stdin" => symlink("/dev/stdin", &path).unwrap(),
            "proc" => symlink("/proc/self/environ", &path).unwrap(),
            "loop" => symlink(&path, &path).unwrap(),
            "folder" => std::fs::create_dir(&path).unwrap(),
            "pipe" => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
            // Takes root.
            _ => drop(Command::new("mknod").arg(&path).args(["c", "1", "5"]).status()),
        }
    };
    for what in ["link", "zero", "stdin", "proc", "loop", "pipe", "device", "folder"] {
        for (name, lines) in [
            ("compose.yaml", ""),
            (".env", ""),
            ("x.env", "    env_file: x.env\n"),
            ("base.yaml", "    extends: {file: base.yaml, service: web}\n"),
            ("compose.override.yml", ""),
        ] {
            let _gone = std::fs::remove_dir_all(yard.path("root/app"));
            std::fs::create_dir(yard.path("root/app")).unwrap();
            yard.web(lines, "");
            odd(&format!("root/app/{name}"), what);
            if !yard.path("root/app").join(name).is_symlink() && !yard.path("root/app").join(name).exists() {
                continue; // no device can be made here
            }
            let answer = client.call("docker_compose_config", &ask(json!({})));
            // As the CLI: a folder called .env is none.
            assert!(answer.is_error || (what, name) == ("folder", ".env"), "{what} {name}: {}", answer.text);
            assert!(answer.took < Duration::from_secs(5), "{what} {name}: {:?}", answer.took);
            silent(&client, &answer, CANARY);
            // By its own name, too.
            if name == "compose.yaml" {
                let answer = client.call("docker_compose_config", &json!({ "file": "app/compose.yaml" }));
                assert!(answer.is_error, "{what}: {}", answer.text);
                silent(&client, &answer, CANARY);
            }
        }
    }
    // A link within the roots is somebody's way to keep files.
    let _gone = std::fs::remove_dir_all(yard.path("root/app"));
    yard.write("root/kept/real.yaml", &yard.of_web("", ""));
    std::fs::create_dir(yard.path("root/app")).unwrap();
    symlink("../kept/real.yaml", yard.path("root/app/compose.yaml")).unwrap();
    client.call("docker_compose_config", &ask(json!({}))).ok();
}

#[test]
fn c9_what_is_swapped_meanwhile_is_not_what_comes_up() {
    let Some(engine) = engine::at_hand("stack_threats::files::c9") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    yard.write("outside/secret.env", &format!("V={CANARY}\n"));
    let good = yard.of_web("    env_file: x.env\n    labels: {v: good}\n", "");
    let evil =
        yard.of_web("    env_file: x.env\n    labels: {v: evil}\n    privileged: true\n    pid: host\n", "");
    let root = yard.path("root/app");
    let stop = Arc::new(AtomicBool::new(false));
    let swap = std::thread::spawn({
        let (stop, root, outside) = (Arc::clone(&stop), root.clone(), yard.path("outside/secret.env"));
        move || {
            let put = |name: &str, text: &str| {
                let new = root.join(".new");
                std::fs::write(&new, text).unwrap();
                std::fs::rename(&new, root.join(name)).unwrap();
            };
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                turn += 1;
                put("compose.yaml", if turn % 2 == 0 { &evil } else { &good });
                match turn % 3 {
                    0 => {
                        let new = root.join(".link");
                        let _gone = std::fs::remove_file(&new);
                        symlink(&outside, &new).unwrap();
                        std::fs::rename(&new, root.join("x.env")).unwrap();
                    }
                    _ => put("x.env", "V=one\n"),
                }
                std::thread::sleep(Duration::from_micros(300));
            }
        }
    });
    std::thread::sleep(Duration::from_millis(20));
    let mut came = 0;
    for _ in 0..14 {
        let up = client.call("docker_compose_up", &ask(json!({ "timeout": "1s" })));
        silent(&client, &up, CANARY);
        if up.is_error {
            continue;
        }
        came += 1;
        let facts = yard.inspect("web-1");
        assert_eq!(facts["Config"]["Labels"]["v"], "good", "{}", up.text);
        assert_eq!(
            (&facts["HostConfig"]["Privileged"], &facts["HostConfig"]["PidMode"]),
            (&json!(false), &json!(""))
        );
        assert!(
            facts["Config"]["Env"].as_array().unwrap().contains(&json!("V=one")),
            "{}",
            facts["Config"]["Env"]
        );
    }
    stop.store(true, Ordering::Relaxed);
    swap.join().unwrap();
    assert!(came > 0, "it never came up");
}

#[test]
fn c10_variables_of_compose_itself_steer_nothing() {
    let Some(engine) = engine::at_hand("stack_threats::files::c10") else { return };
    let yard = Yard::new(&engine);
    // What the server itself was started with. COMPOSE_FILE is a setting of its own.
    let client = yard
        .launch("")
        .env("COMPOSE_PROJECT_NAME", "nobodys")
        .env("COMPOSE_PROFILES", "x")
        .env("COMPOSE_REMOVE_ORPHANS", "true")
        .env("COMPOSE_ENV_FILES", yard.path("outside/evil.env").to_str().unwrap())
        .env("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "true")
        .connect();
    yard.write("outside/evil.yaml", &format!("services:\n  evil:\n{IMAGE}    labels: {{a: {CANARY}}}\n"));
    yard.write("outside/evil.env", &format!("V={CANARY}\n"));
    let web = "    labels: {v: \"${V:-none}\"}\n";
    let top = format!("  more:\n{IMAGE}    profiles: [x]\n");
    yard.web(web, &top);
    // An orphan: it wears the labels, and no file names it.
    let label = format!("com.docker.compose.project={}", yard.project);
    let labels = [
        "--label",
        &label,
        "--label",
        "com.docker.compose.service=gone",
        "--label",
        "com.docker.compose.oneoff=False",
    ];
    yard.scope.run("gone-1", &labels, super::yard::POLITE);
    let orphan = yard.state("gone-1");
    for (env, services) in [
        ("", vec!["web"]),
        (
            "COMPOSE_REMOVE_ORPHANS=1\nCOMPOSE_ENV_FILES=../../outside/evil.env\nCOMPOSE_DISABLE_ENV_FILE=1\nDOCKER_HOST=tcp://192.0.2.1:1\n\
             DOCKER_CONTEXT=other\nCOMPOSE_CONVERT_WINDOWS_PATHS=1\nCOMPOSE_EXPERIMENTAL_OCI_REMOTE=true\nPATH=/x\nHOME=/x\n",
            vec!["web"],
        ),
        ("COMPOSE_PROFILES=x\n", vec!["more", "web"]),
    ] {
        yard.write("root/app/.env", env);
        let config = client.call("docker_compose_config", &ask(json!({}))).ok();
        silent(&client, &config, CANARY);
        let listed: Vec<&str> = config.structured["services"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|s| s["service"].as_str())
            .collect();
        assert_eq!(listed, services, "{env}: {}", config.text);
        let up = client.call("docker_compose_up", &ask(json!({}))).ok();
        silent(&client, &up, CANARY);
        let rows = up.structured["containers"].as_array().unwrap();
        let came: Vec<&str> = rows.iter().filter_map(|row| row["service"].as_str()).collect();
        assert_eq!(came, services, "{env}: {}", up.text);
        assert_eq!(yard.inspect("web-1")["Config"]["Labels"]["v"], "none", "{env}");
        assert_eq!(yard.state("gone-1"), orphan, "{env}");
    }
    assert_eq!(super::yard::made(&engine, "nobodys"), Vec::<String>::new());
    for env in
        ["COMPOSE_FILE=../../outside/evil.yaml\n", "COMPOSE_FILE=compose.yaml:../../outside/evil.yaml\n"]
    {
        yard.write("root/app/.env", env);
        let up = client.call("docker_compose_up", &ask(json!({})));
        assert_eq!(up.kind(), "permission_denied", "{env}: {}", up.text);
        silent(&client, &up, CANARY);
    }
}

#[test]
fn c11_c15_nothing_is_fetched() {
    let Some(engine) = engine::at_hand("stack_threats::files::c11") else { return };
    let yard = Yard::new(&engine);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let heard = Arc::new(AtomicUsize::new(0));
    std::thread::spawn({
        let heard = Arc::clone(&heard);
        move || {
            for _call in listener.incoming() {
                heard.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let client = yard
        .launch("")
        .env("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "true")
        .env("COMPOSE_EXPERIMENTAL_OCI_REMOTE", "true")
        .connect();
    let remotes = [
        format!("oci://{at}/x:latest"),
        format!("http://{at}/compose.yaml"),
        format!("http://{at}/x.git"),
        format!("https://{at}/x.git#main:sub"),
        format!("git@{at}:x.git"),
        format!("git://{at}/x"),
        format!("ssh://git@{at}/x.git"),
        "github.com/docker/compose".to_owned(),
        "${R}".to_owned(),
        "oci:${A}".to_owned(),
    ];
    yard.write("root/app/.env", &format!("R=oci://{at}/x\nA=//{at}/x\n"));
    for remote in &remotes {
        for (lines, top) in [
            (String::new(), format!("include: [\"{remote}\"]\n")),
            (String::new(), format!("include: [{{path: \"{remote}\"}}]\n")),
            (format!("    extends: {{file: \"{remote}\", service: web}}\n"), String::new()),
            (format!("    env_file: \"{remote}\"\n"), String::new()),
        ] {
            yard.web(&lines, &top);
            let answer = client.call("docker_compose_config", &ask(json!({})));
            // What looks like a name of a file is one, and an env file need not be there for us: compose says it is not.
            assert!(answer.is_error, "{remote}: {}", answer.text);
            let inline = client.call(
                "docker_compose_deploy",
                &json!({ "project_name": yard.project, "compose_yaml": yard.of_web(&lines, &top) }),
            );
            assert!(inline.is_error, "{remote}: {}", inline.text);
        }
    }
    // C15: contexts.
    for context in [
        "/".to_owned(),
        "/etc".to_owned(),
        "..".to_owned(),
        "../../outside".to_owned(),
        "~".to_owned(),
        format!("http://{at}/x.git"),
        format!("git@{at}:x.git"),
        "https://github.com/docker/compose.git".to_owned(),
        "oci-layout://x".to_owned(),
    ] {
        for build in [
            format!("    build: \"{context}\"\n"),
            format!("    build: {{context: ., dockerfile: \"{context}/Dockerfile\"}}\n"),
            format!("    build: {{context: ., additional_contexts: {{x: \"{context}\"}}}}\n"),
        ] {
            yard.write("root/app/Dockerfile", "FROM docker-mcp/base\n");
            yard.write(
                "root/app/compose.yaml",
                &format!("name: {}\nservices:\n  web:\n{build}", yard.project),
            );
            for (tool, more) in
                [("docker_compose_build", json!({})), ("docker_compose_up", json!({ "build": true }))]
            {
                let answer = client.call(tool, &ask(more));
                assert!(answer.is_error, "{tool} {build}: {}", answer.text);
            }
            assert_eq!(yard.made(), Vec::<String>::new());
        }
    }
    assert_eq!(heard.load(Ordering::Relaxed), 0, "somebody asked {at}");
}

#[test]
fn c14_bombs_are_small() {
    let Some(engine) = engine::at_hand("stack_threats::files::c14") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    yard.web("", "");
    client.call("docker_compose_config", &ask(json!({}))).ok();
    let before = rss::now(client.pid());
    let laughs = {
        let mut text = "x-a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for n in 1..12 {
            let prior = format!("*a{}, ", n - 1).repeat(9);
            text.push_str(&format!("x-a{n}: &a{n} [{prior}]\n"));
        }
        text
    };
    let merges = {
        let mut text = "x-m0: &m0 {a0: 1, b0: 2}\n".to_owned();
        for n in 1..25 {
            text.push_str(&format!("x-m{n}: &m{n} {{<<: [*m{p}, *m{p}], k{n}: *m{p}}}\n", p = n - 1));
        }
        text
    };
    let services = "services:\n  web:\n    image: docker-mcp/base\n";
    let bombs = [
        ("laughs", format!("{laughs}{services}")),
        ("laughs that are used", format!("{laughs}{services}    command: *a11\n")),
        ("merges", format!("{merges}{services}    labels: *m24\n")),
        ("deep lists", format!("{services}    command: {}{}\n", "[".repeat(20_000), "]".repeat(20_000))),
        ("deep maps", format!("x: {}1{}\n{services}", "{a: ".repeat(20_000), "}".repeat(20_000))),
        ("deep blocks", (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>()),
        ("many keys", (0..40_000).map(|n| format!("x-{n}: {n}\n")).collect::<String>() + services),
        ("a long line", format!("x: \"{}\"\n{services}", "y".repeat(900_000))),
        ("many services", {
            let each =
                (0..9_000).map(|n| format!("  s{n}:\n    image: docker-mcp/base\n    privileged: true\n"));
            format!("services:\n{}", each.collect::<String>())
        }),
        ("anchors", (0..20_000).map(|n| format!("x-{n}: &b{n} {{a: {n}}}\n")).collect::<String>() + services),
        ("a name that explodes", format!("name: {}\n{services}", "a".repeat(500_000))),
    ];
    for (what, text) in &bombs {
        yard.write("root/app/compose.yaml", text);
        let project = yard.project.as_str();
        for (tool, arguments) in [
            ("docker_compose_config", ask(json!({ "project": project }))),
            ("docker_compose_up", ask(json!({ "project": project, "dry_run": true }))),
            (
                "docker_compose_deploy",
                json!({ "project_name": project, "compose_yaml": text, "dry_run": true }),
            ),
        ] {
            let answer = client.call(tool, &arguments);
            assert!(answer.took < Duration::from_secs(10), "{what}, {tool}: {:?}", answer.took);
            assert!(answer.whole().len() < 300_000, "{what}, {tool}: {} bytes", answer.whole().len());
        }
    }
    yard.write("root/app/compose.yaml", &format!("{services}#{}\n", "z".repeat(50 << 20)));
    let large = client.call("docker_compose_config", &ask(json!({})));
    assert!(large.is_error && large.took < Duration::from_secs(1), "{:?}: {}", large.took, large.text);
    assert!(large.text.contains("1 MiB"), "{}", large.text);
    // Includes that double at each step.
    for n in 0..18 {
        let text = format!("include: [{{path: i{m}.yaml}}, {{path: ./i{m}.yaml}}]\n", m = n + 1);
        yard.write(&format!("root/app/i{n}.yaml"), &text);
    }
    yard.write("root/app/i18.yaml", "services:\n  last:\n    image: docker-mcp/base\n");
    yard.write("root/app/compose.yaml", &format!("name: {}\ninclude: [i0.yaml]\n", yard.project));
    let doubled = client.call("docker_compose_config", &ask(json!({})));
    assert!(doubled.is_error, "{}", doubled.text);
    assert!(doubled.took < Duration::from_secs(2), "{:?}: {}", doubled.took, doubled.text);
    let grown = rss::peak(client.pid()).saturating_sub(before);
    assert!(grown < 64 << 20, "{:.0} MiB more", rss::mib(grown));
}

#[test]
fn c16_a_text_reads_nothing() {
    let Some(engine) = engine::at_hand("stack_threats::files::c16") else { return };
    let yard = Yard::new(&engine);
    let client = yard.client("");
    for name in ["x", "x.env", "x.yaml", ".env", "compose.override.yml"] {
        let text = if name.ends_with("ml") {
            format!("services:\n  web:\n    labels: {{a: {CANARY}}}\n")
        } else {
            format!("A={CANARY}\n")
        };
        yard.write(&format!("root/{name}"), &text);
        yard.write(&format!("root/app/{name}"), &text);
    }
    for (lines, top) in [
        ("    env_file: x.env\n", ""),
        ("    env_file: [{path: x.env, required: false}]\n", ""),
        ("    env_file: /etc/hostname\n", ""),
        ("    label_file: x.env\n", ""),
        ("    extends: {file: x.yaml, service: web}\n", ""),
        ("", "include: [x.yaml]\n"),
        ("", "include: [{path: /etc/passwd}]\n"),
        ("    secrets: [s]\n", "secrets:\n  s: {file: ./x}\n"),
        ("    secrets: [s]\n", "secrets:\n  s: {file: /etc/shadow}\n"),
        ("    secrets: [s]\n", "secrets:\n  s: {environment: PATH}\n"),
        ("    configs: [s]\n", "configs:\n  s: {file: ./x}\n"),
        ("    configs: [s]\n", "configs:\n  s: {environment: HOME}\n"),
        ("    volumes: [\"./x:/x\"]\n", ""),
        ("    volumes: [\"../x:/x\"]\n", ""),
        ("    volumes: [\"~/x:/x\"]\n", ""),
        ("    volumes: [\"/docker-mcp-inline:/x\"]\n", ""),
        ("    volumes: [\"${PWD}:/x\"]\n", ""),
        (
            "    volumes: [\"v:/x\"]\n",
            "volumes:\n  v:\n    driver_opts: {type: none, o: bind, device: ./x}\n",
        ),
        ("    build: .\n", ""),
        ("    build: {context: ., dockerfile_inline: \"FROM docker-mcp/base\"}\n", ""),
    ] {
        let yaml = yard.of_web(lines, top);
        let deploy = client
            .call("docker_compose_deploy", &json!({ "project_name": yard.project, "compose_yaml": yaml }));
        assert!(deploy.is_error || lines.contains("build"), "{lines}{top}: {}", deploy.text);
        silent(&client, &deploy, CANARY);
        if deploy.is_error {
            assert_eq!(yard.made(), Vec::<String>::new(), "{lines}{top}");
        }
    }
    assert!(!std::path::Path::new("/docker-mcp-inline").exists());
    // The name of the text is not another's.
    let other = yard.of_web("", "").replace(&yard.project, "nobodys");
    let deploy = client
        .call("docker_compose_deploy", &json!({ "project_name": yard.project, "compose_yaml": other }))
        .ok();
    assert_eq!(deploy.structured["project"], yard.project, "{}", deploy.text);
    assert_eq!(super::yard::made(&engine, "nobodys"), Vec::<String>::new());
}
