//! `docker-mcp config init`: each preset is a configuration that holds, for the folder where it was written.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::launch::PROGRAM;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/configs");

fn run(home: &Path, here: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
    command.current_dir(here).args(args).output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[test]
fn each_preset_holds_and_is_its_example() {
    let examples: BTreeSet<String> = std::fs::read_dir(EXAMPLES)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap().replace(".toml", ""))
        .collect();
    let presets = [
        ("read-only", ["read"].as_slice(), "destructive", "caller"),
        (
            "developer",
            &["read", "lifecycle", "exec", "create", "images", "volumes", "networks", "system"],
            "destructive",
            "caller",
        ),
        ("operator", &["read", "lifecycle", "exec"], "destructive", "human"),
        (
            "team",
            &["read", "lifecycle", "exec", "create", "images", "volumes", "networks"],
            "mutating",
            "caller",
        ),
    ];
    // pi-stack is one host's stack behind a gateway, and no start for others: tests/http/pi_stack.rs.
    let known = presets.iter().map(|preset| preset.0).chain(["pi-stack"]).map(str::to_owned).collect();
    assert_eq!(examples, known, "each example is a preset");
    for (preset, levels, require, by) in presets {
        let (home, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let here = project.path().canonicalize().unwrap();
        let made = run(home.path(), &here, &["config", "init", "--preset", preset]);
        assert!(made.status.success(), "{preset}: {}", words(&made));
        let path = home.path().join(".config/docker-mcp/config.toml");
        assert!(words(&made).contains(path.to_str().unwrap()), "{}", words(&made));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        let example = std::fs::read_to_string(format!("{EXAMPLES}/{preset}.toml")).unwrap();
        assert_eq!(text, example.replace("/srv/project", here.to_str().unwrap()));
        // It means the same from anywhere.
        let elsewhere = tempfile::tempdir().unwrap();
        let check = run(home.path(), elsewhere.path(), &["config", "check"]);
        assert!(check.status.success() && check.stderr.is_empty(), "{preset}: {}", words(&check));
        let shown = run(home.path(), elsewhere.path(), &["config", "show", "--json"]);
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let value = |key: &str| {
            let all = shown.as_array().unwrap();
            all.iter()
                .find(|d| d["key"] == key)
                .map(|d| d["value"].as_str().unwrap().trim_matches('"').to_owned())
        };
        for level in ["read", "lifecycle", "exec", "create", "images", "volumes", "networks", "system"] {
            let on = value(&format!("permissions.{level}")).unwrap() == "true";
            assert_eq!(on, levels.contains(&level), "{preset}: {level}");
        }
        assert_eq!(
            (value("confirm.require").unwrap().as_str(), value("confirm.by").unwrap().as_str()),
            (require, by)
        );
        for key in ["compose.roots", "build.roots", "create_safety.bind_roots"] {
            let roots = value(key).unwrap();
            let written =
                text.contains(key.rsplit('.').next().unwrap()) && text.contains(here.to_str().unwrap());
            assert!(
                !written
                    || roots.contains(here.to_str().unwrap())
                    || key == "build.roots"
                    || key == "create_safety.bind_roots",
                "{preset} {key}: {roots}"
            );
        }
        // What is there stays.
        let again = run(home.path(), &here, &["config", "init"]);
        assert_eq!(again.status.code(), Some(1), "{}", words(&again));
        assert!(words(&again).contains("is there already"), "{}", words(&again));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn without_a_preset_it_is_every_key_with_its_default() {
    let (home, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let here = project.path().canonicalize().unwrap();
    let path = project.path().join("mine.toml");
    let made = run(home.path(), &here, &["config", "init", "--config", path.to_str().unwrap()]);
    assert!(made.status.success(), "{}", words(&made));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(&format!("bind_roots = [\"{}\"]", here.display())) && !text.contains("[\".\"]"));
    let check = run(home.path(), home.path(), &["config", "check", "--config", path.to_str().unwrap()]);
    assert!(check.status.success(), "{}", words(&check));
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let (home, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // A system folder or a home is no root for mounts: it says so, and no file is left that would not start.
    for here in [Path::new("/etc"), home.path()] {
        let refused = run(home.path(), here, &["config", "init", "--preset", "developer"]);
        assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
        assert!(
            words(&refused).contains("nothing was written") && words(&refused).contains("project's folder"),
            "{}",
            words(&refused)
        );
        assert!(!home.path().join(".config/docker-mcp/config.toml").exists());
    }
    for (args, word) in [
        (["config", "init", "--preset", "root"].as_slice(), "read-only"),
        (&["config", "init", "--config", "x.json"], ".toml"),
        (&["config", "init", "--config", "/proc/none/x.toml"], "cannot be written"),
    ] {
        let refused = run(home.path(), project.path(), args);
        assert!(!refused.status.success() && words(&refused).contains(word), "{args:?}: {}", words(&refused));
    }
    assert_eq!(std::fs::read_dir(project.path()).unwrap().count(), 0);
}
