//! `docker_health`

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::Budget;
use crate::output::Draft;
use crate::policy::{Level, Permits};
use crate::tool::context::{Circuit, Probe};
use crate::tool::{Class, Ctx, Effect, Output, Spec, Tool, ToolError};

/// Below the class's own two seconds, so that a hung engine is this tool's finding and not its failure.
const CLOCK: Duration = Duration::from_millis(1500);

pub struct Health;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {}

impl Tool for Health {
    const SPEC: Spec = Spec {
        name: "docker_health",
        title: "Health",
        levels: &[Level::Read],
        class: Class::Local,
        effect: Effect::Reads,
        idempotent: true,
        foreign_text: false,
        summary: "Whether the Docker Engine answers, the circuit breaker's state, calls in flight, modes in force. Answers while the engine is down, too.",
    };
    type Args = Args;

    async fn run(ctx: Ctx, _permits: Permits, _args: Args) -> Result<Output, ToolError> {
        // The version asks containerd, which may hang while the engine itself is well: its clock must not add to the ping's.
        let (probe, other) = (Budget::probe().at_most(CLOCK), Budget::probe().at_most(CLOCK));
        let (ping, version) = tokio::join!(ctx.engine.ping(&probe), ctx.engine.version(&other));
        let version = version.ok();
        let vitals = ctx.host.vitals();
        let forbidden: Vec<String> = ctx.engine.forbidden().iter().map(ToString::to_string).collect();
        let engine = match &ping {
            Ok((took, api)) => json!({
                "reachable": true,
                "version": version.map(|v| v.version),
                "api_version": api,
                "latency_ms": (took.as_secs_f64() * 100_000.0).round() / 100.0,
                "forbidden_by_proxy": forbidden,
            }),
            Err(e) => {
                json!({ "reachable": false, "error": e.to_string(), "forbidden_by_proxy": forbidden })
            }
        };
        let healthy =
            ping.is_ok() && vitals.circuit.state == "closed" && vitals.audit_fault.is_none() && !vitals.worn;
        let draft = Draft::object(json!({
            "healthy": healthy,
            "engine": engine,
            "circuit": circuit(&vitals.circuit),
            "calls": { "in_flight": vitals.in_flight, "waiting": vitals.waiting, "stuck_workers": vitals.stuck_workers },
            "audit": vitals.audit_fault.map_or_else(|| "ok".to_owned(), |why| format!("cannot be written: {why}")),
            "advice": vitals.worn.then_some("half of the threads for work are stuck: restart this server soon"),
            "bypass": ctx.settings.bypass,
            "grants": vitals.grants,
            "version": env!("CARGO_PKG_VERSION"),
        }));
        Ok(draft.keep_empty(&["grants"]))
    }
}

/// What is known of an outage besides the state, and what the last probe found.
fn circuit(circuit: &Circuit) -> Value {
    let ms = |d: Duration| d.as_millis() as u64;
    let failed = |probe: Probe| match probe.error {
        None => "ok".to_owned(),
        Some(kind) => format!("failed: {kind}"),
    };
    json!({
        "state": circuit.state,
        "failures": circuit.failures,
        "retry_after_ms": circuit.retry_after.map(ms),
        "opened_ms_ago": circuit.opened_ago.map(ms),
        "last_error": circuit.last_error,
        "probes_failed": circuit.opened_ago.map(|_| circuit.probes_failed),
        "last_probe": circuit.probe.map(failed),
        "last_probe_ms_ago": circuit.probe.map(|probe| ms(probe.ago)),
    })
}
