//! A blacklist hits a container by everything that it is called, not by its name only.

use serde_json::json;

use crate::support::fixture::Scope;
use crate::support::probe::slots;
use crate::support::{Launch, engine};

const SLEEP: &[&str] = &["sleep", "9999"];

#[test]
fn a_container_is_hidden_by_any_name_that_reaches_it() {
    let Some(engine) = engine::at_hand("permissions::identities") else { return };
    let scope = Scope::new(&engine);
    let p = scope.prefix.clone();
    let project = |name: &str| format!("com.docker.compose.project={p}-{name}");
    let service = |name: &str| format!("com.docker.compose.service={name}");
    let service_only = scope.run("one", &["-l", &service("db")], SLEEP);
    let compose_name = scope.run("two", &["-l", &project("shop"), "-l", &service("cache")], SLEEP);
    let linked = scope.run("three", &[], SLEEP);
    let by_short_id = scope.run("four", &[], SLEEP);
    let by_id = scope.run("five", &[], SLEEP);
    let by_project = scope.run("six", &["-l", &project("hush"), "-l", &service("web")], SLEEP);
    // The same in everything but the word that hides.
    let link = format!("{}:{p}-safe", scope.name("three"));
    let shown = scope.run(
        "seen",
        &["--link", &link, "-l", &project("shop"), "-l", &service("dbx"), "-l", "team=db"],
        SLEEP,
    );
    let config = format!(
        "[permissions]\nwhitelist_containers = [\"{p}-*\"]\nblacklist_projects = [\"{p}-hush\"]\n\
         blacklist_containers = [\"db\", \"{p}-shop-cache-1\", \"{p}-safe\", \"{}\", \"{by_id}\"]\n",
        &by_short_id[..12]
    );
    let client = Launch::at(&engine.host).config(&config).connect();

    let ps = client.call("docker_ps", &json!({ "all": true })).ok();
    let names: Vec<&str> =
        ps.structured["containers"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(names, [scope.name("seen")], "{}", ps.text);
    let hidden = [
        ("one", service_only, "its compose service"),
        ("two", compose_name, "its compose name"),
        ("three", linked, "a link's alias"),
        ("four", by_short_id, "its short id"),
        ("five", by_id, "its id"),
        ("six", by_project, "its project"),
    ];
    let slots = slots(&client.tools());
    for slot in slots.iter().filter(|s| s.argument == "container") {
        for (name, id, by) in &hidden {
            for word in [scope.name(name), id.clone(), id[..12].to_owned()] {
                let result = slot.ask(&client, &word);
                assert_eq!(
                    result.kind(),
                    "not_found",
                    "{} {word}, hidden by {by}: {}",
                    slot.tool,
                    result.text
                );
            }
        }
        let words = [format!("{}/{p}-safe", scope.name("seen")), format!("{p}-safe"), "db".to_owned()];
        for word in words {
            let result = slot.ask(&client, &word);
            assert_eq!(result.kind(), "not_found", "{} {word}: {}", slot.tool, result.text);
        }
        for word in [&scope.name("seen"), &shown, &shown[..12]] {
            slot.ask(&client, word).ok();
        }
    }
}
