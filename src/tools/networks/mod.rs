//! Looking at networks.

mod connect;
mod create;
mod disconnect;
mod list;
mod prune;
mod remove;

use crate::policy::Permits;
use crate::tool::{Preview, ToolDef, ToolError};

/// The group's tools.
pub const TOOLS: &[ToolDef] = &[
    ToolDef::of::<list::Networks>(),
    ToolDef::of::<create::Create>(),
    ToolDef::of::<remove::Remove>(),
    ToolDef::of::<connect::Connect>(),
    ToolDef::of::<disconnect::Disconnect>(),
    ToolDef::of::<prune::Prune>(),
];

/// What would come between a container and a network.
fn between(permits: &Permits, verb: &str) -> Result<Preview, ToolError> {
    let (Some(network), Some(container)) = (permits.networks.first(), permits.containers.first()) else {
        return Err(ToolError::internal("no permits for a network and a container"));
    };
    let line = format!("container `{}` {verb} network `{}`", container.target().name, network.target().name);
    Ok(Preview { lines: vec![line], state: Vec::new(), ..Preview::default() })
}
