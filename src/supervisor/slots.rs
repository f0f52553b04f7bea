//! Places: how many calls run at once, by class and in all; who finds the queue full is told at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::tool::{Class, Kind, ToolError};

use super::doors::{Doors, Inside, Purpose, Shut};

/// The places of one server.
#[derive(Debug)]
pub struct Slots {
    all: Arc<Semaphore>,
    classes: HashMap<Class, Queue>,
    doors: Arc<Doors>,
    running: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Queue {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    limit: usize,
}

/// A place. Dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    _class: OwnedSemaphorePermit,
    _all: Option<OwnedSemaphorePermit>,
    running: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one that waits, for as long as it waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Slots {
    /// At most `all` calls at once that touch the engine, and `exec` of them commands.
    #[must_use]
    pub fn new(all: usize, exec: usize) -> Self {
        let queue = |class: Class| {
            let (places, limit) = class.slots();
            let places = if class == Class::Exec { exec.max(1) } else { places };
            (class, Queue { places: Arc::new(Semaphore::new(places)), waiting: AtomicUsize::new(0), limit })
        };
        Self {
            all: Arc::new(Semaphore::new(all.max(1))),
            classes: Class::ALL.into_iter().map(queue).collect(),
            doors: Arc::default(),
            running: Arc::default(),
        }
    }

    /// A place at these containers beside the one at hand, waiting until `until`. Who waits for a container keeps no
    /// place from others: the one at hand is given back meanwhile.
    ///
    /// # Errors
    /// `overloaded`, when the queue is full or the time is over.
    pub async fn at(
        &self,
        place: Place,
        class: Class,
        (ids, purpose): (&[String], Purpose),
        until: Instant,
    ) -> Result<(Place, Inside), ToolError> {
        if let Some(inside) = self.doors.try_enter(ids, purpose) {
            return Ok((place, inside));
        }
        drop(place);
        let inside = self.doors.enter(ids, purpose, until).await.map_err(|shut| {
            full(match shut {
                Shut::Full => "many wait for this container already",
                Shut::Late => "others are at this container",
            })
        })?;
        Ok((self.take(class, until).await?, inside))
    }

    /// Takes a place, waiting for one until `until`.
    ///
    /// # Errors
    /// `overloaded`, when the queue is full or no place came free.
    pub async fn take(&self, class: Class, until: Instant) -> Result<Place, ToolError> {
        let Some(queue) = self.classes.get(&class) else {
            return Err(ToolError::internal("a class without places"));
        };
        let waiting = Waiting(&queue.waiting);
        if queue.waiting.fetch_add(1, Ordering::Relaxed) >= queue.limit {
            return Err(full("the queue is full"));
        }
        let taken = timeout_at(until, async {
            let class_place = Arc::clone(&queue.places).acquire_owned().await.ok()?;
            // What only reports on the server itself must answer even when every other place is taken.
            let all = match class {
                Class::Local => None,
                _ => Some(Arc::clone(&self.all).acquire_owned().await.ok()?),
            };
            Some((class_place, all))
        })
        .await;
        drop(waiting);
        match taken {
            Ok(Some((class_place, all))) => {
                self.running.fetch_add(1, Ordering::Relaxed);
                Ok(Place { _class: class_place, _all: all, running: Arc::clone(&self.running) })
            }
            _ if class == Class::Exec => {
                Err(full("as many commands run as max_concurrent under [exec_safety] allows"))
            }
            _ => Err(full("no place came free in time (max_concurrent under [limits])")),
        }
    }

    /// Calls that run, and calls that wait for a place.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let waiting = self.classes.values().map(|q| q.waiting.load(Ordering::Relaxed)).sum();
        (self.running.load(Ordering::Relaxed), waiting)
    }
}

fn full(why: &str) -> ToolError {
    ToolError::new(Kind::Overloaded, format!("too many calls at once: {why}"))
        .hint("wait for running calls to end")
        .retry_after(Duration::from_secs(1))
}
