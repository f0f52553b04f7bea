//! A container that has the build root mounted puts links in the place of folders while a build looks and reads.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{CANARY, Tree, id, left, served};
use crate::support::{Client, Engine, Launch, engine};

/// So long builds are tried against the swaps of each builder.
const TRIED: Duration = Duration::from_secs(12);

/// The swaps, at any moment of a build: the context, and a folder in it.
const SWAPS: &str = "cd /r && ln -s $OUT lnk && ln -s $OUT inner && while :; do \
     mv app keep; mv lnk app; usleep 2000; mv app lnk; mv keep app; usleep 4000; \
     mv app/sub subkeep; mv inner app/sub; usleep 2000; mv app/sub inner; mv subkeep app/sub; usleep 4000; done";

/// No image ever has what lies outside, and some are built.
#[track_caller]
fn holds(engine: &Engine, test: &str, launch: impl Fn(Launch) -> Launch) {
    let tree = Tree::new(engine);
    for at in ["outside/Dockerfile", "root/app/Dockerfile"] {
        let text = format!("FROM docker-mcp/base:latest\nLABEL {}\nCOPY . /s/\n", tree.scope.label());
        std::fs::write(tree.path(at), text).unwrap();
    }
    tree.write("sub/secret", "mine");
    // Read between the look at `sub` and the look into it.
    for n in 0..600 {
        tree.write(&format!("zzz/f{n}"), "mine");
    }
    let client = launch(Launch::at(&engine.host).config(&tree.config("", ""))).connect();
    let (root, outside) = (tree.path("root"), tree.path("outside"));
    let container = tree.scope.run(
        "swap",
        &["-v", &format!("{}:/r", root.display()), "-e", &format!("OUT={}", outside.display())],
        &["sh", "-c", SWAPS],
    );
    let (mut built, mut tried) = (0, 0);
    let until = Instant::now() + TRIED;
    while Instant::now() < until || (built == 0 && tried < 300) {
        tried += 1;
        // The private copy as well: who leaves the Dockerfile out gets one.
        let ignore = root.join("app/Dockerfile.dockerignore");
        let _away = match tried % 2 {
            0 => std::fs::write(ignore, "Dockerfile\n"),
            _ => std::fs::remove_file(ignore),
        };
        let tag = tree.tag(&format!("x{tried}"));
        let result = client.call("docker_build", &json!({ "context": "app", "tags": tag }));
        assert!(!result.whole().contains(CANARY), "{test}: {}", result.text);
        if !result.is_error {
            built += 1;
            let look = ["run", "--rm", "--label", "docker-mcp.test=1", &tag, "sh", "-c"];
            let found =
                engine.docker(&[&look[..], &[&format!("grep -rl {CANARY} /s | head -1; true")]].concat());
            assert_eq!(found, "", "{test}: after {tried} builds");
        }
    }
    engine.docker(&["rm", "-f", &container]);
    assert!(built > 0, "{test}: none of {tried} was built");
}

#[test]
fn b1_what_is_put_in_the_place_of_a_context_is_not_sent() {
    let test = "build::swapped::buildx";
    let Some(engine) = engine::at_hand(test) else { return };
    holds(&engine, test, |launch| launch);
}

#[test]
fn b1_nor_by_the_engines_own_builder() {
    let test = "build::swapped::classic";
    let Some(engine) = engine::at_hand(test) else { return };
    let empty = tempfile::tempdir().unwrap();
    holds(&engine, test, |launch| launch.env("PATH", empty.path().to_str().unwrap()));
}

/// What no tar can say to buildx: a Dockerfile that is not in its own context.
#[test]
fn a_dockerfile_that_is_left_out_is_not_copied() {
    let Some(engine) = engine::at_hand("build::swapped::left_out") else { return };
    let tree = Tree::new(&engine);
    tree.write("sub/run.sh", "#!/bin/sh\necho ran\n");
    tree.write("deep/kept", "kept");
    tree.write("deep/gone", "gone");
    let script = tree.path("root/app/sub/run.sh");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(tree.path("outside/secret"), tree.path("root/app/link")).unwrap();
    tree.write(".dockerignore", "Dockerfile\n.dockerignore\ndeep\n!deep/kept\n");
    tree.steps("COPY . /s/\nRUN /s/sub/run.sh && test -L /s/link && ls -A /s /s/deep > /ls");
    let client = served(Launch::at(&engine.host).config(&tree.config("", "")), tree.dir.path());
    let build = |client: &Client, tag: &str| {
        let built = client.call("docker_build", &json!({ "context": "app", "tags": tag })).ok();
        assert_eq!(built.structured["id"].as_str(), id(&engine, tag).as_deref(), "{}", built.text);
        let listed = engine.docker(&["run", "--rm", "--label", "docker-mcp.test=1", tag, "cat", "/ls"]);
        let names: Vec<String> = listed.split_whitespace().map(str::to_owned).collect();
        (built.structured["cached"].as_u64().unwrap(), names)
    };
    let (_, names) = build(&client, &tree.tag("one"));
    assert_eq!(names, ["/s:", "deep", "link", "sub", "/s/deep:", "kept"]);
    // A step behind is another; the one that copies is not.
    tree.steps("COPY . /s/\nRUN /s/sub/run.sh && test -L /s/link && ls -A /s /s/deep > /ls\nRUN true");
    let (cached, _) = build(&client, &tree.tag("two"));
    assert!(cached >= 2, "{cached} cached");
    assert_eq!(left(tree.dir.path()), Vec::<String>::new(), "the copy goes");
}
