//! A build on its way: its progress, its clocks, and its end.

use std::io;
use std::pin::pin;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::child::{self, Child, Pipes};
use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::error::{Clock, EngineError};

use super::buildx::{Context, Job};
use super::progress::Progress;
use super::{Built, Came, Failure, NotBuilt};

/// Before the call's end, so that there is time to see what came of it.
const BEFORE_THE_END: Duration = Duration::from_millis(1_500);
/// A builder that was told to end has this long, until it counts as one that may go on: it is killed after five seconds.
/// Less where the call ends before, but a second always.
const TO_END: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(6));
/// After its end its pipes have this long.
const PIPES: Duration = Duration::from_secs(2);
/// What the engine does last of all is seen after this.
const SETTLES: Duration = Duration::from_millis(200);

/// A build without a good end.
pub(super) struct Ran {
    pub cause: EngineError,
    /// Its builder has ended: nobody is at it any more.
    pub gone: bool,
}

type Pieces = mpsc::Receiver<io::Result<Bytes>>;

/// Why it is not followed to its end.
enum Stopped {
    By(EngineError),
    /// The context could not be read: it has the half of it.
    Unread(String),
}

impl From<EngineError> for Stopped {
    fn from(cause: EngineError) -> Self {
        Self::By(cause)
    }
}

/// Gives the builder its context, and then its end. What could not be read leaves it waiting.
async fn feed(context: &mut Option<(Pieces, impl AsyncWrite + Unpin)>) -> Result<(), String> {
    if let Some((pieces, stdin)) = context {
        while let Some(piece) = pieces.recv().await {
            if stdin.write_all(&piece.map_err(|e| e.to_string())?).await.is_err() {
                // It reads no more, and says why.
                break;
            }
        }
    }
    *context = None;
    Ok(())
}

impl Engine {
    pub(super) async fn watch(
        &self,
        budget: &Budget,
        cancel: &CancellationToken,
        job: Job,
        news: mpsc::Sender<String>,
    ) -> Result<Result<Came, Ran>, NotBuilt> {
        let mut child = child::spawn(job.spec).await?;
        let Some(mut pipes) = child.pipes() else {
            return Err(NotBuilt::Host("buildx has no pipes".into()));
        };
        let mut progress = Progress::default();
        let mut context = job.context.map(Context::pieces).zip(pipes.stdin.take());
        let follow = self.follow(budget, cancel, &child, (pipes, &mut context), &mut progress, &news);
        let succeeded = match follow.await {
            Ok(succeeded) => succeeded,
            Err(Stopped::Unread(said)) => {
                let mut end = child.end();
                drop(child);
                // The end of its stdin, which it would take for the end of the context, comes after its own.
                let _killed = timeout(TO_END.1.min(budget.left()), end.wait()).await;
                drop(context);
                return Ok(Ok(Came::Failed(Failure { said, ..Failure::default() })));
            }
            Err(Stopped::By(cause)) => {
                let mut end = child.end();
                drop(child);
                let patience = match cause {
                    EngineError::Withdrawn => TO_END.1,
                    _ => budget.left().saturating_sub(TO_END.0).clamp(TO_END.0, TO_END.1),
                };
                let gone = timeout(patience, end.wait()).await.is_ok();
                tokio::time::sleep(SETTLES).await;
                return Ok(Err(Ran { cause, gone }));
            }
        };
        let id_file = job.id_file;
        let id = tokio::task::spawn_blocking(move || std::fs::read_to_string(id_file)).await;
        drop(job.folder);
        let id = id.ok().and_then(Result::ok).map(|id| id.trim().to_owned());
        let (steps, cached) = progress.counts();
        if succeeded {
            // Where it named none, the tags tell.
            return Ok(Ok(Came::Built(Built { id: id.unwrap_or_default(), changed: true, steps, cached })));
        }
        Ok(match progress.failure() {
            Some(failure) => Ok(Came::Failed(failure)),
            // It may be the engine that went.
            None => match self.wire.ping(&budget.at_most(Duration::from_secs(1))).await {
                Ok(_) => Ok(Came::Failed(Failure { said: progress.last_words(), ..Failure::default() })),
                Err(cause) => Err(Ran { cause, gone: true }),
            },
        })
    }

    /// Reads until its end: did it end well?
    async fn follow(
        &self,
        budget: &Budget,
        cancel: &CancellationToken,
        child: &Child,
        (pipes, context): (Pipes, &mut Option<(Pieces, impl AsyncWrite + Unpin)>),
        progress: &mut Progress,
        news: &mpsc::Sender<String>,
    ) -> Result<bool, Stopped> {
        let Pipes { stdout: mut answers, mut stderr, .. } = pipes;
        let (mut words, mut spoken) = (vec![0; 64 << 10], vec![0; 4 << 10]);
        let mut end = child.end();
        let by = budget.deadline - BEFORE_THE_END.min(budget.total / 4);
        let idle = budget.idle.unwrap_or(budget.total);
        let (mut until, mut heard, mut status) = (by, Instant::now(), None);
        let (mut open, mut answering) = (true, true);
        let mut feeding = pin!(feed(context));
        let mut fed = false;
        while status.is_none() || open {
            tokio::select! {
                biased; // the clocks first: a flood is always ready
                () = cancel.cancelled() => return Err(EngineError::Withdrawn.into()),
                () = sleep_until(until) => match status {
                    Some(_) => break,
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
                    status = Some(ended.success());
                    until = until.min(Instant::now() + PIPES);
                }
                came = &mut feeding, if !fed => {
                    came.map_err(Stopped::Unread)?;
                    fed = true;
                }
                read = stderr.read(&mut words), if open => match read {
                    Ok(read @ 1..) => {
                        heard = Instant::now();
                        for said in progress.feed(words.get(..read).unwrap_or_default()) {
                            // Who does not listen misses it.
                            let _full = news.try_send(said);
                        }
                    }
                    _ => open = false,
                },
                read = answers.read(&mut spoken), if answering => answering = matches!(read, Ok(1..)),
            }
        }
        Ok(status.unwrap_or(false))
    }
}
