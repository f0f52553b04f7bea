//! Reading what a running command writes, until it ends or its time is over.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::engine::Source;
use crate::engine::exec::{Attached, Made};
use crate::engine::logs::LogLine;
use crate::tool::Ctx;
use crate::tool::failure::broke_off;
use crate::tools::containers::logs::follow::Batch;
use crate::tools::containers::logs::masked::{HELD_FOR, Masked};

use super::kept::Kept;

/// A command that ended while something it left behind holds its streams has so long for its last words.
const DRAIN: Duration = Duration::from_secs(2);
/// Between looks whether it ended, beside the streams: at first, and at most.
const LOOKS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// Why nothing more is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// The streams are closed. With what broke them off, if so.
    Closed(Option<String>),
    /// It ended, and its streams stayed open.
    Silent,
    /// Its time is over.
    Deadline,
    /// The caller gave up.
    Cancelled,
    /// The server is stopping.
    Stopping,
}

/// What came, masked.
#[derive(Debug)]
pub(super) struct Sink {
    masked: Masked,
    pub out: Kept,
    pub err: Kept,
    /// Bytes of each as the command wrote them.
    pub totals: [u64; 2],
    batch: Option<Batch>,
}

impl Sink {
    /// `chunk`: what comes goes out in such pieces, too.
    pub(super) fn new(ctx: &Ctx, chunk: Option<usize>) -> Self {
        let max = ctx.settings.exec.max_output;
        Self {
            masked: Masked::new(&ctx.mask),
            out: Kept::new(max),
            err: Kept::new(max),
            totals: [0; 2],
            batch: chunk.map(Batch::of),
        }
    }

    fn push(&mut self, line: LogLine) {
        self.masked.push(line, 0);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some((line, _)) = self.masked.pop() {
            if let Some(batch) = &mut self.batch {
                match line.source {
                    Source::Stdout => batch.add(&line.text),
                    Source::Stderr => batch.add(&format!("[stderr] {}", line.text)),
                }
            }
            let kept = if line.source == Source::Stdout { &mut self.out } else { &mut self.err };
            kept.push(line.text, line.more);
        }
    }

    fn waits(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| self.masked.holds() || !batch.is_empty())
    }

    fn is_full(&self) -> bool {
        self.batch.as_ref().is_some_and(Batch::is_full)
    }

    async fn send(&mut self, ctx: &Ctx, by: Instant) {
        if let Some(batch) = &mut self.batch {
            tokio::select! {
                () = ctx.cancel.cancelled() => {}
                () = ctx.stopping.cancelled() => {}
                () = batch.send(ctx, by) => {}
            }
        }
    }

    /// Nothing follows.
    fn finish(&mut self, attached: &mut Attached) {
        let (mut out_unended, mut err_unended) = (false, false);
        while let Some(line) = attached.rest() {
            match line.source {
                Source::Stdout => out_unended = true,
                Source::Stderr => err_unended = true,
            }
            self.masked.push(line, 0);
        }
        self.masked.release();
        self.drain();
        for (kept, unended) in [(&mut self.out, out_unended), (&mut self.err, err_unended)] {
            if unended {
                kept.unended();
            }
        }
        self.totals = attached.totals();
    }
}

/// Reads until there is a reason to stop.
pub(super) async fn watch(ctx: &Ctx, made: &Made, attached: &mut Attached, sink: &mut Sink) -> Why {
    let by = ctx.budget.deadline;
    let why = {
        let (time_is_over, flush, gone) = (sleep_until(by), sleep_until(by), gone(ctx, made));
        tokio::pin!(time_is_over, flush, gone);
        let mut armed = false;
        loop {
            let line = tokio::select! {
                biased; // a command that writes without end must not hide why it should stop
                () = ctx.cancel.cancelled() => break Why::Cancelled,
                () = ctx.stopping.cancelled() => break Why::Stopping,
                () = &mut time_is_over => break Why::Deadline,
                () = &mut flush, if armed => {
                    armed = false;
                    sink.masked.release();
                    sink.drain();
                    sink.send(ctx, by).await;
                    continue;
                }
                line = attached.next() => line,
                () = &mut gone => break Why::Silent,
            };
            match line {
                Ok(Some(line)) => {
                    sink.push(line);
                    if sink.is_full() {
                        sink.send(ctx, by).await;
                    }
                    if !armed && sink.waits() {
                        armed = true;
                        flush.as_mut().reset(by.min(Instant::now() + HELD_FOR));
                    }
                }
                Ok(None) => break Why::Closed(None),
                Err(e) => break Why::Closed(Some(broke_off(e))),
            }
        }
    };
    sink.finish(attached);
    sink.send(ctx, by.max(Instant::now() + Duration::from_millis(50))).await;
    why
}

/// Resolves when the command ended and had its time for the rest of its output.
async fn gone(ctx: &Ctx, made: &Made) {
    let mut pause = LOOKS.0;
    loop {
        sleep(pause).await;
        let budget = ctx.budget.at_most(Duration::from_secs(5));
        // An engine that does not answer closes the streams, or the clock does.
        if let Ok(state) = ctx.engine.exec_state(&budget, made).await
            && state.ended().is_some()
        {
            sleep(DRAIN).await;
            return;
        }
        pause = (pause * 2).min(LOOKS.1);
    }
}
