//! Names of images: every spelling, and who may give them.

use serde_json::{Value, json};

use super::ON;
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, delete, post};
use crate::support::fixture::Scope;
use crate::support::registry::{Registry, id_of, image};
use crate::support::{Client, Launch, engine};

fn with(permissions: &str) -> String {
    ON.replace("[confirm]", &format!("{permissions}\n[confirm]"))
}

fn tag(client: &Client, image: &str, name: &str) -> crate::support::ToolResult {
    client.call("docker_tag", &json!({ "image": image, "name": name }))
}

#[test]
fn i4_a_name_is_given_moved_and_not_given_twice() {
    let Some(engine) = engine::at_hand("images::names::given") else { return };
    let scope = Scope::new(&engine);
    let name = |tag: &str| format!("{}/app:{tag}", scope.prefix);
    let first = image(&engine, &scope, &name("1"), 2000);
    let second = image(&engine, &scope, &name("2"), 2000);
    let client = Launch::at(&engine.host).config(ON).connect();
    let given = tag(&client, &name("1"), &name("3")).ok();
    assert_eq!(given.structured["results"][0]["changed"], true, "{}", given.text);
    assert_eq!(id_of(&engine, &name("3")), Some(first.clone()));
    let again = tag(&client, &first, &name("3")).ok();
    assert_eq!(again.structured["results"][0]["changed"], false, "{}", again.text);
    // It moves, and who loses it is shown first.
    let call = json!({ "image": name("2"), "name": name("3"), "dry_run": true });
    let shown = client.call("docker_tag", &call).ok();
    assert!(
        shown.text.contains("loses") && shown.text.contains(&first["sha256:".len()..][..12]),
        "{}",
        shown.text
    );
    tag(&client, &name("2"), &name("3")).ok();
    assert_eq!(id_of(&engine, &name("3")), Some(second.clone()));
    for (to, word) in [
        ("UPPER", "no name of an image"),
        ("a b", "no name of an image"),
        // I4: later it would be taken for an id.
        ("26e2fa12aad5", "looks like an id"),
        ("26e2fa12aad5:latest", "looks like an id"),
        (&second, "looks like an id"),
        (&format!("x/{}", &second["sha256:".len()..]), "looks like an id"),
        (&format!("x@{second}"), "digest"),
    ] {
        let refused = tag(&client, &name("1"), to);
        assert_eq!(refused.kind(), "invalid_arguments", "{to}: {}", refused.text);
        assert!(refused.text.contains(word), "{to}: {}", refused.text);
    }
    assert_eq!(tag(&client, "docker-mcp/nosuch", &name("9")).kind(), "not_found");
    assert_eq!(id_of(&engine, &name("9")), None);
}

/// I1: twelve ways to say one image; the filters see one.
#[test]
fn i1_every_spelling_is_one_image() {
    let Some(engine) = engine::at_hand("images::names::spelling") else { return };
    let scope = Scope::new(&engine);
    let name = format!("{}box", scope.prefix);
    let id = image(&engine, &scope, &name, 2000);
    let hex = &id["sha256:".len()..];
    let forms: Vec<String> = [
        name.clone(),
        format!("{name}:latest"),
        format!("docker.io/library/{name}"),
        format!("docker.io/library/{name}:latest"),
        format!("index.docker.io/library/{name}"),
        format!("registry-1.docker.io/library/{name}:latest"),
        format!("library/{name}"),
        format!("Docker.IO:443/library/{name}"),
    ]
    .into();
    let ids = [id.clone(), hex.to_owned(), hex[..12].to_owned(), hex[..4].to_owned()];
    for (list, shown) in [
        (format!("whitelist_images = [\"{name}\"]"), true),
        (format!("whitelist_images = [\"docker.io/library/{name}:latest\"]"), true),
        (format!("whitelist_images = [\"{name}:1\"]"), false),
        (format!("blacklist_images = [\"index.docker.io/{name}:*\"]"), false),
        (format!("blacklist_images = [\"library/{name}\"]"), false),
    ] {
        let client = Launch::at(&engine.host).config(&with(&list)).connect();
        for form in forms.iter().chain(&ids) {
            let call = json!({ "images": form, "dry_run": true });
            let seen = client.call("docker_image_remove", &call);
            let want = if shown { "" } else { "not_found" };
            assert_eq!(seen.kind(), want, "{list} {form}: {}", seen.text);
        }
        for form in &forms {
            // Nobody answers for it: what matters is whether the registry would be asked.
            let call = json!({ "image": form, "dry_run": true });
            let may = client.call("docker_pull", &call);
            let want = if shown { "" } else { "permission_denied" };
            assert_eq!(may.kind(), want, "{list} {form}: {}", may.text);
        }
    }
    // Two digits are no id, whatever the engine makes of them.
    let client = Launch::at(&engine.host).config(ON).connect();
    let short = client.call("docker_image_remove", &json!({ "images": &hex[..2], "dry_run": true }));
    assert!(short.is_error, "{}", short.text);
    assert_eq!(id_of(&engine, &name), Some(id));
}

