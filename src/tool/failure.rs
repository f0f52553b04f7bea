//! What an engine's failure means to a caller.

use crate::engine::DialKind;
use crate::engine::EngineError;
use crate::engine::error::Clock;
use crate::engine::forbidden;
use crate::engine::projects::NoProject;
use std::time::Duration;

use super::error::{Kind, Phase, Retry, ToolError};

/// Why a stream broke off, for an answer that still has what came before.
#[must_use]
pub fn broke_off(e: EngineError) -> String {
    match e {
        EngineError::Protocol(what) => what,
        e => ToolError::from(e).message,
    }
}

impl From<EngineError> for ToolError {
    fn from(e: EngineError) -> Self {
        let detail = e.to_string();
        match e {
            EngineError::Dial(dial) => {
                let error = match dial.kind {
                    DialKind::Permission => Self::new(Kind::DaemonPermission, dial.to_string()),
                    DialKind::Timeout => return timeout(Clock::Connect, Duration::ZERO).detail(detail),
                    _ => Self::new(Kind::DaemonUnreachable, dial.to_string())
                        .retry_after(Duration::from_secs(1))
                        .daemon_fault(),
                };
                error.hint(dial.hint())
            }
            EngineError::Timeout { clock, limit } => timeout(clock, limit),
            EngineError::Protocol(what) => Self::new(
                Kind::DaemonProtocol,
                format!("what answers is not a Docker Engine, or it broke off: {what}"),
            )
            .hint("docker-mcp doctor shows what is behind the socket")
            .daemon_fault(),
            EngineError::TooLarge { cap } => Self::new(
                Kind::ResponseTooLarge,
                format!("the engine's answer is larger than {} MB", cap >> 20),
            )
            .hint("ask for less: a section, a filter, a shorter tail"),
            EngineError::TooOld { api } => Self::new(
                Kind::Unsupported,
                format!("the engine speaks API {api}; 1.41 is the oldest that is served"),
            )
            .hint("Docker 20.10 and newer work"),
            EngineError::Gone => Self::new(Kind::NotFound, "the object is gone"),
            // Nothing is wrong with it: it is only not the one that the names were looked up in.
            EngineError::Another => Self::new(
                Kind::DaemonUnreachable,
                "another engine has taken the place of the one that was asked",
            )
            .hint("look at what runs on it (docker_ps), then ask again")
            .retry_after(Duration::from_millis(100)),
            EngineError::Status { code, message } => status(code, &message),
            EngineError::Forbidden(what) => {
                Self::new(Kind::DaemonPermission, format!("a proxy before the engine forbids `{what}`"))
                    .hint(forbidden::hint(&[what]))
            }
            EngineError::Conflict(why) => Self::new(Kind::Conflict, why)
                .hint("docker_inspect shows what is there; change that first, or choose another name"),
            EngineError::Changed(_) => Self {
                retry: Retry::Safe,
                ..Self::new(Kind::Conflict, "it went or changed while it was read").hint("ask again")
            },
            EngineError::Withdrawn => Self::new(Kind::Cancelled, "called off before it was sent"),
            EngineError::NotAllowed(_) => Self::internal(detail),
        }
    }
}

impl From<NoProject> for ToolError {
    fn from(e: NoProject) -> Self {
        match e {
            NoProject::Engine(e) => e.into(),
            NoProject::NotFound { asked, rule } => {
                let error = Self::not_found("project", &asked);
                match rule {
                    Some(rule) => error.detail(rule),
                    None => error,
                }
            }
            NoProject::NoService { project, asked } => {
                Self::new(Kind::NotFound, format!("no service `{asked}` in project `{project}`"))
                    .hint("docker_compose_ps lists the services")
            }
            NoProject::Which(names) if names.is_empty() => {
                Self::new(Kind::NotFound, "no compose project has a container")
                    .hint("docker_ps with all = true lists the containers")
            }
            NoProject::Which(names) => {
                Self::invalid("`project` is not given, and there are several").hint(format!(
                    "name one of {}{}",
                    names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "),
                    if names.len() > NAMED { ", ... (docker_compose_ls)" } else { "" }
                ))
            }
        }
    }
}

