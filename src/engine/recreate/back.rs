//! The way back: everything as it was.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::budget::Budget;
use super::super::seen::Want;
use super::super::wire::Change;
use super::names;
use super::run::{Done, LOOK, Run};

/// It may take this long, after the call's time, too.
const BACK: Duration = Duration::from_secs(40);

impl Run<'_> {
    /// Everything as it was. Did that come out?
    pub(super) async fn back(&self, done: &Done, ran: bool) -> bool {
        let Some(new) = &done.new else { return true };
        self.restore(new, done.stopped && ran, done.renamed).await
    }

    /// The new one goes last: as long as it is there, its mark says what is to be brought back.
    pub(super) async fn restore(&self, new: &str, start: bool, rename: bool) -> bool {
        let budget = Budget::of(BACK);
        let mut restored = true;
        if start {
            // It may have the old one's ports. Whether it stopped, the old one's start will tell.
            let path = format!("/containers/{new}/stop");
            let _told_by_the_start =
                self.step(&budget, Change::post(&path, &[("t", "0")]), new, Want::Stopped).await;
        }
        if rename {
            restored &= self.named_again(&budget, new).await;
        }
        if start {
            restored &= self.start(&budget, self.old).await.is_ok();
        }
        // What it has of volumes for itself goes with it.
        match self.remove(&budget, new, true).await {
            Ok(()) => restored,
            Err(e) => restored && e.is_gone(),
        }
    }

    /// The old one has its name again.
    async fn named_again(&self, budget: &Budget, new: &str) -> bool {
        if self.engine.glance(budget, new).await.is_ok_and(|new| new.name() == self.name)
            && self.rename(budget, new, &names(self.name, self.old).0).await.is_err()
        {
            return false;
        }
        match self.engine.glance(budget, self.old).await {
            Ok(now) if now.name() == self.name => true,
            Ok(_) => self.rename(budget, self.old, self.name).await.is_ok(),
            Err(_) => false,
        }
    }

    /// The old one runs, and may have been asked to stop by somebody who is gone. Should it end, it is started again.
    pub(super) async fn stays(&self, until: Instant) -> bool {
        loop {
            let budget = Budget::of(BACK);
            match self.engine.glance(&budget, self.old).await {
                Ok(now) if !now.runs() => return self.start(&budget, self.old).await.is_ok(),
                Err(e) if e.is_gone() => return false,
                _ if Instant::now() >= until => return true,
                _ => sleep(LOOK).await,
            }
        }
    }
}
