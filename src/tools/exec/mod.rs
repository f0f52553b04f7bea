//! Commands in containers.

mod asked;
mod command;
mod copy_content;
mod copy_from;
mod copy_place;
mod ended;
mod kept;
mod watch;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[ToolDef::of::<command::Exec>(), ToolDef::of::<copy_from::CopyFrom>()];
