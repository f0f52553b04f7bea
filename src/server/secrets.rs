//! What containers keep secret in their environments, to be masked wherever it shows up.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::Settings;
use crate::engine::Engine;
use crate::engine::learn::{Environment, Unlearned};
use crate::engine::snapshot::short;
use crate::output::{Learned, LearnedBuilder, Redactor};
use crate::tool::{Kind, ToolError};

use super::InForce;

/// Values that one container adds for all calls. A call about a container with more learns all of its own besides.
const SHARE: usize = 100;

/// The learned values, kept until an environment comes or goes.
#[derive(Debug, Default)]
pub struct Secrets {
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    generation: u64,
    /// The redactor that judged the keys: a reload brings another, which may judge differently.
    redactor: Arc<Redactor>,
    learned: Learned,
    /// Containers that have more secrets than their share.
    cut: Arc<HashSet<String>>,
}

impl Secrets {
    /// Learns the environments of all containers that were listed last, and of those in `must`.
    ///
    /// # Errors
    /// A container in `must` that does not answer: what is said of it could not be masked.
    pub fn learn(
        &self,
        in_force: &InForce,
        must: Vec<String>,
    ) -> impl Future<Output = Result<Learned, ToolError>> + Send + 'static + use<> {
        let in_force = in_force.clone();
        async move {
            let ids: Vec<&str> = must.iter().map(String::as_str).collect();
            let (generation, unlearned) = in_force.engine.learn(&in_force.settings.rules, &ids).await?;
            let (redactor, engine) = (in_force.redactor, in_force.engine);
            match unlearned {
                None => {}
                // Nonsense is a fault of the engine, and not of the one container that was asked about.
                Some(Unlearned::Failed(e)) => return Err(e.into()),
                Some(Unlearned::Silent(stuck)) => {
                    let message =
                        format!("the engine does not answer an inspection of container `{}`", short(&stuck));
                    return Err(ToolError::new(Kind::ContainerUnresponsive, message)
                        .hint("others may still answer; look at the host, or try again")
                        .retry_after(Duration::from_secs(30)));
                }
            }
            let kept = || in_force.secrets.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let fits = |k: &Kept| k.generation == generation && Arc::ptr_eq(&k.redactor, &redactor);
            let fresh = kept().clone().filter(fits);
            let all = match fresh {
                Some(all) => all,
                None => {
                    let named = named(&in_force.settings).await;
                    let (learned, cut) = everything(&engine, &redactor, &named);
                    let all =
                        Kept { generation, redactor: Arc::clone(&redactor), learned, cut: Arc::new(cut) };
                    *kept() = Some(all.clone());
                    all
                }
            };
            if must.iter().any(|id| all.cut.contains(id)) {
                return Ok(all.learned.merge(&theirs(&engine, &redactor, &must)?));
            }
            Ok(all.learned)
        }
    }
}

fn builder(engine: &Engine, redactor: &Redactor) -> LearnedBuilder {
    engine.known_names().iter().fold(redactor.learn(), |builder, name| builder.visible(name))
}

fn add(builder: LearnedBuilder, environment: &Environment) -> LearnedBuilder {
    environment.iter().fold(builder, |builder, (key, value)| builder.env(key, value))
}

/// What `[secrets]` names: containers are given it under any key, and say it anywhere.
async fn named(settings: &Settings) -> Vec<String> {
    if settings.secrets.is_empty() {
        return Vec::new();
    }
    let sources: Vec<_> = settings.secrets.values().cloned().collect();
    let read = move || sources.iter().filter_map(|source| source.read().ok()).collect();
    // What cannot be read was given to nobody.
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

/// What all containers keep secret, each up to its share.
fn everything(engine: &Engine, redactor: &Redactor, named: &[String]) -> (Learned, HashSet<String>) {
    let mut builder = named.iter().fold(builder(engine, redactor), |builder, value| builder.value(value));
    let mut cut = HashSet::new();
    for (id, environment) in engine.environments() {
        builder = add(builder.share(SHARE), &environment);
        if builder.dropped() {
            cut.insert(id);
        }
    }
    (builder.build(), cut)
}

/// What these containers keep secret, all of it.
fn theirs(engine: &Engine, redactor: &Redactor, ids: &[String]) -> Result<Learned, ToolError> {
    let environments = engine.environments();
    let known = ids.iter().filter_map(|id| environments.get(id));
    let builder = known.fold(builder(engine, redactor).ample(), add);
    if builder.dropped() {
        let error = ToolError::new(
            Kind::ResponseTooLarge,
            "the container's environment holds more secrets than can be masked",
        );
        return Err(error.hint("look at it on the host"));
    }
    Ok(builder.build())
}
