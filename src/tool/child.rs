//! What a child's failure means to a caller.

use crate::child::{Failure, Unavailable};

use super::error::{Effect, Kind, Phase, ToolError};

impl From<Unavailable> for ToolError {
    fn from(error: Unavailable) -> Self {
        let hint = match &error {
            Unavailable::NotFound(_) => "install it, or put its folder into the PATH of docker-mcp",
            Unavailable::NotExecutable(_) => "`chmod +x` makes it executable; or PATH means another one",
            Unavailable::WrongFormat(_) | Unavailable::NoInterpreter(_) => {
                "install it for this system: the file is damaged, or made for another one"
            }
            Unavailable::NoFolder(_) => "check the folder",
            Unavailable::Refused(..) => "`docker-mcp doctor` tries each step",
        };
        Self::new(Kind::ChildUnavailable, error.to_string()).hint(hint)
    }
}

impl From<Failure> for ToolError {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Unavailable(error) => error.into(),
            // What it had begun at the engine may go on.
            Failure::TimedOut { limit, ended } => Self {
                effect: Effect::Unknown,
                ..Self::new(Kind::ChildTimeout, message)
                    .clock(Phase::Total, limit)
                    .hint("look at what it was to change before trying again")
                    .detail(ended.stderr.text())
            },
        }
    }
}
