//! Whose a session is: of the key that began it, and of nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::server::Caller;

/// Sessions at once, and those of one caller: one that loses track of its own leaves room for others.
const MOST: (usize, usize) = (1000, 100);

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

impl Owner {
    fn is(&self, caller: &Caller) -> bool {
        self.name == caller.name && self.role == caller.role
    }
}

impl Sessions {
    /// Those that nobody used for so long are over.
    pub fn of(idle: Duration) -> Self {
        Self { idle, owners: Mutex::default() }
    }

    /// Is there room for one more of this caller's?
    pub fn has_room(&self, caller: &Caller, now: Instant) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|_, owner| now.duration_since(owner.used) < self.idle);
        let own = owners.values().filter(|owner| owner.is(caller)).count();
        owners.len() < MOST.0 && own < MOST.1
    }

    /// It began for this caller.
    pub fn began(&self, id: &str, caller: &Caller, now: Instant) {
        let owner = Owner { name: caller.name.clone(), role: caller.role.clone(), used: now };
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()).or_insert(owner);
    }

    /// May this caller use it? One that is not known is nobody's.
    pub fn belongs(&self, id: &str, caller: &Caller, now: Instant) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = owners.get_mut(id).filter(|owner| owner.is(caller));
        owner.map(|owner| owner.used = now).is_some()
    }

    /// Forgets those of owners that are none any more, and names them.
    pub fn end_unless(&self, still: impl Fn(&str, Option<&str>) -> bool) -> Vec<String> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let over = owners.extract_if(|_, owner| !still(&owner.name, owner.role.as_deref()));
        over.map(|(id, _)| id).collect()
    }

    /// Its owner ended it.
    pub fn ended(&self, id: &str) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// Streams of news that one caller may have open.
const STREAMS: usize = 32;

/// The open streams of each caller that has any.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<HashMap<(String, Option<String>), Vec<Weak<Open>>>>);

/// One stream: it is open as long as somebody holds this.
#[derive(Debug, Default)]
pub(super) struct Open(CancellationToken);

impl Open {
    /// Cancelled when its caller is none any more.
    pub fn over(&self) -> CancellationToken {
        self.0.clone()
    }
}

impl Streams {
    /// One more of this caller's, where there is room.
    pub fn open(&self, caller: &Caller) -> Option<Arc<Open>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, open| {
            open.retain(|one| one.strong_count() > 0);
            !open.is_empty()
        });
        let open = all.entry((caller.name.clone(), caller.role.clone())).or_default();
        if open.len() >= STREAMS {
            return None;
        }
        let one = Arc::new(Open::default());
        open.push(Arc::downgrade(&one));
        Some(one)
    }

    /// Ends those of callers that are none any more.
    pub fn end_unless(&self, still: impl Fn(&str, Option<&str>) -> bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, open) in all.extract_if(|(name, role), _| !still(name, role.as_deref())) {
            for one in open.iter().filter_map(Weak::upgrade) {
                one.0.cancel();
            }
        }
    }
}
