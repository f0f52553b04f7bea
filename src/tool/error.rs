//! A failure as data. It becomes words in one place (`server::answer`).

use std::time::Duration;

use crate::output::{Draft, Finished};

/// The kinds of the contract, section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the contract's own words")]
pub enum Kind {
    PermissionDenied,
    NotFound,
    InvalidArguments,
    ConfirmationInvalid,
    ApprovalDenied,
    RateLimited,
    Cooldown,
    Overloaded,
    DaemonUnreachable,
    DaemonPermission,
    DaemonTimeout,
    DaemonProtocol,
    DaemonError,
    ContainerUnresponsive,
    CircuitOpen,
    ResponseTooLarge,
    Conflict,
    Unsupported,
    ExecTimeout,
    ChildTimeout,
    ChildUnavailable,
    OutcomeUnknown,
    AuditUnavailable,
    Cancelled,
    ShuttingDown,
    Internal,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 26] = [
        Self::PermissionDenied,
        Self::NotFound,
        Self::InvalidArguments,
        Self::ConfirmationInvalid,
        Self::ApprovalDenied,
        Self::RateLimited,
        Self::Cooldown,
        Self::Overloaded,
        Self::DaemonUnreachable,
        Self::DaemonPermission,
        Self::DaemonTimeout,
        Self::DaemonProtocol,
        Self::DaemonError,
        Self::ContainerUnresponsive,
        Self::CircuitOpen,
        Self::ResponseTooLarge,
        Self::Conflict,
        Self::Unsupported,
        Self::ExecTimeout,
        Self::ChildTimeout,
        Self::ChildUnavailable,
        Self::OutcomeUnknown,
        Self::AuditUnavailable,
        Self::Cancelled,
        Self::ShuttingDown,
        Self::Internal,
    ];

    /// The word in `error.kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::InvalidArguments => "invalid_arguments",
            Self::ConfirmationInvalid => "confirmation_invalid",
            Self::ApprovalDenied => "approval_denied",
            Self::RateLimited => "rate_limited",
            Self::Cooldown => "cooldown",
            Self::Overloaded => "overloaded",
            Self::DaemonUnreachable => "daemon_unreachable",
            Self::DaemonPermission => "daemon_permission",
            Self::DaemonTimeout => "daemon_timeout",
            Self::DaemonProtocol => "daemon_protocol",
            Self::DaemonError => "daemon_error",
            Self::ContainerUnresponsive => "container_unresponsive",
            Self::CircuitOpen => "circuit_open",
            Self::ResponseTooLarge => "response_too_large",
            Self::Conflict => "conflict",
            Self::Unsupported => "unsupported",
            Self::ExecTimeout => "exec_timeout",
            Self::ChildTimeout => "child_timeout",
            Self::ChildUnavailable => "child_unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::AuditUnavailable => "audit_unavailable",
            Self::Cancelled => "cancelled",
            Self::ShuttingDown => "shutting_down",
            Self::Internal => "internal",
        }
    }

    /// What a caller may do by default; an error can say otherwise.
    const fn retry(self) -> Retry {
        match self {
            Self::RateLimited
            | Self::Cooldown
            | Self::Overloaded
            | Self::DaemonUnreachable
            | Self::CircuitOpen
            | Self::ContainerUnresponsive
            | Self::ShuttingDown => Retry::After,
            Self::DaemonTimeout | Self::DaemonProtocol | Self::Cancelled => Retry::Safe,
            _ => Retry::No,
        }
    }
}

/// Did the asked change happen?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing changed.
    None,
    /// It happened.
    Done,
    /// Nobody knows.
    Unknown,
    /// It is still going on.
    Continuing,
}

impl Effect {
    /// The word in `error.effect`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Done => "done",
            Self::Unknown => "unknown",
            Self::Continuing => "continuing",
        }
    }
}

/// May the caller try the same again?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// At once.
    Safe,
    /// After `retry_after_ms`, or after the cause is gone.
    After,
    /// It would end the same way, or do harm.
    No,
}

impl Retry {
    /// The word in `error.retry`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::After => "after",
            Self::No => "no",
        }
    }
}

/// Which clock ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reaching the engine.
    Connect,
    /// Until it began to answer.
    Headers,
    /// Between two pieces of an answer.
    Idle,
    /// The whole call.
    Total,
}

