//! Headers of a tar, and the extensions before them.

use super::super::error::EngineError;
use super::Kind;
use super::read::Entry;

/// All is counted in these.
pub(super) const BLOCK: usize = 512;

/// What stands before an entry and does not fit into its header.
#[derive(Debug, Default)]
pub(super) struct Longer {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<i64>,
    uid: Option<u64>,
    gid: Option<u64>,
}

impl Longer {
    pub(super) fn learn(&mut self, kind: u8, body: &[u8]) {
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

    pub(super) fn apply(self, header: Entry, kind: u8) -> Entry {
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

pub(super) fn header(block: &[u8]) -> Result<Entry, EngineError> {
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

pub(super) fn broken(what: &str) -> EngineError {
    // The engine has said yes, so it is one: files that shrink or go while they are read end it early or garble it.
    EngineError::Changed(format!("an archive that cannot be read: {what}"))
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
