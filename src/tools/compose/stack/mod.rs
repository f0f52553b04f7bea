//! Whole projects from their files: what they would do, whether they may, and what became of them.

mod after;
mod bring;
mod changes;
mod differs;
mod images;
mod judge;
mod networks;

use std::sync::Arc;

use crate::config::Settings;
use crate::engine::compose::stack::{Purpose, Source, Stack, Wanted};
use crate::tool::args::OneOrMany;
use crate::tool::{Asked, Ctx, ToolError};

pub(crate) use bring::secrets;
pub(super) use bring::{How, bring, files, preview, unset};
pub(super) use images::{build, buildable, pull};
pub(crate) use judge::explained;

/// The project of a call.
pub(super) fn of(ctx: &Ctx) -> Result<Arc<Stack>, ToolError> {
    ctx.stack.clone().ok_or_else(|| ToolError::internal("a compose file without its model"))
}

/// What a call says of its project, as [`Tool::targets`](crate::tool::Tool::targets) gives it.
pub(super) fn asked(
    project: Option<&str>,
    source: Source,
    services: Option<&OneOrMany>,
    purpose: Purpose,
) -> Result<Vec<Asked>, ToolError> {
    let services = services.map(|all| all.0.clone());
    if services.as_ref().is_some_and(|all| all.is_empty() || all.iter().any(String::is_empty)) {
        return Err(ToolError::invalid("`services` is empty").hint("leave it out for all services"));
    }
    if let Some(name) = project
        && !is_project(name)
    {
        return Err(ToolError::invalid(format!("`{name}` cannot be the name of a project"))
            .hint("small letters, digits, `_` and `-`, the first a letter or digit"));
    }
    let (project, services) = (project.map(str::to_owned), services.unwrap_or_default());
    Ok(vec![Asked::Stack(Wanted { project, source, services, purpose })])
}

fn is_project(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

/// Nobody judges what a person trusts.
fn is_free(stack: &Stack, settings: &Settings) -> bool {
    stack.trusted || settings.create.profile == crate::config::settings::Profile::Off
}
