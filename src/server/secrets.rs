//! What containers keep secret in their environments, to be masked wherever it shows up.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::engine::learn::{Environment, Unlearned};
use crate::engine::snapshot::short;
use crate::output::{Learned, LearnedBuilder, Redactor};
use crate::tool::{Kind, ToolError};

use super::{InForce, Server};

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
        server: &Arc<Server>,
        in_force: &InForce,
        must: Vec<String>,
    ) -> impl Future<Output = Result<Learned, ToolError>> + Send + 'static + use<> {
        let (server, in_force) = (Arc::clone(server), in_force.clone());
        async move {
            let ids: Vec<&str> = must.iter().map(String::as_str).collect();
            let (generation, unlearned) = server.engine.learn(&in_force.settings.rules, &ids).await?;
            let redactor = in_force.redactor;
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
            let kept = || server.secrets.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let fits = |k: &Kept| k.generation == generation && Arc::ptr_eq(&k.redactor, &redactor);
            let fresh = kept().clone().filter(fits);
            let all = match fresh {
                Some(all) => all,
                None => {
                    let (learned, cut) = everything(&server, &redactor);
                    let all =
                        Kept { generation, redactor: Arc::clone(&redactor), learned, cut: Arc::new(cut) };
                    *kept() = Some(all.clone());
                    all
                }
            };
            if must.iter().any(|id| all.cut.contains(id)) {
                return Ok(all.learned.merge(&theirs(&server, &redactor, &must)?));
            }
            Ok(all.learned)
        }
    }
}

fn builder(server: &Server, redactor: &Redactor) -> LearnedBuilder {
    server.engine.known_names().iter().fold(redactor.learn(), |builder, name| builder.visible(name))
}

fn add(builder: LearnedBuilder, environment: &Environment) -> LearnedBuilder {
    environment.iter().fold(builder, |builder, (key, value)| builder.env(key, value))
}

/// What all containers keep secret, each up to its share.
fn everything(server: &Server, redactor: &Redactor) -> (Learned, HashSet<String>) {
    let mut builder = builder(server, redactor);
    let mut cut = HashSet::new();
    for (id, environment) in server.engine.environments() {
        builder = add(builder.share(SHARE), &environment);
        if builder.dropped() {
            cut.insert(id);
        }
    }
    (builder.build(), cut)
}

/// What these containers keep secret, all of it.
fn theirs(server: &Server, redactor: &Redactor, ids: &[String]) -> Result<Learned, ToolError> {
    let environments = server.engine.environments();
    let known = ids.iter().filter_map(|id| environments.get(id));
    let builder = known.fold(builder(server, redactor).ample(), add);
    if builder.dropped() {
        let error = ToolError::new(
            Kind::ResponseTooLarge,
            "the container's environment holds more secrets than can be masked",
        );
        return Err(error.hint("look at it on the host"));
    }
    Ok(builder.build())
}
