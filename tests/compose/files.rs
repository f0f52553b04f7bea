//! Whole stacks from their files, on a real engine: what is there afterwards is what the files say.

mod again;
mod cli;
mod comes;
mod failing;
mod given_up;
mod images;
mod large;
mod life;
mod locked;
mod plan;
mod refused;
mod seeds;
mod shown;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::engine::BASE;
use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Launch};

/// Runs until it is told to end, then ends at once.
const IDLE: &str = r#"["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"]"#;

/// A folder that is a compose root, and the project that is made of it.
struct Shop {
    engine: Engine,
    scope: Scope,
    project: String,
    dir: PathBuf,
    _kept: TempDir,
}

impl Shop {
    fn new(engine: &Engine) -> Self {
        let kept = tempfile::Builder::new().prefix("docker-mcp-shop-").tempdir().unwrap();
        let scope = Scope::new(engine);
        let dir = kept.path().canonicalize().unwrap();
        Self { engine: engine.clone(), project: scope.prefix.clone(), scope, dir, _kept: kept }
    }

    /// BASE, PROJECT and IDLE are put in.
    fn text(&self, text: &str) -> String {
        text.replace("BASE", BASE).replace("PROJECT", &self.project).replace("IDLE", IDLE)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, self.text(text)).unwrap();
        path.display().to_string()
    }

    /// The compose file.
    fn file(&self, text: &str) {
        self.write("compose.yaml", &format!("name: PROJECT\n{text}"));
    }

    /// Nothing but this shop's objects in sight; `permissions` are more keys of that section.
    fn config(&self, permissions: &str, sections: &str) -> String {
        let (p, dir) = (&self.project, self.dir.display());
        let on = ["lifecycle", "create", "images", "volumes", "networks"];
        let set = |key: &str| permissions.lines().any(|line| line.starts_with(&format!("{key} ")));
        let mut permissions = permissions.to_owned();
        for key in on.iter().filter(|key| !set(key)) {
            permissions.push_str(&format!("\n{key} = true"));
        }
        for key in ["containers", "networks", "volumes"].map(|kind| format!("whitelist_{kind}")) {
            if !set(&key) {
                permissions.push_str(&format!("\n{key} = [\"{p}-*\", \"{p}_*\"]"));
            }
        }
        let mut sections = sections.to_owned();
        for (name, keys) in [
            ("[confirm]", "require = \"none\"".to_owned()),
            ("[compose]", format!("roots = [\"{dir}\"]")),
            ("[build]", format!("roots = [\"{dir}\"]")),
            ("[create_safety]", format!("bind_roots = [\"{dir}\"]")),
        ] {
            if !sections.contains(name) {
                sections.push_str(&format!("\n{name}\n{keys}\n"));
            }
        }
        format!("[permissions]\n{permissions}\n{sections}\n")
    }

    fn launch(&self, permissions: &str, sections: &str) -> Launch {
        Launch::at(&self.engine.host).config(&self.config(permissions, sections))
    }

    fn client(&self) -> Client {
        self.launch("", "").connect()
    }

    /// The facts of a container: `web-1`.
    #[track_caller]
    fn facts(&self, container: &str) -> Value {
        self.engine.inspect("container", &self.scope.name(container))
    }

    /// A word within a container.
    #[track_caller]
    fn exec(&self, container: &str, command: &[&str]) -> String {
        let name = self.scope.name(container);
        self.engine.docker(&[&["exec", name.as_str()], command].concat())
    }

    fn list(&self, what: &[&str]) -> Vec<String> {
        let label = format!("label=com.docker.compose.project={}", self.project);
        let out = self.engine.docker(&[what, &["--filter", &label]].concat());
        let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// The containers, networks and volumes of the project.
    fn objects(&self) -> Vec<String> {
        let mut all = self.list(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"]);
        all.extend(self.list(&["network", "ls", "--format", "{{.Name}}"]));
        all.extend(self.list(&["volume", "ls", "--format", "{{.Name}}"]));
        all
    }

    /// Without what their names begin with.
    fn containers(&self) -> Vec<String> {
        let before = format!("{}-", self.project);
        let mut names = self.list(&["ps", "-a", "--format", "{{.Names}}"]);
        names.iter_mut().for_each(|name| *name = name.replace(&before, ""));
        names
    }

    /// The plugin, beside the server.
    fn plain(&self, args: &[&str]) -> Option<String> {
        super::real::compose(&self.engine, &self.dir, args)
    }

    /// How the record of the last call of a tool was closed.
    fn recorded(&self, client: &Client, tool: &str) -> Value {
        for _ in 0..400 {
            let lines = client.audit_lines();
            let mut open: Vec<&Value> = Vec::new();
            let mut closed = None;
            for line in lines.iter().filter(|l| l["tool"] == tool) {
                match line["outcome"] == "intent" {
                    true => open.push(line),
                    false => closed = Some(line.clone()),
                }
            }
            if let Some(closed) = closed.filter(|c| open.last().is_none_or(|o| o["id"] == c["id"])) {
                return closed;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the record of {tool} is not closed: {:#?}", client.audit_lines());
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for (list, delete) in [
            (["ps", "-aq"].as_slice(), ["rm", "-f", "-v"].as_slice()),
            (&["network", "ls", "-q"], &["network", "rm"]),
            (&["volume", "ls", "-q"], &["volume", "rm", "-f"]),
        ] {
            let label = format!("label=com.docker.compose.project={}", self.project);
            let found = self.engine.try_docker(&[list, &["--filter", &label]].concat()).unwrap_or_default();
            let found: Vec<&str> = found.lines().collect();
            if !found.is_empty() {
                let _gone = self.engine.try_docker(&[delete, &found].concat());
            }
        }
        let names = format!("reference={}/*", self.project);
        let list = ["image", "ls", "--filter", &names, "--format", "{{.Repository}}:{{.Tag}}"];
        for name in self.engine.try_docker(&list).unwrap_or_default().lines() {
            let _gone = self.engine.try_docker(&["image", "rm", "-f", name]);
        }
    }
}

/// What became of each container, by its short name: `web-1: created`.
fn did(shop: &Shop, answer: &Value) -> Vec<String> {
    let before = format!("{}-", shop.project);
    let rows = answer["containers"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let of = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().replace(&before, "");
    rows.iter().map(|row| format!("{}: {}", of(row, "container"), of(row, "did"))).collect()
}

fn none() -> Value {
    json!({})
}

fn symlink(from: &Path, to: &Path) {
    std::os::unix::fs::symlink(from, to).unwrap();
}
