//! The environments of all containers, hidden ones too: their secrets are masked wherever they show up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::Value;
use tokio::time::Instant;

use crate::policy::Rules;

use super::Engine;
use super::budget::Budget;
use super::error::EngineError;

/// Inspections at once.
const AT_ONCE: usize = 16;
/// A container whose inspection failed is left alone for this long: one stuck container must not slow every call.
const LEAVE_ALONE: Duration = Duration::from_secs(30);
/// One inspection may take this long, and all of them that: never less because a caller is in a hurry, or a short timeout
/// would switch masking off.
const EACH: Duration = Duration::from_millis(700);
const ALL: Duration = Duration::from_secs(2);

/// A container's `KEY=VALUE` pairs. An environment never changes during a container's life.
pub type Environment = Arc<Vec<(String, String)>>;

/// Environments by container id.
#[derive(Debug, Default)]
pub struct Cache {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<String, Environment>,
    failed: HashMap<String, Instant>,
    /// Grows whenever `known` changes, so that what is derived from it can be kept.
    generation: u64,
    /// The engine that it is about.
    epoch: u64,
}

impl State {
    /// Forgets what was of another engine. The generation grows on: what was derived is not taken for what is new.
    fn of(&mut self, epoch: u64) {
        if self.epoch != epoch {
            *self = Self { generation: self.generation + 1, epoch, ..Self::default() };
        }
    }
}

impl Cache {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a container's secrets are not known.
#[derive(Debug)]
pub(crate) enum Unlearned {
    /// This one does not answer an inspection, though the engine lists it.
    Silent(String),
    /// The engine answered, and not as it should.
    Failed(EngineError),
}

impl Unlearned {
    fn of(id: &str, e: Option<EngineError>) -> Self {
        match e {
            None | Some(EngineError::Timeout { .. }) => Self::Silent(id.to_owned()),
            Some(e) => Self::Failed(e),
        }
    }
}

impl Engine {
    /// Inspects the containers of the newest snapshot that are not known yet, and forgets those that are gone.
    ///
    /// Gives the generation of what is known; and, where one of `must` could not be learned, why: what is said of it
    /// cannot be masked, and must not be said. A clock that ran out is told as [`Unlearned::Silent`].
    ///
    /// # Errors
    /// The list of containers could not be had.
    pub(crate) async fn learn(
        &self,
        rules: &Rules,
        must: &[&str],
    ) -> Result<(u64, Option<Unlearned>), EngineError> {
        // A call that named a container has just taken a snapshot; one that did not may find new containers.
        if must.is_empty() {
            self.first_view(&Budget::probe(), rules).await?;
        }
        let ids = self.memory().ids.clone();
        let missing: Vec<String> = {
            let mut state = self.learned.state();
            state.of(self.wire.identity.epoch());
            let present: HashSet<&str> = ids.iter().map(String::as_str).chain(must.iter().copied()).collect();
            let before = state.known.len();
            state.known.retain(|id, _| present.contains(id.as_str()));
            if state.known.len() != before {
                state.generation += 1;
            }
            let now = Instant::now();
            state.failed.retain(|_, at| now.duration_since(*at) < LEAVE_ALONE);
            let wanted = ids.iter().map(String::as_str).chain(must.iter().copied());
            let unknown = |id: &&str| {
                !state.known.contains_key(*id) && (must.contains(id) || !state.failed.contains_key(*id))
            };
            let unique: HashSet<&str> = wanted.filter(unknown).collect();
            unique.into_iter().map(str::to_owned).collect()
        };
        let (first, others): (Vec<String>, Vec<String>) =
            missing.into_iter().partition(|id| must.contains(&id.as_str()));
        let all = Budget::probe().at_most(ALL);
        let why = self.inspect_all(&all, first).await;
        self.inspect_all(&all, others).await;
        let state = self.learned.state();
        let lacks = must.iter().find(|id| !state.known.contains_key(**id));
        Ok((state.generation, lacks.map(|id| Unlearned::of(id, why))))
    }

    /// Gives the first failure, if there was one.
    async fn inspect_all(&self, budget: &Budget, ids: Vec<String>) -> Option<EngineError> {
        let mut first = None;
        let inspected = stream::iter(ids)
            .map(|id| async move {
                let answer = self.inspect_id(&budget.at_most(EACH), &id).await;
                (id, answer)
            })
            .buffer_unordered(AT_ONCE);
        futures_util::pin_mut!(inspected);
        while let Some((id, answer)) = inspected.next().await {
            let mut state = self.learned.state();
            match answer {
                Ok(value) => {
                    state.known.insert(id, Arc::new(environment(&value)));
                    state.generation += 1;
                }
                // Gone since the list: there is nothing left to tell of it.
                Err(e) if e.is_gone() => {
                    state.known.insert(id, Environment::default());
                }
                Err(e) => {
                    state.failed.insert(id, Instant::now());
                    first.get_or_insert(e);
                }
            }
        }
        first
    }

    /// Names that may be seen: a secret that equals one is masked in environments only.
    #[must_use]
    pub(crate) fn known_names(&self) -> Vec<String> {
        self.memory().names.clone()
    }

    /// All environments that are known, by container id.
    #[must_use]
    pub(crate) fn environments(&self) -> BTreeMap<String, Environment> {
        self.learned.state().known.iter().map(|(id, env)| (id.clone(), Arc::clone(env))).collect()
    }
}

fn environment(inspection: &Value) -> Vec<(String, String)> {
    let list = inspection.pointer("/Config/Env").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
