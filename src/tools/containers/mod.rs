//! Looking at containers.

mod logs;
mod ps;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[ToolDef::of::<ps::Ps>(), ToolDef::of::<logs::Logs>()];
