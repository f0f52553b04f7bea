//! THE ONLY ROOM THAT KNOWS DOCKER.
//!
//! `discover` → `endpoint` → `dial` → `guard_io` → `wire` (closed list of `ops`) → `answer` → the modules by object.
//! Every method that touches an object takes a [`Permit`](crate::policy::Permit), and acts on the id inside it.

mod answer;
pub mod archive;
pub mod budget;
pub mod build;
pub mod change;
pub mod clock;
pub mod compose;
pub mod containers;
pub mod create;
pub mod credentials;
mod demux;
mod dial;
pub mod discover;
mod docker_cli;
pub mod endpoint;
pub mod error;
pub mod events;
pub mod exec;
pub mod forbidden;
mod guard_io;
mod identity;
pub mod image_names;
pub mod images;
pub mod learn;
pub mod lifecycle;
mod lines;
pub mod logs;
mod names_on;
pub mod network_changes;
pub mod networks;
pub mod ops;
pub mod outlook;
pub mod projects;
pub mod raw;
pub mod recreate;
pub mod removal;
pub mod rename;
pub mod resolve;
pub mod room;
mod scratch;
mod seen;
pub mod shorten;
pub mod snapshot;
pub mod stats;
pub mod sweep;
pub mod system;
pub mod transfer;
pub mod unused;
pub mod update;
pub mod usage;
pub mod volumes;
mod watched;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};

pub use budget::Budget;
pub use change::Commit;
pub use demux::Source;
pub use dial::DialKind;
pub use error::EngineError;
use snapshot::Memory;
use wire::Wire;

/// One Docker Engine, connected lazily: nothing is dialled before the first call, and each request dials anew.
#[derive(Debug)]
pub struct Engine {
    wire: Wire,
    memory: Mutex<Memory>,
    learned: learn::Cache,
}

impl Engine {
    /// An engine at this place. Does no I/O.
    #[must_use]
    pub fn new(found: discover::Discovered) -> Self {
        Self { wire: Wire::new(found), memory: Mutex::default(), learned: learn::Cache::default() }
    }

    /// Where it is and why there.
    #[must_use]
    pub fn found(&self) -> &discover::Discovered {
        self.wire.found()
    }

    /// Which engine it is, in words that are another engine's never: what a person allows here is not allowed there.
    pub async fn whose(&self, budget: &Budget) -> String {
        let (place, id) = (&self.found().endpoint, self.wire.id(budget).await);
        id.map_or_else(|| place.to_string(), |id| format!("{place} ({id})"))
    }

    /// What is remembered of this engine's hidden objects. The lock is held for look-ups only, never across an await.
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.of(self.wire.identity.epoch());
        memory
    }
}

/// Shared by every call.
pub type Shared = Arc<Engine>;
