//! The server as running tools see it, with the settings of their call.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::engine::Budget;
use crate::tool::context::{Host, Lookup, Told, Vitals};
use crate::tool::{Kind, ToolError};

use super::explain::{explain, in_force};
use super::{Caller, InForce, Server, auditing, judging};

/// What one call may ask of the server.
#[derive(Debug)]
pub struct Reporter {
    server: Arc<Server>,
    in_force: InForce,
    caller: Caller,
}

impl Reporter {
    /// For a call of this caller.
    #[must_use]
    pub fn of(server: &Arc<Server>, in_force: &InForce, caller: &Caller) -> Self {
        Self { server: Arc::clone(server), in_force: in_force.clone(), caller: caller.clone() }
    }

    /// Waits for the disk on a thread that may.
    fn looks<T: FnOnce(&Server, &InForce, &Caller) -> Result<Value, ToolError> + Send + 'static>(
        &self,
        look: T,
    ) -> Told<'_> {
        let (server, in_force, caller) =
            (Arc::clone(&self.server), self.in_force.clone(), self.caller.clone());
        Box::pin(async move {
            tokio::task::spawn_blocking(move || look(&server, &in_force, &caller))
                .await
                .map_err(|e| ToolError::internal(e.to_string()))?
        })
    }
}

impl Host for Reporter {
    fn vitals(&self) -> Vitals {
        self.server.vitals()
    }

    fn explain(&self, tool: Option<String>, arguments: Option<Map<String, Value>>) -> Told<'_> {
        Box::pin(async move {
            let Some(tool) = tool else { return Ok(in_force(&self.in_force.settings)) };
            let by = (&self.server, &self.in_force);
            let explanation = explain(by, &tool, arguments, &Budget::probe(), false).await;
            match explanation.refusal {
                // The question itself could not be answered: that is a failure of this call.
                Some(e) if e.daemon_fault || e.kind == Kind::DaemonPermission => Err(e),
                _ => Ok(explanation.json()),
            }
        })
    }

    fn pending(&self) -> Told<'_> {
        self.looks(judging::pending)
    }

    fn answer(&self, code: String, approves: bool) -> Told<'_> {
        self.looks(move |server, in_force, caller| {
            judging::answer(server, in_force, caller, (&code, approves))
        })
    }

    fn audit(&self, query: Lookup) -> Told<'_> {
        self.looks(move |server, in_force, _| auditing::lines(server, in_force, &query))
    }
}
