//! With the compose that is at hand, and the engine: skipped where there is none.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::engine::change::{Commit, Outcome};
use crate::engine::discover::{self, Env, Options};
use crate::engine::{Budget, Engine};
use crate::policy::decide::Named;
use crate::policy::reference::ImageRef;
use crate::policy::{Level, NewContainer, NewNetwork, NewVolume, Permits, Reference, Rules, Target};

use super::super::left::Own;
use super::super::{Gathered, NotRead, Printed, Sort, Up, UpCame, cli, inline};
use super::Host;

const TIME: Duration = Duration::from_secs(30);

fn engine() -> Engine {
    Engine::new(discover::discover(&Options::default(), &Env::of_process()).unwrap())
}

async fn compose() -> Option<std::path::PathBuf> {
    match cli::there(&Budget::of(TIME)).await {
        Ok(compose) => Some(compose.program),
        Err(why) => {
            eprintln!("skipped: {why:?}");
            None
        }
    }
}

async fn config(gathered: &Gathered, services: &[&str]) -> Result<Printed, NotRead> {
    let services: Vec<String> = services.iter().map(|service| (*service).to_owned()).collect();
    engine().compose_config(&Budget::of(TIME), gathered, None, &services).await
}

async fn words(host: &Host, file: &str) -> String {
    let gathered = host.gather(Some(file)).unwrap();
    let words = match config(&gathered, &[]).await {
        Err(NotRead::Invalid(words)) => words,
        other => panic!("{other:?}"),
    };
    let private = gathered.root.display().to_string();
    assert!(!words.contains(&private) && !words.contains("docker-mcp-compose"), "{words}");
    words
}

/// What stands behind the prefix.
fn unmirrored(gathered: &Gathered, json: &Value) -> Value {
    let text = json.to_string().replace(&gathered.prefix().display().to_string(), "");
    serde_json::from_str(&text).unwrap()
}

fn rich(host: &Host) {
    host.write(
        "root/shop/compose.yaml",
        "name: w6bshop\n\
         include: [sub/compose.yaml]\n\
         x-common: &common\n  image: docker-mcp/base:latest\n  command: [\"sleep\", \"1000\"]\n  stop_grace_period: 1s\n\
         services:\n  web:\n    <<: *common\n    env_file: envs/dev.env\n    environment: { A: \"${FROM_DOTENV}\", D: \"a$$b$$$$c\", \"K$$Y\": v, UNSET: \"${NOSUCH}\" }\n\
        \x20   volumes: [\"./data:/data\", \"vol:/v\"]\n    depends_on: [db]\n    labels: { \"a.$$b\": \"c$$d\" }\n    healthcheck: { test: \"echo $$HOME\", disable: true }\n\
        \x20   build: { context: ./web, args: { X: \"1\" } }\n\
        \x20 db:\n    extends: { file: ../shared/base.yaml, service: base }\n\
        \x20 tool:\n    <<: *common\n    profiles: [debug]\n\
        \x20 other:\n    <<: *common\n    profiles: [other]\n\
         volumes: { vol: {} }\nsecrets: { s: { file: ./s.txt } }\n",
    );
    host.write(
        "root/shop/compose.override.yaml",
        "services:\n  web:\n    environment: { OVER: laid }\n    ports: [\"127.0.0.1::80\"]\n",
    );
    host.write("root/shop/.env", "FROM_DOTENV=hello\nMODE=dev\nCOMPOSE_PROFILES=debug\n");
    host.write("root/shop/envs/dev.env", "W=\"1\"\n");
    host.write("root/shop/sub/compose.yaml", "include: [{ path: deep/compose.yaml, env_file: inc.env }]\nservices:\n  sub:\n    image: docker-mcp/base:latest\n    command: [\"sleep\", \"1000\"]\n    env_file: sub.env\n    environment: { V: \"${SUBV}\" }\n    volumes: [\"./sd:/sd\"]\n");
    host.write("root/shop/sub/.env", "SUBV=subv\n");
    host.write("root/shop/sub/sub.env", "S=2\n");
    host.write("root/shop/sub/inc.env", "DEEPV=dv\n");
    host.write("root/shop/sub/deep/compose.yaml", "services:\n  deep:\n    environment: { V: \"${DEEPV}\" }\n    env_file: deep.env\n    extends: { file: ../../../shared/base.yaml, service: base }\n");
    host.write("root/shop/sub/deep/deep.env", "D=3\n");
    host.write("root/shared/base.yaml", "services:\n  base:\n    image: docker-mcp/base:latest\n    command: [\"sleep\", \"1000\"]\n    env_file: base.env\n");
    host.write("root/shared/base.env", "B=4\n");
    host.folder("root/shop/data");
    host.folder("root/shop/sub/sd");
}

