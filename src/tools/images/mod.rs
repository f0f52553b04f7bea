//! Looking at images, and building them.

mod build;
mod list;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[ToolDef::of::<list::Images>(), ToolDef::of::<build::Build>()];
