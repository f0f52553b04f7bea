//! `up` of a model that was decided on: compose reads it from its stdin, and reads nothing else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::child::{self, Spec, Stdin, Unavailable};
use crate::engine::budget::Budget;
use crate::engine::change::{Commit, LOOK, Lost, Outcome, Trail};
use crate::engine::error::{Clock, EngineError};
use crate::engine::watched::give_up;
use crate::engine::{Engine, docker_cli, forbidden, ops};
use crate::guard::compose as guard;
use crate::policy::Permits;

use super::cli::{self, Compose, NoCompose, is_project, is_service};
use super::config::{on_stdin, text};
use super::covered::uncovered;
use super::left::{Own, Standing};
use super::mirror::private;
use super::progress::{Names, Progress, Step};
use super::said::cut;

/// What is brought up.
#[derive(Debug, Clone)]
pub struct Up {
    /// The project.
    pub name: String,
    /// Its folder: what the labels of its containers will say.
    pub project_dir: PathBuf,
    /// The frozen model, with paths of this host.
    pub model: Value,
    /// These and what they need; all where none is named.
    pub services: Vec<String>,
    /// Make containers anew that are as the model says.
    pub force_recreate: bool,
    /// Seconds that a container has to end before it is made anew.
    pub timeout: Option<u64>,
    /// Variables of the server that were passed: secrets may be made of them.
    pub passed: BTreeMap<String, OsString>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpCame {
    /// Compose says that all is as the model says.
    Done {
        /// What it said of containers.
        steps: Vec<Step>,
    },
    /// It does not. Some of it may be done.
    Failed {
        /// Its own words.
        said: String,
        /// Where it failed, as far as that is known.
        service: Option<String>,
        /// None: a signal.
        exit: Option<i32>,
        /// What it said of containers.
        steps: Vec<Step>,
    },
}

/// Why nothing was begun.
#[derive(Debug)]
pub enum NotBegun {
    /// The engine.
    Engine(EngineError),
    /// There is no compose, or none that will do.
    NoCompose(String),
    /// It does not start.
    Child(Unavailable),
    /// The host: no room for the files that it needs.
    Host(String),
    /// It cannot be told to reach this engine.
    Endpoint(&'static str),
}

impl From<EngineError> for NotBegun {
    fn from(e: EngineError) -> Self {
        Self::Engine(e)
    }
}

impl From<Unavailable> for NotBegun {
    fn from(e: Unavailable) -> Self {
        Self::Child(e)
    }
}

impl From<NoCompose> for NotBegun {
    fn from(none: NoCompose) -> Self {
        match none {
            NoCompose::Missing(why) => Self::NoCompose(why),
            NoCompose::Child(e) => Self::Child(e),
        }
    }
}

impl Engine {
    /// Brings a project up, once. It is begun when its child is started.
    ///
    /// # Errors
    /// Nothing was begun.
    pub async fn compose_up(
        &self,
        budget: &Budget,
        (commit, cancel): (&Commit, &CancellationToken),
        permits: &Permits,
        up: Up,
        news: mpsc::Sender<String>,
    ) -> Result<Outcome<UpCame>, NotBegun> {
        // The child sends what the wire does not see: what it may send is listed beside.
        if !ops::compose_up_allowed(permits.world.levels()) {
            return Err(EngineError::NotAllowed("compose up without a permit".into()).into());
        }
        if let Some(why) = unsafe_model(&up).or_else(|| open_model(&up, permits)) {
            return Err(
                EngineError::NotAllowed(format!("compose up of what was not decided on: {why}")).into()
            );
        }
        let compose = cli::there(budget).await?;
        self.up_by(&compose, budget, (commit, cancel), (Own::of(permits), up), news).await
    }

