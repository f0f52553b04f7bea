//! A project's folder below a compose root, and what is on the engine beside it.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Launch, ToolResult};

/// Ends at SIGTERM, at once.
pub const POLITE: &[&str] = &["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];
/// A service that ends at SIGTERM, at once; more of it may follow, two blanks deeper than its name.
pub const IMAGE: &str = "    image: docker-mcp/base\n    stop_grace_period: 1s\n    \
    command: [sh, -c, \"trap 'exit 0' TERM; while :; do sleep 0.05; done\"]\n";

pub struct Yard {
    pub engine: Engine,
    pub scope: Scope,
    pub dir: TempDir,
    /// What the project is called.
    pub project: String,
}

impl Yard {
    pub fn new(engine: &Engine) -> Self {
        let scope = Scope::new(engine);
        let dir = tempfile::Builder::new().prefix("docker-mcp-yard-").tempdir().unwrap();
        for folder in ["root/app", "outside"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let project = scope.prefix.clone();
        Self { engine: engine.clone(), scope, dir, project }
    }

    pub fn name(&self, short: &str) -> String {
        self.scope.name(short)
    }

    /// Of a file in the yard: `root` is the compose root, `root/app` the project's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// One service `web`, with these lines below it, and these at the top.
    pub fn web(&self, lines: &str, top: &str) {
        self.write("root/app/compose.yaml", &self.of_web(lines, top));
    }

    pub fn of_web(&self, lines: &str, top: &str) -> String {
        format!("name: {}\nservices:\n  web:\n{IMAGE}{lines}{top}", self.project)
    }

    /// All levels; this test's objects in sight, but for what is called a vault or a secret. `more` begins in [permissions].
    pub fn config(&self, more: &str) -> String {
        let p = &self.scope.prefix;
        let (permissions, rest) = match more.starts_with('[') {
            true => ("", more),
            false => more.split_at(more.find("\n[").unwrap_or(more.len())),
        };
        let roots = if rest.contains("[compose]") {
            String::new()
        } else {
            format!("[compose]\nroots = [\"{}\"]\n", self.path("root").display())
        };
        let binds = if rest.contains("[create_safety]") {
            String::new()
        } else {
            format!("[create_safety]\nbind_roots = [\"{}\"]\n", self.path("root").display())
        };
        format!(
            "[permissions]\nlifecycle = true\ncreate = true\nimages = true\nvolumes = true\nnetworks = true\n\
             whitelist_containers = [\"{p}*\"]\nblacklist_containers = [\"{p}-vault*\"]\n\
             whitelist_networks = [\"{p}*\", \"bridge\", \"host\", \"none\"]\nblacklist_networks = [\"{p}-secret*\"]\n\
             whitelist_volumes = [\"{p}*\"]\nblacklist_volumes = [\"{p}-secret*\"]\n{permissions}\n\
             [confirm]\nrequire = \"none\"\n{roots}{binds}{rest}\n"
        )
    }

    pub fn launch(&self, more: &str) -> Launch {
        Launch::at(&self.engine.host).config(&self.config(more))
    }

    pub fn client(&self, more: &str) -> Client {
        self.launch(more).connect()
    }

    /// Of this engine's containers, networks and volumes: the project's, by its labels.
    pub fn made(&self) -> Vec<String> {
        made(&self.engine, &self.project)
    }

    /// Brings it up, which is refused before anything is made.
    #[track_caller]
    pub fn refused(&self, client: &Client, what: &str) -> ToolResult {
        let file = json!({ "file": "app" });
        let plan = client.call("docker_compose_up", &json!({ "file": "app", "dry_run": true }));
        assert!(plan.is_error, "{what}: it would: {}", plan.text);
        let up = client.call("docker_compose_up", &file);
        assert!(up.is_error, "{what}: {}", up.text);
        assert_eq!(self.made(), Vec::<String>::new(), "{what}: {}", up.text);
        assert_eq!(plan.kind(), up.kind(), "{what}: {} / {}", plan.text, up.text);
        up
    }

    #[track_caller]
    pub fn up(&self, client: &Client) -> ToolResult {
        client.call("docker_compose_up", &json!({ "file": "app" })).ok()
    }

    pub fn inspect(&self, short: &str) -> Value {
        self.engine.inspect("container", &self.name(short))
    }

    /// What is true of a container, but for what time alone changes.
    pub fn state(&self, short: &str) -> String {
        let mut facts = self.inspect(short);
        facts["State"]["Health"].take();
        facts["ExecIDs"].take();
        facts.to_string()
    }
}

/// Without the call's own id.
pub fn words(answer: &ToolResult) -> String {
    let id = answer.structured["error"]["correlation_id"].as_str().unwrap_or("no id at all");
    answer.whole().replace(id, "<call>")
}

pub fn made(engine: &Engine, project: &str) -> Vec<String> {
    let label = format!("label=com.docker.compose.project={project}");
    let mut all = Vec::new();
    for (list, what) in [
        (["ps", "-a"].as_slice(), "{{.Names}}"),
        (&["network", "ls"], "{{.Name}}"),
        (&["volume", "ls"], "{{.Name}}"),
    ] {
        let out = engine.docker(&[list, &["--filter", &label, "--format", what]].concat());
        all.extend(out.lines().map(|line| format!("{} {line}", list[0])));
    }
    all
}

fn clear(engine: &Engine, project: &str) {
    let label = format!("label=com.docker.compose.project={project}");
    for (list, delete) in [
        (["ps", "-aq"].as_slice(), ["rm", "-f", "-v"].as_slice()),
        (&["network", "ls", "-q"], &["network", "rm"]),
        (&["volume", "ls", "-q"], &["volume", "rm", "-f"]),
    ] {
        let ids = engine.try_docker(&[list, &["--filter", &label]].concat()).unwrap_or_default();
        let ids: Vec<&str> = ids.lines().collect();
        if !ids.is_empty() {
            let _gone = engine.try_docker(&[delete, &ids].concat());
        }
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        clear(&self.engine, &self.project);
    }
}
