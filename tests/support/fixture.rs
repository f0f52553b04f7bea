//! Objects on the engine, with names of their own, removed when the test ends however it ends.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

use super::engine::{BASE, Engine};

/// Every object of a test carries it.
const LABEL: &str = "test.docker-mcp=1";
/// Tells which run an object belongs to, so that a later run removes what a killed one left.
const RUN: &str = "test.docker-mcp.run";

/// The objects of one test.
#[derive(Debug)]
pub struct Scope {
    /// Where they are.
    pub engine: Engine,
    /// What their names begin with.
    pub prefix: String,
    run: String,
}

impl Scope {
    /// An empty one. What dead processes left is removed.
    pub fn new(engine: &Engine) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        sweep(engine);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let run = format!("{}-{}-{number}", pid_namespace(), std::process::id());
        Self { engine: engine.clone(), prefix: unique(), run }
    }

    /// The full name of an object of this test.
    pub fn name(&self, short: &str) -> String {
        format!("{}-{short}", self.prefix)
    }

    /// Makes a container: `command` is `run -d` or `create`, then options, then the command in it. Gives its id.
    #[track_caller]
    pub fn container(
        &self,
        how: &[&str],
        name: &str,
        options: &[&str],
        image: &str,
        command: &[&str],
    ) -> String {
        let (name, run) = (self.name(name), self.label());
        let mut args = how.to_vec();
        args.extend(["--name", &name, "--label", LABEL, "--label", &run]);
        args.extend(options);
        args.push(image);
        args.extend(command);
        self.engine.docker(&args)
    }

    /// A running container of the base image.
    #[track_caller]
    pub fn run(&self, name: &str, options: &[&str], command: &[&str]) -> String {
        self.container(&["run", "-d", "--stop-timeout", "0"], name, options, BASE, command)
    }

    /// A network.
    #[track_caller]
    pub fn network(&self, name: &str) -> String {
        let (name, run) = (self.name(name), self.label());
        self.engine.docker(&["network", "create", "--label", LABEL, "--label", &run, &name])
    }

    /// A volume.
    #[track_caller]
    pub fn volume(&self, name: &str, options: &[&str]) -> String {
        let (name, run) = (self.name(name), self.label());
        let mut args = vec!["volume", "create", "--label", LABEL, "--label", &run];
        args.extend(options);
        args.push(&name);
        self.engine.docker(&args)
    }

    /// Removes what it has so far.
    pub fn empty(&self) {
        remove(&self.engine, &self.run);
    }

    /// `key=value` of the label that marks this test's objects, for objects made in another way.
    pub fn label(&self) -> String {
        format!("{RUN}={}", self.run)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        remove(&self.engine, &self.run);
    }
}

/// Objects of one kind (`network`, `volume`) that a tool made: they carry no label of ours, and are removed by name.
#[derive(Debug)]
pub struct Made<'a>(pub &'a Engine, pub &'static str, pub Vec<String>);

impl Drop for Made<'_> {
    fn drop(&mut self) {
        for name in &self.2 {
            let _gone = self.0.try_docker(&[self.1, "rm", name]);
        }
    }
}

fn remove(engine: &Engine, run: &str) {
    let label = format!("label={RUN}={run}");
    for (list, delete) in [
        (["ps", "-aq", "--no-trunc"].as_slice(), ["rm", "-f", "-v"].as_slice()),
        (&["network", "ls", "-q"], &["network", "rm"]),
        (&["volume", "ls", "-q"], &["volume", "rm", "-f"]),
        (&["image", "ls", "-q", "--no-trunc"], &["image", "rm", "-f"]),
    ] {
        let ids = engine.try_docker(&[list, &["--filter", &label]].concat()).unwrap_or_default();
        let ids: Vec<&str> = ids.lines().collect();
        if !ids.is_empty() {
            // A test that removed its own container races with this; what is gone is gone.
            let _gone = engine.try_docker(&[delete, &ids].concat());
        }
    }
}

/// Removes what processes left that live no more.
fn sweep(engine: &Engine) {
    let format = format!("{{{{.Label \"{RUN}\"}}}}");
    let label = format!("label={LABEL}");
    for list in [["ps", "-a"].as_slice(), &["network", "ls"], &["volume", "ls"]] {
        let args = [list, &["--filter", &label, "--format", &format]].concat();
        let mut runs: Vec<String> =
            engine.try_docker(&args).unwrap_or_default().lines().map(str::to_owned).collect();
        runs.sort();
        runs.dedup();
        for run in runs {
            let mut parts = run.split('-');
            let ours = parts.next() == Some(&pid_namespace());
            let pid = parts.next().unwrap_or_default();
            if ours && !std::path::Path::new("/proc").join(pid).exists() {
                remove(engine, &run);
            }
        }
    }
}

