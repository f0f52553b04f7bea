//! Looking at containers.

mod diff;
mod inspect;
pub(in crate::tools) mod logs;
pub(in crate::tools) mod ps;
mod stats;
mod top;
pub(in crate::tools) mod wait;

use crate::policy::{Container, Permit, Permits};
use crate::tool::{ToolDef, ToolError};

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

/// The permit for the one container that a call names.
fn the_container(permits: &Permits) -> Result<&Permit<Container>, ToolError> {
    permits.containers.first().ok_or_else(|| ToolError::internal("no permit for the container"))
}
