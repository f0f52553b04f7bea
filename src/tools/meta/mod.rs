//! The server itself.

mod health;
mod policy;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[ToolDef::of::<health::Health>(), ToolDef::of::<policy::Policy>()];
