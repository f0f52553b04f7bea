//! Which engine it is. Behind one socket another may appear, whose containers, names and volumes are others: what is
//! remembered of the first must not decide about the second.
//!
//! A unix socket tells its device, inode and the process that listens; a failed connection or nonsense raises doubt
//! anywhere. Then the engine is asked for its ID. Until it says another one, everything stays remembered: an engine that
//! restarts is the same, and forgetting what it hides would show it.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::budget::Budget;
use super::dial::Peer;
use super::error::EngineError;
use super::raw;
use super::wire::Wire;

/// The ID may take this long. It needs more of the engine than a list does, and may hang where a list does not.
const ASK: Duration = Duration::from_secs(1);
/// An engine that does not tell its ID is left alone with it for this long.
const LEAVE_ALONE: Duration = Duration::from_secs(30);
/// These say which engine it is, or begin from nothing: they may be sent before the new engine's containers were seen.
const FIRST: &[&str] = &["/_ping", "/info", "/version", "/containers/json"];

/// What is known of the engine behind the socket.
#[derive(Debug, Default)]
pub(super) struct Identity {
    state: Mutex<State>,
    /// One asks, the others wait for what it hears.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    id: Option<String>,
    peer: Option<Peer>,
    /// It may be another one.
    doubt: bool,
    asked: Option<Instant>,
    /// It is being asked for the first time.
    met: bool,
    /// Grows with every other engine.
    epoch: u64,
    /// Its containers were not listed yet: what of them is hidden is not known.
    unseen: bool,
}

/// What `GET /info` says of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info {
    #[serde(rename = "ID", deserialize_with = "raw::nullable")]
    id: String,
    #[serde(rename = "Name", deserialize_with = "raw::nullable")]
    name: String,
}

impl Identity {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many other engines came after the first.
    pub(super) fn epoch(&self) -> u64 {
        self.state().epoch
    }

    /// A connection failed, or what came was nonsense.
    pub(super) fn doubt(&self) {
        self.state().doubt = true;
    }

    /// A connection stands. Whether somebody else is at its other end than before.
    fn met(&self, peer: Option<Peer>) -> bool {
        let mut state = self.state();
        let other = peer.is_some() && state.peer.is_some() && state.peer != peer;
        state.peer = peer.or(state.peer);
        // Whoever could not tell its ID was another one.
        if other {
            state.asked = None;
        }
        state.doubt |= other;
        other
    }

    /// Containers were listed, asked for at that epoch: what is hidden among them is known.
    ///
    /// # Errors
    /// Another engine came meanwhile: nobody knows whose they are.
    pub(super) fn listed(&self, epoch: u64) -> Result<(), EngineError> {
        let mut state = self.state();
        if state.epoch != epoch {
            return Err(EngineError::Another);
        }
        state.unseen = false;
        Ok(())
    }

    /// The ID should be asked for.
    fn wanted(&self) -> bool {
        let state = self.state();
        let lately = state.asked.is_some_and(|at| at.elapsed() < LEAVE_ALONE);
        (state.doubt || state.id.is_none()) && !lately
    }

    /// The first contact, which is once until the engine told.
    fn first(&self) -> bool {
        !std::mem::replace(&mut self.state().met, true)
    }

    /// The engine told who it is, or did not. An error: it is another one.
    fn told(&self, info: Option<Info>) -> Result<(), EngineError> {
        let mut state = self.state();
        state.asked = Some(Instant::now());
        state.met = false;
        let Some(info) = info.filter(|info| !info.id.is_empty()) else { return Ok(()) };
        state.doubt = false;
        state.asked = None;
        let before = state.id.replace(info.id.clone());
        match before {
            Some(before) if before != info.id => {
                state.epoch += 1;
                state.unseen = true;
                let (now, name) = (info.id, info.name);
                tracing::warn!(before, now, name, "another engine answers; the first is forgotten");
                Err(EngineError::Another)
            }
            _ => Ok(()),
        }
    }

    /// May this be sent before the containers of the engine were listed?
    fn passes(&self, path: &str) -> Result<(), EngineError> {
        if self.state().unseen && !FIRST.contains(&path) { Err(EngineError::Another) } else { Ok(()) }
    }
}

