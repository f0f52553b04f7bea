//! Log and exec streams, taken apart piece by piece.
//!
//! How a stream is framed is said by its `Content-Type`, or by the container's `Tty`; it is never guessed from its bytes:
//! a TTY that prints `\x01` first would be read as a frame. Nothing is collected here: a frame that declares 4 GiB passes
//! through in the pieces that arrive.

use hyper::body::Bytes;

use super::error::EngineError;

/// How a stream is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A terminal's output: bytes, all of them stdout.
    Raw,
    /// Frames with a header of 8 bytes: the stream's number, and the length.
    Multiplexed,
}

/// Which of a container's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Standard output, or all that a terminal shows.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Some bytes of one output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Whose.
    pub source: Source,
    /// It is the first of its frame. Never so in raw streams.
    pub first: bool,
    /// Not empty.
    pub data: Bytes,
}

const HEADER: usize = 8;

/// Takes a stream apart; holds a header's bytes at most.
#[derive(Debug)]
pub struct Demux {
    framing: Framing,
    header: [u8; HEADER],
    have: usize,
    source: Source,
    left: usize,
    first: bool,
}

impl Framing {
    /// From the `Content-Type` that engines send since API 1.42.
    #[must_use]
    pub fn of(content_type: Option<&str>) -> Option<Self> {
        match content_type?.split(';').next()?.trim() {
            "application/vnd.docker.raw-stream" => Some(Self::Raw),
            "application/vnd.docker.multiplexed-stream" => Some(Self::Multiplexed),
            _ => None,
        }
    }
}

impl Demux {
    /// At the beginning of a stream.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self { framing, header: [0; HEADER], have: 0, source: Source::Stdout, left: 0, first: false }
    }

    /// Takes the next piece off `input`; `None` when `input` is used up.
    ///
    /// # Errors
    /// `Protocol` for a frame of no known stream.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Piece>, EngineError> {
        if self.framing == Framing::Raw {
            let data = std::mem::take(input);
            return Ok((!data.is_empty()).then_some(Piece { source: Source::Stdout, first: false, data }));
        }
        // Empty frames are passed over: a flood of them costs their bytes and nothing else.
        while self.left == 0 {
            if !self.read_header(input)? {
                return Ok(None);
            }
        }
        if input.is_empty() {
            return Ok(None);
        }
        let data = input.split_to(self.left.min(input.len()));
        self.left -= data.len();
        let first = std::mem::replace(&mut self.first, false);
        Ok(Some(Piece { source: self.source, first, data }))
    }

    /// The stream may end here: no frame is open.
    #[must_use]
    pub const fn at_boundary(&self) -> bool {
        self.left == 0 && self.have == 0
    }

    /// True when the header is complete.
    fn read_header(&mut self, input: &mut Bytes) -> Result<bool, EngineError> {
        let part = input.split_to((HEADER - self.have).min(input.len()));
        for (slot, byte) in self.header.iter_mut().skip(self.have).zip(&part) {
            *slot = *byte;
        }
        self.have += part.len();
        if self.have < HEADER {
            return Ok(false);
        }
        self.have = 0;
        let [kind, _, _, _, length @ ..] = self.header;
        self.source = match kind {
            // The engine counts stdin as output: it is what a terminal echoes.
            0 | 1 => Source::Stdout,
            2 => Source::Stderr,
            3 => return Err(EngineError::Protocol("the engine failed while it read the stream".into())),
            other => return Err(EngineError::Protocol(format!("a frame of stream {other}"))),
        };
        self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        self.first = true;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, data: &[u8]) -> Vec<u8> {
        let mut out = vec![kind, 0, 0, 0];
        out.extend((data.len() as u32).to_be_bytes());
        out.extend(data);
        out
    }

    fn all(chunks: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>, usize, bool), EngineError> {
        let (mut out, mut err, mut frames) = (Vec::new(), Vec::new(), 0);
        let mut demux = Demux::new(Framing::Multiplexed);
        for chunk in chunks {
            let mut input = Bytes::copy_from_slice(chunk);
            while let Some(piece) = demux.next(&mut input)? {
                frames += usize::from(piece.first);
                match piece.source {
                    Source::Stdout => out.extend(&piece.data),
                    Source::Stderr => err.extend(&piece.data),
                }
            }
        }
        Ok((out, err, frames, demux.at_boundary()))
    }

    #[test]
    fn every_split_reads_the_same() {
        let mut stream = frame(1, b"one\n");
        stream.extend(frame(2, b""));
        stream.extend(frame(2, b"bad\n"));
        stream.extend(frame(0, b"\x01\x00\x00\x00"));
        let want = (b"one\n\x01\x00\x00\x00".to_vec(), b"bad\n".to_vec(), 3, true);
        for a in 0..=stream.len() {
            for b in a..=stream.len() {
                assert_eq!(all(&[&stream[..a], &stream[a..b], &stream[b..]]).unwrap(), want, "{a} {b}");
            }
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(all(&bytes).unwrap(), want);
    }

    #[test]
    fn a_declared_4_gib_is_not_waited_for() {
        let mut stream = vec![1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        stream.extend(b"what came");
        let (out, _, _, complete) = all(&[&stream]).unwrap();
        assert_eq!(out, b"what came");
        assert!(!complete);
    }

    #[test]
    fn unknown_streams_are_refused() {
        for kind in [3, 4, 9, 255] {
            assert!(matches!(all(&[&frame(kind, b"x")]), Err(EngineError::Protocol(_))), "{kind}");
        }
    }

    #[test]
    fn framing_is_what_the_engine_says() {
        let of = |t| Framing::of(Some(t));
        assert_eq!(of("application/vnd.docker.raw-stream"), Some(Framing::Raw));
        assert_eq!(of("application/vnd.docker.multiplexed-stream; charset=x"), Some(Framing::Multiplexed));
        assert_eq!(of("application/octet-stream"), None);
        assert_eq!(Framing::of(None), None);
        let mut raw = Demux::new(Framing::Raw);
        let mut input = Bytes::from_static(b"\x01\x00\x00\x00");
        assert_eq!(raw.next(&mut input).unwrap().unwrap().data, Bytes::from_static(b"\x01\x00\x00\x00"));
        assert_eq!(raw.next(&mut input).unwrap(), None);
    }
}
