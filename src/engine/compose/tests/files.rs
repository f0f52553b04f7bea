use std::path::PathBuf;

use super::super::Sort;
use super::super::files::{Where, find};
use super::Host;

const TEXT: &str = "services: { web: { image: x } }\n";

/// Rows C7 and C8.
#[test]
fn files_lie_below_a_root_and_nothing_is_told_of_others() {
    let host = Host::new();
    host.write("root/app/compose.yaml", TEXT);
    host.write("root/app/other.yml", TEXT);
    host.write("root/shared/base.yaml", TEXT);
    host.link("root/shared/base.yaml", "root/app/linked.yaml");
    host.link("root/app", "in");
    host.link("outside", "root/out");
    host.link("outside/compose.yaml", "root/app/away.yaml");
    host.link("outside/nosuch", "root/app/dangling.yaml");
    let absolute = |name: &str| host.path(name).to_str().unwrap().to_owned();
    for file in
        ["app", "./app/", "app/../app/compose.yaml", &absolute("root/app"), &absolute("in/compose.yaml")]
    {
        assert_eq!(host.found(Some(file)), ["root/app/compose.yaml"], "{file}");
    }
    assert_eq!(host.found(Some("app/other.yml")), ["root/app/other.yml"]);
    // What it names is relative to where the link stands.
    assert_eq!(host.found(Some("app/linked.yaml")), ["root/app/linked.yaml"]);
    let (there, not) = (absolute("outside/compose.yaml"), absolute("outside/nosuch.yaml"));
    for file in [
        "..",
        "../outside/compose.yaml",
        "out",
        "out/compose.yaml",
        "/",
        "/etc/passwd",
        "nosuch",
        "app/nosuch.yaml",
        "app/away.yaml",
        "app/dangling.yaml",
        "app/compose.yaml/x",
        &there,
        &not,
    ] {
        let refused = host.find(Some(file)).unwrap_err();
        assert_eq!(refused.sort, Sort::Outside, "{file}: {refused}");
        let name = refused.message.split('`').nth(1).unwrap().to_owned();
        let rest = refused.message.replace(&format!("`{name}`"), "");
        assert_eq!(rest, " is no file below one of the compose roots", "{file}");
        assert!(refused.hint.contains("`roots` under [compose]"));
    }
    for file in ["", "a\0b"] {
        assert_eq!(host.find(Some(file)).unwrap_err().sort, Sort::Unfit);
    }
}

