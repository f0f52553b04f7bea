//! The table: one row a tool.

use serde_json::{Value, json};

use super::refused::Refused::{self, Between, Fault, Real};
use super::site::{POLITE, Site};
use crate::support::engine::BASE;
use crate::support::faultd::{When, delete, get, post};
use crate::support::registry::free_port;

/// Where a cell is tested.
pub enum Cell {
    /// In this table.
    Here,
    /// By these tests.
    There(&'static [&'static str]),
    /// By this table, and more of it by these tests.
    Also(&'static [&'static str]),
}

impl Cell {
    pub const fn is_here(&self) -> bool {
        !matches!(self, Self::There(_))
    }

    pub fn elsewhere(&self) -> impl Iterator<Item = &'static str> + use<> {
        let names: &[&str] = match self {
            Self::Here => &[],
            Self::There(names) | Self::Also(names) => names,
        };
        names.iter().copied()
    }
}

/// A kind of object that an argument names.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Container,
    Image,
    Network,
    Volume,
}

/// One tool.
pub struct Row {
    pub tool: &'static str,
    /// Makes what it acts on; arguments that work.
    pub make: fn(&Site) -> Value,
    /// Is it done, by the engine's own word? None: it changes nothing.
    pub came: Option<fn(&Site) -> bool>,
    /// The request that does it.
    pub sent: fn() -> When,
    /// The arguments that name an object. None: it works on all that is in sight.
    pub names: &'static [(&'static str, Kind)],
    /// Arguments beside those that follow from the schema, and a word that the refusal says.
    pub bad: fn(&Site) -> Vec<(Value, &'static str)>,
    /// How the engine comes to refuse.
    pub refused: Refused,
    pub success: Cell,
    pub named: Cell,
    pub refuses: Cell,
    pub cancelled: Cell,
    pub timed_out: Cell,
}

const fn row(tool: &'static str, make: fn(&Site) -> Value, came: fn(&Site) -> bool) -> Row {
    Row {
        tool,
        make,
        came: Some(came),
        sent: || post("/"),
        names: &[],
        bad: |_| Vec::new(),
        refused: Fault(500, "it cannot be done", "daemon_error"),
        success: Cell::Here,
        named: Cell::Here,
        refuses: Cell::Here,
        cancelled: Cell::Here,
        timed_out: Cell::Here,
    }
}

const NAMED: &[(&str, Kind)] = &[("containers", Kind::Container)];
const ONE: &[(&str, Kind)] = &[("container", Kind::Container)];

/// What every tool on several containers refuses.
fn several(_: &Site) -> Vec<(Value, &'static str)> {
    vec![
        (json!({ "containers": vec!["x"; 51] }), "50"),
        (json!({ "containers": "../images/x" }), "x"),
        (json!({ "containers": "" }), ""),
        (json!({ "containers": ["x", 7] }), "containers"),
    ]
}

fn graceful(site: &Site) -> Vec<(Value, &'static str)> {
    let mut bad = several(site);
    bad.push((json!({ "timeout": -1 }), "timeout"));
    bad.push((json!({ "timeout": "1h" }), "lifecycle_timeout"));
    bad.push((json!({ "signal": "SIGNOSUCH" }), "signal"));
    bad
}

fn app(site: &Site) -> Value {
    json!({ "containers": site.name("app") })
}

fn running(site: &Site) -> bool {
    site.fact("app", "/State/Running") == true
}

/// Two containers that publish one port: the second does not start.
fn taken_port(site: &Site) -> Value {
    let publish = format!("127.0.0.1:{}:80", free_port());
    site.scope.container(&["create"], "app", &["-p", &publish], BASE, POLITE);
    site.scope.run("first", &["-p", &publish], POLITE);
    app(site)
}

/// An image with a container.
fn used_image(site: &Site) {
    site.make_image("1");
    site.scope.container(&["create"], "user", &[], &site.image("1"), POLITE);
}

fn used_volume(site: &Site) {
    site.scope.volume("vol", &[]);
    user_of_volume(site);
}

