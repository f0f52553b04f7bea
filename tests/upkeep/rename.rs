//! `docker_rename`

use serde_json::json;

use super::{POLITE, forms, on, one};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, post};
use crate::support::fixture::{Fixture, Scope};
use crate::support::{Launch, engine};

#[test]
fn a_container_gets_another_name_and_runs_on() {
    let Some(engine) = engine::at_hand("upkeep::rename::life") else { return };
    let scope = Scope::new(&engine);
    let id = scope.run("app", &[], POLITE);
    let (app, new) = (scope.name("app"), scope.name("new"));
    let client = Launch::at(&engine.host).config(&on("create")).connect();
    let renamed = one(&client, "docker_rename", json!({ "container": app, "name": new }));
    assert_eq!(renamed, json!({ "container": app, "changed": true, "name": new }));
    let facts = engine.inspect("container", &new);
    assert_eq!((&facts["Id"], &facts["State"]["Running"]), (&json!(id), &json!(true)));
    let again = one(&client, "docker_rename", json!({ "container": new, "name": new }));
    assert_eq!(again["changed"], false, "{again}");

    scope.run("other", &[], POLITE);
    let taken = client.call("docker_rename", &json!({ "container": new, "name": scope.name("other") }));
    assert_eq!(taken.kind(), "conflict", "{}", taken.text);
    assert!(taken.text.contains("not available"), "{}", taken.text);
    let ours = client.call("docker_rename", &json!({ "container": new, "name": "docker-mcp-x" }));
    assert_eq!(ours.kind(), "permission_denied", "{}", ours.text);
    assert!(ours.text.contains("reserved names"), "{}", ours.text);
    for bad in ["", "x", "-x", "a b", "../x", "a/b", "0123456789ab", &"c".repeat(64)] {
        let refused = client.call("docker_rename", &json!({ "container": new, "name": bad }));
        assert_eq!(refused.kind(), "invalid_arguments", "{bad}: {}", refused.text);
    }
    assert_eq!(engine.inspect("container", &id)["Name"], json!(format!("/{new}")));
}

/// Threats N11 and K13: a name brings nothing out of sight, into it, or under a level.
#[test]
fn a_name_brings_nothing_into_reach() {
    let Some(engine) = engine::at_hand("upkeep::rename::reach") else { return };
    let scope = Scope::new(&engine);
    let id = scope.run("app", &[], POLITE);
    let (app, p) = (scope.name("app"), &scope.prefix);
    let called = || engine.inspect("container", &id)["Name"] == json!(format!("/{app}"));
    for (lines, form, to, kind) in [
        ("lifecycle = true", app.clone(), "x", "permission_denied"),
        // Out of sight: onto the blacklist, off the whitelist.
        ("create = true\nblacklist_containers = [\"*-secret\"]", app.clone(), "secret", "permission_denied"),
        (
            &format!("create = true\nwhitelist_containers = [\"{app}\"]"),
            app.clone(),
            "x",
            "permission_denied",
        ),
        (&format!("create = true\nread = [\"{app}\"]"), app.clone(), "x", "permission_denied"),
        // Into reach of a level that did not cover it.
        ("create = true\nexec = [\"*-sandbox\"]", app.clone(), "sandbox", "permission_denied"),
        (&format!("create = [\"{app}\"]"), app.clone(), "x", "permission_denied"),
        ("create = [\"*-x\"]", app.clone(), "x", "permission_denied"),
    ] {
        let config = format!("[permissions]\n{lines}\n[confirm]\nrequire = \"none\"\n");
        let client = Launch::at(&engine.host).config(&config).connect();
        let refused =
            client.call("docker_rename", &json!({ "container": form, "name": format!("{p}-{to}") }));
        assert_eq!(refused.kind(), kind, "{lines}: {}", refused.text);
        assert!(called(), "{lines}");
    }
    let hidden = format!("[permissions]\ncreate = true\nblacklist_containers = [\"{app}\"]\n");
    let client = Launch::at(&engine.host).config(&hidden).connect();
    for form in forms(&app, &id) {
        let refused = client.call("docker_rename", &json!({ "container": form, "name": format!("{p}-y") }));
        assert_eq!(refused.kind(), "not_found", "{form}: {}", refused.text);
    }
    assert!(called());
}

/// Threats N6 and Y1: a link's name and a hidden holder of a name.
#[test]
fn hidden_names_stay_untold() {
    let Some(engine) = engine::at_hand("upkeep::rename::hidden") else { return };
    let fixture = Fixture::new(&engine);
    let before = fixture.state();
    let p = &fixture.scope.prefix;
    // The vault is hidden by the name of the link alone.
    let config = format!(
        "[permissions]\ncreate = true\nblacklist_containers = [\"{p}-web*safe\"]\n[confirm]\nrequire = \"none\"\n"
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    let refused =
        client.call("docker_rename", &json!({ "container": fixture.name("web"), "name": format!("{p}-w2") }));
    assert_eq!(refused.kind(), "permission_denied", "{}", refused.text);
    // A name that a hidden one has is like a name that a visible one has.
    let config = format!(
        "[permissions]\ncreate = true\nwhitelist_containers = [\"{p}-app\", \"{p}-web\", \"{p}-vaultdb\"]\nblacklist_containers = [\"vaulty\"]\nwhitelist_projects = [\"nosuch\"]\n"
    );
    let client = Launch::at(&engine.host).config(&config).connect();
    let call = |to: &str| {
        client.call("docker_rename", &json!({ "container": fixture.name("app"), "name": fixture.name(to) }))
    };
    let taken = call("vaultdb");
    assert_eq!(taken.kind(), "conflict", "{}", taken.text);
    assert!(
        !taken.text.contains("[hidden]") && !taken.text.contains(&fixture.hidden[2][..12]),
        "{}",
        taken.text
    );
    assert_eq!(fixture.state(), before);
}

#[test]
fn an_answer_that_is_lost_is_looked_for() {
    let Some(engine) = engine::at_hand("upkeep::rename::lost") else { return };
    let scope = Scope::new(&engine);
    scope.run("app", &[], POLITE);
    let faultd =
        Faultd::before(&engine).on(post("/rename"), Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]));
    let client = Launch::at(&faultd.host()).config(&on("create")).connect();
    let call = json!({ "container": scope.name("app"), "name": scope.name("new") });
    let result = one(&client, "docker_rename", call);
    assert!(result["note"].as_str().is_some_and(|n| n.contains("lost") && n.contains("called")), "{result}");
    assert_eq!(faultd.count(&post("/rename")), 1);
}
