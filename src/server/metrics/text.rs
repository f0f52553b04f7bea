//! A scrape: the counters, the state of this moment, and what the caller may see of the engine, in Prometheus' text format.

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, IntCounterVec, IntGaugeVec, Opts, TextEncoder};

use crate::server::{Caller, Origin, Server};
use crate::tool::context::Vitals;

use super::seen::{Seen, seen};
use super::{Counters, Metrics};

/// The type of the text: dashboards want gauges by names that the newer format keeps for counters.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

impl Metrics {
    /// The whole text, within about two seconds, for this caller.
    pub async fn text(server: &Arc<Server>, caller: &Caller, origin: &Origin) -> Option<String> {
        let metrics = &server.metrics;
        let counters = metrics.counters.as_ref()?;
        let seen = seen(server, caller, origin).await;
        let vitals = server.vitals();
        match metrics.encode(counters, &vitals, &seen) {
            Ok(text) => Some(text),
            Err(e) => {
                tracing::error!(error = %e, "metrics cannot be written");
                None
            }
        }
    }

    fn encode(&self, counters: &Counters, vitals: &Vitals, seen: &Seen) -> prometheus::Result<String> {
        let mut families = counters.registry.gather();
        let now = Now(&mut families);
        now.say(vitals, seen, self.started.elapsed().as_secs_f64())?;
        TextEncoder::new().encode_to_string(&families)
    }
}

/// What is so at this moment.
struct Now<'a>(&'a mut Vec<MetricFamily>);

impl Now<'_> {
    fn say(mut self, vitals: &Vitals, seen: &Seen, uptime: f64) -> prometheus::Result<()> {
        let circuit = &vitals.circuit;
        self.gauges(
            "docker_mcp_circuit_state",
            "1 for the state that the circuit breaker is in.",
            "state",
            &["closed", "open", "half_open"].map(|state| (state, i64::from(circuit.state == state))),
        )?;
        let counted = &circuit.counters;
        self.counters(
            "docker_mcp_circuit_transitions_total",
            "Changes of the circuit breaker, by the state it came to.",
            "to",
            &[("open", counted.to_open), ("half_open", counted.to_half_open), ("closed", counted.to_closed)],
        )?;
        let well = counted.probes.saturating_sub(counted.probes_failed);
        self.counters(
            "docker_mcp_engine_probes_total",
            "Probes of the engine beside the calls.",
            "result",
            &[("success", well), ("failure", counted.probes_failed)],
        )?;
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.gauge("docker_mcp_calls_in_flight", "Calls that run.", number(vitals.in_flight))?;
        self.gauge("docker_mcp_calls_waiting", "Calls that wait for a place.", number(vitals.waiting))?;
        self.gauge(
            "docker_mcp_stuck_workers",
            "Workers that did not end when they were told to.",
            number(vitals.stuck_workers),
        )?;
        self.gauge(
            "docker_mcp_audit_failing",
            "1 while the audit log cannot be written.",
            vitals.audit_fault.is_some().into(),
        )?;
        self.gauges(
            "docker_mcp_build_info",
            "Always 1; its label says which version serves.",
            "version",
            &[(env!("CARGO_PKG_VERSION"), 1)],
        )?;
        let gauge = Gauge::new("docker_mcp_uptime_seconds", "How long it serves.")?;
        gauge.set(uptime);
        self.0.extend(gauge.collect());
        self.engine(vitals, seen)
    }

    /// What is not known is left out: 0 would be a claim.
    fn engine(&mut self, vitals: &Vitals, seen: &Seen) -> prometheus::Result<()> {
        // Who may not look is told what the probes say.
        let probed = match (vitals.circuit.state, vitals.circuit.probe) {
            ("closed", None) => None,
            ("closed", Some(probe)) => Some(probe.error.is_none()),
            _ => Some(false),
        };
        if let Some(up) = seen.up.or(probed) {
            self.gauge("docker_mcp_engine_up", "1 while the engine answers.", up.into())?;
        }
        if let Some(counts) = &seen.containers {
            let help = "Containers that the key of this scrape may see.";
            self.gauges("docker_mcp_containers_total", help, "status", counts)?;
        }
        if let Some(count) = seen.networks {
            let help = "Networks that the key of this scrape may see.";
            self.gauge("docker_mcp_networks_total", help, count)?;
        }
        if let Some(count) = seen.stacks {
            let help = "Compose projects that the key of this scrape may see.";
            self.gauge("docker_mcp_compose_stacks_total", help, count)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) -> prometheus::Result<()> {
        let gauge = prometheus::IntGauge::new(name, help)?;
        gauge.set(value);
        self.0.extend(gauge.collect());
        Ok(())
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &[(&str, i64)],
    ) -> prometheus::Result<()> {
        let gauges = IntGaugeVec::new(Opts::new(name, help), &[label])?;
        for (word, value) in values {
            gauges.with_label_values(&[*word]).set(*value);
        }
        self.0.extend(gauges.collect());
        Ok(())
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &[(&str, u64)],
    ) -> prometheus::Result<()> {
        let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
        for (word, value) in values {
            counters.with_label_values(&[*word]).inc_by(*value);
        }
        self.0.extend(counters.collect());
        Ok(())
    }
}
