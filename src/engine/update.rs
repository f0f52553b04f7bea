//! Limits and the restart policy of a container that exists.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::policy::{Container, Permit};

use super::budget::Budget;
use super::change::{Commit, Goal, Look, Looking, Outcome};
use super::error::EngineError;
use super::wire::Change;
use super::{Engine, raw};

/// When the engine starts it again by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Restart {
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    #[serde(deserialize_with = "raw::nullable")]
    pub name: String,
    /// Of `on-failure`; 0: no end.
    #[serde(rename = "MaximumRetryCount", deserialize_with = "raw::nullable")]
    pub most: i64,
}

/// What may be changed of a container; 0: no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Limits {
    /// Bytes.
    #[serde(deserialize_with = "raw::nullable")]
    pub memory: i64,
    /// Memory and swap together, in bytes; -1: no limit.
    #[serde(deserialize_with = "raw::nullable")]
    pub memory_swap: i64,
    /// Billionths of a processor.
    #[serde(deserialize_with = "raw::nullable")]
    pub nano_cpus: i64,
    /// Processes.
    #[serde(deserialize_with = "raw::nullable")]
    pub pids_limit: i64,
    /// When it is started again.
    #[serde(deserialize_with = "raw::nullable")]
    pub restart_policy: Restart,
}

/// What is asked for; absent: as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Bytes.
    pub memory: Option<i64>,
    /// Billionths of a processor.
    pub nano_cpus: Option<i64>,
    /// Processes.
    pub pids: Option<i64>,
    /// When it is started again.
    pub restart: Option<Restart>,
}

/// What the engine said, and how it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Updated {
    /// Read again afterwards, where that could be done.
    pub now: Option<Limits>,
    /// The engine's, scrubbed.
    pub warnings: Vec<String>,
}

struct Aim {
    id: String,
    then: Limits,
}

impl Wish {
    /// How it would be.
    #[must_use]
    pub fn on(&self, before: &Limits) -> Limits {
        let memory = self.memory.unwrap_or(before.memory);
        let memory_swap = match self.memory {
            // Swap stays what it was beside the memory; the engine's own default is as much again.
            Some(memory) if memory != before.memory => match before {
                Limits { memory_swap: -1, .. } => -1,
                Limits { memory: m @ 1.., memory_swap: s, .. } if s >= m => memory + (s - m),
                _ => memory.saturating_mul(2),
            },
            _ => before.memory_swap,
        };
        Limits {
            memory,
            memory_swap,
            nano_cpus: self.nano_cpus.unwrap_or(before.nano_cpus),
            pids_limit: self.pids.unwrap_or(before.pids_limit),
            restart_policy: self.restart.clone().unwrap_or_else(|| before.restart_policy.clone()),
        }
    }
}

impl Engine {
    /// What limits it has.
    ///
    /// # Errors
    /// As [`EngineError`].
    pub async fn limits(&self, budget: &Budget, permit: &Permit<Container>) -> Result<Limits, EngineError> {
        self.limits_of(budget, &permit.target().id).await
    }

    async fn limits_of(&self, budget: &Budget, id: &str) -> Result<Limits, EngineError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Inspected {
            host_config: Limits,
        }
        let path = format!("/containers/{id}/json");
        let inspected: Inspected = self.wire.json(budget, &path, &[]).await.map_err(|e| self.scrubbed(e))?;
        Ok(inspected.host_config)
    }

    /// Changes them, once.
    ///
    /// # Errors
    /// Nothing happened: it was not sent, or the engine refused it.
    pub async fn update(
        &self,
        budget: &Budget,
        commit: &Commit,
        permit: Permit<Container>,
        (before, wish): (&Limits, Wish),
    ) -> Result<Outcome<Updated>, EngineError> {
        let (id, then) = (permit.target().id.clone(), wish.on(before));
        let path = format!("/containers/{id}/update");
        let asked = Change::post(&path, &[]).json(body(&wish, &then));
        let sent = self.wire.change(budget, permit.levels(), commit, asked).await;
        let aim = Aim { id: id.clone(), then };
        Ok(match self.settled(budget, sent, aim).await? {
            Outcome::Answered(answer) => {
                #[derive(Default, Deserialize)]
                #[serde(default, rename_all = "PascalCase")]
                struct Said {
                    #[serde(deserialize_with = "raw::nullable")]
                    warnings: Vec<String>,
                }
                // It is done; what it says besides is not worth an error.
                let said: Said = answer.json().await.unwrap_or_default();
                let now = self.limits_of(&budget.at_most(super::change::LOOK), &id).await.ok();
                let warnings = said.warnings.iter().map(|w| self.scrub(w)).collect();
                Outcome::Answered(Updated { now, warnings })
            }
            Outcome::Lost(lost) => Outcome::Lost(lost),
        })
    }
}

/// Only what is asked for: what is not in the body stays as it is.
fn body(wish: &Wish, then: &Limits) -> Value {
    let mut body = Map::new();
    if wish.memory.is_some() {
        body.insert("Memory".into(), json!(then.memory));
        body.insert("MemorySwap".into(), json!(then.memory_swap));
    }
    if wish.nano_cpus.is_some() {
        body.insert("NanoCpus".into(), json!(then.nano_cpus));
    }
    if wish.pids.is_some() {
        body.insert("PidsLimit".into(), json!(then.pids_limit));
    }
    if wish.restart.is_some() {
        let Restart { name, most } = &then.restart_policy;
        body.insert("RestartPolicy".into(), json!({ "Name": name, "MaximumRetryCount": most }));
    }
    Value::Object(body)
}

impl Goal for Aim {
    fn look<'a>(&'a self, engine: &'a Engine, budget: &'a Budget) -> Looking<'a> {
        Box::pin(async move {
            let now = engine.limits_of(budget, &self.id).await?;
            let reached = now == self.then;
            let evidence = if reached { "its limits are as asked for" } else { "its limits are others" };
            Ok(Look { reached: Some(reached), as_before: !reached, evidence: evidence.to_owned() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_follows_memory() {
        let before = |memory, memory_swap| Limits { memory, memory_swap, ..Limits::default() };
        let wish = Wish { memory: Some(100), ..Wish::default() };
        for (memory, swap, want) in
            [(0, 0, 200), (50, 100, 150), (50, 50, 100), (50, -1, -1), (0, -1, -1), (100, 170, 170)]
        {
            assert_eq!(wish.on(&before(memory, swap)).memory_swap, want, "{memory} {swap}");
        }
        let none = Wish { pids: Some(5), ..Wish::default() };
        assert_eq!(none.on(&before(50, 60)), Limits { pids_limit: 5, ..before(50, 60) });
        assert_eq!(body(&none, &none.on(&before(50, 60))), json!({ "PidsLimit": 5 }));
    }
}