fn user_of_volume(site: &Site) {
    site.scope.container(&["create"], "user", &["-v", &format!("{}:/v", site.name("vol"))], BASE, POLITE);
}

fn user_of_network(site: &Site) {
    site.scope.container(&["create"], "user", &["--network", &site.name("net")], BASE, POLITE);
}

fn net_and_app(site: &Site) -> Value {
    site.scope.network("net");
    site.run("app");
    json!({ "network": site.name("net"), "container": site.name("app") })
}

/// Labels that make a container a project of its own.
fn member(site: &Site) -> [&'static str; 4] {
    // Of a few characters, once a row.
    let project = format!("com.docker.compose.project={}-stack", site.scope.prefix).leak();
    ["--label", project, "--label", "com.docker.compose.service=app"]
}

fn project(site: &Site) -> Value {
    json!({ "project": format!("{}-stack", site.scope.prefix) })
}

const PROJECTS: Cell = Cell::Also(&["compose::hidden::a_hidden_project_does_not_exist"]);

fn of_project(_: &Site) -> Vec<(Value, &'static str)> {
    vec![(json!({ "project": "" }), "project"), (json!({ "services": [] }), "services")]
}

fn of_project_with_grace(site: &Site) -> Vec<(Value, &'static str)> {
    let mut bad = of_project(site);
    bad.push((json!({ "timeout": -1 }), "timeout"));
    bad.push((json!({ "timeout": "1h" }), "compose_timeout"));
    bad
}

/// A compose file of one service, with more to it.
fn file_of(site: &Site, more: &str) -> String {
    let command = r#"["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"]"#;
    let more = more.replace("PREFIX", &site.scope.prefix);
    format!("services: {{ app: {{ image: \"{BASE}\", command: {command} }} }}\n{more}\n")
}

fn of_stack(site: &Site, file: &str) -> Value {
    let file = site.write("compose.yaml", file);
    json!({ "file": file, "project": format!("{}-stack", site.scope.prefix) })
}

fn up_of(site: &Site, more: &str) -> Value {
    of_stack(site, &file_of(site, more))
}

fn text_of(site: &Site, more: &str) -> Value {
    json!({ "project_name": format!("{}-stack", site.scope.prefix), "compose_yaml": file_of(site, more) })
}

fn of_file(site: &Site) -> Vec<(Value, &'static str)> {
    site.write("bad.yaml", "services:\n  app: [\n");
    site.write("unknown.yaml", "services: { app: { image: x, no_such: 1 } }\n");
    vec![
        (json!({ "project": "" }), "project"),
        (json!({ "project": "Not A Name" }), "name of a project"),
        (json!({ "services": [] }), "services"),
        (json!({ "services": "no-such" }), "no-such"),
        (json!({ "file": "" }), "file"),
        (json!({ "file": "bad.yaml" }), "line"),
        (json!({ "file": "unknown.yaml" }), "no_such"),
    ]
}

