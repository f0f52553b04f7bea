//! What a compose that was ended leaves: whether anything of the project is another than before, and what is half made.

use serde::de::DeserializeOwned;
use serde_json::json;

use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::change::{Commit, Goal, LOOK, Look, Looking};
use crate::engine::error::EngineError;
use crate::engine::raw;
use crate::engine::wire::Change;
use crate::policy::{Level, Permits};

/// The parts of a project, hidden ones as well: only whether anything changed is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// Ids and states.
    containers: Vec<(String, String)>,
    /// Ids: one that is made anew has another.
    networks: Vec<String>,
    /// Names, and when they were made.
    volumes: Vec<(String, String)>,
}

/// A project, and how it was.
pub(super) struct Standing {
    pub project: String,
    pub before: Parts,
}

/// What may be taken back: what stands in for these.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    levels: &'static [Level],
    /// Ids of containers that the call may change.
    containers: Vec<String>,
}

impl Own {
    pub(super) fn of(permits: &Permits) -> Self {
        let containers = permits.containers.iter().map(|permit| permit.target().id.clone()).collect();
        Self { levels: permits.world.levels(), containers }
    }
}

impl Engine {
    pub(super) async fn parts_of(&self, budget: &Budget, project: &str) -> Result<Parts, EngineError> {
        let (containers, networks, volumes) = tokio::try_join!(
            self.labelled::<Vec<raw::Container>>(budget, "/containers/json", project),
            self.labelled::<Vec<raw::Network>>(budget, "/networks", project),
            self.labelled::<raw::Volumes>(budget, "/volumes", project),
        )?;
        let mut containers: Vec<_> = containers.into_iter().map(|it| (it.id, it.state)).collect();
        let mut networks: Vec<_> = networks.into_iter().map(|it| it.id).collect();
        let mut volumes: Vec<_> = volumes.volumes.into_iter().map(|it| (it.name, it.created_at)).collect();
        containers.sort();
        networks.sort();
        volumes.sort();
        Ok(Parts { containers, networks, volumes })
    }

    async fn labelled<T: DeserializeOwned>(
        &self,
        budget: &Budget,
        path: &str,
        project: &str,
    ) -> Result<T, EngineError> {
        let filters = json!({ "label": [format!("com.docker.compose.project={project}")] }).to_string();
        let all = [("all", "1"), ("filters", filters.as_str())];
        let query = if path.starts_with("/containers") { &all[..] } else { &all[1..] };
        self.wire.json(budget, path, query).await
    }

    /// A container that is made anew has another name until the old one is gone, `0123456789ab_shop-web-1`: one that was
    /// left so never ran, is in nobody's sight where names are, and in the way of the next call. Only what stands in for a
    /// container that the call may change is removed. Says how many were.
    pub(super) async fn take_back_half_made(&self, own: &Own, project: &str, before: &Parts) -> usize {
        let budget = Budget::of(LOOK / 2);
        let list = self.labelled::<Vec<raw::Container>>(&budget, "/containers/json", project).await;
        let Ok(list) = list else { return 0 };
        let half = |it: &&raw::Container| {
            let new = before.containers.iter().all(|(id, _)| *id != it.id);
            let name = it.names.first().map(|name| name.trim_start_matches('/')).unwrap_or_default();
            let stands_in = name.split_once('_').is_some_and(|(id, _)| {
                id.len() == 12 && own.containers.iter().any(|old| old.starts_with(id))
            });
            new && stands_in && it.state == "created"
        };
        let mut removed = 0;
        for it in list.iter().filter(half) {
            let path = format!("/containers/{}", it.id);
            // One that runs by now is none: it stays.
            let asked = Change::delete(&path, &[("v", "1")]);
            let budget = Budget::of(LOOK / 2);
            match self.wire.change(&budget, own.levels, &Commit::default(), asked).await {
                Ok(_) => removed += 1,
                Err(_) => tracing::warn!(container = it.id, "half made by compose, and not removed"),
            }
        }
        removed
    }
}

impl Goal for Standing {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let now = engine.parts_of(budget, &self.project).await?;
            let running = now.containers.iter().filter(|(_, state)| state == "running").count();
            let as_before = now == self.before;
            let evidence = match (as_before, now.containers == self.before.containers) {
                (true, _) => "the project's containers, networks and volumes are as they were".to_owned(),
                (false, true) => {
                    "networks or volumes of the project were made; its containers are as they were".to_owned()
                }
                (false, false) => {
                    format!("{running} of the project's {} containers run", now.containers.len())
                }
            };
            // How far it was to go is not seen from here.
            Ok(Look { reached: as_before.then_some(false), as_before, evidence })
        })
    }
}