#[test]
fn what_is_no_small_plain_text_is_refused() {
    let host = Host::new();
    host.folder("root/app/folder.yaml");
    host.folder("root/empty");
    host.write("root/app/large.yaml", &"#".repeat((1 << 20) + 1));
    std::fs::write(host.path("root/app/binary.yaml"), b"\xff\xfe").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        host.path("root/app/pipe.yaml"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    for (file, why) in [
        ("app/folder.yaml", "a folder without a compose file"),
        ("empty", "a folder without a compose file"),
        ("app/large.yaml", "larger than 1 MiB"),
        ("app/binary.yaml", "no UTF-8"),
        ("app/pipe.yaml", "is a pipe"),
    ] {
        let refused = host.find(Some(file)).unwrap_err();
        assert!(refused.message.contains(why) && refused.sort == Sort::Unfit, "{file}: {refused}");
    }
    // The same for what is found by itself.
    host.write("root/env/compose.yaml", TEXT);
    host.write("root/env/.env", &"#".repeat((1 << 20) + 1));
    assert!(host.find(Some("env")).unwrap_err().message.contains("`.env` is larger"));
    std::fs::remove_file(host.path("root/env/.env")).unwrap();
    host.link("outside/secret.env", "root/env/.env");
    assert_eq!(host.find(Some("env")).unwrap_err().sort, Sort::Outside);
}

#[test]
fn names_have_the_order_of_the_cli() {
    let host = Host::new();
    for (file, want) in [
        ("docker-compose.yaml", vec!["root/docker-compose.yaml"]),
        ("docker-compose.yml", vec!["root/docker-compose.yml"]),
        ("docker-compose.override.yml", vec!["root/docker-compose.yml", "root/docker-compose.override.yml"]),
        ("compose.yml", vec!["root/compose.yml", "root/docker-compose.override.yml"]),
        ("compose.yaml", vec!["root/compose.yaml", "root/docker-compose.override.yml"]),
        ("compose.override.yaml", vec!["root/compose.yaml", "root/compose.override.yaml"]),
        ("compose.override.yml", vec!["root/compose.yaml", "root/compose.override.yml"]),
    ] {
        host.write(&format!("root/{file}"), TEXT);
        assert_eq!(host.found(None), want);
        assert_eq!(host.found(Some(".")), want);
    }
    assert_eq!(host.found(Some("compose.yaml")), ["root/compose.yaml"], "a file alone is alone");
}

/// Row C10.
#[test]
fn the_env_file_says_what_it_says_to_the_cli() {
    let host = Host::new();
    host.write("root/compose.yaml", TEXT);
    host.write("root/deploy/a.yml", TEXT);
    host.write("root/deploy/b.yml", TEXT);
    host.write("root/deploy/.env", "COMPOSE_PROJECT_NAME=inner\nCOMPOSE_PROFILES=inner\n");
    host.write("root/.env", "COMPOSE_FILE=deploy/a.yml:deploy/b.yml\nCOMPOSE_PROJECT_NAME=shop\n");
    assert_eq!(host.found(None), ["root/deploy/a.yml", "root/deploy/b.yml"]);
    let gathered = host.gather(None).unwrap();
    assert_eq!(gathered.project_dir, host.path("root/deploy"));
    assert_eq!(gathered.project_name.as_deref(), Some("shop"), "the one beside counts most");
    assert_eq!(
        (gathered.profiles.as_slice(), gathered.env_files.len()),
        (["inner".to_owned()].as_slice(), 2)
    );
    host.write("root/.env", "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=compose.yaml,deploy/b.yml\n");
    assert_eq!(host.found(None), ["root/compose.yaml", "root/deploy/b.yml"]);
    assert_eq!(host.found(Some("compose.yaml")), ["root/compose.yaml"], "a file that is named is meant");
    for list in
        ["../outside/compose.yaml", "compose.yaml:/etc/passwd", "nosuch.yaml", "../../../../../../../../x"]
    {
        host.write("root/.env", &format!("COMPOSE_FILE={list}\n"));
        assert_eq!(host.find(None).unwrap_err().sort, Sort::Outside, "{list}");
    }
    host.write("root/.env", "COMPOSE_FILE=$HOME/x.yml\n");
    assert_eq!(host.find(None).unwrap_err().sort, Sort::Unfit);
}

#[test]
fn where_none_is_named_there_must_be_one() {
    let mut host = Host::new();
    host.places.roots.push(host.path("second"));
    let candidates = |host: &Host| match host.find(None).unwrap_err().sort {
        Sort::Choose(candidates) => candidates,
        other => panic!("{other:?}"),
    };
    assert!(candidates(&host).is_empty());
    host.write("root/b/compose.yml", TEXT);
    host.write("root/a/deep/docker-compose.yml", TEXT);
    host.write("root/node_modules/x/compose.yml", TEXT);
    host.write("root/.git/compose.yml", TEXT);
    host.link("outside", "root/out");
    assert_eq!(candidates(&host), ["b/compose.yml", "a/deep/docker-compose.yml"]);
    host.write("second/compose.yaml", TEXT);
    assert_eq!(host.found(None), ["second/compose.yaml"]);
    host.write("root/compose.yaml", TEXT);
    assert!(candidates(&host).contains(&"compose.yaml".to_owned()));
    let hinted = |folder: PathBuf| find(&host.places, &Where { file: None, folder_hint: Some(folder) });
    assert_eq!(hinted(host.path("root/b")).unwrap().files(), [host.path("root/b/compose.yml")]);
    for folder in ["outside", "nosuch", "root/a"] {
        assert!(matches!(hinted(host.path(folder)).unwrap_err().sort, Sort::Choose(_)), "{folder}");
    }
}

#[test]
fn configured_files_alone_count_and_may_lie_anywhere() {
    let mut host = Host::new();
    host.write("root/compose.yaml", TEXT);
    host.write("elsewhere/stack.yml", "services:\n web:\n  image: x\n  env_file: my.env\n");
    host.write("elsewhere/my.env", "A=1\n");
    host.write("elsewhere/.env", "COMPOSE_PROJECT_NAME=stack\n");
    host.link("elsewhere/stack.yml", "alias.yml");
    host.places.files = vec![host.path("elsewhere/stack.yml")];
    assert_eq!(host.found(None), ["elsewhere/stack.yml"]);
    let alias = host.path("alias.yml").to_str().unwrap().to_owned();
    for file in ["stack.yml", "elsewhere/stack.yml", &alias] {
        assert_eq!(host.found(Some(file)), ["elsewhere/stack.yml"], "{file}");
    }
    assert_eq!(host.gather(None).unwrap().project_name.as_deref(), Some("stack"));
    let refused = host.find(Some("compose.yaml")).unwrap_err();
    assert!(refused.sort == Sort::Outside && refused.hint.contains("`files` under [compose]"), "{refused}");
    host.places.files.push(host.path("root/compose.yaml"));
    assert!(matches!(host.find(None).unwrap_err().sort, Sort::Choose(all) if all.len() == 2));
    assert_eq!(host.found(Some("compose.yaml")), ["root/compose.yaml"]);
    host.places.files = vec![host.path("elsewhere/gone.yml")];
    assert_eq!(host.find(None).unwrap_err().sort, Sort::Unfit, "a person configured it, and is told");
}
