//! TEXT -> SETTINGS

pub mod env;
pub mod error;
mod globs;
mod kinds;
pub mod layers;
mod merge;
pub mod parse;
mod paths;
pub mod provenance;
mod reader;
pub mod settings;
pub mod tree;
mod units;

pub use error::{Problem, Problems};
pub use provenance::{Described, Origin};
pub use settings::*;