impl Wire {
    /// A request is about to be sent over a connection to that peer: is it still the engine that it was made for?
    ///
    /// # Errors
    /// It is another one, and the request must not be sent.
    pub(super) async fn recognise(
        &self,
        budget: &Budget,
        path: &str,
        peer: Option<Peer>,
    ) -> Result<(), EngineError> {
        let identity = &self.identity;
        let epoch = identity.epoch();
        let stale = if identity.met(peer) { self.agreed().take() } else { None };
        if matches!(path, "/_ping" | "/info") {
            return Ok(());
        }
        if identity.wanted() {
            if identity.state().id.is_some() {
                // It may be another one: the request waits for the answer.
                self.clone().ask(budget.at_most(ASK)).await?;
            } else if identity.first() {
                // Nobody waits, but the ID must be known before another one comes.
                drop(tokio::spawn(self.clone().ask(Budget::probe())));
            }
        }
        // The same one may be of another version: what was put together for the old one must be put together anew.
        let renewed = stale.zip(*self.agreed()).is_some_and(|(old, new)| old != new);
        // Who only waited for the answer was meant for the first as well.
        if renewed || identity.epoch() != epoch {
            return Err(EngineError::Another);
        }
        identity.passes(path)
    }

    /// Its ID, asked for where nobody did so far. None: it does not tell one.
    pub(super) async fn id(&self, budget: &Budget) -> Option<String> {
        if self.identity.state().id.is_none() && self.identity.wanted() {
            // The first answer is no other engine's.
            let _told = self.clone().ask(budget.at_most(ASK)).await;
        }
        self.identity.state().id.clone()
    }

    /// Boxed: a request asks, and what it asks is a request.
    fn ask(self, budget: Budget) -> Pin<Box<dyn Future<Output = Result<(), EngineError>> + Send>> {
        Box::pin(async move {
            let identity = &self.identity;
            let Ok(_one) = timeout_at(budget.deadline, identity.asking.lock()).await else { return Ok(()) };
            if !identity.wanted() {
                return Ok(());
            }
            let info = self.json::<Info>(&budget, "/info", &[]).await;
            if let Err(e) = &info {
                tracing::debug!(error = %e, "the engine does not tell its ID");
            }
            identity.told(info.ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: &str) -> Option<Info> {
        Some(Info { id: id.into(), name: "host".into() })
    }

    fn peer(inode: u64) -> Option<Peer> {
        Some(Peer { device: 1, inode, pid: Some(7) })
    }

    #[test]
    fn the_same_engine_is_the_same_after_a_restart() {
        let identity = Identity::default();
        assert!(!identity.met(peer(1)) && identity.wanted());
        identity.told(info("A")).unwrap();
        assert!(!identity.met(peer(1)) && !identity.wanted());
        assert!(identity.met(peer(2)) && identity.wanted());
        identity.told(info("A")).unwrap();
        assert!(!identity.wanted());
        assert_eq!(identity.epoch(), 0);
        identity.passes("/containers/x/json").unwrap();
    }

    #[test]
    fn another_engine_is_asked_for_its_containers_first() {
        let identity = Identity::default();
        identity.told(info("A")).unwrap();
        identity.doubt();
        assert!(matches!(identity.told(info("B")), Err(EngineError::Another)));
        assert_eq!(identity.epoch(), 1);
        assert!(identity.passes("/volumes/data").is_err());
        identity.passes("/containers/json").unwrap();
        assert!(identity.listed(0).is_err(), "a list of the first engine shows nothing of the second");
        assert!(identity.passes("/volumes/data").is_err());
        identity.listed(1).unwrap();
        identity.passes("/volumes/data").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_without_an_id_is_not_asked_all_the_time_and_nothing_is_forgotten() {
        let identity = Identity::default();
        identity.told(info("A")).unwrap();
        identity.doubt();
        identity.told(None).unwrap();
        identity.doubt();
        assert!(!identity.wanted());
        tokio::time::advance(LEAVE_ALONE).await;
        assert!(identity.wanted());
        identity.told(info("")).unwrap();
        assert_eq!(identity.epoch(), 0);
        // Who it was is still known.
        assert!(identity.met(peer(1)) || identity.met(peer(2)));
        assert!(identity.wanted() && identity.told(info("B")).is_err());
    }
}
