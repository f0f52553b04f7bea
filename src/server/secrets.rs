//! What containers keep secret in their environments, to be masked wherever it shows up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::engine::Budget;
use crate::output::Learned;
use crate::tool::{Kind, ToolError};

use super::{InForce, Server};

/// All containers are learned in this time, or the rest is left for the next call.
const LEARN: Duration = Duration::from_secs(2);

/// The learned values, kept until an environment comes or goes.
#[derive(Debug, Default)]
pub struct Secrets {
    kept: Mutex<Option<(u64, usize, Learned)>>,
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
        budget: &Budget,
        must: Vec<String>,
    ) -> impl Future<Output = Result<Learned, ToolError>> + Send + 'static + use<> {
        let (server, in_force, budget) = (Arc::clone(server), in_force.clone(), budget.at_most(LEARN));
        async move {
            let ids: Vec<&str> = must.iter().map(String::as_str).collect();
            let (generation, unlearned) =
                server.engine.learn(&budget, &in_force.settings.rules, &ids).await?;
            let redactor = in_force.redactor;
            if !unlearned.is_empty() {
                return Err(ToolError::new(
                    Kind::ContainerUnresponsive,
                    "the container does not answer an inspection",
                )
                .hint("others may still answer; look at the host, or try again")
                .retry_after(Duration::from_secs(30)));
            }
            // A reload brings another redactor, which may judge keys differently.
            let owner = Arc::as_ptr(&redactor) as usize;
            let kept = || server.secrets.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((g, o, learned)) = kept().as_ref()
                && (*g, *o) == (generation, owner)
            {
                return Ok(learned.clone());
            }
            let mut builder = redactor.learn();
            for name in server.engine.known_names() {
                builder = builder.visible(&name);
            }
            for environment in server.engine.environments() {
                for (key, value) in environment.iter() {
                    builder = builder.env(key, value);
                }
            }
            let learned = builder.build();
            *kept() = Some((generation, owner, learned.clone()));
            Ok(learned)
        }
    }
}
