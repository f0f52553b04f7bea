//! Fetching an image.

use std::time::Duration;

use tokio::time::Instant;

use super::{Failed, Refusal, Said, Step, Steps};
use crate::engine::budget::Budget;
use crate::engine::change::{self, Commit, Goal, LOOK, Look, Looking, Lost, Outcome, Trail};
use crate::engine::credentials::Credentials;
use crate::engine::error::EngineError;
use crate::engine::images::identity;
use crate::engine::wire::Change;
use crate::engine::{Engine, ops, raw};
use crate::policy::reference::ImageRef;
use crate::policy::{Permit, Reference};

/// The engine ends a transfer soon after the connection is closed, if it is well.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// A pull on its way.
#[derive(Debug)]
pub struct Pull {
    steps: Steps,
    aim: Aim,
    /// The digest that the engine named.
    digest: Option<String>,
}

/// What was asked for, and what was there before.
#[derive(Debug, Clone)]
struct Aim {
    image: ImageRef,
    before: Option<String>,
}

/// What is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The image's id.
    pub id: String,
    /// The digest that the registry knows it by.
    pub digest: Option<String>,
    /// Bytes.
    pub size: u64,
    /// It was not there before.
    pub changed: bool,
}

impl Engine {
    /// Begins to fetch the image of that name, for that platform or the engine's own.
    ///
    /// # Errors
    /// The engine or the registry refused it at once, or the engine's answer was lost.
    pub async fn pull(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: &Permit<Reference>,
        platform: Option<&str>,
        credentials: Option<&Credentials>,
    ) -> Result<Pull, Failed> {
        let image = permit.target().image.clone();
        let before = self.holder(&budget.at_most(LOOK * 5), &image).await.map_err(Failed::Engine)?;
        let aim = Aim { before: before.map(|raw| raw.id), image };
        // Without a tag the engine would fetch all of them; a digest takes a tag's place.
        let (repository, what) = (aim.image.repository().to_owned(), which(&aim.image));
        let mut query = vec![("fromImage", repository.as_str()), ("tag", what.as_str())];
        query.extend(platform.map(|platform| ("platform", platform)));
        let mut asked = Change::post("/images/create", &query);
        if let Some(header) = credentials.and_then(Credentials::header) {
            asked = asked.registry_auth(header);
        }
        match self.wire.change(budget, permit.levels(), commit, asked).await {
            Ok(answer) => Ok(Pull { steps: Steps::of(answer), aim, digest: None }),
            Err(change::Failed { error: EngineError::Status { message, .. }, written: false }) => {
                Err(refused(message))
            }
            Err(change::Failed { error, written: false }) => Err(Failed::Engine(error)),
            Err(failed) => Err(self.lost_pull(budget, aim, failed.error).await),
        }
    }

    /// The image that has this name now.
    pub(in crate::engine) async fn holder(
        &self,
        budget: &Budget,
        name: &ImageRef,
    ) -> Result<Option<raw::Image>, EngineError> {
        let list: Vec<raw::Image> = self.wire.json(budget, "/images/json", &[]).await?;
        Ok(list.into_iter().find(|raw| identity(raw).is_called(name)))
    }

    /// What came of a pull whose end was not heard of.
    async fn lost_pull(&self, budget: &Budget, aim: Aim, cause: EngineError) -> Failed {
        if let EngineError::Timeout { .. } = cause {
            // It was us who hung up: the engine ends what nobody listens to.
            return Failed::Lost(Box::new(self.hung_up(aim, cause).await));
        }
        let lost = change::Failed { error: cause, written: true };
        match self.settled::<()>(budget, Err(lost), aim).await {
            Ok(Outcome::Lost(lost)) => Failed::Lost(lost),
            Ok(Outcome::Answered(())) => Failed::Engine(EngineError::Gone),
            Err(error) => Failed::Engine(error),
        }
    }

    async fn hung_up(&self, aim: Aim, cause: EngineError) -> Lost {
        let mut trail = Trail::of_refusal(aim);
        // An engine that finished at the last moment is given that moment.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let finding = self.look_again(&mut trail, Instant::now() + LOOK / 3).await;
        Lost { cause, finding, trail }
    }
}

