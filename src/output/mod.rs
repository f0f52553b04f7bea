//! WHAT LEAVES IS CLEAN: sanitise, redact, cap, render.
//!
//! Every text that leaves the server (result, error, progress, audit, log, AI prompt) passes here. Pure: no I/O, no clock,
//! nothing else of this crate.
//!
//! A tool fills a [`Draft`] and never thinks about escapes, secrets or sizes; [`finish()`] makes of it the two forms of a
//! result, a JSON object and a short text, each complete in itself and each below the cap:
//!
//! 1. [`sanitise`]: what a container wrote cannot drive a terminal, reorder a line or hide in it;
//! 2. [`redact`]: secrets are masked by key, by shape ([`patterns`], [`keyvalue`]) and by value ([`learned`]);
//! 3. [`cap`]: what is too long is cut where it hurts least, and the cut is said;
//! 4. [`render`]: tables and trees. Colour is the CLI's business.
//!
//! The lines of a stream go through [`LineMask`], which remembers what a line alone does not tell: an open key, half of a
//! secret.

pub mod cap;
pub mod draft;
mod encode;
pub mod finish;
mod forms;
pub mod keys;
pub mod keyvalue;
pub mod learned;
pub mod look;
pub mod patterns;
pub mod redact;
pub mod render;
pub mod sanitise;
pub mod stream;
pub mod walk;

pub use draft::{Body, Cut, Draft, Keep, List, Row};
pub use finish::{Finished, finish};
pub use learned::{Learned, LearnedBuilder};
pub use redact::{EnvMode, MASK, Options, Redactor};
pub use render::{bytes, duration, memory};
pub use sanitise::{clean, clean_line};
pub use stream::{LineMask, Seen};

#[cfg(test)]
mod tests;
