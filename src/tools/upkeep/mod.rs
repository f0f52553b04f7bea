//! Changing, replacing and removing containers that exist.

mod container_prune;
mod levels;
mod recreate;
mod remove;
mod rename;
mod update;
mod words;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<remove::Remove>(),
    ToolDef::of::<rename::Rename>(),
    ToolDef::of::<update::Update>(),
    ToolDef::of::<recreate::Recreate>(),
    ToolDef::of::<container_prune::ContainerPrune>(),
];
