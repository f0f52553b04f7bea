//! A bad line, in the words of toxiproxy.

use std::io::{Read, Write};
use std::time::Duration;

use super::sock::Sock;
use super::when::dice;

/// One thing that is wrong with one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Toxic {
    /// From the engine to the client.
    down: bool,
    poison: Poison,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// Every piece comes later by this, and at most by the second more.
    Latency(Duration, Duration),
    /// So many bytes a second.
    Bandwidth(u64),
    /// In pieces of so many bytes, with a pause between.
    Slicer(usize, Duration),
    /// The end comes later by this.
    SlowClose(Duration),
    /// Behind so many bytes nothing passes any more; the connection stays.
    Timeout(u64),
    /// Behind so many bytes it is reset.
    ResetPeer(u64),
    /// Behind so many bytes it is closed.
    Limit(u64),
    /// Closed at once.
    Down,
}

impl Toxic {
    /// From the engine to the client.
    pub const fn down(poison: Poison) -> Self {
        Self { down: true, poison }
    }

    /// From the client to the engine.
    pub const fn up(poison: Poison) -> Self {
        Self { down: false, poison }
    }
}

/// What to do after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Go on.
    GoOn,
    /// The connection is over.
    Over,
}

/// One direction of a connection.
#[derive(Debug)]
pub struct Line {
    poisons: Vec<Poison>,
    passed: u64,
}

impl Line {
    /// With what is wrong in that direction.
    pub fn new(toxics: &[Toxic], down: bool) -> Self {
        let poisons = toxics.iter().filter(|t| t.down == down).map(|t| t.poison).collect();
        Self { poisons, passed: 0 }
    }

    /// Writes a piece, as well as the line lets it.
    pub fn write(&mut self, mut to: &Sock, data: &[u8]) -> Then {
        let (mut size, mut pause) = (data.len().max(1), Duration::ZERO);
        for poison in self.poisons.clone() {
            match poison {
                Poison::Down => {
                    to.close();
                    return Then::Over;
                }
                Poison::Latency(time, jitter) => std::thread::sleep(time + jitter * dice() / 100),
                Poison::Slicer(bytes, between) => (size, pause) = (bytes.max(1), between),
                Poison::Timeout(after) | Poison::ResetPeer(after) | Poison::Limit(after)
                    if self.passed + data.len() as u64 > after =>
                {
                    let room = usize::try_from(after - self.passed.min(after)).unwrap();
                    self.passed = after;
                    // What passes is to arrive.
                    let _gone = to.write_all(&data[..room]);
                    return match poison {
                        Poison::Timeout(_) => Then::GoOn,
                        Poison::Limit(_) => {
                            to.close();
                            Then::Over
                        }
                        _ => {
                            std::thread::sleep(Duration::from_millis(20));
                            to.reset();
                            Then::Over
                        }
                    };
                }
                _ => {}
            }
        }
        for piece in data.chunks(size) {
            for poison in &self.poisons {
                if let Poison::Bandwidth(bps) = poison {
                    std::thread::sleep(Duration::from_secs_f64(piece.len() as f64 / (*bps).max(1) as f64));
                }
            }
            if to.write_all(piece).is_err() {
                return Then::Over;
            }
            self.passed += piece.len() as u64;
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
        }
        Then::GoOn
    }

    /// Passes on until one side ends.
    pub fn pass(mut self, mut from: &Sock, to: &Sock) {
        let mut buffer = [0; 16 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if self.write(to, &buffer[..read]) == Then::Over {
                from.close();
                return to.close();
            }
        }
        for poison in &self.poisons {
            if let Poison::SlowClose(time) = poison {
                std::thread::sleep(*time);
            }
            if let Poison::Timeout(_) = poison {
                // Nobody is told that the other side is gone.
                to.hold();
            }
        }
        to.shutdown(std::net::Shutdown::Write);
    }
}
