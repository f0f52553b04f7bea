//! THE CONTRACT of a tool: one value says its name, levels, class, effect, arguments and handler.
//!
//! From the catalogue of these values follow `tools/list`, the level check, the clocks, the hints, the audit fields, the
//! README's table and the tests that loop over every tool.

pub mod args;
mod child;
pub mod claim;
pub mod class;
pub mod context;
pub mod def;
pub mod error;
pub mod failure;
pub mod schema;
pub mod spec;
pub mod time;
pub mod watch;

pub use class::{Class, Clocks, Rate};
pub use context::{Ctx, Mask, Progress};
pub use def::{Asked, Preview, Tool, ToolDef};
pub use error::{Kind, Phase, Retry, ToolError};
pub use spec::{Effect, Spec};

/// What a tool gives back: a draft, cleaned and capped before it leaves.
pub type Output = crate::output::Draft;
