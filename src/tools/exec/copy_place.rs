//! What commands and both copies share.

use std::time::Duration;

use crate::engine::EngineError;
use crate::output::clean_line;
use crate::tool::{Asked as Target, Kind, Retry, ToolError};

/// An archive that is silent for so long is stuck.
pub(super) const PAUSE: Duration = Duration::from_secs(10);

/// Where it is to be.
pub(super) fn target(
    container: Option<&str>,
    project: Option<&str>,
    service: Option<&str>,
) -> Result<Vec<Target>, ToolError> {
    match (container, project, service) {
        (Some(container), None, None) => Ok(vec![Target::Entered(container.to_owned())]),
        (None, Some(project), Some(service)) => {
            Ok(vec![Target::EnteredService { project: project.to_owned(), service: service.to_owned() }])
        }
        _ => Err(ToolError::invalid("it must be said where: `container`, or `project` and `service`")
            .hint("docker_ps lists containers, with their projects and services")),
    }
}

/// A path or name that is seen as it is: what results leave out of texts would make it look like another.
pub(super) fn visible(text: &str) -> Result<(), ToolError> {
    match clean_line(text) == text {
        true => Ok(()),
        false => {
            Err(ToolError::invalid(format!("`{}` holds characters that are not seen", text.escape_unicode()))
                .hint("leave out control, direction and zero-width characters"))
        }
    }
}

/// There is nothing of that name in a container that is there.
pub(super) fn no_file(path: &str, container: &str) -> ToolError {
    ToolError::new(Kind::NotFound, format!("no file `{path}` in container `{container}`"))
        .hint("docker_copy_from of the folder above it, or docker_exec with ls, shows what is there")
}

/// A failed look into a container.
pub(super) fn unseen(e: EngineError, container: &str, path: &str) -> ToolError {
    match e {
        EngineError::Changed(_) => changed(format!("`{path}` is gone or changed while it was read")),
        EngineError::Conflict(why) => ToolError::new(Kind::Conflict, why)
            .hint("docker_copy_from of the folder above it shows what is there; ask for where a link leads"),
        e => ToolError::of_object(e, "container", container),
    }
}

/// Nothing is wrong but the moment.
pub(super) fn changed(message: String) -> ToolError {
    ToolError { retry: Retry::Safe, ..ToolError::new(Kind::Conflict, message) }
        .hint("ask again; docker_exec with tail or head reads a file that is written all the time")
}
