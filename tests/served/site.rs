//! The objects of one row, some of them hidden, and how they are at the engine.

use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use tempfile::TempDir;

use crate::support::engine::BASE;
use crate::support::fixture::Scope;
use crate::support::registry::{id_of, image};
use crate::support::{Client, Engine, Launch};

/// Ends at SIGTERM, at once.
pub const POLITE: &[&str] = &["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];

/// One row's place on the engine.
pub struct Site {
    /// Where it is.
    pub engine: Engine,
    /// Its objects.
    pub scope: Scope,
    /// Where compose files and contexts may lie.
    pub dir: PathBuf,
    _kept: Option<TempDir>,
    mark: Mutex<Value>,
}

impl Site {
    /// An empty one.
    pub fn new(engine: &Engine) -> Self {
        let kept = tempfile::Builder::new().prefix("docker-mcp-site-").tempdir().unwrap();
        let (dir, kept) = (kept.path().canonicalize().unwrap(), Some(kept));
        Self { engine: engine.clone(), scope: Scope::new(engine), dir, _kept: kept, mark: Mutex::default() }
    }

    /// One more, in sight of whoever sees this one.
    pub fn within(&self, number: usize) -> Self {
        let mut site = Self::new(&self.engine);
        site.scope.prefix = format!("{}-n{number}", self.scope.prefix);
        site.dir = self.dir.join(format!("n{number}"));
        site
    }

    /// The full name of a container, network or volume.
    pub fn name(&self, short: &str) -> String {
        self.scope.name(short)
    }

    /// The full name of an image.
    pub fn image(&self, tag: &str) -> String {
        format!("{}/app:{tag}", self.scope.prefix)
    }

    /// Every level on but for one, and nothing but this site's objects in sight; what is called a vault or a secret is
    /// hidden.
    pub fn config(&self, off: &str, more: &str) -> String {
        let p = &self.scope.prefix;
        let levels = ["lifecycle", "exec", "create", "images", "volumes", "networks", "system"];
        let levels: String = levels.iter().map(|l| format!("{l} = {}\n", *l != off)).collect();
        let more = if more.contains("[confirm]") {
            more.to_owned()
        } else {
            format!("{more}\n[confirm]\nrequire = \"none\"\n")
        };
        let dir = self.dir.display();
        let more = format!("{more}\n[compose]\nroots = [\"{dir}\"]\n[build]\nroots = [\"{dir}\"]\n");
        format!(
            "[permissions]\n{levels}whitelist_containers = [\"{p}-*\"]\nblacklist_containers = [\"{p}-vault*\"]\n\
             whitelist_networks = [\"{p}-*\"]\nblacklist_networks = [\"{p}-secret*\"]\n\
             whitelist_volumes = [\"{p}-*\"]\nblacklist_volumes = [\"{p}-secret*\"]\n\
             whitelist_images = [\"{p}/*\", \"{p}-*/*\", \"docker-mcp/base\"]\nblacklist_images = [\"{p}/secret\"]\n{more}"
        )
    }

    /// A server with everything on.
    pub fn client(&self) -> Client {
        Launch::at(&self.engine.host).config(&self.config("", "")).connect()
    }

    /// A running container.
    pub fn run(&self, name: &str) -> String {
        self.scope.run(name, &[], POLITE)
    }

    /// One that never ran.
    pub fn create(&self, name: &str) -> String {
        self.scope.container(&["create"], name, &[], BASE, POLITE)
    }

    /// An image of its own.
    pub fn make_image(&self, tag: &str) -> String {
        image(&self.engine, &self.scope, &self.image(tag), 2000)
    }

    /// A file below the folder.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The image of that tag is there.
    pub fn has_image(&self, tag: &str) -> bool {
        id_of(&self.engine, &self.image(tag)).is_some()
    }

    /// The object is there.
    pub fn has(&self, kind: &str, name: &str) -> bool {
        self.engine.try_docker(&["inspect", "--type", kind, &self.name(name)]).is_ok()
    }

    /// A fact of a container.
    pub fn fact(&self, name: &str, pointer: &str) -> Value {
        let facts = self.engine.inspect("container", &self.name(name));
        facts.pointer(pointer).cloned().unwrap_or_default()
    }

    /// Keeps a fact, to be compared later.
    pub fn mark(&self, fact: &Value) {
        *self.mark.lock().unwrap() = fact.clone();
    }

    /// It is not what was kept.
    pub fn differs(&self, fact: &Value) -> bool {
        *self.mark.lock().unwrap() != *fact
    }

    /// Is that container on that network?
    pub fn on(&self, container: &str, network: &str) -> bool {
        let networks = self.engine.inspect("container", &self.name(container));
        networks["NetworkSettings"]["Networks"].get(self.name(network)).is_some()
    }

    /// What there is, and how: everything of this site that a call could have changed.
    pub fn state(&self) -> Value {
        let names = format!("name=^/?{}-", self.scope.prefix);
        let list = |args: &[&str]| {
            let out = self.engine.docker(args);
            let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let ids = list(&["ps", "-aq", "--no-trunc", "--filter", &names]);
        let containers: Vec<Value> = ids
            .iter()
            .map(|id| {
                let facts = self.engine.inspect("container", id);
                let limits = ["Memory", "NanoCpus", "PidsLimit", "RestartPolicy"];
                let limits: Vec<Value> = limits.iter().map(|l| facts["HostConfig"][l].clone()).collect();
                let networks = facts["NetworkSettings"]["Networks"].as_object().cloned().unwrap_or_default();
                let networks: Vec<&String> = networks.keys().collect();
                json!([facts["Id"], facts["Name"], facts["State"]["Status"], limits, networks])
            })
            .collect();
        let images = format!("reference={}/*", self.scope.prefix);
        json!({
            "containers": containers,
            "networks": list(&["network", "ls", "--filter", &names, "--format", "{{.ID}} {{.Name}}"]),
            "volumes": list(&["volume", "ls", "-q", "--filter", &format!("name=^{}-", self.scope.prefix)]),
            "images": list(&["image", "ls", "--no-trunc", "--filter", &images, "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"]),
        })
    }
}

impl Drop for Site {
    /// What tools made carries no label of ours.
    fn drop(&mut self) {
        let p = &self.scope.prefix;
        let name = format!("name=^/?{p}-");
        let volume = format!("name=^{p}-");
        let image = format!("reference={p}/*");
        for (list, delete) in [
            (["ps", "-aq", "--filter", &name].as_slice(), ["rm", "-f", "-v"].as_slice()),
            (&["network", "ls", "-q", "--filter", &name], &["network", "rm"]),
            (&["volume", "ls", "-q", "--filter", &volume], &["volume", "rm"]),
            (
                &["image", "ls", "--filter", &image, "--format", "{{.Repository}}:{{.Tag}}"],
                &["image", "rm", "-f"],
            ),
        ] {
            let found = self.engine.try_docker(list).unwrap_or_default();
            let found: Vec<&str> = found.lines().collect();
            if !found.is_empty() {
                let _gone = self.engine.try_docker(&[delete, &found].concat());
            }
        }
    }
}
