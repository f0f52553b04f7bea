//! Starting, stopping and their kin, on one container or several.

mod acting;
mod kill;
mod pause;
mod restart;
mod start;
mod stop;
mod unpause;

pub(in crate::tools) use acting::is_signal;

use crate::tool::ToolDef;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<start::Start>(),
    ToolDef::of::<stop::Stop>(),
    ToolDef::of::<restart::Restart>(),
    ToolDef::of::<kill::Kill>(),
    ToolDef::of::<pause::Pause>(),
    ToolDef::of::<unpause::Unpause>(),
];
