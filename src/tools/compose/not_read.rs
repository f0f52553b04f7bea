//! Why a compose file was not read, or not used, in the contract's words.

use crate::engine::compose::stack::NoStack;
use crate::engine::compose::{NotBegun, NotRead, Sort};
use crate::tool::{Kind, ToolError};

/// Why there is no model.
#[must_use]
pub fn no_stack(why: NoStack) -> ToolError {
    match why {
        NoStack::Refused(why) => {
            ToolError::new(Kind::PermissionDenied, format!("the compose file is refused: {why}"))
                .hint(why.hint)
        }
        NoStack::NotRead(why) => not_read(why),
    }
}

pub(super) fn not_read(why: NotRead) -> ToolError {
    match why {
        NotRead::Refused(why) => {
            let kind = match why.sort {
                Sort::Outside => Kind::PermissionDenied,
                Sort::Choose(_) | Sort::Unfit => Kind::InvalidArguments,
            };
            ToolError::new(kind, why.message).hint(why.hint)
        }
        NotRead::Invalid(said) => ToolError::invalid(format!("compose does not take the file: {said}"))
            .hint("mend the compose file"),
        NotRead::NoCompose(why) => no_compose(why),
        NotRead::Child(e) => e.into(),
        NotRead::Host(why) => no_folder(&why),
        // Only our own clock speaks here: no engine was asked.
        NotRead::Engine(e) => {
            let why = ToolError::from(e);
            let late = ToolError::new(Kind::ChildTimeout, "compose did not read the file in time");
            ToolError { phase: why.phase, limit: why.limit, ..late }
                .hint("compose_timeout under [neverhang] is its time")
        }
    }
}

pub(super) fn not_begun(why: NotBegun) -> ToolError {
    match why {
        NotBegun::Engine(e) => e.into(),
        NotBegun::NoCompose(why) => no_compose(why),
        NotBegun::Child(e) => e.into(),
        NotBegun::Host(why) => no_folder(&why),
        NotBegun::Endpoint(why) => ToolError::new(Kind::Unsupported, why),
    }
}

fn no_compose(why: String) -> ToolError {
    ToolError::new(Kind::ChildUnavailable, why).hint(
        "install Docker Compose 2 (the package docker-compose-plugin or docker-compose-v2) where docker-mcp runs; ls, ps, \
         logs, start, stop, restart and down work without it",
    )
}

fn no_folder(why: &str) -> ToolError {
    ToolError::new(Kind::ChildUnavailable, format!("no folder for copies of the compose files: {why}"))
        .hint("the temporary folder of the host must be writable")
}
