//! Looking at images, fetching, sending and building them, naming and removing them.

pub(super) mod build;
mod list;
pub(in crate::tools) mod moving;
mod prune;
pub(in crate::tools) mod pull;
mod push;
mod remove;
mod removing;
mod tag;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<list::Images>(),
    ToolDef::of::<pull::Pull>(),
    ToolDef::of::<push::Push>(),
    ToolDef::of::<build::Build>(),
    ToolDef::of::<tag::Tag>(),
    ToolDef::of::<remove::Remove>(),
    ToolDef::of::<prune::Prune>(),
];