impl Phase {
    /// The word in `error.phase`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Headers => "headers",
            Self::Idle => "idle",
            Self::Total => "total",
        }
    }
}

/// A failed call. `message` and `hint` are what the caller may know; `detail` is for the log alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError {
    /// What kind of failure.
    pub kind: Kind,
    /// A lowercase fragment without a full stop; the caller's words in backticks.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
    /// Did it happen?
    pub effect: Effect,
    /// Try again?
    pub retry: Retry,
    /// When, if `retry` is [`Retry::After`].
    pub retry_after: Option<Duration>,
    /// Which clock ran out.
    pub phase: Option<Phase>,
    /// How long it was.
    pub limit: Option<Duration>,
    /// What few failures have.
    pub more: Option<Box<More>>,
    /// For the log: may name what the caller must not know.
    pub detail: Option<Box<str>>,
    /// The daemon itself is at fault: counts for the circuit breaker.
    pub daemon_fault: bool,
}

/// What few failures have.
#[derive(Debug, Clone, Default)]
pub struct More {
    /// The rule of a guard that refused it, for the audit.
    pub rule: Option<Box<str>>,
    /// What there was before it failed.
    pub partial: Option<Draft>,
    /// The same, ready to leave.
    pub finished: Option<Finished>,
}

/// What it came with does not make it another failure.
impl PartialEq for More {
    fn eq(&self, other: &Self) -> bool {
        self.rule == other.rule
    }
}

impl Eq for More {}

impl ToolError {
    /// An error of that kind, with no effect and the kind's usual retry advice.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            effect: Effect::None,
            retry: kind.retry(),
            retry_after: None,
            phase: None,
            limit: None,
            more: None,
            detail: None,
            daemon_fault: false,
        }
    }

    /// A fault of ours; `detail` goes to the log.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(Kind::Internal, "something went wrong inside docker-mcp")
            .hint("report it with the correlation id; the log has the details")
            .detail(detail)
    }

    /// Arguments that cannot be used.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidArguments, message)
    }

    /// The same words for what is missing and for what is hidden.
    #[must_use]
    pub fn not_found(kind: &str, asked: &str) -> Self {
        let hint = match kind {
            "container" => "docker_ps with all = true lists the containers",
            "image" => "docker_images lists the images; docker_pull fetches one",
            "network" => "docker_networks lists the networks",
            "volume" => "docker_volumes lists the volumes; docker_volume_create makes one (level `volumes`)",
            "project" => "docker_compose_ls lists the projects",
            _ => "check the name",
        };
        Self::new(Kind::NotFound, format!("no {kind} `{asked}`")).hint(hint)
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which rule of a guard refused it.
    #[must_use]
    pub fn by_rule(mut self, rule: &str) -> Self {
        self.more.get_or_insert_default().rule = Some(rule.into());
        self
    }

    /// The rule of a guard that refused it.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.more.as_ref()?.rule.as_deref()
    }

    /// With what there was before it failed: its fields stand beside `error`, its text below the error's.
    #[must_use]
    pub fn with_partial(mut self, draft: Draft) -> Self {
        self.more.get_or_insert_default().partial = Some(draft);
        self
    }

    /// Makes that ready to leave.
    #[must_use]
    pub fn finished(mut self, finish: impl FnOnce(Draft) -> Finished) -> Self {
        if let Some(more) = &mut self.more
            && let Some(draft) = more.partial.take()
        {
            more.finished = Some(finish(draft));
        }
        self
    }

    /// Adds what only the log may know.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into().into_boxed_str());
        self
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry = Retry::After;
        self.retry_after = Some(after);
        self
    }

    /// Says which clock ran out and how long it was.
    #[must_use]
    pub fn clock(mut self, phase: Phase, limit: Duration) -> Self {
        self.phase = Some(phase);
        self.limit = Some(limit);
        self
    }

    /// Marks a fault of the daemon.
    #[must_use]
    pub fn daemon_fault(mut self) -> Self {
        self.daemon_fault = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_all() {
        let last = Kind::Internal as usize;
        assert_eq!(Kind::ALL.map(|kind| kind as usize).to_vec(), (0..=last).collect::<Vec<_>>());
    }
}
