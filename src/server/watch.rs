//! What a `docker_recreate` left half done whose server was killed: brought to its end by another process, which got its
//! leave beforehand, the same way as every call.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use tokio::time::{Instant, sleep};

use crate::audit::{Decision, Guard};
use crate::engine::recreate::{Mended, Patience};
use crate::engine::{Budget, Commit};
use crate::policy::decide::{Ask, admits};
use crate::policy::{self, Container, Permit};
use crate::tool::error::Effect;
use crate::tool::{Asked, Kind, ToolDef, ToolError};

use super::{Server, answer, catalogue, targets};

/// Whose server's change it is.
const TOOL: &str = "docker_recreate";
/// Under this name it stands in the audit log.
const CALLER: &str = "watchdog";
/// What a killed server had sent may still become visible for so long.
const LATE: Duration = Duration::from_secs(3);
/// An engine that was away comes back within this, or it is left to the next call.
const LIMIT: Duration = Duration::from_secs(120);
/// One try.
const TRY: Duration = Duration::from_secs(45);
/// One look.
const LOOK: Duration = Duration::from_secs(5);
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(300);

/// Leave to mend one container's recreation.
#[derive(Debug)]
pub struct Watchdog {
    server: Arc<Server>,
    def: &'static ToolDef,
    permit: Permit<Container>,
    id: String,
}

impl Watchdog {
    /// Asks for leave, while nothing is touched yet and the container has its own name.
    ///
    /// # Errors
    /// The rules, the engine or the audit log say no.
    pub async fn prepare(server: &Arc<Server>, id: &str) -> Result<Self, ToolError> {
        let in_force = server.in_force();
        let settings = &in_force.settings;
        let def = catalogue::find(TOOL).ok_or_else(|| catalogue::unknown(TOOL))?;
        admits(&settings.rules, def.spec.name, def.spec.levels).map_err(answer::refusal)?;
        let asked = [Asked::Container(id.to_owned())];
        let named =
            targets::resolve(&server.engine, &Budget::of(LOOK), settings, (TOOL, def.spec.levels), &asked)
                .await?;
        let ask = Ask { tool: def.spec.name, needs: def.spec.levels, targets: named.targets };
        let mut permits = policy::decide(&settings.rules, ask).map_err(answer::refusal)?;
        let permit = permits.containers.pop().ok_or_else(|| ToolError::internal("no container"))?;
        if settings.dry_run {
            return Err(ToolError::new(Kind::PermissionDenied, "dry_run = true: nothing may change"));
        }
        Ok(Self { server: Arc::clone(server), def, permit, id: id.to_owned() })
    }

    /// Where its engine is.
    #[must_use]
    pub fn place(&self) -> String {
        self.server.engine.found().endpoint.to_string()
    }

    /// The server is gone: looks at the two containers, and finishes or undoes. Recorded like a call of the tool.
    pub async fn mend(self) {
        let engine = &self.server.engine;
        let until = Instant::now() + LIMIT;
        let late = Instant::now() + LATE;
        let mut guard = None;
        let mut last = None;
        while Instant::now() < until {
            // The next call may be at it already.
            let claim = self.server.watchdogs.claims.take(&self.id, Instant::now() + LOOK).await;
            if matches!(&claim, Err(e) if e.kind == Kind::Conflict) {
                continue;
            }
            match engine.is_left_half(&Budget::of(LOOK), &self.permit).await {
                // A request that was on its way when the server died may come true a moment later.
                Ok(false) if guard.is_none() && Instant::now() < late => {}
                Ok(false) => {
                    last = None;
                    break;
                }
                Ok(true) => {
                    if guard.is_none() {
                        match self.recorded().await {
                            Ok(open) => guard = Some(open),
                            Err(e) => {
                                tracing::error!(error = e.message, "not mended");
                                return;
                            }
                        }
                    }
                    let commit = Commit::default();
                    let budget = Budget::of(TRY);
                    match engine.mend(&budget, &commit, &self.permit, Patience::UntilSettled).await {
                        Ok(Mended::Stuck(why)) => last = Some(ToolError::new(Kind::Conflict, why)),
                        Ok(mended) => {
                            if let Some(guard) = &mut guard {
                                guard.evidence(said(&mended));
                            }
                            last = None;
                            break;
                        }
                        Err(e) => last = Some(e.into()),
                    }
                }
                Err(e) => last = Some(e.into()),
            }
            drop(claim);
            sleep(PAUSE).await;
        }
        if let Some(mut guard) = guard {
            guard.ended(last.as_ref(), false);
            if last.is_some() {
                guard.effect(Effect::Unknown);
            }
        }
    }

    /// Its intent, durably, as before every change.
    async fn recorded(&self) -> Result<Guard, ToolError> {
        let in_force = self.server.in_force();
        let arguments = Map::from_iter([("container".to_owned(), self.id.clone().into())]);
        let call = answer::correlation_id();
        let mut guard = Guard::open(&self.server.audit, &call, CALLER, Some(self.def), &arguments);
        guard.modes(in_force.settings.bypass, false);
        guard.targets([self.permit.target().name.clone()].into_iter());
        guard.decided(Decision::Allowed);
        match guard.intent().await {
            Ok(()) => {}
            Err(fault) if in_force.settings.audit.required => return Err(answer::unrecorded(fault)),
            Err(_) => guard.begun_anyway(),
        }
        Ok(guard)
    }
}

fn said(mended: &Mended) -> String {
    let short = |id: &str| id.get(..12).unwrap_or(id).to_owned();
    match mended {
        Mended::Finished { id, .. } => {
            format!("its server was killed: finished, the new one {} is in its place", short(id))
        }
        Mended::Undone { id, .. } => {
            format!("its server was killed: undone, the old one {} is as it was", short(id))
        }
        Mended::Nothing | Mended::Stuck(_) => {
            "its server was killed: there was nothing left to do".to_owned()
        }
    }
}
