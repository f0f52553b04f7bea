//! Compose projects, read from the labels of their containers: no file is opened, and no compose CLI is needed.
//!
//! Whoever makes a container can give it these labels. They say who belongs together, and nothing about who may be touched:
//! each container passes the filters and the levels like any other.

mod down;
mod parts;

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::policy::{Permit, World};

use super::budget::Budget;
use super::change::LOOK;
use super::error::EngineError;
use super::snapshot::Seen;
use super::{Engine, raw};

pub use down::Down;

/// What compose's labels begin with.
const LABEL: &str = "com.docker.compose.";

/// Which project a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The only one that there is; that of the only configured file, where there is one.
    Only,
    /// By its name.
    Named(String),
    /// The one that was made from this file or folder, as its labels say.
    Of(String),
}

/// What of a project a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Nothing of its own: that it is there.
    Itself,
    /// The containers of its services.
    Services,
    /// What `down` removes: those, what `run` left beside them, and networks that nobody else is on.
    Everything {
        /// Also volumes that nobody else uses.
        volumes: bool,
    },
}

/// Why there is no project to act on.
#[derive(Debug)]
pub enum NoProject {
    /// There is none of that name, or none that the caller may know of. `rule` is for the log and `explain` alone.
    NotFound {
        /// The caller's word.
        asked: String,
        /// What hides it, if something does.
        rule: Option<String>,
    },
    /// It has no such service in sight.
    NoService {
        /// The project.
        project: String,
        /// The caller's word.
        asked: String,
    },
    /// None was named, and it could be any of these.
    Which(Vec<String>),
    /// The engine could not be asked.
    Engine(EngineError),
}

impl From<EngineError> for NoProject {
    fn from(e: EngineError) -> Self {
        Self::Engine(e)
    }
}

/// What a service waits for before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The other one was started.
    Started,
    /// ... and is healthy.
    Healthy,
    /// ... and ended well.
    Completed,
}

/// A container of a project.
#[derive(Debug, Clone)]
pub struct Member {
    /// The container.
    pub seen: Seen,
    /// The project.
    pub project: String,
    /// The service; empty where nobody says.
    pub service: String,
    /// Which of the service's containers it is.
    pub number: u32,
    /// Made by `compose run` for one command.
    pub one_off: bool,
    /// Services that its own needs.
    pub needs: Vec<(String, Until)>,
}

impl Member {
    /// A container as a member of its project, if it has one.
    #[must_use]
    pub fn of(seen: &Seen) -> Option<Self> {
        let label = |key: &str| seen.raw.labels.get(&format!("{LABEL}{key}")).map(String::as_str);
        Some(Self {
            project: seen.identity.project.clone()?,
            service: seen.identity.service.clone().unwrap_or_default(),
            number: label("container-number").and_then(|n| n.parse().ok()).unwrap_or(1),
            one_off: label("oneoff").is_some_and(|is| is.eq_ignore_ascii_case("true")),
            needs: needs(label("depends_on").unwrap_or_default()),
            seen: seen.clone(),
        })
    }

    /// Whoever hands one over: what the filters hide is not looked at.
    pub(super) fn in_sight_of(&self, permit: &Permit<World>) -> Result<(), EngineError> {
        match permit.rules().container(&self.seen.identity).hidden_by("containers") {
            None => Ok(()),
            Some(_) => Err(EngineError::NotAllowed("a look at a hidden container".into())),
        }
    }

    /// The folder that the project was made from, as its label says.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        let folder = self.seen.raw.labels.get(&format!("{LABEL}project.working_dir"));
        folder.map(String::as_str).filter(|folder| folder.starts_with('/'))
    }

    /// What the files said of it when it was made, in a word of compose's.
    #[must_use]
    pub fn hash(&self) -> Option<&str> {
        self.seen.raw.labels.get(&format!("{LABEL}config-hash")).map(String::as_str)
    }

    /// The files that the project was made from, as its label says.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let files = self.seen.raw.labels.get(&format!("{LABEL}project.config_files"));
        files.map(String::as_str).unwrap_or_default().split(',').filter(|file| !file.is_empty())
    }
}

