//! A guard's refusal in the contract's words.

use crate::guard::refusal::Refusal;
use crate::tool::{Kind, ToolError};

pub(super) fn refused(refusal: Refusal) -> ToolError {
    match refusal {
        Refusal::Forbidden { what, rule } => ToolError::new(
            Kind::PermissionDenied,
            format!("{what} is not let through: {rule}"),
        )
        .hint("leave it out; a person can do it at the host, or start the server with --bypass-permissions")
        .by_rule(rule),
        Refusal::Ruled { what, rule, instead } => {
            ToolError::new(Kind::PermissionDenied, format!("{what} is not let through: {rule}"))
                .hint(instead)
                .by_rule(&rule)
        }
        Refusal::Unable { what, hint } => ToolError::new(Kind::Unsupported, what).hint(hint),
        Refusal::Malformed { what, hint } => ToolError::invalid(what).hint(hint),
    }
}
