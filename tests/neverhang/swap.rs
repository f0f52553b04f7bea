//! Another engine behind the same socket.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::faultd::{Answer, Fault, Faultd, Made, get};
use crate::support::ledger::{Seen, saw};
use crate::support::{Client, Launch, ToolResult};

/// An engine with that ID, these containers, and a volume `data`.
fn engine(id: &str, containers: &Value) -> Faultd {
    let volumes = json!({ "Volumes": [{ "Name": "data", "Driver": "local", "Mountpoint": "/v/data" }] });
    let answer =
        |body: &Value| Fault::Answer(Answer::json(200, &body.to_string()).header("Api-Version", "1.45"));
    Faultd::new()
        .on(get("/info"), answer(&json!({ "ID": id, "Name": format!("host-of-{id}") })))
        .on(get("/volumes$"), answer(&volumes))
        .on(get("/containers/json"), answer(containers))
}

/// A hidden container that mounts the volume.
fn vault() -> Value {
    json!([{
        "Id": "1".repeat(64), "Names": ["/vault"], "Image": "app", "ImageID": format!("sha256:{}", "2".repeat(64)),
        "Labels": {}, "State": "running", "Mounts": [{ "Type": "volume", "Name": "data" }],
    }])
}

/// From now on that engine is behind the socket.
fn put(socket: &Path, engine: &Faultd) {
    let new = socket.with_extension("new");
    std::os::unix::fs::symlink(engine.path(), &new).unwrap();
    std::fs::rename(new, socket).unwrap();
}

fn shows_data(client: &Client) -> (bool, ToolResult) {
    let result = client.call("docker_volumes", &json!({})).ok();
    let shown = result.structured["volumes"].to_string().contains("data");
    (shown, result)
}

#[test]
fn what_was_remembered_of_the_first_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let config = "[permissions]\nblacklist_containers = [\"vault\"]\n[neverhang]\nread_timeout = \"3s\"\n";
    let first = engine("A", &vault());
    put(&socket, &first);
    let client = Launch::at(&format!("unix://{}", socket.display())).config(config).connect();
    assert!(!shows_data(&client).0, "a volume of a hidden container");
    // Its ID is asked for beside the first call.
    first.wait_for(&get("/info"), 1, Duration::from_secs(2));
    std::thread::sleep(Duration::from_millis(700));

    // Started again without the container: the same engine, and the volume's data is still what it was.
    let again = engine("A", &json!([]));
    put(&socket, &again);
    let (shown, result) = shows_data(&client);
    assert!(!shown, "a restart is no way to what is hidden: {}", result.text);
    assert_eq!(again.count(&get("/info")), 1, "{:?}", again.lines());
    assert!(!client.stderr().contains("another engine answers"), "{}", client.stderr());

    // Another one, of an older version, whose volume of that name is another.
    let other = engine("B", &json!([]));
    let ping = Answer::new(200, "text/plain", b"OK").header("Api-Version", "1.43");
    other.add(get("/_ping"), Fault::Answer(ping));
    put(&socket, &other);
    let (shown, result) = shows_data(&client);
    assert!(shown, "the other engine's own volume: {}", result.text);
    assert!(other.lines().iter().any(|l| l.contains("/v1.43/volumes")), "{:?}", other.lines());
    let log = client.stderr();
    assert_eq!(log.matches("another engine answers").count(), 1, "{log}");
    saw("A12", Seen::of(&result, Duration::from_secs(3)).circuit("0"));

    // Back at the first: what it hides is hidden, from the first list on.
    put(&socket, &first);
    assert!(!shows_data(&client).0, "the first again");
    assert_eq!(client.call("docker_ps", &json!({})).ok().structured["containers"], json!([]));
    let health = client.call("docker_health", &json!({})).ok();
    assert_eq!(health.structured["circuit"]["failures"], 0, "{}", health.text);
}

/// The call looked its names up in the first engine; the second must not be asked about them.
#[test]
fn a_call_in_the_middle_of_the_exchange_does_not_reach_the_second() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let first = Faultd::new().running(vec![Made::new(1, "app")]);
    put(&socket, &first);
    let client = Launch::at(&format!("unix://{}", socket.display())).connect();
    let inspect = json!({ "name": "app" });
    client.call("docker_inspect", &inspect).ok();
    first.wait_for(&get("/info"), 1, Duration::from_secs(2));
    std::thread::sleep(Duration::from_millis(700));
    let id = Answer::json(200, r#"{"ID":"B"}"#).header("Api-Version", "1.45");
    let second = Faultd::new().running(vec![Made::new(1, "app")]).on(get("/info"), Fault::Answer(id));

    first.set(get("/containers/json"), Fault::Late(Duration::from_millis(500)));
    let before = first.count(&get("/containers/json"));
    let call = client.begin_call("docker_inspect", &inspect);
    first.wait_for(&get("/containers/json"), before + 1, Duration::from_secs(2));
    put(&socket, &second);
    let result = client.wait(&call).tool();
    assert_eq!(result.kind(), "daemon_unreachable", "{}", result.text);
    assert!(result.text.contains("another engine"), "{}", result.text);
    assert_eq!(result.structured["error"]["effect"], "none", "{}", result.text);
    assert_eq!(second.count(&get("/containers/*/json$")), 0, "{:?}", second.lines());
    saw("A12", Seen::of(&result, Duration::from_secs(30)).circuit("0"));
    // The next one begins with the second, whose secrets are learned anew.
    client.call("docker_inspect", &inspect).ok();
    assert_eq!(second.count(&get("/containers/*/json$")), 2, "{:?}", second.lines());
}
