//! The steps, and the way back.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::policy::{Container, Level, Permit};

use super::super::budget::Budget;
use super::super::change::{Commit, Effect, Outcome};
use super::super::error::EngineError;
use super::super::seen::{Become, Want};
use super::super::wire::Change;
use super::super::{Engine, ops};
use super::{FIRST, Recreation, SETTLE, Way, growth, names};

/// What is left of the call's time when the new one must be well: for the rest, or for the way back.
const REST: Duration = Duration::from_secs(20);
/// So long the old one's end may take at least, after the call's time, too; and what is left of that for the answer.
const TIDY: Duration = Duration::from_secs(12);
const ANSWER: Duration = Duration::from_millis(700);
/// Between two looks at the new one.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// How it came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recreated {
    /// The new one.
    pub id: String,
    /// `running`, ...
    pub state: String,
    /// Where it is checked.
    pub health: Option<String>,
    /// What did not go as it should, though the new one is in its place.
    pub notes: Vec<String>,
}

/// It did not come out, and the old one is as it was; or, where that did not come out either, what is left.
#[derive(Debug)]
pub struct Undone {
    /// At what.
    pub step: &'static str,
    /// The engine's word.
    pub error: Option<EngineError>,
    /// Or ours.
    pub why: String,
    /// Nothing is left of it.
    pub restored: bool,
    /// The engine may have heard of it.
    pub sent: bool,
}

/// One run.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub engine: &'a Engine,
    pub commit: &'a Commit,
    pub levels: &'a [Level],
    pub old: &'a str,
    pub name: &'a str,
}

/// What was done already.
#[derive(Default)]
pub(super) struct Done {
    pub new: Option<String>,
    pub stopped: bool,
    pub renamed: bool,
}

