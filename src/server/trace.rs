//! The audit trace of a call on its way: kept by the call, handed to the work once a change may outlive the call.

use std::sync::{Arc, Mutex, PoisonError};

use crate::audit::{AuditFault, Decision, Guard};
use crate::engine::Commit;
use crate::engine::change::{Effect as Came, Finding};
use crate::output::{Learned, Redactor};
use crate::policy::Level;
use crate::tool::ToolError;
use crate::tool::error::Effect;

/// The longest evidence of a record.
const EVIDENCE: usize = 500;

/// The trace while the call has it; nothing once it is handed over.
#[derive(Debug)]
pub(super) struct Trace(Option<Guard>);

/// The trace of a change, kept by the work that sees it through.
#[derive(Debug)]
pub(super) struct Recorded {
    guard: Guard,
    commit: Arc<Commit>,
    redactor: Arc<Redactor>,
    learned: Learned,
}

impl Trace {
    pub(super) const fn new(guard: Guard) -> Self {
        Self(Some(guard))
    }

    pub(super) fn targets(&mut self, names: impl Iterator<Item = String>) {
        if let Some(guard) = &mut self.0 {
            guard.targets(names);
        }
    }

    pub(super) fn levels(&mut self, needs: &[Level]) {
        if let Some(guard) = &mut self.0 {
            guard.levels(needs.iter().map(|level| level.name()));
        }
    }

    pub(super) fn decided(&mut self, decision: Decision) {
        if let Some(guard) = &mut self.0 {
            guard.decided(decision);
        }
    }

    pub(super) fn denied(&mut self, rule: &str) {
        if let Some(guard) = &mut self.0 {
            guard.denied(rule);
        }
    }

    /// Its intent was handed over, or the trace itself was: something may have been sent.
    pub(super) fn may_have_begun(&self) -> bool {
        self.0.as_ref().is_none_or(Guard::may_have_begun)
    }

    /// How it ended, for those that still have it.
    pub(super) fn ended(&mut self, error: Option<&ToolError>, cancelled: bool) {
        if let Some(guard) = &mut self.0 {
            guard.ended(error, cancelled);
        }
    }

    /// Records the intent of a change, durably. `required`: else it may be made without.
    pub(super) async fn intent(&mut self, required: bool) -> Result<(), AuditFault> {
        let Some(guard) = &mut self.0 else { return Ok(()) };
        match guard.intent().await {
            Err(fault) if required => Err(fault),
            Err(_) => {
                guard.begun_anyway();
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// To the work that sees the change through, whatever becomes of the call.
    pub(super) fn hand_over(
        &mut self,
        commit: &Arc<Commit>,
        (redactor, learned): (&Arc<Redactor>, &Learned),
    ) -> Option<Recorded> {
        let (commit, redactor) = (Arc::clone(commit), Arc::clone(redactor));
        self.0.take().map(|guard| Recorded { guard, commit, redactor, learned: learned.clone() })
    }
}

/// The trace of a change from where its work and its call can both reach it; the first one closes it.
pub(super) fn take(trace: &Mutex<Option<Recorded>>) -> Option<Recorded> {
    trace.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Recorded {
    /// How the work ended, and what the tool says of its effect: it knows more than success or failure tells. `open`:
    /// parts of it are looked at again.
    pub(super) fn ended(&mut self, error: Option<&ToolError>, known: Option<&Finding>, open: bool) {
        if error.is_none() {
            self.found(known.map_or(&[], std::slice::from_ref));
            if open {
                self.guard.effect(Effect::Unknown);
            }
        }
        self.guard.ended(error, false);
    }

    /// What was found out of every part of it.
    pub(super) fn found(&mut self, findings: &[Finding]) {
        if let Some(effect) = findings.iter().map(|finding| finding.effect).max() {
            self.guard.effect(match effect {
                Came::Done => Effect::Done,
                Came::None => Effect::None,
                Came::Continuing => Effect::Continuing,
                Came::Unknown => Effect::Unknown,
            });
        }
        let evidence = findings.iter().map(|finding| finding.evidence.as_str()).filter(|e| !e.is_empty());
        let evidence: Vec<&str> = evidence.collect();
        if !evidence.is_empty() {
            // States and times of the engine, and what compose said; bounded, whatever it says. Masked before it is cut,
            // or half a secret could stay.
            let bounded: String = evidence.join("; ").chars().take(16 * EVIDENCE).collect();
            let clean = self.redactor.line(&bounded, &self.learned);
            self.guard.evidence(clean.chars().take(EVIDENCE).collect::<String>());
        }
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        // Called off in time: nobody has to wonder.
        if !self.commit.sent() {
            self.guard.effect(Effect::None);
        }
    }
}
