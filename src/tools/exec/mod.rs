//! Commands in containers.

mod asked;
mod command;
mod ended;
mod kept;
mod watch;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[ToolDef::of::<command::Exec>()];