/// `db:service_healthy:false,cache:service_started:true`
fn needs(label: &str) -> Vec<(String, Until)> {
    let one = |part: &str| {
        let mut words = part.split(':');
        let service = words.next().filter(|service| !service.is_empty())?;
        let until = match words.next() {
            Some("service_healthy") => Until::Healthy,
            Some("service_completed_successfully") => Until::Completed,
            _ => Until::Started,
        };
        Some((service.to_owned(), until))
    };
    label.split(',').filter_map(one).collect()
}

/// How a container is, by its own word: the engine's list may be behind for a moment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Standing {
    /// `running`, `exited`, ...
    #[serde(deserialize_with = "raw::nullable")]
    pub status: String,
    /// How it ended last.
    #[serde(deserialize_with = "raw::nullable")]
    pub exit_code: i64,
    /// What its check says, if it has one.
    #[serde(deserialize_with = "raw::nullable")]
    pub health: Health,
    /// How often the engine started it again by itself.
    #[serde(skip)]
    pub restarts: u64,
}

/// What a check says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Health {
    /// `starting`, `healthy`, `unhealthy`; `none` or empty without a check.
    #[serde(deserialize_with = "raw::nullable")]
    pub status: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Inspected {
    state: Standing,
    #[serde(deserialize_with = "raw::nullable")]
    restart_count: u64,
}

/// The one project that there is.
///
/// # Errors
/// There is none, or more than one.
pub fn only(members: &[Member]) -> Result<String, NoProject> {
    let names: BTreeSet<&str> = members.iter().map(|m| m.project.as_str()).collect();
    match names.first() {
        Some(only) if names.len() == 1 => Ok((*only).to_owned()),
        _ => Err(NoProject::Which(names.into_iter().map(str::to_owned).collect())),
    }
}

impl Engine {
    /// The containers of all projects that the filters show.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn members(&self, budget: &Budget, permit: &Permit<World>) -> Result<Vec<Member>, EngineError> {
        let view = self.view(budget, permit.rules()).await?;
        Ok(view.containers.visible.iter().filter_map(Member::of).collect())
    }

    /// How the containers of a service are, those that `run` made aside. `None`: it does not answer.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn standing(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
        (project, service): (&str, &str),
    ) -> Result<Vec<Option<Standing>>, EngineError> {
        let mut standing = Vec::new();
        for member in self.members(budget, permit).await? {
            if member.project != project || member.service != service || member.one_off {
                continue;
            }
            let path = format!("/containers/{}/json", member.seen.identity.id);
            match self.wire.json::<Inspected>(&budget.at_most(LOOK), &path, &[]).await {
                Ok(inspected) => standing.push(Some(inspected.state)),
                Err(e) if e.is_gone() => {}
                Err(EngineError::Timeout { .. }) => standing.push(None),
                Err(e) => return Err(self.scrubbed(e)),
            }
        }
        Ok(standing)
    }

    /// How one container of a project is. `None`: it does not answer, or is gone.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn standing_of_member(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
        member: &Member,
    ) -> Result<Option<Standing>, EngineError> {
        member.in_sight_of(permit)?;
        let path = format!("/containers/{}/json", member.seen.identity.id);
        match self.wire.json::<Inspected>(&budget.at_most(LOOK), &path, &[]).await {
            Ok(Inspected { state, restart_count }) => Ok(Some(Standing { restarts: restart_count, ..state })),
            Err(EngineError::Timeout { .. }) => Ok(None),
            Err(e) if e.is_gone() => Ok(None),
            Err(e) => Err(self.scrubbed(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_needs() {
        let all = needs(
            "db:service_healthy:false,cache:service_started:true,once:service_completed_successfully,x,",
        );
        let want = [
            ("db", Until::Healthy),
            ("cache", Until::Started),
            ("once", Until::Completed),
            ("x", Until::Started),
        ];
        assert_eq!(all, want.map(|(service, until)| (service.to_owned(), until)));
        assert!(needs("").is_empty() && needs(":a,,").is_empty());
    }
}