/// I2: content that is not allowed gets no name that is; I9: a tag does not smuggle a digest in.
#[test]
fn i2_i9_names_are_not_given_past_the_filters() {
    let test = "images::names::writes";
    let Some(engine) = engine::at_hand(test) else { return };
    let Some(registry) = Registry::new(test, false) else { return };
    let scope = Scope::new(&engine);
    let (evil, good) = (registry.name(&scope, "evil"), registry.name(&scope, "good"));
    let id = image(&engine, &scope, &evil, 2000);
    engine.docker(&["push", "-q", &evil]);
    let pushed = engine.inspect("image", &evil)["RepoDigests"][0].as_str().unwrap().to_owned();
    let digest = pushed.split_once('@').unwrap().1.to_owned();
    let myorg = format!("{}/app:1", scope.prefix);
    let white = with(&format!("whitelist_images = [\"{good}\", \"{}/*\"]", scope.prefix));
    let client = Launch::at(&engine.host).config(&white).connect();
    for words in [evil.as_str(), id.as_str(), &id["sha256:".len()..][..12]] {
        for name in [&myorg, &good] {
            assert_eq!(tag(&client, words, name).kind(), "not_found", "{words} as {name}");
        }
    }
    engine.docker(&["rmi", &evil]);
    for words in [
        evil.clone(),
        format!("{good}@{digest}"),
        format!("{}@{digest}", good.trim_end_matches(":good")),
        good.trim_end_matches(":good").to_owned(),
    ] {
        let refused = client.call("docker_pull", &json!({ "image": words }));
        assert_eq!(refused.kind(), "permission_denied", "{words}: {}", refused.text);
    }
    // The other way round: a name that is denied is not given, and none that a hidden image has.
    let mine = image(&engine, &scope, &myorg, 2000);
    let vault = format!("{}/vault:1", scope.prefix);
    let both = format!("{}/both:1", scope.prefix);
    let hidden = image(&engine, &scope, &vault, 2000);
    engine.docker(&["tag", &hidden, &both]);
    let black = with(&format!("blacklist_images = [\"{}/vault\"]", scope.prefix));
    let client = Launch::at(&engine.host).config(&black).connect();
    assert_eq!(tag(&client, &myorg, &vault).kind(), "permission_denied");
    assert_eq!(
        tag(&client, &myorg, &format!("docker.io/{}/vault:2", scope.prefix)).kind(),
        "permission_denied"
    );
    let taken = tag(&client, &myorg, &both);
    assert_eq!(taken.kind(), "conflict", "{}", taken.text);
    assert!(!taken.whole().contains("vault") && !taken.whole().contains(&hidden["sha256:".len()..][..12]));
    for words in [both.as_str(), hidden.as_str(), vault.as_str()] {
        assert_eq!(client.call("docker_image_remove", &json!({ "images": words })).kind(), "not_found");
        assert_eq!(tag(&client, words, &format!("{}/new:1", scope.prefix)).kind(), "not_found");
    }
    for words in [&vault, &both] {
        assert_eq!(client.call("docker_push", &json!({ "image": words })).kind(), "not_found", "{words}");
    }
    let fetched = client.call("docker_pull", &json!({ "image": both }));
    assert_eq!(fetched.kind(), "conflict", "it would move the name: {}", fetched.text);
    assert_eq!(id_of(&engine, &both), Some(hidden.clone()));
    assert_eq!(id_of(&engine, &vault), Some(hidden));
    assert_eq!(id_of(&engine, &myorg), Some(mine));
    for gone in ["new:1", "vault:2"] {
        assert_eq!(id_of(&engine, &format!("{}/{gone}", scope.prefix)), None);
    }
}

