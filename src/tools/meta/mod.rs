//! The server itself.

mod approve;
mod audit;
mod health;
mod policy;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<health::Health>(),
    ToolDef::of::<policy::Policy>(),
    ToolDef::of::<audit::Audit>(),
    ToolDef::of::<approve::Approve>(),
];
