//! Threads for work that do not come back.
//!
//! A poll that never ends costs one thread, and its call is answered all the same. With half of the threads gone the
//! others still do the work, but not for long: that is said in the log and in `docker_health`. With all of them gone no
//! call can succeed any more, and threads cannot be taken back: the process ends, for its client to start a new one.

use std::time::Duration;

use tokio::time::sleep;

use super::Supervisor;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// So many seconds a thread has for a task that does nothing. Counted one by one: of the time in which the whole machine
/// was stopped they notice one.
const TRIES: u32 = 4;

impl Supervisor {
    /// Half of the threads for work are stuck, or more.
    #[must_use]
    pub fn worn(&self) -> bool {
        2 * self.stuck_workers() >= self.work.metrics().num_workers()
    }

    /// Resolves when no thread is left for work.
    pub async fn exhausted(&self) {
        let mut said = false;
        loop {
            sleep(LOOK).await;
            let (worn, stuck) = (self.worn(), self.stuck_workers());
            if worn != said {
                said = worn;
                tracing::error!(stuck, worn, "threads for work: half of them are stuck, or no longer");
            }
            if worn && !self.work_moves().await {
                tracing::error!(stuck, "no thread is left for work: the server ends");
                return;
            }
        }
    }

    async fn work_moves(&self) -> bool {
        let nothing = self.work.spawn(async {});
        for _ in 0..TRIES {
            sleep(Duration::from_secs(1)).await;
            if nothing.is_finished() {
                return true;
            }
        }
        false
    }
}
