//! Whose a session is: of the key that began it, and of nobody else's.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::server::Caller;

/// Sessions at once.
const MOST: usize = 1000;

/// The sessions of the older protocol era, by their ids.
#[derive(Debug)]
pub(super) struct Sessions {
    idle: Duration,
    owners: Mutex<HashMap<String, Owner>>,
}

#[derive(Debug)]
struct Owner {
    name: String,
    role: Option<String>,
    used: Instant,
}

impl Sessions {
    /// Those that nobody used for so long are over.
    pub fn of(idle: Duration) -> Self {
        Self { idle, owners: Mutex::default() }
    }

    /// Is there room for one more?
    pub fn has_room(&self, now: Instant) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= MOST {
            owners.retain(|_, owner| now.duration_since(owner.used) < self.idle);
        }
        owners.len() < MOST
    }

    /// It began for this caller.
    pub fn began(&self, id: &str, caller: &Caller, now: Instant) {
        let owner = Owner { name: caller.name.clone(), role: caller.role.clone(), used: now };
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()).or_insert(owner);
    }

    /// May this caller use it? One that is not known is nobody's.
    pub fn belongs(&self, id: &str, caller: &Caller, now: Instant) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = owners.get_mut(id).filter(|owner| owner.name == caller.name && owner.role == caller.role);
        owner.map(|owner| owner.used = now).is_some()
    }

    /// Its owner ended it.
    pub fn ended(&self, id: &str) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
