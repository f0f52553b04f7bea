//! Making containers. The options are typed one by one: there is no bag that the engine would read for itself.

pub(super) mod asks;
mod blueprint;
mod create;
mod fetch;
pub(super) mod forms;
mod made;
mod options;
pub(super) mod plan;
pub(super) mod real;
mod run;
mod secrets;
mod shown;
#[cfg(test)]
mod tests;
mod words;

use crate::tool::ToolDef;

pub(crate) use real::also as and_where_they_lead;

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[ToolDef::of::<create::Create>(), ToolDef::of::<run::Run>()];
