//! A project, made with labels as compose writes them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::engine::BASE;
use crate::support::fixture::Scope;
use crate::support::{Client, Engine, Launch};

/// Ends at SIGTERM, at once.
pub const POLITE: &[&str] = &["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"];
/// Never ends at SIGTERM.
pub const STUBBORN: &[&str] = &["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"];

/// The objects of one project.
pub struct Stack {
    pub engine: Engine,
    pub scope: Scope,
    pub project: String,
}

impl Stack {
    pub fn new(engine: &Engine) -> Self {
        let scope = Scope::new(engine);
        let project = scope.prefix.clone();
        Self { engine: engine.clone(), scope, project }
    }

    pub fn name(&self, short: &str) -> String {
        self.scope.name(short)
    }

    /// The labels of a service's first container.
    pub fn labels(&self, service: &str, needs: &str) -> Vec<String> {
        let labels = [
            format!("project={}", self.project),
            format!("service={service}"),
            "container-number=1".to_owned(),
            "oneoff=False".to_owned(),
            format!("depends_on={needs}"),
            "project.config_files=/srv/stack/compose.yaml".to_owned(),
        ];
        labels.into_iter().flat_map(|l| ["--label".to_owned(), format!("com.docker.compose.{l}")]).collect()
    }

    /// A running container of a service, called `service-1`.
    pub fn run(&self, service: &str, needs: &str, more: &[&str], command: &[&str]) -> String {
        self.make(&["run", "-d"], service, needs, more, command)
    }

    /// One that is run or created.
    pub fn make(&self, how: &[&str], service: &str, needs: &str, more: &[&str], command: &[&str]) -> String {
        let labels = self.labels(service, needs);
        let options: Vec<&str> = labels.iter().map(String::as_str).chain(more.iter().copied()).collect();
        self.scope.container(how, &format!("{service}-1"), &options, BASE, command)
    }

    /// `db`, `api` that needs it, `web` that needs both.
    pub fn three(&self) {
        self.run("db", "", &[], POLITE);
        self.run("api", "db:service_started:false", &[], POLITE);
        self.run("web", "api:service_started:false,db:service_started:true", &[], POLITE);
    }

    pub fn network(&self, short: &str) {
        let label = format!("com.docker.compose.project={}", self.project);
        let run = self.scope.label();
        let name = self.name(short);
        self.engine.docker(&["network", "create", "--label", &label, "--label", &run, &name]);
    }

    pub fn volume(&self, short: &str) {
        let label = format!("com.docker.compose.project={}", self.project);
        self.scope.volume(short, &["--label", &label]);
    }

    pub fn state(&self, service: &str) -> String {
        let facts = self.engine.inspect("container", &self.name(&format!("{service}-1")));
        facts["State"]["Status"].as_str().unwrap().to_owned()
    }

    pub fn has(&self, kind: &str, short: &str) -> bool {
        self.engine.try_docker(&["inspect", "--type", kind, &self.name(short)]).is_ok()
    }

    /// Only this test's objects are in sight, what is called a vault is not; `more` begins within [permissions].
    pub fn config(&self, more: &str) -> String {
        let p = &self.scope.prefix;
        format!(
            "[permissions]\nwhitelist_containers = [\"{p}-*\"]\nblacklist_containers = [\"{p}-vault*\"]\n\
             whitelist_networks = [\"{p}-*\"]\nwhitelist_volumes = [\"{p}-*\"]\n{more}"
        )
    }

    pub fn client(&self, more: &str) -> Client {
        Launch::at(&self.engine.host).config(&self.config(more)).connect()
    }

    /// What the engine did to these containers since then, in its order: `stop db-1`.
    pub fn events(&self, since: &str, actions: &[&str]) -> Vec<String> {
        // Those of the last second may not be there yet.
        std::thread::sleep(Duration::from_millis(1200));
        let mut args = vec!["events", "--since", since, "--until", "0s", "--format"];
        args.push("{{.Action}} {{.Actor.Attributes.name}}");
        let filters: Vec<String> = actions.iter().map(|a| format!("event={a}")).collect();
        for filter in &filters {
            args.extend(["--filter", filter]);
        }
        let own = format!("{}-", self.scope.prefix);
        let lines = self.engine.docker(&args);
        lines.lines().filter(|l| l.contains(&own)).map(|l| l.replace(&own, "")).collect()
    }

    /// A moment by the engine's clock.
    pub fn now(&self) -> String {
        std::thread::sleep(Duration::from_millis(20));
        self.engine.docker(&["info", "--format", "{{.SystemTime}}"])
    }

    pub fn ask(&self) -> Value {
        json!({ "project": self.project })
    }
}

/// Lifecycle on, and nothing to confirm.
pub const ON: &str = "lifecycle = true\n[confirm]\nrequire = \"none\"\n";
