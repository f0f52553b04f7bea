//! Compose projects by their labels, without their files and without the compose CLI.

mod acting;
mod asking;
mod down;
mod logs;
mod ls;
mod merged;
mod order;
mod ps;
mod restart;
mod start;
mod stop;
mod waiting;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<ls::Ls>(),
    ToolDef::of::<ps::Ps>(),
    ToolDef::of::<logs::Logs>(),
    ToolDef::of::<start::Start>(),
    ToolDef::of::<stop::Stop>(),
    ToolDef::of::<restart::Restart>(),
    ToolDef::of::<down::ComposeDown>(),
];
