//! What reaches the engine: methods and paths of the closed list, ids that were resolved, and nothing of the caller's words.

use docker_mcp::engine::ops;

use super::addresses::OF_A_NAME;
use super::outputs::all_calls;
use crate::support::faultd::Faultd;
use crate::support::probe::slots;
use crate::support::{Fixture, Launch, engine};

#[test]
fn only_reads_of_resolved_and_visible_objects_are_sent() {
    let Some(engine) = engine::at_hand("permissions::wire") else { return };
    if engine.socket().is_none() {
        return;
    }
    let fixture = Fixture::new(&engine);
    let faultd = Faultd::before(&engine);
    let client = Launch::at(&faultd.host()).config(&fixture.config()).connect();
    for (tool, arguments) in all_calls(&client, &fixture) {
        client.call(&tool, &arguments);
    }
    for slot in slots(&client.tools()) {
        for (_, write) in OF_A_NAME {
            for name in ["vault", "app"] {
                slot.ask(&client, &write(&fixture.name(name)));
            }
        }
        for id in &fixture.hidden {
            slot.ask(&client, id);
        }
    }
    let lines = faultd.lines();
    assert!(lines.len() > 100, "{lines:?}");
    assert!(
        lines.iter().any(|l| l.contains(&fixture.shown[0])),
        "no visible container was asked for: {lines:?}"
    );
    let mut wrong = Vec::new();
    for line in &lines {
        let mut parts = line.split(' ');
        let (method, target) = (parts.next().unwrap(), parts.next().unwrap());
        let path = target.split('?').next().unwrap();
        // The version stands in front of all but the first ping.
        let bare = path.strip_prefix("/v1.").and_then(|p| p.find('/').map(|i| &p[i..])).unwrap_or(path);
        let hidden = fixture.hidden.iter().any(|id| target.contains(&id[..12])) || target.contains("vault");
        // What hidden containers keep secret is learned, so that it is masked in the logs of visible ones.
        let learned = fixture.hidden.iter().any(|id| bare == format!("/containers/{id}/json"));
        if method != "GET"
            || !ops::allowed(method, bare, &[docker_mcp::policy::Level::Read])
            || (hidden && !learned)
        {
            wrong.push(line.clone());
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
