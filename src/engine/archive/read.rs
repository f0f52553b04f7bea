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

const BLOCK: usize = 512;
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
                    let body = self.content(LONGEST).await?;
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

    /// The content of the current entry from where it was left, up to so many bytes.
    ///
    /// # Errors
    /// A clock, or a stream that broke off.
    pub async fn content(&mut self, most: u64) -> Result<Vec<u8>, EngineError> {
        let wanted = self.left.min(most);
        let body = self.exactly(usize::try_from(wanted).unwrap_or(usize::MAX)).await?;
        self.left -= wanted;
        Ok(body)
    }

    async fn exactly(&mut self, bytes: usize) -> Result<Vec<u8>, EngineError> {
        // A size is only a word until its bytes came.
        let mut out = Vec::with_capacity(bytes.min(BLOCK * 128));
        while out.len() < bytes {
            let piece = self.piece((bytes - out.len()) as u64).await?;
            out.extend_from_slice(&piece);
        }
        Ok(out)
    }

    async fn pass(&mut self, mut bytes: u64) -> Result<(), EngineError> {
        while bytes > 0 {
            bytes -= self.piece(bytes).await?.len() as u64;
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    /// Some bytes, at most so many.
    async fn piece(&mut self, most: u64) -> Result<Bytes, EngineError> {
        while self.chunk.is_empty() {
            self.chunk = self.answer.chunk().await?.ok_or_else(|| broken("it ends too early"))?;
            // A body that comes as fast as it is read must not keep the thread for itself.
            tokio::task::consume_budget().await;
        }
        let take = usize::try_from(most).unwrap_or(usize::MAX).min(self.chunk.len());
        self.read += take as u64;
        Ok(self.chunk.split_to(take))
    }
}

/// What stands before an entry and does not fit into its header.
#[derive(Debug, Default)]
struct Longer {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<i64>,
    uid: Option<u64>,
    gid: Option<u64>,
}

impl Longer {
    fn learn(&mut self, kind: u8, body: &[u8]) {
        let text = body.split(|b| *b == 0).next().unwrap_or_default();
        match kind {
            b'L' => self.name = Some(text.to_vec()),
            b'K' => self.target = Some(text.to_vec()),
            _ => self.records(body),
        }
    }

    /// `LENGTH KEY=VALUE\n`, again and again.
    fn records(&mut self, mut rest: &[u8]) {
        while let Some(blank) = rest.iter().position(|b| *b == b' ') {
            let length = rest.get(..blank).and_then(number::<usize>).unwrap_or_default();
            let Some(record) = rest.get(blank + 1..length) else { return };
            rest = rest.get(length..).unwrap_or_default();
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let Some(equals) = record.iter().position(|b| *b == b'=') else { continue };
            let (key, value) = (record.get(..equals), record.get(equals + 1..).unwrap_or_default());
            match key.unwrap_or_default() {
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" => self.target = Some(value.to_vec()),
                b"size" => self.size = number(value),
                b"uid" => self.uid = number(value),
                b"gid" => self.gid = number(value),
                b"mtime" => self.modified = value.split(|b| *b == b'.').next().and_then(number),
                _ => {}
            }
        }
    }

    fn apply(self, header: Entry, kind: u8) -> Entry {
        Entry {
            kind: match kind {
                b'0' | 0 | b'7' => Kind::File,
                b'1' => Kind::HardLink,
                b'2' => Kind::Link,
                b'3' | b'4' => Kind::Device,
                b'5' => Kind::Folder,
                b'6' => Kind::Fifo,
                _ => Kind::Other,
            },
            name: self.name.unwrap_or(header.name),
            target: self.target.unwrap_or(header.target),
            size: self.size.unwrap_or(header.size),
            modified: self.modified.unwrap_or(header.modified),
            uid: self.uid.unwrap_or(header.uid),
            gid: self.gid.unwrap_or(header.gid),
            ..header
        }
    }
}

fn header(block: &[u8]) -> Result<Entry, EngineError> {
    let field = |at: usize, length: usize| block.get(at..at + length).unwrap_or_default();
    let text =
        |at: usize, length: usize| field(at, length).split(|b| *b == 0).next().unwrap_or_default().to_vec();
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
        .sum();
    let amount = |at, length| amount(field(at, length)).ok_or_else(|| broken("a number that is none"));
    if amount(148, 8)? != sum {
        return Err(broken("a header does not add up"));
    }
    let (name, prefix) = (text(0, 100), text(345, 155));
    let posix = field(257, 6) == b"ustar\0" && !prefix.is_empty();
    Ok(Entry {
        name: if posix { [prefix.as_slice(), b"/", &name].concat() } else { name },
        kind: Kind::Other,
        size: amount(124, 12)?,
        mode: u32::try_from(amount(100, 8)? & 0o7777).unwrap_or_default(),
        uid: amount(108, 8)?,
        gid: amount(116, 8)?,
        modified: i64::try_from(amount(136, 12)?).unwrap_or_default(),
        target: text(157, 100),
    })
}

/// Octal digits, or bytes where the first bit is set.
fn amount(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|b| b & 0x80 != 0) {
        let bytes = field.get(field.len().saturating_sub(8)..)?;
        // Negative ones are no sizes; of times they are before 1970.
        let negative = field.first() == Some(&0xff);
        let value = bytes.iter().fold(0_u64, |sum, b| (sum << 8) | u64::from(*b));
        return Some(if negative { 0 } else { value & (u64::MAX >> 2) });
    }
    let digits = field.split(|b| *b == 0).next().unwrap_or_default().trim_ascii();
    match digits {
        [] => Some(0),
        digits => u64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok(),
    }
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

const fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

fn broken(what: &str) -> EngineError {
    EngineError::Protocol(format!("an archive that cannot be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        for (at, bytes) in [(0, b"name".as_slice()), (100, b"0000644\0")].iter().chain(fields) {
            block.splice(*at..at + bytes.len(), bytes.iter().copied());
        }
        block.splice(148..156, *b"        ");
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block.splice(148..156, format!("{sum:06o}\0 ").into_bytes());
        block
    }

    #[test]
    fn headers_are_read_and_lies_are_refused() {
        let plain = header(&block(&[(124, b"00000000017\0"), (108, b"0000012\0")])).unwrap();
        assert_eq!(
            (plain.name.as_slice(), plain.size, plain.uid, plain.mode),
            (b"name".as_slice(), 15, 10, 0o644)
        );
        let prefixed = header(&block(&[(257, b"ustar\0"), (345, b"folder")])).unwrap();
        assert_eq!(prefixed.name, b"folder/name");
        let bytes = [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
        assert_eq!(header(&block(&[(124, &bytes)])).unwrap().size, 2 << 32);
        assert!(header(&block(&[(124, &[0xff; 12])])).unwrap().size == 0, "a negative size is none");
        assert!(header(&block(&[(124, b"no number!!\0")])).is_err());
        let mut torn = block(&[]);
        torn[3] ^= 1;
        assert!(header(&torn).is_err(), "it does not add up");
        assert!(header(b"short").is_err());
    }

    #[test]
    fn extensions_are_read_as_far_as_they_are_true() {
        let apply = |records: &[u8]| {
            let mut longer = Longer::default();
            longer.learn(b'x', records);
            longer.apply(header(&block(&[])).unwrap(), b'0')
        };
        let whole = apply(b"13 path=a/b\xff\n22 mtime=1700000000.5\n19 size=8589934592\n".as_slice());
        assert_eq!(
            (whole.name.as_slice(), whole.modified, whole.size),
            (b"a/b\xff".as_slice(), 1_700_000_000, 2 << 32)
        );
        assert_eq!(apply(b"16 path=longname\n").name, b"longname", "a length that is wrong by one");
        for broken in [
            b"".as_slice(),
            b"99999999999999999999 path=x\n",
            b"0 path=x\n",
            b"5000 path=x\n",
            b"x",
            b" = \n",
        ] {
            assert_eq!(apply(broken).name, b"name", "{broken:?}");
        }
        let mut longer = Longer::default();
        longer.learn(b'L', b"far/away\0");
        longer.learn(b'K', b"target\0\0");
        let link = longer.apply(header(&block(&[])).unwrap(), b'2');
        assert_eq!(
            (link.name.as_slice(), link.target.as_slice(), link.kind),
            (b"far/away".as_slice(), b"target".as_slice(), Kind::Link)
        );
    }
}
