//! What a call used up before it changed anything: given back if it comes to nothing, however it ends.

/// Undone when it is dropped, unless it is kept.
#[must_use]
pub(super) struct Spent {
    undo: Option<Box<dyn FnOnce() + Send>>,
    kept: bool,
}

impl Spent {
    /// With what gives it back, which may wait for the disk.
    pub(super) fn new(undo: impl FnOnce() + Send + 'static) -> Self {
        Self { undo: Some(Box::new(undo)), kept: false }
    }

    /// Something was done, or may have been.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// Nothing was done after all.
    pub(super) fn undo(&mut self) {
        self.kept = false;
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        let Some(undo) = self.undo.take().filter(|_| !self.kept) else { return };
        // On a thread that may wait for the disk; where there is none any more, the process ends.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn_blocking(undo));
        }
    }
}

impl std::fmt::Debug for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.kept { "Spent(kept)" } else { "Spent(open)" })
    }
}
