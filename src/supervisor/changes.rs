//! The changes that are under way: a server that stops waits for them.

use tokio::sync::watch;

/// Counts them.
#[derive(Debug)]
pub struct Changes(watch::Sender<usize>);

impl Default for Changes {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

/// One that is under way, until it is dropped.
#[derive(Debug)]
pub struct Running(watch::Sender<usize>);

impl Changes {
    /// One more.
    #[must_use]
    pub fn begin(&self) -> Running {
        self.0.send_modify(|count| *count += 1);
        Running(self.0.clone())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Resolves when there is none.
    pub async fn settled(&self) {
        let mut count = self.0.subscribe();
        // The sender lives in `self`: the wait ends with a count of none only.
        let _none = count.wait_for(|count| *count == 0).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