/// I10: what was built with a secret does not tell it.
#[test]
fn i10_history_and_environment_are_masked() {
    let Some(engine) = engine::at_hand("images::names::history") else { return };
    let scope = Scope::new(&engine);
    let name = format!("{}/app:1", scope.prefix);
    let make = scope.name("maker");
    scope.container(
        &["create"],
        "maker",
        &[],
        crate::support::engine::BASE,
        &["echo", "--password=historyhunter2"],
    );
    let label = format!("LABEL {}", scope.label());
    let env = "ENV DB_PASSWORD=historyhunter3";
    engine.docker(&[
        "commit",
        "--change",
        &label,
        "--change",
        env,
        "-a",
        "token=historyhunter4xyz",
        &make,
        &name,
    ]);
    let client = Launch::at(&engine.host).config(ON).connect();
    let seen = client.call("docker_inspect", &json!({ "name": name, "kind": "image" })).ok();
    assert!(seen.structured["history"].is_array(), "{}", seen.text);
    assert!(!seen.whole().contains("historyhunter"), "{}", seen.text);
    // Build arguments stand before each step that may read them, and as the default of their ARG.
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "FROM {}\n{label}\nARG DB_PASSWORD=historyhunter5\nARG API_TOKEN\nARG WHO=plainvalue\n\
         RUN echo \"$DB_PASSWORD $API_TOKEN $WHO\" > /x\nRUN curl -u me:historyhunter7 --token=historyhunter8 || true\n",
        crate::support::engine::BASE
    );
    std::fs::write(dir.path().join("Dockerfile"), text).unwrap();
    for builder in ["0", "1"] {
        let name = format!("{}/built:{builder}", scope.prefix);
        let run = std::process::Command::new("docker")
            .args(["--host", &engine.host, "build", "-q", "--build-arg", "API_TOKEN=historyhunter6"])
            .args(["--build-arg", "DB_PASSWORD=historyhunter9", "-t", &name])
            .arg(dir.path())
            .env("DOCKER_BUILDKIT", builder)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let seen = client.call("docker_inspect", &json!({ "name": name, "kind": "image" })).ok();
        assert!(seen.whole().contains("plainvalue") && seen.whole().contains("DB_PASSWORD"), "{}", seen.text);
        assert!(!seen.whole().contains("historyhunter"), "builder {builder}: {}", seen.text);
    }
}

#[test]
fn answers_that_are_lost_are_looked_for() {
    let Some(engine) = engine::at_hand("images::names::lost") else { return };
    let scope = Scope::new(&engine);
    let name = |tag: &str| format!("{}/app:{tag}", scope.prefix);
    let id = image(&engine, &scope, &name("1"), 2000);
    let cut = || Fault::Toxic(vec![Toxic::down(Poison::Limit(0))]);
    let faultd = Faultd::before(&engine).on(post("/tag"), cut()).on(delete("/images/"), cut());
    let client = Launch::at(&faultd.host()).config(ON).connect();
    let given = tag(&client, &name("1"), &name("2")).ok();
    let note = |result: &Value| result["note"].as_str().unwrap_or_default().to_owned();
    assert!(note(&given.structured["results"][0]).contains("lost"), "{}", given.text);
    assert_eq!(id_of(&engine, &name("2")), Some(id.clone()));
    let gone = client.call("docker_image_remove", &json!({ "images": name("2") })).ok();
    assert!(note(&gone.structured["results"][0]).contains("lost"), "{}", gone.text);
    assert_eq!(id_of(&engine, &name("2")), None);
    // It never came: nobody knows, and nothing is repeated.
    faultd.set(delete("/images/"), Fault::EarlyEof);
    let lost = client.call("docker_image_remove", &json!({ "images": name("1") }));
    assert_eq!(lost.kind(), "outcome_unknown", "{}", lost.text);
    assert_eq!(id_of(&engine, &name("1")), Some(id.clone()));
    // The engine refuses.
    faultd.set(delete("/images/"), Fault::DockerError(409, "conflict: unable to delete".to_owned()));
    let refused = client.call("docker_image_remove", &json!({ "images": name("1") }));
    assert_eq!(refused.kind(), "conflict", "{}", refused.text);
    assert_eq!(id_of(&engine, &name("1")), Some(id));
}
