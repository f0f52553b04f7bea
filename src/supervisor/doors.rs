//! How many calls at once for one container: a stuck one must not take every place there is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// What a call wants of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// One look.
    Read,
    /// A stream, which may last.
    Stream,
    /// A change.
    Change,
    /// A change that is to cut another one short: killing what takes its time to stop.
    Urgent,
}

/// Two looks, four streams and one change at once.
const READS: usize = 2;
const STREAMS: usize = 4;
const CHANGES: usize = 1;
/// Reads may queue as they may for their class; who wants a change should know soon that others do.
const READS_WAIT: usize = 1024;
const CHANGES_WAIT: usize = 16;

/// The doors of all containers that anybody is at.
#[derive(Debug, Default)]
pub struct Doors(Mutex<HashMap<String, Arc<Door>>>);

#[derive(Debug)]
struct Door {
    reads: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    changes: Arc<Semaphore>,
    urgent: Arc<Semaphore>,
    waiting: [AtomicUsize; 4],
}

/// Leave to be at some containers. Dropping it lets the next ones in.
#[derive(Debug)]
pub struct Inside {
    places: Vec<(String, OwnedSemaphorePermit)>,
    doors: Arc<Doors>,
}

/// Why there is no leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// Too many wait already.
    Full,
    /// The time was over first.
    Late,
}

impl Doors {
    /// All of them at once, or none.
    #[must_use]
    pub fn try_enter(self: &Arc<Self>, ids: &[String], purpose: Purpose) -> Option<Inside> {
        let mut inside = Inside { places: Vec::new(), doors: Arc::clone(self) };
        for id in in_order(ids) {
            let place = Arc::clone(self.door(id).semaphore(purpose)).try_acquire_owned().ok()?;
            inside.places.push((id.clone(), place));
        }
        Some(inside)
    }

    /// All of them, waiting for each until `until`. Always in the same order: two calls never wait for each other.
    ///
    /// # Errors
    /// The queue is full, or the time is over.
    pub async fn enter(
        self: &Arc<Self>,
        ids: &[String],
        purpose: Purpose,
        until: Instant,
    ) -> Result<Inside, Shut> {
        let mut inside = Inside { places: Vec::new(), doors: Arc::clone(self) };
        for id in in_order(ids) {
            let door = self.door(id);
            let waiting = Waiting::at(&door, purpose)?;
            let place = timeout_at(until, Arc::clone(door.semaphore(purpose)).acquire_owned()).await;
            drop(waiting);
            drop(door);
            match place {
                Ok(Ok(place)) => inside.places.push((id.clone(), place)),
                _ => {
                    self.tidy(std::iter::once(id.clone()));
                    return Err(Shut::Late);
                }
            }
        }
        Ok(inside)
    }

    fn door(&self, id: &str) -> Arc<Door> {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(doors.entry(id.to_owned()).or_insert_with(|| Arc::new(Door::new())))
    }

    /// Forgets the doors that nobody is at: containers come and go.
    fn tidy(&self, ids: impl Iterator<Item = String>) {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            if doors.get(&id).is_some_and(|door| Arc::strong_count(door) == 1 && door.is_empty()) {
                doors.remove(&id);
            }
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut ids = Vec::with_capacity(self.places.len());
        for (id, place) in self.places.drain(..) {
            drop(place);
            ids.push(id);
        }
        self.doors.tidy(ids.into_iter());
    }
}

impl Door {
    fn new() -> Self {
        Self {
            reads: Arc::new(Semaphore::new(READS)),
            streams: Arc::new(Semaphore::new(STREAMS)),
            changes: Arc::new(Semaphore::new(CHANGES)),
            urgent: Arc::new(Semaphore::new(CHANGES)),
            waiting: [const { AtomicUsize::new(0) }; 4],
        }
    }

    const fn semaphore(&self, purpose: Purpose) -> &Arc<Semaphore> {
        match purpose {
            Purpose::Read => &self.reads,
            Purpose::Stream => &self.streams,
            Purpose::Change => &self.changes,
            Purpose::Urgent => &self.urgent,
        }
    }

    const fn waiting(&self, purpose: Purpose) -> (&AtomicUsize, usize) {
        let [reads, streams, changes, urgent] = &self.waiting;
        match purpose {
            Purpose::Read => (reads, READS_WAIT),
            Purpose::Stream => (streams, CHANGES_WAIT),
            Purpose::Change => (changes, CHANGES_WAIT),
            Purpose::Urgent => (urgent, CHANGES_WAIT),
        }
    }

    fn is_empty(&self) -> bool {
        self.reads.available_permits() == READS
            && self.streams.available_permits() == STREAMS
            && self.changes.available_permits() == CHANGES
            && self.urgent.available_permits() == CHANGES
    }
}

/// Counts one that waits, for as long as it waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn at(door: &'a Door, purpose: Purpose) -> Result<Self, Shut> {
        let (waiting, limit) = door.waiting(purpose);
        let one = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= limit { Err(Shut::Full) } else { Ok(one) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn in_order(ids: &[String]) -> Vec<&String> {
    let mut ids: Vec<&String> = ids.iter().collect();
    ids.sort();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn one_change_and_two_reads_at_a_container() {
        let doors = Arc::<Doors>::default();
        let soon = || Instant::now() + Duration::from_secs(1);
        let change = doors.enter(&ids(&["a", "b", "a"]), Purpose::Change, soon()).await.unwrap();
        assert_eq!(doors.enter(&ids(&["b"]), Purpose::Change, soon()).await.unwrap_err(), Shut::Late);
        assert!(doors.try_enter(&ids(&["c", "b"]), Purpose::Change).is_none());
        let reads: Vec<_> = (0..2).map(|_| doors.try_enter(&ids(&["a"]), Purpose::Read).unwrap()).collect();
        assert!(doors.try_enter(&ids(&["a"]), Purpose::Read).is_none(), "two looks at once");
        drop((change, reads));
        assert!(doors.try_enter(&ids(&["a", "b", "c"]), Purpose::Change).is_some());
        assert_eq!(doors.0.lock().unwrap().len(), 0, "nobody is at any of them");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_queue_is_told_at_once() {
        let doors = Arc::<Doors>::default();
        let _in = doors.try_enter(&ids(&["a"]), Purpose::Change).unwrap();
        let until = Instant::now() + Duration::from_secs(9);
        let queue: Vec<_> = (0..CHANGES_WAIT)
            .map(|_| {
                let doors = Arc::clone(&doors);
                tokio::spawn(async move { doors.enter(&ids(&["a"]), Purpose::Change, until).await.err() })
            })
            .collect();
        tokio::task::yield_now().await;
        let begun = Instant::now();
        assert_eq!(doors.enter(&ids(&["a"]), Purpose::Change, until).await.unwrap_err(), Shut::Full);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for one in queue {
            assert_eq!(one.await.unwrap(), Some(Shut::Late));
        }
    }
}