pub const ROWS: &[Row] = &[
    // lifecycle
    Row {
        sent: || post("/start"),
        names: NAMED,
        bad: several,
        refused: Real(taken_port, "daemon_error"),
        ..row(
            "docker_start",
            |site| {
                site.create("app");
                app(site)
            },
            running,
        )
    },
    Row {
        sent: || post("/stop"),
        names: NAMED,
        bad: graceful,
        // An engine refuses no stop by itself: what is stopped already is no failure.
        refused: Fault(500, "cannot stop container: permission denied", "daemon_error"),
        cancelled: Cell::Also(&["neverhang::changes::who_gives_up_a_change_that_was_sent_does_not_undo_it"]),
        timed_out: Cell::Also(&[
            "neverhang::changes::a_stop_that_takes_its_time_goes_on_and_is_seen_through",
        ]),
        ..row(
            "docker_stop",
            |site| {
                site.run("app");
                app(site)
            },
            |site| !running(site),
        )
    },
    Row {
        sent: || post("/restart"),
        names: NAMED,
        bad: graceful,
        refused: Real(taken_port, "daemon_error"),
        ..row(
            "docker_restart",
            |site| {
                site.run("app");
                site.mark(&site.fact("app", "/State/StartedAt"));
                app(site)
            },
            |site| running(site) && site.differs(&site.fact("app", "/State/StartedAt")),
        )
    },
    Row {
        sent: || post("/kill"),
        names: NAMED,
        bad: |site| {
            let mut bad = several(site);
            bad.push((json!({ "signal": "TERM; rm" }), "signal"));
            bad.push((json!({ "signal": 99 }), "signal"));
            bad
        },
        refused: Real(
            |site| {
                site.create("app");
                app(site)
            },
            "conflict",
        ),
        cancelled: Cell::Also(&["neverhang::changes::what_was_not_sent_when_a_change_is_given_up_never_is"]),
        ..row(
            "docker_kill",
            |site| {
                site.run("app");
                app(site)
            },
            |site| !running(site),
        )
    },
    Row {
        sent: || post("/pause"),
        names: NAMED,
        bad: several,
        refused: Real(
            |site| {
                site.create("app");
                app(site)
            },
            "conflict",
        ),
        ..row(
            "docker_pause",
            |site| {
                site.run("app");
                app(site)
            },
            |site| site.fact("app", "/State/Paused") == true,
        )
    },
    Row {
        sent: || post("/unpause"),
        names: NAMED,
        bad: several,
        refused: Real(
            |site| {
                site.create("app");
                app(site)
            },
            "conflict",
        ),
        ..row(
            "docker_unpause",
            |site| {
                site.run("app");
                site.engine.docker(&["pause", &site.name("app")]);
                app(site)
            },
            |site| site.fact("app", "/State/Paused") == false,
        )
    },
    // compose
    Row {
        sent: || post("/start"),
        bad: of_project,
        refused: Fault(500, "driver failed programming external connectivity", "daemon_error"),
        named: PROJECTS,
        ..row(
            "docker_compose_start",
            |site| {
                site.scope.container(&["create"], "app", &member(site), BASE, POLITE);
                project(site)
            },
            running,
        )
    },
    Row {
        sent: || post("/stop"),
        bad: of_project_with_grace,
        refused: Fault(500, "cannot stop container: permission denied", "daemon_error"),
        named: PROJECTS,
        ..row(
            "docker_compose_stop",
            |site| {
                site.scope.run("app", &member(site), POLITE);
                project(site)
            },
            |site| !running(site),
        )
    },
    Row {
        sent: || post("/restart"),
        bad: of_project_with_grace,
        refused: Fault(400, "it cannot be restarted", "invalid_arguments"),
        named: PROJECTS,
        ..row(
            "docker_compose_restart",
            |site| {
                site.scope.run("app", &member(site), POLITE);
                site.mark(&site.fact("app", "/State/StartedAt"));
                project(site)
            },
            |site| running(site) && site.differs(&site.fact("app", "/State/StartedAt")),
        )
    },
    Row {
        sent: || delete("/containers/"),
        bad: |site| {
            let mut bad = of_project_with_grace(site);
            bad.push((json!({ "volumes": "some" }), "volumes"));
            bad
        },
        refused: Between(|site| {
            site.engine.docker(&["start", &site.name("app")]);
        }),
        named: Cell::Also(&[
            "compose::hidden::a_hidden_project_does_not_exist",
            "compose::hidden::what_hidden_members_use_stays",
        ]),
        ..row(
            "docker_compose_down",
            |site| {
                site.scope.container(&["create"], "app", &member(site), BASE, POLITE);
                project(site)
            },
            |site| !site.has("container", "app"),
        )
    },
    // create
    Row {
        sent: || post("/containers/create"),
        names: &[("image", Kind::Image), ("networks", Kind::Network)],
        bad: |_| {
            vec![
                (json!({ "name": "a b" }), "name"),
                (json!({ "name": "../x" }), "name"),
                (json!({ "image": "UPPER case" }), "image"),
                (json!({ "ports": ["http"] }), "ports"),
                (json!({ "resources": { "memory": "lots" } }), "memory"),
                (json!({ "networks": [], "network_mode": 7 }), "network_mode"),
            ]
        },
        refused: Real(
            |site| {
                site.create("new");
                json!({ "image": BASE, "name": site.name("new") })
            },
            "conflict",
        ),
        named: Cell::Also(&[
            "create::guard::networks_and_namespaces_of_others",
            "create::guard::volumes_that_are_something_else",
        ]),
        refuses: Cell::Also(&["create::lost::what_the_engine_refuses_is_told_and_not_blamed"]),
        ..row(
            "docker_create",
            |site| json!({ "image": BASE, "name": site.name("new") }),
            |site| site.has("container", "new"),
        )
    },
    Row {
        sent: || post("/containers/create"),
        names: &[("image", Kind::Image), ("networks", Kind::Network)],
        bad: |_| {
            vec![
                (json!({ "name": "a b" }), "name"),
                (json!({ "wait_for": "for ever" }), "wait_for"),
                (json!({ "timeout": "2h" }), ""),
                (json!({ "stop_timeout": -3 }), "stop_timeout"),
            ]
        },
        refused: Real(
            |site| {
                let port = free_port();
                site.scope.run("first", &["-p", &format!("127.0.0.1:{port}:80")], POLITE);
                json!({ "image": BASE, "name": site.name("new"), "command": POLITE,
                        "ports": [format!("127.0.0.1:{port}:80")] })
            },
            "daemon_error",
        ),
        named: Cell::Also(&[
            "create::guard::networks_and_namespaces_of_others",
            "create::guard::volumes_that_are_something_else",
        ]),
        cancelled: Cell::There(&["create::lost::who_gives_up_leaves_nothing_half_made"]),
        ..row(
            "docker_run",
            |site| json!({ "image": BASE, "name": site.name("new"), "command": POLITE }),
            |site| site.has("container", "new") && site.fact("new", "/State/Running") == true,
        )
    },
    Row {
        sent: || delete("/containers/"),
        names: NAMED,
        bad: |site| {
            let mut bad = several(site);
            bad.push((json!({ "link": true }), "link"));
            bad
        },
        refused: Real(
            |site| {
                site.run("app");
                app(site)
            },
            "conflict",
        ),
        cancelled: Cell::Also(&["upkeep::remove::a_removal_called_off_in_time_is_not_made"]),
        ..row(
            "docker_remove",
            |site| {
                site.create("app");
                app(site)
            },
            |site| !site.has("container", "app"),
        )
    },
    Row {
        sent: || post("/rename"),
        names: ONE,
        bad: |_| {
            let names = ["", "x", "-x", "a b", "../x", "a/b", "0123456789ab"];
            names.map(|name| (json!({ "name": name }), "")).into()
        },
        refused: Real(
            |site| {
                site.create("app");
                site.create("new");
                json!({ "container": site.name("app"), "name": site.name("new") })
            },
            "conflict",
        ),
        named: Cell::Also(&["upkeep::rename::hidden_names_stay_untold"]),
        ..row(
            "docker_rename",
            |site| {
                site.run("app");
                json!({ "container": site.name("app"), "name": site.name("new") })
            },
            |site| site.has("container", "new") && !site.has("container", "app"),
        )
    },
    Row {
        sent: || post("/update"),
        names: ONE,
        bad: |site| {
            vec![
                (json!({ "memory": "lots" }), "memory"),
                (json!({ "memory": "1m" }), "memory"),
                (json!({ "cpus": -1 }), "cpus"),
                (json!({ "restart_policy": "sometimes" }), "restart"),
                (json!({ "memory_swap": "1g" }), "memory_swap"),
                (json!({ "container": [site.name("app")] }), "container"),
            ]
        },
        // Twice as many processors as there are.
        refused: Fault(400, "range of CPUs is from 0.01 to 2.00", "invalid_arguments"),
        refuses: Cell::Also(&["upkeep::update::what_the_engine_refuses_and_what_is_lost"]),
        ..row(
            "docker_update",
            |site| {
                site.run("app");
                json!({ "container": site.name("app"), "pids": 77 })
            },
            |site| site.fact("app", "/HostConfig/PidsLimit") == 77,
        )
    },
    Row {
        sent: || post("/containers/create"),
        names: &[("container", Kind::Container), ("image", Kind::Image)],
        bad: |_| {
            vec![
                (json!({ "timeout": "2h" }), ""),
                (json!({ "timeout": -1 }), "timeout"),
                (json!({ "stop_first": "first" }), "stop_first"),
                (json!({ "image": "a b" }), "image"),
            ]
        },
        refused: Fault(500, "no space left on device", "daemon_error"),
        refuses: Cell::Also(&["upkeep::recreate::what_fails_is_undone"]),
        ..row(
            "docker_recreate",
            |site| {
                site.run("app");
                site.mark(&site.fact("app", "/Id"));
                json!({ "container": site.name("app"), "timeout": "20s" })
            },
            |site| site.has("container", "app") && site.differs(&site.fact("app", "/Id")),
        )
    },
    Row {
        sent: || delete("/containers/"),
        bad: |_| vec![(json!({ "all": true }), "all"), (json!({ "force": true }), "force")],
        refused: Between(|site| {
            site.engine.docker(&["start", &site.name("app")]);
        }),
        ..row(
            "docker_container_prune",
            |site| {
                site.create("app");
                json!({})
            },
            |site| !site.has("container", "app"),
        )
    },
    // images
    Row {
        sent: || post("/images/create"),
        names: &[("image", Kind::Image)],
        bad: |_| {
            vec![
                (json!({ "image": "UPPER" }), "image"),
                (json!({ "image": "a b" }), "image"),
                (json!({ "platform": "toaster" }), "platform"),
            ]
        },
        success: Cell::There(&["images::transfers::there_and_back"]),
        named: Cell::Also(&["images::names::i1_every_spelling_is_one_image"]),
        refuses: Cell::There(&["images::registries::what_a_known_registry_says_is_told"]),
        cancelled: Cell::There(&[
            "images::transfers::what_is_given_up_in_the_middle_ends_soon_and_can_be_asked_for_again",
        ]),
        timed_out: Cell::There(&["images::transfers::a_registry_that_is_silent_is_waited_for_and_said"]),
        ..row("docker_pull", |site| json!({ "image": site.image("9") }), |site| site.has_image("9"))
    },
    Row {
        sent: || post("/push"),
        names: &[("image", Kind::Image)],
        bad: |_| vec![(json!({ "image": "a b" }), "image"), (json!({ "all_tags": true }), "all_tags")],
        success: Cell::There(&["images::transfers::there_and_back"]),
        refuses: Cell::There(&["images::registries::what_a_known_registry_says_is_told"]),
        cancelled: Cell::There(&[
            "images::transfers::what_is_given_up_in_the_middle_ends_soon_and_can_be_asked_for_again",
        ]),
        timed_out: Cell::There(&["images::transfers::of_a_push_that_breaks_only_the_registry_knows"]),
        ..row(
            "docker_push",
            |site| {
                site.make_image("1");
                json!({ "image": site.image("1") })
            },
            // What is in the registry is not seen at the engine.
            |_| false,
        )
    },
    Row {
        sent: || post("/build"),
        bad: |_| vec![(json!({ "tags": "a b" }), "a b"), (json!({ "tags": "UPPER" }), "UPPER")],
        success: Cell::There(&["build::an_image_is_built_and_built_again"]),
        named: Cell::There(&["build::refused::i2_i4_b6_b9_names_and_secrets"]),
        refuses: Cell::There(&[
            "build::a_step_that_fails_is_shown_with_its_last_lines",
            "build::child::without_buildx_the_engine_builds",
        ]),
        cancelled: Cell::There(&["build::a_build_that_is_given_up_ends_and_leaves_nothing"]),
        timed_out: Cell::There(&["build::b10_a_build_that_takes_too_long_is_ended_in_time"]),
        ..row(
            "docker_build",
            |site| json!({ "context": ".", "tags": site.image("9") }),
            |site| site.has_image("9"),
        )
    },
    Row {
        sent: || post("/tag"),
        names: &[("image", Kind::Image)],
        bad: |_| {
            vec![
                (json!({ "name": "UPPER" }), "no name of an image"),
                (json!({ "name": "26e2fa12aad5" }), "looks like an id"),
                (json!({ "image": "a b" }), "image"),
            ]
        },
        refused: Fault(500, "refusing to create a tag with a digest reference", "daemon_error"),
        ..row(
            "docker_tag",
            |site| {
                site.make_image("1");
                json!({ "image": site.image("1"), "name": site.image("2") })
            },
            |site| site.has_image("2"),
        )
    },
    Row {
        sent: || delete("/images/"),
        names: &[("images", Kind::Image)],
        bad: |_| {
            vec![
                (json!({ "images": "a b" }), "image"),
                (json!({ "force": true }), "force"),
                (json!({ "images": vec!["x"; 51] }), "50"),
            ]
        },
        refused: Real(
            |site| {
                used_image(site);
                json!({ "images": site.image("1") })
            },
            "conflict",
        ),
        ..row(
            "docker_image_remove",
            |site| {
                site.make_image("1");
                json!({ "images": site.image("1") })
            },
            |site| !site.has_image("1"),
        )
    },
    Row {
        sent: || delete("/images/"),
        bad: |_| vec![(json!({ "filter": "x" }), "filter"), (json!({ "all": 7 }), "all")],
        refused: Between(|site| {
            site.scope.container(&["create"], "user", &[], &site.image("1"), POLITE);
        }),
        ..row(
            "docker_image_prune",
            |site| {
                site.make_image("1");
                json!({ "all": true })
            },
            |site| !site.has_image("1"),
        )
    },
    // volumes
    Row {
        sent: || post("/volumes/create"),
        bad: |_| {
            vec![
                (json!({ "name": "" }), "name"),
                (json!({ "name": "a/b" }), "name"),
                (json!({ "name": "../x" }), "name"),
                (json!({ "options": {} }), "options"),
            ]
        },
        refused: Real(
            |site| {
                site.scope.volume("vol", &["--label", "team=b"]);
                json!({ "name": site.name("vol"), "labels": { "team": "a" } })
            },
            "conflict",
        ),
        named: Cell::There(&["volumes::x5_volumes_of_hidden_containers_do_not_exist"]),
        refuses: Cell::Also(&["volumes::answers_that_are_lost_and_refusals"]),
        ..row(
            "docker_volume_create",
            |site| json!({ "name": site.name("vol") }),
            |site| site.has("volume", "vol"),
        )
    },
    Row {
        sent: || delete("/volumes/"),
        names: &[("name", Kind::Volume)],
        bad: |_| {
            vec![
                (json!({ "name": "../x" }), "x"),
                (json!({ "force": true }), "force"),
                (json!({ "name": vec!["x"; 51] }), "50"),
            ]
        },
        refused: Real(
            |site| {
                used_volume(site);
                json!({ "name": site.name("vol") })
            },
            "conflict",
        ),
        cancelled: Cell::Also(&["volumes::a_removal_of_several_is_called_off"]),
        ..row(
            "docker_volume_remove",
            |site| {
                site.scope.volume("vol", &[]);
                json!({ "name": [site.name("vol")] })
            },
            |site| !site.has("volume", "vol"),
        )
    },
    Row {
        sent: || delete("/volumes/"),
        bad: |_| vec![(json!({ "filter": "x" }), "filter"), (json!({ "all": 7 }), "all")],
        refused: Between(user_of_volume),
        ..row(
            "docker_volume_prune",
            |site| {
                site.scope.volume("vol", &[]);
                json!({ "all": true })
            },
            |site| !site.has("volume", "vol"),
        )
    },
    // networks
    Row {
        sent: || post("/networks/create"),
        bad: |_| {
            vec![
                (json!({ "name": "a/b" }), "name"),
                (json!({ "options": { "parent": "eth0" } }), "options"),
                (json!({ "ipam": {} }), "ipam"),
            ]
        },
        refused: Real(|site| json!({ "name": site.name("net"), "driver": "overlay" }), "unsupported"),
        named: Cell::There(&["networks::x8_hidden_networks_and_users"]),
        refuses: Cell::Also(&["networks::answers_that_are_lost_and_refusals"]),
        ..row(
            "docker_network_create",
            |site| json!({ "name": site.name("net") }),
            |site| site.has("network", "net"),
        )
    },
    Row {
        sent: || delete("/networks/"),
        names: &[("name", Kind::Network)],
        bad: |_| {
            vec![
                (json!({ "name": "../x" }), "x"),
                (json!({ "force": true }), "force"),
                (json!({ "name": vec!["x"; 51] }), "50"),
            ]
        },
        refused: Real(
            |site| {
                site.scope.network("net");
                site.scope.run("user", &["--network", &site.name("net")], POLITE);
                json!({ "name": site.name("net") })
            },
            "conflict",
        ),
        ..row(
            "docker_network_remove",
            |site| {
                site.scope.network("net");
                json!({ "name": site.name("net") })
            },
            |site| !site.has("network", "net"),
        )
    },
    Row {
        sent: || post("/connect"),
        names: &[("network", Kind::Network), ("container", Kind::Container)],
        bad: |_| {
            vec![
                (json!({ "aliases": ["a b"] }), "a b"),
                (json!({ "network": "../x" }), "x"),
                (json!({ "container": ["x"] }), "container"),
                (json!({ "ip": "10.0.0.1" }), "ip"),
            ]
        },
        // One that shares another's network.
        refused: Real(
            |site| {
                let both = net_and_app(site);
                site.scope.run("shares", &["--network", &format!("container:{}", site.name("app"))], POLITE);
                json!({ "network": both["network"], "container": site.name("shares") })
            },
            "conflict",
        ),
        ..row("docker_network_connect", net_and_app, |site| site.on("app", "net"))
    },
    Row {
        sent: || post("/disconnect"),
        names: &[("network", Kind::Network), ("container", Kind::Container)],
        bad: |_| {
            vec![
                (json!({ "network": "../x" }), "x"),
                (json!({ "container": ["x"] }), "container"),
                (json!({ "force": true }), "force"),
            ]
        },
        refused: Fault(500, "endpoint is locked", "daemon_error"),
        ..row(
            "docker_network_disconnect",
            |site| {
                let both = net_and_app(site);
                site.engine.docker(&["network", "connect", &site.name("net"), &site.name("app")]);
                both
            },
            |site| !site.on("app", "net"),
        )
    },
    Row {
        sent: || delete("/networks/"),
        bad: |_| vec![(json!({ "all": true }), "all"), (json!({ "filter": "x" }), "filter")],
        refused: Between(user_of_network),
        refuses: Cell::Also(&["networks::x12_a_prune_takes_what_it_showed"]),
        ..row(
            "docker_network_prune",
            |site| {
                site.scope.network("net");
                json!({})
            },
            |site| !site.has("network", "net"),
        )
    },
    // system
    Row {
        came: None,
        sent: || get("/info"),
        named: Cell::Also(&["system::y2_info_and_df_are_of_what_is_visible"]),
        ..row("docker_info", |_| json!({}), |_| false)
    },
    Row {
        came: None,
        sent: || get("/system/df"),
        bad: |_| vec![(json!({ "limit": -1 }), "limit"), (json!({ "timeout": "2h" }), "")],
        // A part that is refused is left out, and that is said.
        refused: Fault(500, "without the size of", ""),
        named: Cell::Also(&["system::y2_info_and_df_are_of_what_is_visible"]),
        timed_out: Cell::There(&["system::b29_a_count_that_takes_minutes_is_partial"]),
        ..row("docker_df", |_| json!({}), |_| false)
    },
    Row {
        sent: || delete("/containers/"),
        bad: |_| vec![(json!({ "all": true }), "all"), (json!({ "volumes": "some" }), "volumes")],
        refused: Between(|site| {
            site.engine.docker(&["start", &site.name("app")]);
        }),
        refuses: Cell::Also(&["system::x12_a_prune_of_everything"]),
        ..row(
            "docker_prune",
            |site| {
                site.create("app");
                json!({})
            },
            |site| !site.has("container", "app"),
        )
    },
    // compose files
    Row {
        bad: |site| {
            let mut bad = of_file(site);
            bad.push((json!({ "timeout": -1 }), "timeout"));
            bad.push((json!({ "timeout": "1h" }), "compose_timeout"));
            bad.push((json!({ "detach": false }), "detach"));
            bad
        },
        refused: Real(
            |site| up_of(site, "networks: { default: { external: true, name: PREFIX-none } }"),
            "not_found",
        ),
        success: Cell::Also(&["compose::files::life::a_stack_goes_up_is_used_and_goes_down"]),
        named: Cell::Also(&["compose::files::refused::what_the_filters_hide_stops_it_before_it_starts"]),
        refuses: Cell::Also(&["compose::files::failing::what_fails_is_named"]),
        cancelled: Cell::There(&["compose::files::given_up::who_gives_up_midway_is_told_what_is_true"]),
        timed_out: Cell::There(&["compose::files::given_up::out_of_time_it_is_ended_and_said"]),
        ..row("docker_compose_up", |site| up_of(site, ""), |site| site.has("container", "stack-app-1"))
    },
    Row {
        bad: |_| {
            vec![
                (json!({ "project_name": "Not A Name" }), "name of a project"),
                (json!({ "compose_yaml": "services: [" }), "line 1"),
                (json!({ "compose_yaml": "services: { app: { image: x, env_file: y } }" }), "file"),
                (json!({ "compose_yaml": "services: { app: { image: x, no_such: 1 } }" }), "no_such"),
                (json!({ "services": ["app"] }), "services"),
            ]
        },
        refused: Real(
            |site| text_of(site, "networks: { default: { external: true, name: PREFIX-none } }"),
            "not_found",
        ),
        success: Cell::Also(&["compose::files::seeds::the_calls_of_seed_003"]),
        named: Cell::Also(&["compose::files::refused::what_the_filters_hide_stops_it_before_it_starts"]),
        refuses: Cell::Also(&["compose::files::failing::what_fails_is_named"]),
        cancelled: Cell::There(&["compose::files::given_up::who_gives_up_midway_is_told_what_is_true"]),
        timed_out: Cell::There(&["compose::files::given_up::out_of_time_it_is_ended_and_said"]),
        ..row("docker_compose_deploy", |site| text_of(site, ""), |site| site.has("container", "stack-app-1"))
    },
    Row {
        sent: || post("/images/create"),
        bad: of_file,
        success: Cell::There(&["compose::files::images::images_are_pulled_from_their_registry"]),
        named: Cell::There(&["compose::files::refused::what_the_filters_hide_stops_it_before_it_starts"]),
        refuses: Cell::There(&["compose::files::images::an_image_that_is_nowhere_is_named"]),
        cancelled: Cell::There(&[
            "images::transfers::what_is_given_up_in_the_middle_ends_soon_and_can_be_asked_for_again",
        ]),
        timed_out: Cell::There(&["images::transfers::a_registry_that_is_silent_is_waited_for_and_said"]),
        ..row("docker_compose_pull", |site| up_of(site, ""), |_| false)
    },
    Row {
        sent: || post("/build"),
        bad: of_file,
        named: Cell::There(&["compose::files::refused::what_the_filters_hide_stops_it_before_it_starts"]),
        refuses: Cell::There(&["compose::files::images::a_build_that_fails_is_shown"]),
        cancelled: Cell::There(&["build::a_build_that_is_given_up_ends_and_leaves_nothing"]),
        timed_out: Cell::There(&["build::b10_a_build_that_takes_too_long_is_ended_in_time"]),
        ..row(
            "docker_compose_build",
            |site| {
                let label = site.scope.label();
                site.write("app/Dockerfile", &format!("FROM {BASE}\nLABEL {label}\nRUN echo it > /it\n"));
                let file =
                    format!("services: {{ app: {{ build: ./app, image: \"{}\" }} }}\n", site.image("9"));
                of_stack(site, &file)
            },
            |site| site.has_image("9"),
        )
    },
];
