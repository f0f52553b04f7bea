//! ONE FILE A TOOL, grouped. Adding a tool is its file and one line in its group's list.

mod changing;
pub mod compose;
pub mod containers;
pub mod exec;
mod guarded;
pub mod images;
pub mod lifecycle;
pub mod making;
pub mod meta;
pub mod networks;
mod pattern;
mod removing;
pub mod system;
pub mod upkeep;
pub mod volumes;
mod words;

use crate::tool::ToolDef;

/// The catalogue, in the order of the documentation.
pub const ALL: &[&[ToolDef]] = &[
    containers::TOOLS,
    lifecycle::TOOLS,
    exec::TOOLS,
    making::TOOLS,
    upkeep::TOOLS,
    system::TOOLS,
    images::TOOLS,
    volumes::TOOLS,
    networks::TOOLS,
    compose::TOOLS,
    meta::TOOLS,
];
