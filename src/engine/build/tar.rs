//! A context as a tar stream, for the classic builder: written while it is sent, links as links, all of it root's.

use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hyper::body::Bytes;
use tokio::sync::mpsc;

use crate::guard::build::ignore::Ignore;

const BLOCK: usize = 512;
const PIECE: usize = 64 << 10;

/// Where pieces go; who has gone ends the writing.
pub(super) struct Tar(pub mpsc::Sender<io::Result<Bytes>>);

impl Tar {
    /// Everything below `folder` that is not left out, then these texts. Blocks.
    pub(super) fn write(&self, folder: &Path, ignore: &Ignore, texts: &[(&str, &str)]) -> io::Result<()> {
        let mut folders = vec![(folder.to_owned(), String::new())];
        while let Some((folder, inside)) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_str().ok_or_else(|| io::Error::other("a file's name is no UTF-8"))?;
                let path = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
                let meta = entry.metadata()?;
                let out = ignore.leaves_out(&path);
                if !out {
                    self.entry(&entry.path(), &path, &meta)?;
                }
                if meta.is_dir() && (!out || ignore.takes_back()) {
                    folders.push((entry.path(), path));
                }
            }
        }
        for (name, text) in texts {
            self.head(name.as_bytes(), b"", b'0', 0o644, text.len() as u64, 0)?;
            self.content(text.as_bytes(), text.len() as u64)?;
        }
        self.send(vec![0; 2 * BLOCK])
    }

    fn entry(&self, at: &Path, path: &str, meta: &Metadata) -> io::Result<()> {
        let (mode, time) = (meta.mode() & 0o7777, meta.mtime().max(0).unsigned_abs());
        if meta.is_dir() {
            self.head(format!("{path}/").as_bytes(), b"", b'5', mode, 0, time)
        } else if meta.is_symlink() {
            let to = fs::read_link(at)?;
            self.head(path.as_bytes(), to.as_os_str().as_bytes(), b'2', 0o777, 0, time)
        } else if meta.is_file() {
            let file = fs::File::open(at)?;
            // It may have become something else since it was listed.
            if !file.metadata()?.is_file() {
                return Ok(());
            }
            self.head(path.as_bytes(), b"", b'0', mode, meta.len(), time)?;
            self.content(file, meta.len())
        } else {
            Ok(())
        }
    }

    /// A header, and before it those for what does not fit in one.
    fn head(&self, name: &[u8], link: &[u8], kind: u8, mode: u32, size: u64, time: u64) -> io::Result<()> {
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

fn header(name: &[u8], link: &[u8], kind: u8, mode: u32, size: u64, time: u64) -> Vec<u8> {
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
