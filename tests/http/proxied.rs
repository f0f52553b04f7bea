//! Behind a socket proxy: a real HAProxy before the real engine lets some parts of the API through. What it forbids is said
//! plainly, is no fault of the engine, and takes nothing else away.

use std::fs;

use serde_json::{Value, json};

use super::Served;
use crate::support::engine::BASE;
use crate::support::fixture::Scope;
use crate::support::http::Reply;
use crate::support::registry::free_port;
use crate::support::socket_proxy::SocketProxy;
use crate::support::{Engine, Launch, engine};

/// As the guide has it: nothing is changed through it, and `/info` is not among the parts.
const GUIDE: &[&str] = &["events", "_ping", "version", "containers", "images", "networks", "volumes"];

/// Everything that may be asked for.
const CONFIG: &str = "[permissions]\nlifecycle = true\nexec = true\ncreate = true\nsystem = true\n\
    [confirm]\nrequire = \"none\"\n[exec_safety]\nallow_root = true\n";

fn served(proxy: &SocketProxy) -> Served {
    Served::start(Launch::at(&proxy.host).config(CONFIG))
}

/// What doctor finds behind it.
#[track_caller]
fn doctor(proxy: &SocketProxy) -> String {
    let run = Launch::at(&proxy.host).config(CONFIG).arg("doctor").output();
    let said = String::from_utf8(run.stdout).unwrap();
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    said
}

/// It is forbidden, and what is said of it is what a person needs to change that.
#[track_caller]
fn forbidden(reply: &Reply, request: &str, variables: &[&str]) {
    let error = &reply.json()["error"];
    assert_eq!((reply.status, &error["kind"]), (502, &json!("daemon_permission")), "{reply:?}");
    let (message, hint) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
    assert!(message.contains("a proxy before the engine forbids") && message.contains(request), "{message}");
    for variable in variables {
        assert!(hint.contains(variable), "no {variable} in {hint}");
    }
    assert_eq!((&error["effect"], &error["retry"]), (&json!("none"), &json!("no")), "{error}");
}

/// The circuit is closed and counts nothing; what did not pass is told.
#[track_caller]
fn well(served: &Served, forbids: &[&str]) {
    let health = served.tool("docker_health", None, &json!({})).json();
    assert_eq!(
        (&health["circuit"]["state"], &health["engine"]["reachable"]),
        (&json!("closed"), &json!(true))
    );
    assert_eq!(health["circuit"]["failures"], 0, "{health}");
    assert_eq!(health["healthy"], true, "{health}");
    let told = health["engine"]["forbidden_by_proxy"].as_array().cloned().unwrap_or_default();
    for request in forbids {
        assert!(told.contains(&json!(request)), "no {request} in {told:?}");
    }
}

#[test]
fn what_the_guide_forbids_is_said_and_the_rest_works() {
    let test = "http::proxied::guide";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(proxy) = SocketProxy::before(test, &engine, GUIDE, false) else { return };
    let scope = Scope::new(&engine);
    scope.run("web", &[], &["sh", "-c", "echo hello; sleep 9999"]);
    let (web, one) = (scope.name("web"), json!({ "containers": scope.name("web") }));
    let served = served(&proxy);
    let named = json!({ "container": web });
    let works = |tool: &str, arguments: &Value, word: &str| {
        let reply = served.tool(tool, None, arguments);
        assert!(reply.status == 200 && reply.body.contains(word), "{tool}: {reply:?}");
    };
    // More often than it takes faults to open the circuit.
    for _ in 0..5 {
        forbidden(&served.tool("docker_info", None, &json!({})), "`GET /info`", &["INFO=1"]);
        forbidden(
            &served.tool("docker_stop", None, &one),
            "`POST /containers/{id}/stop`",
            &["CONTAINERS=1", "POST=1"],
        );
    }
    let removed = served.tool("docker_remove", None, &json!({ "container": web, "force": true }));
    forbidden(&removed, "`DELETE /containers/{id}`", &["DELETE=1", "POST=1"]);
    let run = served.tool("docker_run", None, &json!({ "image": BASE, "name": scope.name("new") }));
    forbidden(&run, "`POST /containers/create`", &["POST=1"]);
    let exec = served.tool("docker_exec", None, &json!({ "container": web, "command": ["true"] }));
    forbidden(&exec, "`POST /containers/{id}/exec`", &["POST=1", "ALLOW_EXEC=1"]);
    works("docker_ps", &json!({}), &web);
    works("docker_inspect", &named, &web);
    works("docker_logs", &named, "hello");
    works("docker_images", &json!({}), BASE);
    works("docker_networks", &json!({}), "bridge");
    works("docker_volumes", &json!({}), "volumes");
    works("docker_events", &json!({ "since": "1m" }), &web);
    works("docker_compose_ls", &json!({}), "projects");
    assert_eq!(engine.inspect("container", &web)["State"]["Status"], "running");
    well(&served, &["GET /info", "POST /containers/{id}/stop", "DELETE /containers/{id}"]);
    // The other door says the same.
    let reply = served.mcp(None, "tools/call", json!({ "name": "docker_stop", "arguments": one }));
    let result = reply.json()["result"].clone();
    assert_eq!(result["structuredContent"]["error"]["kind"], "daemon_permission", "{result}");
    assert!(
        result["content"][0]["text"].as_str().unwrap().contains("a proxy before the engine forbids"),
        "{result}"
    );
    // The record of a change that never reached the engine is closed.
    let done = |line: &Value| line["tool"] == "docker_stop" && line["outcome"] != "intent";
    let lines = served.client.audit_lines();
    let line = lines.iter().find(|line| done(line)).unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!(line["effect"], "none", "{line}");

    let said = doctor(&proxy);
    let line = said.lines().find(|line| line.contains("proxy")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.starts_with("warn"), "{line}");
    for request in [
        "`GET /info`",
        "`POST /containers/{id}/start`",
        "`DELETE /containers/{id}`",
        "`POST /exec/{id}/start`",
    ] {
        assert!(line.contains(request), "no {request} in {line}");
    }
    assert!(!line.contains("GET /containers") && !line.contains("GET /version"), "{line}");
    assert!(said.contains("INFO=1"), "{said}");
}

