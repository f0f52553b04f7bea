//! A child that works at the engine for a call: followed to its end by the call's clocks, and given up by them.

use std::pin::pin;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::child::{Child, ExitStatus, PIPES, Pipes};

use super::Engine;
use super::budget::Budget;
use super::error::{Clock, EngineError};

/// Before the call's end, so that there is time to see what came of it.
const BEFORE_THE_END: Duration = Duration::from_millis(1_500);
/// A child that was told to end has this long, until it counts as one that may go on: it is killed after five seconds.
/// Less where the call ends before, but a second always.
pub(super) const TO_END: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(6));
/// What the engine does last of all is seen after this.
const SETTLES: Duration = Duration::from_millis(200);

impl Engine {
    /// Reads what it says until its end, while `feeding` gives it what it reads.
    ///
    /// # Errors
    /// It was called off, a clock ran out, or it could not be fed.
    pub(super) async fn follow_child<E: From<EngineError>>(
        &self,
        (budget, cancel): (&Budget, &CancellationToken),
        child: &Child,
        pipes: Pipes,
        feeding: impl Future<Output = Result<(), E>>,
        mut said: impl FnMut(&[u8]),
    ) -> Result<ExitStatus, E> {
        let Pipes { stdout: mut answers, mut stderr, .. } = pipes;
        // Small pieces: between two of them the clocks are looked at.
        let (mut words, mut spoken) = (vec![0; 16 << 10], vec![0; 4 << 10]);
        let mut end = child.end();
        let by = budget.deadline - BEFORE_THE_END.min(budget.total / 4);
        let idle = budget.idle.unwrap_or(budget.total);
        let (mut until, mut heard, mut status) = (by, Instant::now(), None);
        let (mut open, mut answering) = (true, true);
        let mut feeding = pin!(feeding);
        let mut fed = false;
        loop {
            if let Some(status) = status
                && !open
            {
                return Ok(status);
            }
            tokio::select! {
                biased; // the clocks first: a flood is always ready
                () = cancel.cancelled() => return Err(EngineError::Withdrawn.into()),
                () = sleep_until(until) => match status {
                    Some(status) => return Ok(status),
                    None => return Err(EngineError::Timeout { clock: Clock::Total, limit: budget.total }.into()),
                },
                () = sleep_until(heard + idle) => {
                    // A step may be silent as long as it likes; an engine may not.
                    self.wire.ping(&Budget::probe()).await.map_err(|_| {
                        EngineError::Timeout { clock: Clock::Idle, limit: idle }
                    })?;
                    heard = Instant::now();
                }
                ended = end.wait(), if status.is_none() => {
                    status = Some(ended);
                    until = until.min(Instant::now() + PIPES);
                }
                came = &mut feeding, if !fed => {
                    came?;
                    fed = true;
                }
                read = stderr.read(&mut words), if open => match read {
                    Ok(read @ 1..) => {
                        heard = Instant::now();
                        said(words.get(..read).unwrap_or_default());
                    }
                    _ => open = false,
                },
                read = answers.read(&mut spoken), if answering => answering = matches!(read, Ok(1..)),
            }
        }
    }
}

/// Tells it to end. True: it has ended, and nobody is at it any more.
pub(super) async fn give_up(child: Child, budget: &Budget, cause: &EngineError) -> bool {
    let mut end = child.end();
    drop(child);
    let patience = match cause {
        EngineError::Withdrawn => TO_END.1,
        _ => budget.left().saturating_sub(TO_END.0).clamp(TO_END.0, TO_END.1),
    };
    let gone = timeout(patience, end.wait()).await.is_ok();
    sleep(SETTLES).await;
    gone
}