type Fault = (&'static str, Option<EngineError>, String);

impl Engine {
    /// Does it. The recreation must be of this container, and as it is now.
    ///
    /// # Errors
    /// The old one is in its place, unless the error says otherwise.
    pub async fn recreate(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Container>,
        (what, way): (Recreation, Way),
    ) -> Result<Recreated, Undone> {
        let (old, name) = (permit.target().id.as_str(), permit.target().name.as_str());
        let run = Run { engine: self, commit, levels: permit.levels(), old, name };
        let mut done = Done::default();
        match run.forward(budget, &what, way, &mut done).await {
            Ok(recreated) => Ok(recreated),
            Err((step, error, why)) => {
                // Whoever called it off wants this the more.
                let commit = &Commit::default();
                let restored = Run { commit, ..run }.back(&done, what.plan.ran).await;
                Err(Undone { step, error, why, restored, sent: run.commit.sent() })
            }
        }
    }
}

impl Run<'_> {
    async fn forward(
        &self,
        budget: &Budget,
        what: &Recreation,
        way: Way,
        done: &mut Done,
    ) -> Result<Recreated, Fault> {
        let at = |step: &'static str| move |e: EngineError| (step, Some(e), String::new());
        let plan = &what.plan;
        let (new_name, old_name) = names(self.name, self.old);

        let new = self.create(budget, &new_name, what, way).await.map_err(at("creating the new one"))?;
        done.new = Some(new.clone());
        let made = self.engine.inspect_id(budget, &new).await.map_err(at("looking at the new one"))?;
        if made.get("Image").and_then(Value::as_str) != Some(plan.image_id.as_str()) {
            return Err(("looking at the new one", None, "its image is another one by now".to_owned()));
        }
        if let Some(field) = growth::differs(&plan.body, &plan.model, &made) {
            return Err(("looking at the new one", None, format!("it differs in {field}")));
        }

        if plan.ran {
            if way.stop_first {
                done.stopped = true;
                self.stop(budget, self.old).await.map_err(at("stopping the old one"))?;
            }
            self.start(budget, &new).await.map_err(at("starting the new one"))?;
            let by = budget.deadline - REST.min(budget.total / 3);
            self.well(&new, plan.checked, by).await?;
        }

        done.renamed = true;
        self.rename(budget, self.old, &old_name).await.map_err(at("renaming the old one"))?;
        self.rename(budget, &new, self.name).await.map_err(at("giving the new one its name"))?;

        // From here on the new one is in its place: what fails now is said, and undoes nothing.
        let mut notes = Vec::new();
        let late = Budget::of(budget.left().saturating_sub(ANSWER).max(TIDY));
        // Nor does it end here when it is called off.
        let commit = &Commit::default();
        if let Err(e) = (Run { commit, ..*self }).clear(&late, plan.ran && !way.stop_first).await {
            notes.push(format!("the old one could not be removed and is called `{old_name}` ({e})"));
        }
        let now = self.engine.glance(&late, &new).await.unwrap_or_default();
        let health = now.health().map(str::to_owned);
        Ok(Recreated { id: new, state: now.state.state.status, health, notes })
    }

    /// Removes the old one. Its volumes stay, named or not: the new one has them.
    pub(super) async fn clear(&self, budget: &Budget, runs: bool) -> Result<(), EngineError> {
        if runs {
            match self.stop(budget, self.old).await {
                // It removes itself when it ends.
                Err(e) if !e.is_gone() => return Err(e),
                _ => {}
            }
        }
        match self.remove(budget, self.old, false).await {
            Err(EngineError::Status { code: 409, message }) if message.contains("already in progress") => {
                Ok(())
            }
            Err(e) if !e.is_gone() => Err(e),
            _ => Ok(()),
        }
    }

    async fn create(
        &self,
        budget: &Budget,
        name: &str,
        what: &Recreation,
        way: Way,
    ) -> Result<String, EngineError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Created {
            id: String,
        }
        let query = [("name", name)];
        let mut body = what.plan.body.clone();
        if let (true, Some(labels)) = (way.stop_first, body.get_mut("Labels").and_then(Value::as_object_mut))
        {
            labels.insert(FIRST.to_owned(), "yes".into());
        }
        let asked = Change::post("/containers/create", &query).json(body);
        let lost = match self.engine.wire.change(budget, self.levels, self.commit, asked).await {
            Ok(answer) => match answer.json::<Created>().await {
                Ok(created) if ops::is_hex64(&created.id) => return Ok(created.id),
                Ok(_) => EngineError::Protocol("no id of a container".to_owned()),
                Err(e) => e,
            },
            Err(failed) if !failed.written => return Err(self.engine.scrubbed(failed.error)),
            Err(failed) => failed.error,
        };
        // Its answer was lost. It is known by its mark.
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            let pairs =
                self.engine.replacements(&Budget::of(Duration::from_secs(2))).await.unwrap_or_default();
            if let Some((new, _)) = pairs.into_iter().find(|(_, old)| *old == self.old) {
                return Ok(new);
            }
            sleep(LOOK).await;
        }
        Err(self.engine.scrubbed(lost))
    }

    /// Waits until it is well; one without a check must run for a while.
    pub(super) async fn well(&self, new: &str, checked: bool, by: Instant) -> Result<(), Fault> {
        let since = Instant::now();
        let fault = |why: String| Err(("waiting for the new one to be well", None, why));
        loop {
            match self.engine.glance(&Budget::of(Duration::from_secs(5)), new).await {
                Err(e) if e.is_gone() => return fault("it is gone".to_owned()),
                // One look that fails is not the last one.
                Err(_) => {}
                Ok(now) => match (now.state.state.status.as_str(), now.health()) {
                    ("running", Some("healthy")) => return Ok(()),
                    ("running", Some("unhealthy")) => return fault("its health check fails".to_owned()),
                    ("running", None) if !checked && since.elapsed() >= SETTLE => return Ok(()),
                    ("running" | "created", _) => {}
                    (state, _) => {
                        return fault(format!("it is {state}, with exit code {}", now.state.state.exit_code));
                    }
                },
            }
            if Instant::now() + LOOK >= by {
                return fault("the time is over, and it is not healthy yet".to_owned());
            }
            sleep(LOOK).await;
        }
    }

    pub(super) async fn start(&self, budget: &Budget, id: &str) -> Result<(), EngineError> {
        let path = format!("/containers/{id}/start");
        self.step(budget, Change::post(&path, &[]), id, Want::Running).await
    }

    pub(super) async fn rename(&self, budget: &Budget, id: &str, name: &str) -> Result<(), EngineError> {
        let (path, query) = (format!("/containers/{id}/rename"), [("name", name)]);
        self.step(budget, Change::post(&path, &query), id, Want::Named(name.to_owned())).await
    }

    pub(super) async fn stop(&self, budget: &Budget, id: &str) -> Result<(), EngineError> {
        let path = format!("/containers/{id}/stop");
        self.step(budget, Change::post(&path, &[]), id, Want::Stopped).await
    }

    pub(super) async fn remove(&self, budget: &Budget, id: &str, ours: bool) -> Result<(), EngineError> {
        let path = format!("/containers/{id}");
        let query: &[(&str, &str)] = if ours { &[("force", "1"), ("v", "1")] } else { &[] };
        self.step(budget, Change::delete(&path, query), id, Want::Gone).await
    }

    /// One step; where its answer was lost, it counts if it is seen done.
    pub(super) async fn step(
        &self,
        budget: &Budget,
        asked: Change<'_>,
        id: &str,
        want: Want,
    ) -> Result<(), EngineError> {
        let sent = self.engine.wire.change(budget, self.levels, self.commit, asked).await;
        match self.engine.settled(budget, sent, Become { id: id.to_owned(), want }).await? {
            Outcome::Answered(_) => Ok(()),
            Outcome::Lost(lost) if lost.finding.effect == Effect::Done => Ok(()),
            Outcome::Lost(lost) => Err(lost.cause),
        }
    }
}
