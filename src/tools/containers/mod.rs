//! Looking at containers.

mod diff;
mod inspect;
mod logs;
mod ps;
mod stats;
mod top;
mod wait;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<ps::Ps>(),
    ToolDef::of::<inspect::Inspect>(),
    ToolDef::of::<logs::Logs>(),
    ToolDef::of::<stats::Stats>(),
    ToolDef::of::<top::Top>(),
    ToolDef::of::<diff::Diff>(),
    ToolDef::of::<wait::Wait>(),
];
