//! A tar stream, entry by entry, in flat memory.
//!
//! A reader of our own: the usual one reads names and extensions to wherever a header says they end, into memory, and
//! blocks a thread. Here every piece is bounded, and the stream is left where enough is known.

use hyper::Method;
use hyper::body::Bytes;

use crate::policy::{Container, Permit};

use super::super::Engine;
use super::super::answer::Answer;
use super::super::budget::Budget;
use super::super::error::EngineError;
use super::Kind;
use super::header::{BLOCK, Longer, broken, header};

/// Names and extensions are shorter.
const LONGEST: u64 = 64 << 10;
/// More is not looked through for one answer.
const ENOUGH: u64 = 64 << 20;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As it stands in the archive, in whatever encoding.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Bytes of content.
    pub size: u64,
    /// Who may do what: the lower twelve bits.
    pub mode: u32,
    /// Whose it is.
    pub uid: u64,
    /// Whose group's it is.
    pub gid: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Where a link leads, as written.
    pub target: Vec<u8>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// This one; its content may be read.
    Entry(Entry),
    /// Nothing.
    End,
    /// More than is looked through.
    Enough,
}

/// An archive on its way. Dropping it ends the request.
#[derive(Debug)]
pub struct Reader {
    answer: Answer,
    chunk: Bytes,
    /// Of the current entry: content, and what fills its last block.
    left: u64,
    padding: u64,
    read: u64,
}

impl Engine {
    /// What is at this path and below, as an archive.
    ///
    /// # Errors
    /// As [`EngineError`]; `Status` 404 where there is nothing, or no container any more.
    pub async fn archive_read(
        &self,
        budget: &Budget,
        permit: &Permit<Container>,
        path: &str,
    ) -> Result<Reader, EngineError> {
        let at = format!("/containers/{}/archive", permit.target().id);
        let asked = self.wire.look(budget, permit.levels(), (Method::GET, &at), &[("path", path)]).await;
        let answer = asked.map_err(|e| self.scrubbed(e))?;
        // Whatever else says yes is no engine; from here on an archive that cannot be read is one that changed.
        let kind = answer.content_type().unwrap_or_default();
        if !["application/x-tar", "application/octet-stream"].iter().any(|tar| kind.starts_with(tar)) {
            return Err(EngineError::Protocol("files that come as no archive".to_owned()));
        }
        Ok(Reader { answer, chunk: Bytes::new(), left: 0, padding: 0, read: 0 })
    }
}

impl Reader {
    /// The next entry. What was not read of the last one is passed over.
    ///
    /// # Errors
    /// A clock, a stream that broke off, or what is no archive.
    pub async fn next(&mut self) -> Result<Step, EngineError> {
        let mut longer = Longer::default();
        loop {
            if self.read.saturating_add(self.left) > ENOUGH {
                return Ok(Step::Enough);
            }
            self.pass(self.left + self.padding).await?;
            let block = self.exactly(BLOCK).await?;
            if block.iter().all(|b| *b == 0) {
                return Ok(Step::End);
            }
            let header = header(&block)?;
            let kind = block.get(156).copied().unwrap_or_default();
            self.left = header.size;
            self.padding = padding(header.size);
            match kind {
                b'x' | b'L' | b'K' => {
                    if header.size > LONGEST {
                        return Err(broken("an extension is too long"));
                    }
                    let size = self.left;
                    let body = self.content(LONGEST).await?;
                    if (body.len() as u64) < size {
                        return Err(broken("it ends too early"));
                    }
                    longer.learn(kind, &body);
                }
                b'g' => {}
                kind => {
                    let mut entry = longer.apply(header, kind);
                    // Only files have content, whatever else is said.
                    if entry.kind == Kind::File {
                        self.left = entry.size;
                        self.padding = padding(entry.size);
                    } else {
                        entry.size = 0;
                    }
                    return Ok(Step::Entry(entry));
                }
            }
        }
    }

    /// The content of the current entry from where it was left, up to so many bytes: fewer where the archive ends before,
    /// because the file shrank.
    ///
    /// # Errors
    /// A clock, or a stream that broke off.
    pub async fn content(&mut self, most: u64) -> Result<Vec<u8>, EngineError> {
        let body = self.some(self.left.min(most)).await?;
        self.left -= body.len() as u64;
        Ok(body)
    }

    async fn exactly(&mut self, bytes: usize) -> Result<Vec<u8>, EngineError> {
        let block = self.some(bytes as u64).await?;
        if block.len() < bytes {
            return Err(broken("it ends too early"));
        }
        Ok(block)
    }

    /// So many bytes, or what there is.
    async fn some(&mut self, bytes: u64) -> Result<Vec<u8>, EngineError> {
        // A size is only a word until its bytes came.
        let mut out = Vec::with_capacity(usize::try_from(bytes).unwrap_or(usize::MAX).min(BLOCK * 128));
        while (out.len() as u64) < bytes {
            let Some(piece) = self.piece(bytes - out.len() as u64).await? else { break };
            out.extend_from_slice(&piece);
        }
        Ok(out)
    }

    async fn pass(&mut self, mut bytes: u64) -> Result<(), EngineError> {
        while bytes > 0 {
            let piece = self.piece(bytes).await?.ok_or_else(|| broken("it ends too early"))?;
            bytes -= piece.len() as u64;
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    /// Some bytes, at most so many; none where the answer has ended as answers do. One that breaks off is an error.
    async fn piece(&mut self, most: u64) -> Result<Option<Bytes>, EngineError> {
        while self.chunk.is_empty() {
            let Some(chunk) = self.answer.chunk().await? else { return Ok(None) };
            self.chunk = chunk;
            // A body that comes as fast as it is read must not keep the thread for itself.
            tokio::task::consume_budget().await;
        }
        let take = usize::try_from(most).unwrap_or(usize::MAX).min(self.chunk.len());
        self.read += take as u64;
        Ok(Some(self.chunk.split_to(take)))
    }
}

const fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}