/// So many projects are listed for the one who named none.
const NAMED: usize = 20;

impl ToolError {
    /// What a failed request about one object means, in the caller's words. One that is gone never was there; one that
    /// does not answer is stuck by itself, because the engine has just listed it.
    #[must_use]
    pub fn of_object(e: EngineError, kind: &str, asked: &str) -> Self {
        match e {
            e if e.is_gone() => Self::not_found(kind, asked),
            EngineError::Timeout { clock: Clock::Headers | Clock::Idle | Clock::Total, .. } => {
                let why = Self::from(e);
                let stuck = Self::new(
                    Kind::ContainerUnresponsive,
                    format!("the engine answers, but not about {kind} `{asked}`"),
                )
                .hint("others may still answer; if docker_health is well too, look at it on the host")
                .retry_after(Duration::from_secs(30));
                Self { phase: why.phase, limit: why.limit, ..stuck }
            }
            e => e.into(),
        }
    }
}

fn timeout(clock: Clock, limit: Duration) -> ToolError {
    let (phase, what) = match clock {
        Clock::Connect => (Phase::Connect, "the engine could not be reached in time"),
        Clock::Headers => (Phase::Headers, "the engine took the request and did not answer"),
        Clock::Idle => (Phase::Idle, "the engine's answer stalled"),
        Clock::Total => (Phase::Total, "the call took too long"),
    };
    // Whichever clock it was, the engine was being waited for.
    ToolError::new(Kind::DaemonTimeout, what)
        .clock(phase, limit)
        .hint("docker_health shows whether the engine answers at all")
        .daemon_fault()
}

fn status(code: u16, message: &str) -> ToolError {
    let said = if message.is_empty() { String::new() } else { format!(": {message}") };
    match code {
        400 => ToolError::invalid(format!("the engine refuses the request{said}")),
        404 => {
            ToolError::new(Kind::NotFound, "the object is gone").hint("list again: it was removed meanwhile")
        }
        409 => ToolError::new(Kind::Conflict, format!("the state does not allow it{said}"))
            .hint("docker_inspect with section = state shows the state"),
        // Engines before 23 call that a fault of their own (500).
        code if [501, 503].contains(&code) || message.contains("not a swarm manager") => {
            ToolError::new(Kind::Unsupported, format!("this engine cannot do that{said}"))
                .hint("docker_health shows which engine it is; Swarm must be on for what belongs to Swarm")
        }
        _ => ToolError::new(Kind::DaemonError, format!("the engine answered {code}{said}"))
            .hint("the reason is in its words; on the host its log says more (journalctl -u docker)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_swarm_is_not_a_fault_of_the_engine() {
        let said = "This node is not a swarm manager. Use \"docker swarm init\"";
        for code in [500, 503] {
            assert_eq!(status(code, said).kind, Kind::Unsupported, "{code}");
        }
        assert_eq!(status(500, "no space left on device").kind, Kind::DaemonError);
    }

    #[test]
    fn an_object_that_went_or_is_stuck() {
        let gone = EngineError::Status { code: 404, message: "No such container: vault".into() };
        assert_eq!(ToolError::of_object(gone, "container", "web"), ToolError::not_found("container", "web"));
        assert_eq!(
            ToolError::of_object(EngineError::Gone, "object", "x"),
            ToolError::not_found("object", "x")
        );
        let limit = Duration::from_secs(10);
        let stuck =
            ToolError::of_object(EngineError::Timeout { clock: Clock::Headers, limit }, "container", "web");
        assert_eq!((stuck.kind, stuck.daemon_fault), (Kind::ContainerUnresponsive, false));
        assert_eq!((stuck.phase, stuck.limit), (Some(Phase::Headers), Some(limit)));
        let away =
            ToolError::of_object(EngineError::Timeout { clock: Clock::Connect, limit }, "container", "web");
        assert_eq!((away.kind, away.daemon_fault), (Kind::DaemonTimeout, true));
    }
}