/// As a person would run it in the project's folder.
fn by_hand(program: &std::path::Path, host: &Host, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.current_dir(host.path("root/shop")).env_clear().env("PATH", "/bin").stdin(Stdio::null());
    command.env("HOME", host.path("home"));
    if let Some(engine) = std::env::var_os("DOCKER_HOST") {
        command.env("DOCKER_HOST", engine);
    }
    let output = command.args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_mirror_says_what_the_original_says() {
    let Some(program) = compose().await else { return };
    let host = Host::new();
    rich(&host);
    let gathered = host.gather(Some("shop")).unwrap();
    let Printed { json, unset } = config(&gathered, &[]).await.unwrap();
    let original: Value =
        serde_json::from_str(&by_hand(&program, &host, &["config", "--format", "json"])).unwrap();
    // Keys, which compose doubles the `$` of.
    let original: Value = serde_json::from_str(
        &original.to_string().replace("\"K$$$$Y\"", "\"K$$Y\"").replace("\"a.$$$$b\"", "\"a.$$b\""),
    )
    .unwrap();
    assert_eq!(unmirrored(&gathered, &json), original);
    assert_eq!(unset, ["NOSUCH"]);
    let services = json["services"].as_object().unwrap();
    assert!(services.contains_key("tool") && !services.contains_key("other"), "profiles of .env");
    // Some services, and what they need.
    let some = config(&gathered, &["web"]).await.unwrap().json;
    assert_eq!(some["services"].as_object().unwrap().keys().collect::<Vec<_>>(), ["db", "web"]);
}

#[tokio::test]
async fn complaints_name_files_as_they_were_written_and_tell_nothing_of_others() {
    if compose().await.is_none() {
        return;
    }
    let host = Host::new();
    host.write("root/key/compose.yaml", "services:\n  web:\n    image: x\n    nosuch: 1\n");
    assert!(words(&host, "key").await.contains("nosuch"));
    host.write("root/gone/compose.yaml", "services:\n  web:\n    image: x\n    env_file: no.env\n");
    let said = words(&host, "gone").await;
    assert!(said.contains("no.env") && !said.contains("/root/gone/"), "{said}");
    host.write("root/env/compose.yaml", "services:\n  web:\n    image: x\n    env_file: key.pem\n");
    for text in ["-----BEGIN KEY-----\ncanary+/=\n", "canary+/=\n", "A=${canary\n", "A='canary\n"] {
        host.write("root/env/key.pem", text);
        let said = words(&host, "env").await;
        assert!(said.starts_with("one of the env files cannot be read as an env file"), "{said}");
        assert!(!said.contains("canary") && !said.contains("KEY"), "{said}");
    }
    host.write("root/dot/compose.yaml", "services:\n  web:\n    image: x\n");
    host.write("root/dot/.env", "A=1\nB='canary\n");
    let said = words(&host, "dot").await;
    assert!(
        said.contains("`.env` cannot be read as an env file, line ") && !said.contains("canary"),
        "{said}"
    );
    host.write("root/circle/compose.yaml", "include: [compose.yaml]\n");
    assert!(words(&host, "circle").await.contains("cycle"), "{}", words(&host, "circle").await);
}

/// Row C6.
#[tokio::test]
async fn nothing_of_the_server_goes_into_a_model() {
    if compose().await.is_none() {
        return;
    }
    let host = Host::new();
    for (value, fine) in [
        ("\"${CARGO_MANIFEST_DIR}${USER}${CARGO}\"", true),
        ("\"${PWD}\"", true),
        ("\"${HOME}/x\"", false),
        ("\"${DOCKER_CONFIG}\"", false),
        ("\"${DOCKER_MCP_JOB}\"", false),
    ] {
        host.write(
            "root/a/compose.yaml",
            &format!("services:\n  web:\n    image: x\n    command: [{value}]\n"),
        );
        let gathered = host.gather(Some("a")).unwrap();
        match config(&gathered, &[]).await {
            Ok(Printed { json, .. }) => {
                assert!(fine, "{value}: {json}");
                let said = json["services"]["web"]["command"][0].as_str().unwrap().to_owned();
                let project = host.path("root/a").display().to_string();
                assert_eq!(said, if value.contains("PWD") { project } else { String::new() });
            }
            Err(NotRead::Refused(refused)) => {
                assert!(!fine && refused.sort == Sort::Unfit, "{value}: {refused}")
            }
            other => panic!("{value}: {other:?}"),
        }
    }
    host.write("root/a/compose.yaml", "services:\n  web:\n    image: x\n    volumes: [\"~/x:/x\"]\n");
    match config(&host.gather(Some("a")).unwrap(), &[]).await {
        Err(NotRead::Refused(refused)) => {
            assert!(refused.message.contains("services.web.volumes"), "{refused}")
        }
        other => panic!("{other:?}"),
    }
    // Row C12.
    for name in ["--help", "-f", "a b", ""] {
        let gathered = host.gather(Some("a")).unwrap();
        assert!(matches!(config(&gathered, &[name]).await, Err(NotRead::Refused(_))), "{name}");
    }
}

#[tokio::test]
async fn a_text_is_read_as_a_file_is() {
    if compose().await.is_none() {
        return;
    }
    let gathered = inline("services:\n  web:\n    image: x\n    volumes: [\"./x:/x\"]\n").unwrap();
    let said = engine().compose_config(&Budget::of(TIME), &gathered, Some("stack"), &[]).await.unwrap().json;
    assert_eq!(said["name"], "stack");
    let source = unmirrored(&gathered, &said)["services"]["web"]["volumes"][0]["source"].clone();
    assert_eq!(source, "/docker-mcp-inline/x");
}

fn permits(needs: &'static [Level], targets: Vec<Target>) -> Permits {
    let rules = Arc::new(Rules { bypass: true, ..Rules::default() });
    let targets = targets.into_iter().map(|target| Named { asked: target.label(), target }).collect();
    crate::policy::decide(&rules, crate::policy::Ask { tool: "x", needs, targets }).unwrap()
}

/// Everything that the model names, as if nothing of it were there.
fn targets(up: &Up) -> Vec<Target> {
    let model = crate::guard::compose::model(&up.model).unwrap();
    let mut all = Vec::new();
    for service in &model.services {
        for number in 1..=service.replicas {
            let name = format!("{}-{}-{number}", model.name, service.name);
            let name = service.container_name.clone().unwrap_or(name);
            all.push(Target::NewContainer(NewContainer { name, generated: false }));
        }
        let built = format!("{}-{}", model.name, service.name);
        let image = ImageRef::parse(service.image.as_ref().unwrap_or(&built)).unwrap();
        all.push(Target::Reference(Reference { image }));
    }
    let networks = model.networks.iter().map(|network| network.name.clone());
    all.extend(networks.map(|name| Target::NewNetwork(NewNetwork { name })));
    let volumes = model.volumes.iter().map(|volume| volume.name.clone());
    all.extend(volumes.map(|name| Target::NewVolume(NewVolume { name })));
    all
}

async fn up(
    engine: &Engine,
    up: Up,
    time: Duration,
    cancel: &CancellationToken,
) -> (Outcome<UpCame>, Vec<String>) {
    let (news, mut heard) = mpsc::channel(1_000);
    let commit = Commit::default();
    let budget = Budget { idle: Some(Duration::from_secs(5)), ..Budget::of(time) };
    let permits = permits(&[Level::Create, Level::Lifecycle], targets(&up));
    let came = engine.compose_up(&budget, (&commit, cancel), &permits, up, news).await.unwrap();
    assert!(commit.sent());
    let mut told = Vec::new();
    while let Some(said) = heard.recv().await {
        told.push(said);
    }
    (came, told)
}

struct Project(std::path::PathBuf, &'static str);

impl Drop for Project {
    fn drop(&mut self) {
        let down = ["-p", self.1, "down", "--volumes", "--timeout=0"];
        let _ended = Command::new(&self.0).args(down).stdin(Stdio::null()).output();
    }
}

fn asked(name: &str, model: Value, host: &Host) -> Up {
    Up {
        name: name.into(),
        project_dir: host.path("root/shop"),
        model,
        services: Vec::new(),
        force_recreate: false,
        timeout: Some(0),
        passed: BTreeMap::new(),
    }
}

/// What a person brought up is left alone by `up` of the frozen model, and the other way round.
#[tokio::test]
async fn up_of_the_model_is_up_of_the_files() {
    let Some(program) = compose().await else { return };
    if std::env::var_os("DOCKER_HOST").is_none() {
        return;
    }
    let host = Host::new();
    rich(&host);
    let _down = Project(program.clone(), "w6bshop");
    let engine = engine();
    // The guard takes no keys with a `$` in them.
    let file = std::fs::read_to_string(host.path("root/shop/compose.yaml")).unwrap();
    host.write("root/shop/compose.yaml", &file.replace("K$$Y", "KY").replace("a.$$b", "a.b"));
    let gathered = host.gather(Some("shop")).unwrap();
    let model = unmirrored(&gathered, &config(&gathered, &[]).await.unwrap().json);
    let hashes =
        engine.compose_hashes(&Budget::of(TIME), &model, &host.path("root/shop"), "w6bshop").await.unwrap();
    by_hand(&program, &host, &["--ansi=never", "--progress=plain", "up", "--detach", "--no-build"]);
    let ids = || by_hand(&program, &host, &["ps", "--all", "--quiet"]);
    let labels = by_hand(&program, &host, &["ps", "--all", "--format", "json"]);
    for service in ["web", "db", "sub", "deep", "tool"] {
        assert!(labels.contains(&hashes[service]), "{service}: {} is not in {labels}", hashes[service]);
    }
    let before = ids();
    let never = CancellationToken::new();
    let (came, _) = up(&engine, asked("w6bshop", model.clone(), &host), TIME, &never).await;
    let Outcome::Answered(UpCame::Done { steps }) = came else { panic!("{came:?}") };
    assert_eq!(ids(), before, "nothing was made anew: {steps:?}");
    assert!(steps.len() == 5 && steps.iter().all(|step| step.state == "running"), "{steps:?}");
    let forced = Up { force_recreate: true, services: vec!["db".into()], ..asked("w6bshop", model, &host) };
    let (came, told) = up(&engine, forced, TIME, &never).await;
    assert!(matches!(came, Outcome::Answered(UpCame::Done { .. })), "{came:?}");
    assert!(ids() != before && told.contains(&"db-1: started".to_owned()), "{told:?}");
    let now = ids();
    by_hand(&program, &host, &["--ansi=never", "--progress=plain", "up", "--detach", "--no-build"]);
    assert_eq!(ids(), now, "nor by hand after that");
}

#[tokio::test]
async fn failures_and_calls_that_are_given_up() {
    let Some(program) = compose().await else { return };
    if std::env::var_os("DOCKER_HOST").is_none() {
        return;
    }
    let host = Host::new();
    host.folder("root/shop");
    let _down = Project(program.clone(), "w6bfail");
    let engine = engine();
    let never = CancellationToken::new();
    let sleeping =
        || json!({ "image": "docker-mcp/base:latest", "command": ["sleep", "1000"], "network_mode": "none" });
    let model = |services: Value| json!({ "name": "w6bfail", "services": services });
    let missing =
        model(json!({ "ok": sleeping(), "bad": { "image": "nosuch/w6b:1", "network_mode": "none" } }));
    let (came, _) = up(&engine, asked("w6bfail", missing, &host), TIME, &never).await;
    let Outcome::Answered(UpCame::Failed { said, exit, .. }) = came else { panic!("{came:?}") };
    assert!(said.contains("nosuch/w6b:1") && exit == Some(1), "{said}");
    // It waits for what never gets well: the call ends in time, and so does the child.
    let mut sick = sleeping();
    sick["healthcheck"] = json!({ "test": ["CMD", "false"], "interval": "30s", "start_period": "600s" });
    let mut waits = sleeping();
    waits["depends_on"] = json!({ "sick": { "condition": "service_healthy", "required": true } });
    let stuck = model(json!({ "sick": sick, "waits": waits }));
    let began = std::time::Instant::now();
    let (came, told) =
        up(&engine, asked("w6bfail", stuck.clone(), &host), Duration::from_secs(6), &never).await;
    let Outcome::Lost(lost) = came else { panic!("{came:?}") };
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(lost.finding.evidence.contains("containers run"), "{lost:?} {told:?}");
    let soon = CancellationToken::new();
    let later = soon.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        later.cancel();
    });
    let began = std::time::Instant::now();
    let (came, _) = up(&engine, asked("w6bfail", stuck, &host), TIME, &soon).await;
    assert!(matches!(came, Outcome::Lost(_)), "{came:?}");
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

/// Rows E1 to E5 and E7: a script in the place of compose.
#[tokio::test]
async fn children_that_misbehave_are_ended_in_time() {
    if std::env::var_os("DOCKER_HOST").is_none() {
        return;
    }
    let host = Host::new();
    let engine = engine();
    let program = host.path("docker-compose");
    let model = json!({ "name": "w6bstub", "services": { "web": { "image": "x".repeat(300_000) } } });
    let lost = ["Lost"].as_slice();
    for (script, want) in [
        ("trap '' TERM; while :; do sleep 1; done", lost),
        ("setsid sh -c \"trap '' TERM; while :; do sleep 1; done\" & while :; do sleep 1; done", lost),
        ("yes >&2 & yes", lost),
        ("yes ' Container w6bstub-web-1  Started' >&2", lost),
        ("cat >&2; while :; do sleep 1; done", lost),
        ("sleep 1000 & exit 0", &["Done"]),
        ("setsid sleep 1000 & echo 'Error: no' >&2; exit 1", &["Failed", "Error: no"]),
        ("head -c 1000000 /dev/urandom; head -c 1000000 /dev/urandom >&2; exit 0", &["Done"]),
        ("exit 130", &["Failed", "without a word", "130"]),
        ("kill -9 $$", &["Failed", "exit: None"]),
        ("cat > /dev/null; read x; echo \"got:$x\" >&2; exit 1", &["Failed", "got:"]),
    ] {
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let compose = cli::Compose { program: program.clone(), version: (2, 26) };
        let (commit, cancel) = (Commit::default(), CancellationToken::new());
        let (news, _heard) = mpsc::channel(4);
        let budget = Budget { idle: Some(Duration::from_secs(1)), ..Budget::of(Duration::from_secs(4)) };
        let began = std::time::Instant::now();
        let asked = asked("w6bstub", model.clone(), &host);
        let came =
            engine.up_by(&compose, &budget, (&commit, &cancel), (Own::default(), asked), news).await.unwrap();
        // Its time, the second that is promised, and half of one for a machine that is busy.
        assert!(began.elapsed() < Duration::from_millis(5_500), "{script}: {:?}", began.elapsed());
        let said = format!("{came:?}");
        assert!(
            want.iter().all(|word| said.contains(word)),
            "{script}: {}",
            said.get(..400).unwrap_or(&said)
        );
        if let Outcome::Lost(lost) = came {
            assert_eq!(
                lost.finding.evidence,
                "the project's containers, networks and volumes are as they were"
            );
        }
    }
    let until = std::time::Instant::now() + Duration::from_secs(8);
    while crate::child::counts().alive > 0 && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn without_both_levels_nothing_is_begun() {
    let host = Host::new();
    let engine = engine();
    for levels in [&[Level::Create] as &'static [_], &[Level::Lifecycle], &[Level::Networks, Level::Volumes]]
    {
        let (commit, cancel) = (Commit::default(), CancellationToken::new());
        let (news, _heard) = mpsc::channel(1);
        let up = asked("x", json!({}), &host);
        let came = engine
            .compose_up(&Budget::of(TIME), (&commit, &cancel), &permits(levels, Vec::new()), up, news)
            .await;
        assert!(came.is_err() && !commit.sent(), "{levels:?}: {came:?}");
    }
}

/// Whatever a tool hands over: what no permit names is not made.
#[tokio::test]
async fn a_model_beyond_its_permits_is_not_begun() {
    let host = Host::new();
    let engine = engine();
    let model = json!({
        "name": "w6bopen",
        "services": {
            "web": { "image": "nosuch/a:1", "networks": { "n": null }, "volumes": [{ "type": "volume", "source": "v", "target": "/v" }] },
            "two": { "image": "nosuch/b:1", "network_mode": "none", "deploy": { "replicas": 2 } },
            "own": { "image": "nosuch/a:1", "network_mode": "none", "container_name": "w6bname" },
        },
        "networks": { "n": { "name": "w6bopen_n" } },
        "volumes": { "v": { "name": "w6bopen_v" } },
    });
    let asked = || asked("w6bopen", model.clone(), &host);
    let levels = &[Level::Create, Level::Lifecycle];
    let all = targets(&asked());
    assert_eq!(
        super::super::covered::uncovered(
            &crate::guard::compose::model(&model).unwrap(),
            &permits(levels, all.clone())
        ),
        None
    );
    let mut open = Vec::new();
    for left_out in 0..all.len() {
        let mut some = all.clone();
        let gone = some.remove(left_out);
        // The same image is named by two.
        some.retain(|target| *target != gone);
        let (commit, cancel) = (Commit::default(), CancellationToken::new());
        let (news, _heard) = mpsc::channel(1);
        let came = engine
            .compose_up(&Budget::of(TIME), (&commit, &cancel), &permits(levels, some), asked(), news)
            .await;
        assert!(!commit.sent(), "{gone:?}");
        let why = format!("{:?}", came.unwrap_err());
        assert!(why.contains("NotAllowed"), "{gone:?}: {why}");
        open.push(why);
    }
    let said = open.join("\n");
    for word in
        ["service `web`", "service `two`", "service `own`", "network `w6bopen_n`", "volume `w6bopen_v`"]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
}
