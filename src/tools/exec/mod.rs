//! Commands in containers.

mod asked;
mod command;
mod copy_content;
mod copy_from;
mod copy_given;
mod copy_place;
mod copy_plan;
mod copy_rights;
mod copy_seen;
mod copy_shown;
mod copy_to;
mod copy_unwritten;
mod ended;
mod kept;
mod watch;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] =
    &[ToolDef::of::<command::Exec>(), ToolDef::of::<copy_from::CopyFrom>(), ToolDef::of::<copy_to::CopyTo>()];
