//! TEXT -> SETTINGS

pub mod error;
pub mod parse;
pub mod provenance;
pub mod settings;
pub mod tree;

pub use error::{Problem, Problems};
pub use provenance::{Described, Origin};
pub use settings::*;