#[test]
fn greetings_that_are_forbidden_are_not_needed() {
    let test = "http::proxied::greetings";
    let Some(engine) = engine::at_hand(test) else { return };
    let scope = Scope::new(&engine);
    scope.run("web", &[], &["sleep", "9999"]);
    let lists = |served: &Served| {
        let reply = served.tool("docker_ps", None, &json!({}));
        assert!(reply.status == 200 && reply.body.contains(&scope.name("web")), "{reply:?}");
    };
    for parts in [&["containers"][..], &["version", "containers"], &["_ping", "containers"]] {
        let Some(proxy) = SocketProxy::before(test, &engine, parts, false) else { return };
        let served = served(&proxy);
        lists(&served);
        let events = served.tool("docker_events", None, &json!({ "since": "1m" }));
        let error = &events.json()["error"];
        assert_eq!(error["kind"], "daemon_permission", "{parts:?}: {events:?}");
        lists(&served);
        well(&served, if parts.contains(&"_ping") { &[] } else { &["GET /_ping"] });
        assert!(doctor(&proxy).contains("warn  proxy"));
    }
    // The engine answers, but nothing of it may be seen.
    let Some(proxy) = SocketProxy::before(test, &engine, &["_ping"], false) else { return };
    let served_ping = served(&proxy);
    for _ in 0..5 {
        forbidden(
            &served_ping.tool("docker_ps", None, &json!({})),
            "`GET /containers/json`",
            &["CONTAINERS=1"],
        );
    }
    well(&served_ping, &["GET /containers/json"]);
    // Not even that.
    let Some(proxy) = SocketProxy::before(test, &engine, &["nothing"], false) else { return };
    let served = served(&proxy);
    for _ in 0..5 {
        forbidden(&served.tool("docker_ps", None, &json!({})), "`GET /_ping`", &["PING=1"]);
    }
    let health = served.tool("docker_health", None, &json!({})).json();
    assert_eq!((&health["engine"]["reachable"], &health["circuit"]["failures"]), (&json!(false), &json!(0)));
    assert_eq!(health["circuit"]["state"], "closed", "{health}");
}

#[test]
fn changes_exec_and_compose_go_through_it_where_it_lets_them() {
    let test = "http::proxied::changes";
    let Some(engine) = engine::at_hand(test) else { return };
    let all = [GUIDE, &["info", "exec"]].concat();
    let Some(proxy) = SocketProxy::before(test, &engine, &all, true) else { return };
    let scope = Scope::new(&engine);
    scope.run("web", &["--stop-timeout", "0"], &["sleep", "9999"]);
    let web = scope.name("web");
    let through = served(&proxy);
    let exec = json!({ "container": web, "command": ["sh", "-c", "echo out; echo err >&2; exit 3"] });
    let said = through.tool("docker_exec", None, &exec).json();
    assert_eq!((&said["exit_code"], &said["stdout"]), (&json!(3), &json!("out\n")), "{said}");
    // HAProxy takes the wish for both ways away.
    let fed = json!({ "container": web, "command": ["cat"], "stdin": "x" });
    let refused = through.tool("docker_exec", None, &fed);
    let error = &refused.json()["error"];
    assert!(error["message"].as_str().unwrap().contains("cannot be fed"), "{refused:?}");
    let long = json!({ "container": web, "command": ["sh", "-c", "echo begun; sleep 600"], "timeout": "3s" });
    let killed = through.tool("docker_exec", None, &long).json();
    assert_eq!(
        (&killed["error"]["kind"], &killed["still_running"]),
        (&json!("exec_timeout"), &json!(false)),
        "{killed}"
    );
    assert_eq!(killed["stdout"], "begun\n", "{killed}");
    let restarted = through.tool("docker_restart", None, &json!({ "containers": web }));
    assert_eq!(restarted.status, 200, "{restarted:?}");
    let said = doctor(&proxy);
    assert!(!said.contains("proxy  "), "{said}");
    well(&through, &[]);
    compose(&engine, &scope, &proxy, Ok(()));
    let parts: Vec<&str> = all.into_iter().filter(|part| *part != "networks").collect();
    let Some(less) = SocketProxy::before(test, &engine, &parts, true) else { return };
    compose(&engine, &scope, &less, Err("NETWORKS=1"));
}

