//! A hidden container that is renamed behind the server's back stays hidden.

use serde_json::json;

use crate::support::probe::slots;
use crate::support::{Fixture, Launch, engine};

#[test]
fn a_new_name_does_not_show_what_was_hidden() {
    let Some(engine) = engine::at_hand("permissions::renamed") else { return };
    let fixture = Fixture::new(&engine);
    let client = Launch::at(&engine.host).config(&fixture.config()).connect();
    // It has to have been seen once.
    client.call("docker_ps", &json!({ "all": true })).ok();

    let new = fixture.name("innocent");
    engine.docker(&["rename", &fixture.name("vault"), &new]);
    let id = &fixture.hidden[0];
    for slot in slots(&client.tools()).iter().filter(|s| s.argument == "container") {
        for word in [&new, id, &id[..12], &fixture.name("vault"), &fixture.name("web/safe")] {
            let result = slot.ask(&client, word);
            assert_eq!(result.kind(), "not_found", "{} {word}: {}", slot.tool, result.text);
        }
        // A visible one answers still, though it is tied to the hidden one.
        let shown = slot.ask(&client, &fixture.name("web"));
        assert_ne!(shown.kind(), "not_found", "{}: {}", slot.tool, shown.text);
    }
    let ps = client.call("docker_ps", &json!({ "all": true })).ok();
    assert!(!ps.whole().contains("innocent") && !ps.whole().contains(&id[..12]), "{}", ps.text);

    // A visible one that takes a hidden name is hidden from now on.
    engine.docker(&["rename", &fixture.name("app"), &fixture.name("vault-2")]);
    let ps = client.call("docker_ps", &json!({ "all": true })).ok();
    assert!(!ps.whole().contains("vault"), "{}", ps.text);
}
