//! A text that comes in pieces.

use super::{Learned, Redactor};

/// Cleans and masks a stream; a secret that is split between two chunks is still masked.
#[derive(Debug)]
pub struct Streaming<'r> {
    redactor: &'r Redactor,
    learned: Learned,
    held: String,
}

impl<'r> Streaming<'r> {
    /// An empty stream.
    #[must_use]
    pub const fn new(redactor: &'r Redactor, learned: Learned) -> Self {
        Self { redactor, learned, held: String::new() }
    }

    /// Takes a chunk, gives what is safe to show by now.
    #[must_use]
    pub fn push(&mut self, chunk: &str) -> String {
        self.held.push_str(chunk);
        let end = self.held.rfind('\n').map_or(0, |i| i + 1);
        let rest = self.held.split_off(end);
        let ready = std::mem::replace(&mut self.held, rest);
        self.redactor.block(&ready, &self.learned)
    }

    /// The rest.
    #[must_use]
    pub fn finish(self) -> String {
        self.redactor.block(&self.held, &self.learned)
    }
}
