//! The engine as a whole.

mod df;
mod events;
mod info;
mod prune;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<events::Events>(),
    ToolDef::of::<info::Info>(),
    ToolDef::of::<df::Df>(),
    ToolDef::of::<prune::Prune>(),
];
