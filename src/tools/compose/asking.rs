//! Which project, and which of its services: what these tools ask in the same way.

use std::time::Duration;

use crate::config::Settings;
use crate::engine::projects::{Part, Which};
use crate::tool::args::OneOrMany;
use crate::tool::time::Span;
use crate::tool::{Asked, ToolError};

/// What a stop takes besides its grace: the engine's own work.
const MARGIN: Duration = Duration::from_secs(5);

/// The project that a call names, or that was made from its file, or the only one. The file is not opened.
pub(super) fn asked(
    project: Option<&str>,
    file: Option<&str>,
    services: Option<&OneOrMany>,
    part: Part,
) -> Result<Vec<Asked>, ToolError> {
    let services = services.map(|all| all.0.clone());
    if services.as_ref().is_some_and(|all| all.is_empty() || all.iter().any(String::is_empty)) {
        return Err(ToolError::invalid("`services` is empty").hint("leave it out for all services"));
    }
    if project.is_some_and(str::is_empty) {
        return Err(ToolError::invalid("`project` is empty").hint("docker_compose_ls lists the projects"));
    }
    let which = match (project, file) {
        (Some(project), _) => Which::Named(project.to_owned()),
        (None, Some(file)) => Which::Of(file.to_owned()),
        (None, None) => Which::Only,
    };
    Ok(vec![Asked::Project(which, services.unwrap_or_default(), part)])
}

/// A grace that the class's clock has room for.
pub(super) fn guard(grace: Option<Span>, settings: &Settings) -> Result<(), ToolError> {
    let room = settings.neverhang.compose_timeout.saturating_sub(MARGIN);
    match grace {
        Some(Span(grace)) if grace > room => Err(ToolError::invalid(format!(
            "`timeout` of {grace:?} does not fit into the call's own time"
        ))
        .hint(format!(
            "at most {room:?}; a person can raise compose_timeout under [neverhang], which is 5 s more"
        ))),
        _ => Ok(()),
    }
}

/// The engine counts whole seconds.
pub(super) fn seconds(grace: Option<Span>) -> Option<u64> {
    grace.map(|Span(grace)| grace.as_secs() + u64::from(grace.subsec_nanos() > 0))
}
