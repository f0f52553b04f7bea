//! MAY THIS HAPPEN?
//!
//! Pure: no tokio, no bollard, no rmcp, no clock, no I/O.
//! `decide::decide` is the only place that makes a [`Permit`](permit::Permit), and every engine method that touches
//! an object asks for one, so that a forgotten check does not compile.

pub mod decide;
pub mod denial;
pub mod level;
pub mod pattern;
pub mod permit;
pub mod reference;
pub mod rights;
pub mod rules;
pub mod target;

pub use decide::{Ask, check};
pub(crate) use decide::{also, arrived, came, decide};
pub use denial::Denial;
pub use level::Level;
pub use pattern::{Pattern, PatternSet, Source};
pub use permit::{Permit, Permits, World};
pub use rights::{Right, Rights};
pub use rules::{Filter, Grant, LevelRule, Rules};
pub use target::{Container, Image, Network, NewContainer, NewNetwork, NewVolume, Reference, Target, Volume};
