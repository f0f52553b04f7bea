//! What containers use: two samples a short while apart, because the engine's own answer takes two seconds.

mod sample;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::policy::{Container, Permit, World};

use super::Engine;
use super::budget::Budget;
use super::error::EngineError;
use sample::Raw;
pub use sample::{Sample, Usage};

/// Requests at once.
const AT_ONCE: usize = 16;
/// A container that does not answer in this time is left out: a stuck one hangs for ever, a well one takes 14 ms.
const EACH: Duration = Duration::from_millis(1500);
/// All of them together: with containerd stuck, every single one hangs.
const ALL: Duration = Duration::from_secs(8);
/// Between the two samples of a processor's use.
const APART: Duration = Duration::from_millis(250);

/// The samples of one moment, or what became of them.
#[derive(Debug, Default)]
pub struct Round {
    /// By id.
    pub samples: Vec<(Container, Sample)>,
    /// Those that did not answer in time.
    pub missing: Vec<String>,
}

impl Engine {
    /// What one container uses; none where it does not run.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn usage(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
    ) -> Result<Option<Usage>, EngineError> {
        let Some(first) = self.sample(budget, permit).await? else { return Ok(None) };
        tokio::time::sleep(APART).await;
        Ok(self.sample(budget, permit).await?.map(|second| second.usage_since(&first)))
    }

    /// One sample of one container; none where it does not run.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn sample(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
    ) -> Result<Option<Sample>, EngineError> {
        self.sample_id(&budget.at_most(EACH), &permit.target().id).await
    }

    /// What every visible running container uses, and the names of those that did not answer in time.
    ///
    /// # Errors
    /// The list of containers could not be had.
    pub async fn usages(
        &self,
        budget: &Budget,
        permit: &Permit<World>,
    ) -> Result<(Vec<(String, Usage)>, Vec<String>), EngineError> {
        let who = self.running(budget, permit).await?;
        let all = budget.at_most(ALL);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked: FuturesUnordered<_> = who
            .into_iter()
            .map(|c| {
                let places = Arc::clone(&places);
                async move {
                    let first = self.in_turn(&all, &places, &c.id).await;
                    let Ok(Some(first)) = first else { return (c.name, first.map(|_| None)) };
                    // A place is not held while there is nothing to wait for but time.
                    sleep_until(Instant::now() + APART).await;
                    let second = self.in_turn(&all, &places, &c.id).await;
                    (c.name, second.map(|s| s.map(|s| s.usage_since(&first))))
                }
            })
            .collect();
        let (mut usages, mut missing) = (Vec::new(), Vec::new());
        while let Some((name, result)) = asked.next().await {
            match result {
                Ok(Some(usage)) => usages.push((name, usage)),
                // It ended meanwhile.
                Ok(None) => {}
                Err(e) if e.is_gone() => {}
                Err(_) => missing.push(name),
            }
        }
        Ok((usages, missing))
    }

    /// A sample of every visible running container.
    ///
    /// # Errors
    /// The list of containers could not be had.
    pub async fn round(&self, budget: &Budget, permit: &Permit<World>) -> Result<Round, EngineError> {
        let who = self.running(budget, permit).await?;
        let all = budget.at_most(ALL);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked: FuturesUnordered<_> = who
            .into_iter()
            .map(|c| {
                let places = Arc::clone(&places);
                async move { (self.in_turn(&all, &places, &c.id).await, c) }
            })
            .collect();
        let mut round = Round::default();
        while let Some((result, who)) = asked.next().await {
            match result {
                Ok(Some(sample)) => round.samples.push((who, sample)),
                Ok(None) => {}
                Err(e) if e.is_gone() => {}
                Err(_) => round.missing.push(who.name),
            }
        }
        Ok(round)
    }

    async fn running(&self, budget: &Budget, permit: &Permit<World>) -> Result<Vec<Container>, EngineError> {
        let seen = self.containers(budget, permit).await?;
        Ok(seen
            .into_iter()
            .filter(|s| matches!(s.raw.state.as_str(), "running" | "paused"))
            .map(|s| s.identity)
            .collect())
    }

    async fn in_turn(
        &self,
        all: &Budget,
        places: &Semaphore,
        id: &str,
    ) -> Result<Option<Sample>, EngineError> {
        let _place = places.acquire().await;
        self.sample_id(&all.at_most(EACH), id).await
    }

    async fn sample_id(&self, budget: &Budget, id: &str) -> Result<Option<Sample>, EngineError> {
        let path = format!("/containers/{id}/stats");
        let query = [("stream", "false"), ("one-shot", "true")];
        let raw: Raw = self.wire.json(budget, &path, &query).await.map_err(|e| self.scrubbed(e))?;
        Ok(Sample::of_running(raw))
    }
}
