//! What commands and both copies share.

use std::time::Duration;

use crate::tool::{Asked as Target, Kind, ToolError};

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
        _ => Err(ToolError::invalid("it must be said where: `container`, or `project` and `service`")),
    }
}

/// There is nothing of that name in a container that is there.
pub(super) fn no_file(path: &str, container: &str) -> ToolError {
    ToolError::new(Kind::NotFound, format!("no file `{path}` in container `{container}`"))
        .hint("docker_copy_from of the folder above it, or docker_exec with ls, shows what is there")
}
