//! A build on its way: its context, its progress, and its end.

use std::io;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::child;
use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::error::EngineError;
use crate::engine::watched::{TO_END, give_up};

use super::buildx::{Context, Job};
use super::progress::Progress;
use super::{Built, Came, Failure, NotBuilt};

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
async fn feed(context: &mut Option<(Pieces, impl AsyncWrite + Unpin)>) -> Result<(), Stopped> {
    if let Some((pieces, stdin)) = context {
        while let Some(piece) = pieces.recv().await {
            if stdin.write_all(&piece.map_err(|e| Stopped::Unread(e.to_string()))?).await.is_err() {
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
        let said = |words: &[u8]| {
            for said in progress.feed(words) {
                // Who does not listen misses it.
                let _full = news.try_send(said);
            }
        };
        let follow = self.follow_child((budget, cancel), &child, pipes, feed(&mut context), said);
        let succeeded = match follow.await {
            Ok(status) => status.success(),
            Err(Stopped::Unread(said)) => {
                let mut end = child.end();
                drop(child);
                // The end of its stdin, which it would take for the end of the context, comes after its own.
                let _killed = timeout(TO_END.1.min(budget.left()), end.wait()).await;
                drop(context);
                return Ok(Ok(Came::Failed(Failure { said, ..Failure::default() })));
            }
            Err(Stopped::By(cause)) => {
                let gone = give_up(child, budget, &cause).await;
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
}
