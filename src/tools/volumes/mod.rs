//! Looking at volumes.

mod create;
mod list;
mod prune;
mod remove;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<list::Volumes>(),
    ToolDef::of::<create::Create>(),
    ToolDef::of::<remove::Remove>(),
    ToolDef::of::<prune::Prune>(),
];