/// What stands behind the name: a digest, or a tag.
fn which(image: &ImageRef) -> String {
    image.digest().or(image.tag()).unwrap_or("latest").to_owned()
}

pub(super) fn refused(said: String) -> Failed {
    Failed::Refused { why: Refusal::of(&said), said }
}

impl Pull {
    /// The next step; `None` when all is done. May be dropped while it waits, and asked again.
    ///
    /// # Errors
    /// What the engine or the registry refuses in the middle, and answers that break off or stall.
    pub async fn next(&mut self, engine: &Engine, budget: &Budget) -> Result<Option<Step>, Failed> {
        match self.steps.next().await {
            Ok(None) => Ok(None),
            Ok(Some(Said::Failure(said))) => Err(refused(said)),
            Ok(Some(Said::Step(step))) => {
                if let Step::Digest(digest) = &step {
                    self.digest = Some(digest.clone());
                }
                Ok(Some(step))
            }
            Err(error) => Err(engine.lost_pull(budget, self.aim.clone(), error).await),
        }
    }

    /// Looks at what there is, after the last step.
    ///
    /// # Errors
    /// It is not there, or the engine cannot be asked.
    pub async fn arrived(self, engine: &Engine, budget: &Budget) -> Result<Arrived, Failed> {
        let here = engine.holder(&budget.at_most(LOOK * 5), &self.aim.image).await;
        match here {
            Ok(Some(raw)) => Ok(Arrived {
                changed: self.aim.before.as_ref() != Some(&raw.id),
                size: u64::try_from(raw.size).unwrap_or(0),
                digest: self.digest,
                id: raw.id,
            }),
            Ok(None) => Err(engine
                .lost_pull(budget, self.aim, EngineError::Protocol("it ended early".to_owned()))
                .await),
            Err(error) => Err(Failed::Engine(error)),
        }
    }

    /// Puts things as they were before a pull that brought another image than was asked for. True: they are so.
    pub async fn undo(
        self,
        engine: &Engine,
        budget: &Budget,
        commit: &Commit,
        permit: &Permit<Reference>,
    ) -> bool {
        let Self { steps, aim, .. } = self;
        drop(steps);
        let budget = budget.at_most(LOOK * 5);
        let Ok(now) = engine.holder(&budget, &aim.image).await else { return false };
        let (path, query) = match (&aim.before, now) {
            (before, now) if now.as_ref().map(|raw| &raw.id) == before.as_ref() => return true,
            (Some(old), _) => {
                let name = [("repo", aim.image.repository()), ("tag", aim.image.tag().unwrap_or("latest"))];
                (format!("/images/{old}/tag"), Some(name))
            }
            (None, _) => (format!("/images/{}", ops::escaped(&aim.image.to_string())), None),
        };
        let change = match &query {
            Some(query) => Change::post(&path, query),
            None => Change::delete(&path, &[]),
        };
        engine.wire.change(&budget, permit.levels(), commit, change).await.is_ok()
    }

    /// Nobody waits for it any more: the connection is closed, and the engine ends it. What was seen of it then.
    pub async fn stop(self, engine: &Engine) -> Lost {
        let Self { steps, aim, .. } = self;
        drop(steps);
        engine.hung_up(aim, EngineError::Withdrawn).await
    }
}

impl Goal for Aim {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let now = engine.holder(budget, &self.image).await?.map(|raw| raw.id);
            let as_before = now == self.before;
            let (reached, evidence) = match (&self.before, now) {
                (_, None) => (Some(false), "the image is not there"),
                (None, Some(_)) => (Some(true), "the image is there"),
                (Some(before), Some(now)) if *before != now => (Some(true), "a newer image is there"),
                // Perhaps there is no newer one.
                (Some(_), Some(_)) => (None, "the image is the one that was there before"),
            };
            Ok(Look { reached, as_before, evidence: evidence.to_owned() })
        })
    }

    fn takes(&self) -> Duration {
        ENDS_WITHIN
    }
}
