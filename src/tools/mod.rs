//! ONE FILE A TOOL, grouped. Adding a tool is its file and one line in its group's list.

pub mod containers;
pub mod meta;
mod pattern;

use crate::tool::ToolDef;

/// The catalogue, in the order of the documentation.
pub const ALL: &[&[ToolDef]] = &[containers::TOOLS, meta::TOOLS];
