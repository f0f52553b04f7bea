//! Containers that have folders of the host: by whatever way they have them, what controls the host is seen.

use serde_json::json;

use super::{ROOT, from};
use crate::support::fixture::Scope;
use crate::support::{Launch, engine};

#[test]
fn the_host_is_seen_behind_volumes_and_links() {
    let Some(engine) = engine::at_hand("copy::host") else { return };
    let scope = Scope::new(&engine);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let inside = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    for name in ["plain", "me/.ssh", "ours"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    std::fs::write(inside("plain/x"), "x\n").unwrap();
    std::os::unix::fs::symlink("/etc", inside("etc")).unwrap();
    std::fs::write(inside("ours/key"), "a-secret-of-ours").unwrap();
    let config = format!("{ROOT}[secrets]\nkey = {{ file = \"{}\" }}\n", inside("ours/key"));
    let volume = |name: &str, device: &str| {
        let device = format!("device={device}");
        scope.volume(name, &["--opt", "type=none", "--opt", "o=bind", "--opt", &device])
    };
    let (etc, plain) = (volume("etc", "/etc"), volume("plain", &inside("plain")));
    let memory = scope
        .volume("memory", &["--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m,nosuid"]);
    let usual = scope.volume("usual", &[]);
    let client = Launch::at(&engine.host).config(&config).connect();
    for (n, (source, power)) in [
        (etc.as_str(), Some("system files of the host")),
        (&inside("etc"), Some("system files of the host")),
        (&inside("me/.ssh"), Some("keys and settings of a person")),
        (&inside("ours"), Some("docker-mcp's own files")),
        (folder.to_str().unwrap(), Some("docker-mcp's own files")),
        (&plain, None),
        (&memory, None),
        (&usual, None),
        (&inside("plain"), None),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("c{n}");
        scope.run(&name, &["-v", &format!("{source}:/x")], &["sleep", "9999"]);
        let app = scope.name(&name);
        let run = client.call("docker_exec", &json!({ "container": app, "command": ["true"] }));
        for result in [from(&client, &app, "/x"), run] {
            let Some(power) = power else {
                result.ok();
                continue;
            };
            assert!(result.is_error, "{source}: {}", result.text);
            assert!(
                result.text.contains(power) && result.text.contains("allow_privileged_targets"),
                "{}",
                result.text
            );
        }
    }
}