/// Brings a project up through the proxy by the compose CLI, or is told why not.
#[track_caller]
fn compose(engine: &Engine, scope: &Scope, proxy: &SocketProxy, want: Result<(), &str>) {
    if engine.try_docker(&["compose", "version"]).is_err() {
        return;
    }
    let dir = tempfile::Builder::new().prefix("docker-mcp-shop-").tempdir().unwrap();
    let project = format!("{}{}", scope.prefix, if want.is_ok() { "all" } else { "less" });
    let text = format!(
        "name: {project}\nservices:\n  web:\n    image: {BASE}\n    command: [sleep, '9999']\n    stop_grace_period: 0s\n"
    );
    fs::write(dir.path().join("compose.yaml"), text).unwrap();
    let config = format!("{CONFIG}[compose]\nroots = [{:?}]\n", dir.path().canonicalize().unwrap());
    let served = Served::start(Launch::at(&proxy.host).config(&config));
    let up = served.tool("docker_compose_up", None, &json!({}));
    match want {
        Ok(()) => {
            assert_eq!(up.status, 200, "{up:?}");
            let listed = served.tool("docker_compose_ps", None, &json!({ "project": project }));
            assert!(listed.body.contains(&format!("{project}-web-1")), "{listed:?}");
        }
        Err(word) => {
            let error = &up.json()["error"];
            let all = error.to_string();
            assert!(all.contains("a proxy before the engine forbids") && all.contains(word), "{up:?}");
            assert_eq!(
                (&error["kind"], &error["effect"]),
                (&json!("daemon_permission"), &json!("none")),
                "{all}"
            );
        }
    }
    let _down = served.tool("docker_compose_down", None, &json!({ "project": project }));
    well(&served, &[]);
}

#[test]
fn an_engine_that_is_gone_behind_it_is_a_fault() {
    let test = "http::proxied::gone";
    let Some(_engine) = engine::at_hand(test) else { return };
    let nobody = Engine { host: "unix:///nonexistent/docker-mcp-test.sock".to_owned() };
    let Some(proxy) = SocketProxy::before(test, &nobody, GUIDE, false) else { return };
    let served = Served::start(Launch::at(&proxy.host).config("[permissions]\nread = true\n"));
    let reply = served.tool("docker_ps", None, &json!({}));
    let error = &reply.json()["error"];
    assert_eq!(error["kind"], "daemon_protocol", "{reply:?}");
    assert!(
        error["message"].as_str().unwrap().contains("a proxy before the engine cannot reach it"),
        "{error}"
    );
    for _ in 0..3 {
        let _fault = served.tool("docker_ps", None, &json!({}));
    }
    assert_eq!(served.tool("docker_ps", None, &json!({})).json()["error"]["kind"], "circuit_open");
}

#[test]
fn the_example_of_a_deployment_serves_and_a_health_check_sees_it() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/deploy/config.toml");
    let config = fs::read_to_string(config).unwrap();
    let served = Served::start(Launch::without_engine().config(&config));
    let by_name = [("host", "docker-mcp:8080"), ("content-type", "application/json")];
    let ps = served.send("POST", "/tools/docker_ps", &by_name, "{}");
    assert_eq!(ps.json()["error"]["kind"], "daemon_unreachable", "anybody may look: {ps:?}");
    let stop = served.send("POST", "/tools/docker_stop", &by_name, "{\"containers\": \"x\"}");
    assert_eq!((stop.status, &stop.json()["error"]["kind"]), (403, &json!("permission_denied")), "{stop:?}");
    let check = |at: &str| {
        let run = Launch::without_engine().arg("health").arg("--at").arg(at).output();
        (run.status.code(), String::from_utf8(run.stderr).unwrap())
    };
    assert_eq!(check(&served.at.to_string()).0, Some(0));
    let (code, said) = check(&format!("127.0.0.1:{}", free_port()));
    assert!(code == Some(1) && said.contains("nothing that lives answers"), "{code:?}: {said}");
}
