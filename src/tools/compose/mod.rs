//! Compose projects: by their labels, without their files and without the compose CLI; and whole ones from their files.

mod acting;
mod asking;
mod build;
mod config;
mod deploy;
mod down;
mod logs;
mod ls;
mod merged;
mod not_read;
mod order;
mod ps;
mod pull;
mod restart;
mod stack;
mod start;
mod stop;
mod up;
mod waiting;

use crate::tool::ToolDef;

pub use not_read::no_stack;
pub(crate) use stack::{explained, secrets};

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<ls::Ls>(),
    ToolDef::of::<ps::Ps>(),
    ToolDef::of::<logs::Logs>(),
    ToolDef::of::<start::Start>(),
    ToolDef::of::<stop::Stop>(),
    ToolDef::of::<restart::Restart>(),
    ToolDef::of::<down::ComposeDown>(),
    ToolDef::of::<config::ComposeConfig>(),
    ToolDef::of::<up::ComposeUp>(),
    ToolDef::of::<deploy::ComposeDeploy>(),
    ToolDef::of::<pull::ComposePull>(),
    ToolDef::of::<build::ComposeBuild>(),
];
