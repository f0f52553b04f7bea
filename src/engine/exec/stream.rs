//! A command's streams: what it reads is fed while what it writes is read, line by line, in bounded memory.

use std::pin::Pin;

use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::super::answer::Answer;
use super::super::demux::{Demux, Framing, Piece, Source};
use super::super::error::EngineError;
use super::super::lines::Lines;
use super::super::logs::LogLine;

/// What is read at once.
const READ: usize = 32 << 10;
/// After this many bytes the runtime gets its thread back.
const YIELD: usize = 64 << 10;

type Io = TokioIo<Upgraded>;

/// The streams of a running command. Dropping it closes them, which ends no command.
pub struct Attached {
    reader: Reader,
    feeding: Option<Pin<Box<dyn Future<Output = WriteHalf<Io>> + Send>>>,
    /// A terminal whose stdin is closed loses output.
    open: Option<WriteHalf<Io>>,
    demux: Demux,
    out: Lines,
    err: Lines,
    chunk: Bytes,
    piece: Option<Piece>,
    since_yield: usize,
    totals: [u64; 2],
    ended: bool,
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attached").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl Attached {
    pub(super) fn new(io: Io, tty: bool, stdin: Option<Vec<u8>>) -> Self {
        let (reader, writer) = split(io);
        let (mut feeding, mut open) = (None, None);
        match stdin {
            Some(stdin) => feeding = Some(Box::pin(feed(writer, stdin, tty)) as Pin<Box<_>>),
            None => open = Some(writer),
        }
        let reader = Reader::Both { half: reader, buffer: vec![0; READ] };
        Self { feeding, open, ..Self::of(reader, tty) }
    }

    /// Of a command that nothing can be fed to.
    pub(super) fn deaf(answer: Answer, tty: bool) -> Self {
        Self::of(Reader::Out(answer), tty)
    }

    fn of(reader: Reader, tty: bool) -> Self {
        // What is said of older engines' `Content-Type` is wrong; that it has a terminal is our own word.
        let framing = if tty { Framing::Raw } else { Framing::Multiplexed };
        Self {
            reader,
            feeding: None,
            open: None,
            demux: Demux::new(framing),
            // No stream of a command is stored in parts, and none has timestamps.
            out: Lines::new(false, true),
            err: Lines::new(false, true),
            chunk: Bytes::new(),
            piece: None,
            since_yield: 0,
            totals: [0; 2],
            ended: false,
        }
    }

    /// Bytes of stdout and of stderr so far.
    #[must_use]
    pub const fn totals(&self) -> [u64; 2] {
        self.totals
    }

    /// The next line; `None` at the end of the streams. Nothing is lost when the wait is given up.
    ///
    /// # Errors
    /// Streams that broke off, or frames of no known kind. [`Attached::rest`] still gives what came.
    pub async fn next(&mut self) -> Result<Option<LogLine>, EngineError> {
        loop {
            if let Some(line) = self.step()? {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(None);
            }
            if self.since_yield >= YIELD {
                self.since_yield = 0;
                tokio::task::yield_now().await;
            }
            let read = match &mut self.feeding {
                None => self.reader.read().await,
                Some(feeding) => tokio::select! {
                    writer = feeding => {
                        (self.feeding, self.open) = (None, Some(writer));
                        continue;
                    }
                    read = self.reader.read() => read,
                },
            };
            match read {
                Ok(chunk) if chunk.is_empty() && self.demux.at_boundary() => self.ended = true,
                Ok(chunk) if chunk.is_empty() => {
                    self.ended = true;
                    return Err(EngineError::Protocol("the output ended in the middle of a frame".into()));
                }
                Ok(chunk) => {
                    self.since_yield += chunk.len();
                    self.chunk = chunk;
                }
                Err(e) => {
                    self.ended = true;
                    return Err(e);
                }
            }
        }
    }

    /// What is left of unfinished lines, which no newline ends: one of each output at most.
    pub fn rest(&mut self) -> Option<LogLine> {
        let out = self.out.finish().map(|text| (Source::Stdout, text));
        let rest = out.or_else(|| self.err.finish().map(|text| (Source::Stderr, text)));
        rest.map(|(source, text)| LogLine { source, text: text.text, timestamp: None, more: false })
    }

    /// A line out of what is here already.
    fn step(&mut self) -> Result<Option<LogLine>, EngineError> {
        loop {
            if let Some(piece) = &mut self.piece {
                let lines = match piece.source {
                    Source::Stdout => &mut self.out,
                    Source::Stderr => &mut self.err,
                };
                if let Some(text) = lines.take(&mut piece.data) {
                    let more = text.more;
                    return Ok(Some(LogLine {
                        source: piece.source,
                        text: text.text,
                        timestamp: None,
                        more,
                    }));
                }
            }
            self.piece = self.demux.next(&mut self.chunk)?;
            let Some(piece) = &self.piece else { return Ok(None) };
            let [out, err] = &mut self.totals;
            *match piece.source {
                Source::Stdout => out,
                Source::Stderr => err,
            } += piece.data.len() as u64;
        }
    }
}

/// Where its output comes from.
enum Reader {
    Both { half: ReadHalf<Io>, buffer: Vec<u8> },
    Out(Answer),
}

impl Reader {
    /// The next piece; empty at the end. Nothing is lost when the wait is given up.
    async fn read(&mut self) -> Result<Bytes, EngineError> {
        match self {
            Self::Both { half, buffer } => match half.read(buffer).await {
                Ok(read) => Ok(Bytes::copy_from_slice(buffer.get(..read).unwrap_or_default())),
                Err(e) => Err(EngineError::Protocol(format!("the output broke off: {e}"))),
            },
            Self::Out(answer) => loop {
                match answer.chunk().await? {
                    Some(chunk) if chunk.is_empty() => {}
                    chunk => return Ok(chunk.unwrap_or_default()),
                }
            },
        }
    }
}

/// A command that closed its stdin has read enough: that is no failure.
async fn feed(mut writer: WriteHalf<Io>, stdin: Vec<u8>, tty: bool) -> WriteHalf<Io> {
    let fed = writer.write_all(&stdin).await.is_ok() && writer.flush().await.is_ok();
    if fed && !tty {
        let _closed = writer.shutdown().await;
    }
    writer
}