    /// By that compose, once all was checked.
    pub(super) async fn up_by(
        &self,
        compose: &Compose,
        budget: &Budget,
        (commit, cancel): (&Commit, &CancellationToken),
        (own, up): (Own, Up),
        news: mpsc::Sender<String>,
    ) -> Result<Outcome<UpCame>, NotBegun> {
        let before = self.parts_of(budget, &up.name).await?;
        let folder = private().map_err(|e| NotBegun::Host(e.to_string()))?;
        let endpoint = &self.found().endpoint;
        docker_cli::certificates(endpoint, folder.path()).map_err(|e| NotBegun::Host(e.to_string()))?;
        let spec = on_stdin(compose, folder.path(), &up.project_dir, &up.name);
        // For ssh.
        let spec = docker_cli::reaching(spec.inherit("PATH"), endpoint, folder.path())
            .map_err(|_| NotBegun::Endpoint("compose takes no other name for the engine's certificate"))?;
        let spec = up.passed.iter().fold(spec, |spec, (name, value)| spec.env(name, value));
        let spec = line(spec, &up).stdin(Stdin::Piped);
        let names = names(&up);
        let model = text(&up.model, |name| cli::of_ours(name) && !up.passed.contains_key(name));
        if cancel.is_cancelled() || !commit.send() {
            return Err(EngineError::Withdrawn.into());
        }
        let mut child = child::spawn(spec).await?;
        let mut pipes = child.pipes().ok_or_else(|| NotBegun::Host("compose has no pipes".into()))?;
        let stdin = pipes.stdin.take();
        let feeding = async move {
            if let Some(mut stdin) = stdin {
                // One that hears no more says why. Then it finds the end, and nobody to ask.
                let _closed = stdin.write_all(&model).await;
            }
            Ok::<(), EngineError>(())
        };
        let mut progress = Progress::new(names);
        let said = |words: &[u8]| {
            for said in progress.feed(words) {
                // Who does not listen misses it.
                let _full = news.try_send(self.scrub(&said));
            }
        };
        let cause = match self.follow_child((budget, cancel), &child, pipes, feeding, said).await {
            Ok(status) if status.success() => {
                return Ok(Outcome::Answered(UpCame::Done { steps: progress.steps() }));
            }
            Ok(status) => {
                let words = progress.last_words();
                // It may be the engine that went.
                match self.wire.ping(&budget.at_most(LOOK)).await {
                    Ok(_) => {
                        let said = match words.as_str() {
                            "" => format!("compose ended without a word ({status})"),
                            page if forbidden::in_words(page) => forbidden::to_compose(),
                            words => self.scrub(&cut(words)),
                        };
                        let (service, steps) = (progress.failed_at(&words), progress.steps());
                        return Ok(Outcome::Answered(UpCame::Failed {
                            said,
                            service,
                            exit: status.code(),
                            steps,
                        }));
                    }
                    Err(cause) => cause,
                }
            }
            Err(cause) => cause,
        };
        let silent = async {
            let late = matches!(cause, EngineError::Timeout { clock: Clock::Total, .. });
            late && self.wire.ping(&Budget::of(LOOK / 2)).await.is_err()
        };
        let (gone, silent) = tokio::join!(give_up(child, budget, &cause), silent);
        let cause = match cause {
            // It is not compose that takes long.
            EngineError::Timeout { limit, .. } if silent => {
                EngineError::Timeout { clock: Clock::Idle, limit }
            }
            other => other,
        };
        let taken_back = match silent {
            true => 0,
            false => self.take_back_half_made(&own, &up.name, &before).await,
        };
        let goal = Standing { project: up.name, before };
        // What it told the engine last may still be on its way; a stop that was begun goes on.
        let stops = |step: &Step| matches!(step.state.as_str(), "stopping" | "recreate" | "removing");
        let mut trail = match gone {
            true if progress.steps().iter().any(stops) => Trail::under_way(goal),
            true => Trail::of_refusal(goal),
            false => Trail::of(goal),
        };
        let until = budget.deadline.max(Instant::now() + LOOK / 2);
        let mut finding = self.look_again(&mut trail, until).await;
        if taken_back > 0 {
            finding.evidence.push_str("; a container that was half made anew was removed");
        }
        Ok(Outcome::Lost(Box::new(Lost { cause, finding, trail })))
    }
}

/// Names that are options, or a model that compose would read further files for.
fn unsafe_model(up: &Up) -> Option<String> {
    if !is_project(&up.name) || !up.services.iter().all(|service| is_service(service)) {
        return Some("a name is none".into());
    }
    let services = up.model.get("services").and_then(Value::as_object).into_iter().flatten();
    for (name, service) in services {
        for key in ["env_file", "label_file", "extends", "provider"] {
            let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            if !service.get(key).is_none_or(empty) {
                return Some(format!("services.{name}.{key}"));
            }
        }
    }
    up.model.get("include").is_some().then(|| "include".into())
}

/// What the model names, and no permit does. Read anew: nobody hands it beside the model.
fn open_model(up: &Up, permits: &Permits) -> Option<String> {
    match guard::model(&up.model) {
        Ok(model) if model.name == up.name => uncovered(&model, permits),
        Ok(model) => Some(format!("the model is of a project `{}`", model.name)),
        Err(why) => Some(why.to_string()),
    }
}

fn names(up: &Up) -> Names {
    let services = up.model.get("services").and_then(Value::as_object).into_iter().flatten();
    let services = services.map(|(name, service)| {
        let own = service.get("container_name").and_then(Value::as_str).map(str::to_owned);
        (name.clone(), own)
    });
    Names { project: up.name.clone(), services: services.collect() }
}

fn line(spec: Spec, up: &Up) -> Spec {
    // Never `--remove-orphans`, never an answer to a question in advance.
    let spec = spec.args(["--progress=plain", "up", "--detach", "--no-build", "--pull=never"]);
    let spec = spec.args(up.force_recreate.then_some("--force-recreate"));
    spec.args(up.timeout.map(|seconds| format!("--timeout={seconds}"))).args(["--"]).args(&up.services)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn up(model: Value) -> Up {
        Up {
            name: "shop".into(),
            project_dir: "/srv/shop".into(),
            model,
            services: vec!["web".into(), "db".into()],
            force_recreate: true,
            timeout: Some(7),
            passed: BTreeMap::new(),
        }
    }

    #[test]
    fn the_command_line_reads_no_file_and_answers_nothing_in_advance() {
        let compose = cli::Compose { program: "docker-compose".into(), version: (2, 26) };
        let up = up(json!({}));
        let spec = line(on_stdin(&compose, std::path::Path::new("/f"), &up.project_dir, &up.name), &up);
        assert_eq!(
            spec.words().join(" "),
            "--ansi=never --project-directory=/srv/shop --project-name=shop --profile=* --file=- --progress=plain \
             up --detach --no-build --pull=never --force-recreate --timeout=7 -- web db"
        );
    }

    #[test]
    fn only_a_frozen_model_and_names_pass() {
        assert_eq!(
            unsafe_model(&up(json!({ "services": { "web": { "env_file": [], "build": {} } } }))),
            None
        );
        for model in [
            json!({ "include": ["x"] }),
            json!({ "services": { "web": { "env_file": ["/etc/x"] } } }),
            json!({ "services": { "web": { "label_file": "x" } } }),
            json!({ "services": { "web": { "extends": { "file": "x" } } } }),
            json!({ "services": { "web": { "provider": { "type": "x" } } } }),
        ] {
            assert!(unsafe_model(&up(model.clone())).is_some(), "{model}");
        }
        for name in ["--help", "", "A b"] {
            assert!(unsafe_model(&Up { name: name.into(), ..up(json!({})) }).is_some(), "{name}");
            assert!(unsafe_model(&Up { services: vec![name.into()], ..up(json!({})) }).is_some(), "{name}");
        }
    }
}