/// Process ids mean something only within it.
fn pid_namespace() -> String {
    let link = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

/// A word that nobody else uses, and that cannot be taken for an id.
pub fn unique() -> String {
    let mut number = std::hash::RandomState::new().build_hasher().finish();
    let letters = (0..8).map(|_| {
        let letter = b"ghjkmnpqrstuvwxyz"[(number % 17) as usize];
        number /= 17;
        char::from(letter)
    });
    std::iter::once('t').chain(letters).collect()
}

/// A secret that stands in everything that the filters hide.
pub const HIDDEN_TEXT: &str = "hiddenhunter2";

/// Objects that the filters hide beside objects that they show, tied together in every way that Docker has.
#[derive(Debug)]
pub struct Fixture {
    /// Their names and their end.
    pub scope: Scope,
    /// Full ids of the hidden containers: running, stopped, of a project.
    pub hidden: [String; 3],
    /// Full ids of the visible ones: `app`, `web`.
    pub shown: [String; 2],
}

impl Fixture {
    /// Makes them all.
    pub fn new(engine: &Engine) -> Self {
        let scope = Scope::new(engine);
        let n = |short: &str| scope.name(short);
        scope.network("secretnet");
        scope.network("shared");
        scope.volume("vdata", &[]);
        scope.volume("vold", &[]);
        scope.volume("appdata", &[]);
        let env = format!("DB_PASSWORD={HIDDEN_TEXT}");
        let label = format!("team={HIDDEN_TEXT}");
        let health = format!("echo health-{HIDDEN_TEXT}");
        let log = format!("echo log-{HIDDEN_TEXT}; sleep 9999");
        let vdata = format!("{}:/data", n("vdata"));
        let vault = scope.run(
            "vault",
            &[
                "-e",
                &env,
                "-l",
                &label,
                "-v",
                &vdata,
                "--health-cmd",
                &health,
                "--health-interval",
                "1s",
                "-p",
                "127.0.0.1::8080",
            ],
            &["sh", "-c", &log],
        );
        for network in ["secretnet", "shared"] {
            engine.docker(&["network", "connect", &n(network), &vault]);
        }
        let vold = format!("{}:/data", n("vold"));
        let stopped =
            scope.container(&["create"], "vault-stopped", &["-v", &vold, "-e", &env], BASE, &["true"]);
        let project = format!("com.docker.compose.project={}", n("web"));
        let service = |name: &str| format!("com.docker.compose.service={name}");
        let db = scope.run("vaultdb", &["-l", &project, "-l", &service("db")], &["sleep", "9999"]);
        let appdata = format!("{}:/data", n("appdata"));
        let app = scope.run(
            "app",
            &["--network", &n("shared"), "-v", &appdata, "-e", "COLOUR=blue"],
            &["sh", "-c", "echo app-speaks; sleep 9999"],
        );
        let link = format!("{}:safe", n("vault"));
        let web =
            scope.run("web", &["--link", &link, "-l", &project, "-l", &service("web")], &["sleep", "9999"]);
        Self { hidden: [vault, stopped, db], shown: [app, web], scope }
    }

    /// The full name of one of its objects.
    pub fn name(&self, short: &str) -> String {
        self.scope.name(short)
    }

    /// A configuration that shows this fixture's objects only, and hides what is called a vault or secret.
    pub fn config(&self) -> String {
        let p = &self.scope.prefix;
        format!(
            "[permissions]\nwhitelist_containers = [\"{p}-*\"]\nblacklist_containers = [\"{p}-vault*\"]\n\
             whitelist_networks = [\"{p}-*\"]\nblacklist_networks = [\"{p}-secret*\"]\nwhitelist_volumes = [\"{p}-*\"]\n"
        )
    }

    /// Words that may stand in no answer: names, ids and addresses of what is hidden.
    pub fn forbidden(&self) -> Vec<String> {
        let mut words = vec![HIDDEN_TEXT.to_owned()];
        words.extend(["vault", "vdata", "vold", "secretnet"].map(|n| self.name(n)));
        words.extend(self.hidden.iter().map(|id| id[..12].to_owned()));
        let networks =
            self.scope.engine.inspect("container", &self.hidden[0])["NetworkSettings"]["Networks"].clone();
        for network in networks.as_object().unwrap().values() {
            for key in ["MacAddress", "EndpointID"] {
                words.extend(network[key].as_str().filter(|w| w.len() > 8).map(str::to_owned));
            }
        }
        words
    }

    /// What is true of the hidden objects and must stay so: their inspections without what time alone changes.
    pub fn state(&self) -> String {
        let engine = &self.scope.engine;
        let mut all = String::new();
        for id in &self.hidden {
            let mut facts = engine.inspect("container", id);
            // Health is checked all the time; an exec that ended is forgotten some time later.
            facts["State"]["Health"].take();
            facts["ExecIDs"].take();
            all.push_str(&facts.to_string());
        }
        for volume in ["vdata", "vold"] {
            all.push_str(&engine.inspect("volume", &self.name(volume)).to_string());
        }
        all.push_str(&engine.inspect("network", &self.name("secretnet")).to_string());
        all
    }
}
