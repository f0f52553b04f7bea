//! A context as a tar stream: written while it is sent, links as links, all of it root's.

use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

use hyper::body::Bytes;
use rustix::fs::FileType;
use tokio::sync::mpsc;

use crate::guard::build::ignore::Ignore;

use super::folder::{Entry, Folder, Unread};

const BLOCK: usize = 512;
const PIECE: usize = 64 << 10;

/// Where pieces go; who has gone ends the writing.
pub(super) struct Tar(pub mpsc::Sender<io::Result<Bytes>>);

impl Tar {
    /// Everything in `folder` that is not left out, but these files with these texts. Blocks.
    pub(super) fn write(
        &self,
        folder: &Folder,
        ignore: &Ignore,
        texts: &[(&str, &str)],
    ) -> Result<(), Unread> {
        // buildx knows a tar by its first header, which none for a long name may be.
        let itself = folder.of_itself().and_then(|(mode, time)| self.head(b"./", b"", b'5', mode, 0, time));
        itself.map_err(Unread::Untaken)?;
        let mut left = texts.to_vec();
        folder.walk(ignore, |entry| match left.iter().position(|(name, _)| *name == entry.path) {
            Some(at) if entry.kind() == FileType::RegularFile => {
                let (name, text) = left.swap_remove(at);
                self.text(name, text, entry.mode(), entry.time())
            }
            Some(_) => Ok(()),
            None => self.entry(entry),
        })?;
        let rest = left.iter().try_for_each(|(name, text)| self.text(name, text, 0o644, 0));
        rest.and_then(|()| self.send(vec![0; 2 * BLOCK])).map_err(Unread::Untaken)
    }

    fn text(&self, name: &str, text: &str, mode: u64, time: u64) -> io::Result<()> {
        self.head(name.as_bytes(), b"", b'0', mode, text.len() as u64, time)?;
        self.content(text.as_bytes(), text.len() as u64)
    }

    fn entry(&self, entry: &Entry<'_>) -> io::Result<()> {
        let (path, mode, time) = (entry.path, entry.mode(), entry.time());
        match entry.kind() {
            FileType::Directory => self.head(format!("{path}/").as_bytes(), b"", b'5', mode, 0, time),
            FileType::Symlink => {
                let Some(to) = entry.link()? else { return Ok(()) };
                self.head(path.as_bytes(), to.as_bytes(), b'2', 0o777, 0, time)
            }
            FileType::RegularFile => {
                let Some((file, size)) = entry.open()? else { return Ok(()) };
                self.head(path.as_bytes(), b"", b'0', mode, size, time)?;
                self.content(file, size)
            }
            _ => Ok(()),
        }
    }

    /// A header, and before it those for what does not fit in one.
    fn head(&self, name: &[u8], link: &[u8], kind: u8, mode: u64, size: u64, time: u64) -> io::Result<()> {
        for (text, long) in [(link, b'K'), (name, b'L')] {
            if text.len() > 100 {
                self.send(header(b"././@LongLink", b"", long, 0, text.len() as u64 + 1, 0))?;
                self.content([text, b"\0"].concat().as_slice(), text.len() as u64 + 1)?;
            }
        }
        self.send(header(name, link, kind, mode, size, time))
    }

    /// Exactly so many bytes, whatever the file has by now.
    fn content(&self, from: impl Read, size: u64) -> io::Result<()> {
        let mut from = from.take(size).chain(io::repeat(0));
        let mut left = size.next_multiple_of(BLOCK as u64);
        while left > 0 {
            let mut piece = vec![0; usize::try_from(left.min(PIECE as u64)).unwrap_or(PIECE)];
            from.read_exact(&mut piece)?;
            left -= piece.len() as u64;
            self.send(piece)?;
        }
        Ok(())
    }

    fn send(&self, piece: Vec<u8>) -> io::Result<()> {
        self.0.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

fn header(name: &[u8], link: &[u8], kind: u8, mode: u64, size: u64, time: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        for (place, byte) in block.iter_mut().skip(at).zip(text) {
            *place = *byte;
        }
    };
    put(0, name.get(..100).unwrap_or(name));
    put(100, format!("{mode:07o}\0{:07o}\0{:07o}\0{size:011o}\0{time:011o}\0", 0, 0).as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link.get(..100).unwrap_or(link));
    put(257, b"ustar  \0");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    for (place, byte) in block.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").as_bytes()) {
        *place = *byte;
    }
    block
}
