//! What became of a call, as an HTTP status.

use hyper::StatusCode;

use crate::server::{Answer, Failure};

/// The contract's table, section 8.
pub(super) fn of(answer: &Answer) -> StatusCode {
    match answer.failure {
        Some(kind) => of_kind(kind),
        None if answer.json.get("status").is_some_and(|status| status == "approval_pending") => {
            StatusCode::ACCEPTED
        }
        None => StatusCode::OK,
    }
}

/// Of a failure.
pub(super) const fn of_kind(kind: Failure) -> StatusCode {
    match kind {
        Failure::InvalidArguments => StatusCode::BAD_REQUEST,
        Failure::PermissionDenied | Failure::ApprovalDenied => StatusCode::FORBIDDEN,
        Failure::NotFound => StatusCode::NOT_FOUND,
        Failure::Conflict | Failure::ConfirmationInvalid => StatusCode::CONFLICT,
        Failure::ResponseTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Failure::RateLimited | Failure::Cooldown | Failure::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        Failure::Unsupported => StatusCode::NOT_IMPLEMENTED,
        Failure::DaemonProtocol
        | Failure::DaemonError
        | Failure::DaemonPermission
        | Failure::ChildUnavailable => StatusCode::BAD_GATEWAY,
        Failure::DaemonUnreachable
        | Failure::CircuitOpen
        | Failure::AuditUnavailable
        | Failure::ShuttingDown
        | Failure::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        Failure::DaemonTimeout
        | Failure::ContainerUnresponsive
        | Failure::ExecTimeout
        | Failure::ChildTimeout
        | Failure::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
        Failure::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
