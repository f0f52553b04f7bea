//! Looking at networks.

mod connect;
mod create;
mod disconnect;
mod list;
mod prune;
mod remove;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<list::Networks>(),
    ToolDef::of::<create::Create>(),
    ToolDef::of::<remove::Remove>(),
    ToolDef::of::<connect::Connect>(),
    ToolDef::of::<disconnect::Disconnect>(),
    ToolDef::of::<prune::Prune>(),
];
