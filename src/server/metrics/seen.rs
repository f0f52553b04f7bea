//! What there is at the engine, as the caller of a scrape may see it: by ordinary calls of tools, on behalf of that caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::server::progress::Reports;
use crate::server::{Answer, Caller, Failure, Origin, Request, Server, call, catalogue};

/// So long one look serves: each leaves lines in the audit.
const FRESH: Duration = Duration::from_secs(15);
/// The same for one that the engine did not answer: it may be back.
const SOUR: Duration = Duration::from_secs(5);
/// A look may take so long in all, and its last call so long to hear that it is over.
const TIME: (Duration, Duration) = (Duration::from_millis(1_500), Duration::from_millis(300));
/// Looks that are kept: one for each role, and a few from before its settings changed.
const KEPT: usize = 64;

/// What was seen. What is not known is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Containers by state: `running`, `paused`, `restarting`, `stopped`.
    pub containers: Option<[(&'static str, i64); 4]>,
    pub networks: Option<i64>,
    pub stacks: Option<i64>,
    /// The engine answered.
    pub up: Option<bool>,
}

/// Of whom, under which settings.
type Whose = (Option<String>, Arc<str>);
type Kept = Arc<tokio::sync::Mutex<Option<(Instant, Seen)>>>;

/// The last looks, one for each role.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<Whose, Kept>>);

impl Cache {
    fn of(&self, whose: Whose) -> Kept {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.retain(|_, kept| kept.try_lock().map_or(true, |kept| kept.as_ref().is_some_and(is_fresh)));
        }
        Arc::clone(all.entry(whose).or_default())
    }
}

fn is_fresh((at, seen): &(Instant, Seen)) -> bool {
    at.elapsed() < if seen.up == Some(true) { FRESH } else { SOUR }
}

/// What this caller may see; within two seconds, or less of it. Who goes away leaves it for the next one.
pub(super) async fn seen(server: &Arc<Server>, caller: &Caller, origin: &Origin) -> Seen {
    let until = Instant::now() + TIME.0 + TIME.1;
    let whose = (caller.role.clone(), server.in_force_for(caller).print);
    let kept = server.metrics.seen.of(whose);
    let (server, caller) = (Arc::clone(server), caller.clone());
    let origin = Origin { unasked: true, ..origin.clone() };
    let looking = tokio::spawn(async move {
        let mut kept = kept.lock().await;
        if let Some((_, seen)) = kept.as_ref().filter(|last| is_fresh(last)) {
            return seen.clone();
        }
        let seen = look(&server, &caller, &origin).await;
        *kept = Some((Instant::now(), seen.clone()));
        seen
    });
    timeout_at(until, looking).await.ok().and_then(Result::ok).unwrap_or_default()
}

/// One call after the other: where the engine does not answer the first, the others would only count as faults as well.
async fn look(server: &Arc<Server>, caller: &Caller, origin: &Origin) -> Seen {
    let (mut seen, until) = (Seen::default(), Instant::now() + TIME.0);
    let asks = [
        ("docker_ps", json!({ "all": true, "limit": 0 })),
        ("docker_networks", json!({})),
        ("docker_compose_ls", json!({})),
    ];
    for (tool, arguments) in asks {
        let rules = Arc::clone(&server.in_force_for(caller).settings.rules);
        // A refusal would be on record again and again.
        if catalogue::find(tool).is_none_or(|def| catalogue::withheld(def, &rules).is_some()) {
            continue;
        }
        let Value::Object(arguments) = arguments else { continue };
        let answer = ask(server, caller, origin, (tool, arguments), until).await;
        match answer.as_ref().map(|answer| answer.failure) {
            Some(None) => seen.up = Some(true),
            failure => {
                seen.up = is_up(failure.flatten());
                break;
            }
        }
        let json = answer.map(|answer| answer.json).unwrap_or_default();
        match tool {
            "docker_ps" => seen.containers = containers(&json),
            "docker_networks" => seen.networks = total(&json, "networks"),
            _ => seen.stacks = total(&json, "projects"),
        }
    }
    seen
}

/// None: not even in the time that it has to end.
async fn ask(
    server: &Arc<Server>,
    caller: &Caller,
    origin: &Origin,
    (tool, arguments): (&str, Map<String, Value>),
    until: Instant,
) -> Option<Answer> {
    let cancel = CancellationToken::new();
    let (tool, reports) = (tool.to_owned(), Reports::none());
    let request = Request { tool, arguments, reports, cancel: cancel.clone(), said: None };
    let mut calling = std::pin::pin!(call::called(server, caller, request, origin));
    if let Ok(answer) = timeout_at(until, &mut calling).await {
        return Some(answer);
    }
    cancel.cancel();
    timeout(TIME.1, calling).await.ok()
}

/// What a failure says of the engine. That our own queues are full says nothing.
const fn is_up(failure: Option<Failure>) -> Option<bool> {
    match failure {
        None
        | Some(
            Failure::DaemonUnreachable
            | Failure::DaemonPermission
            | Failure::DaemonTimeout
            | Failure::DaemonProtocol
            | Failure::DaemonError
            | Failure::CircuitOpen
            | Failure::Cancelled,
        ) => Some(false),
        Some(_) => None,
    }
}

fn containers(json: &Value) -> Option<[(&'static str, i64); 4]> {
    let (mut all, counts) =
        ([("running", 0), ("paused", 0), ("restarting", 0), ("stopped", 0)], json.get("counts")?);
    for (state, count) in counts.as_object()? {
        // What does not run in any way is stopped, whatever the engine calls it.
        let known = all.iter().position(|(name, _)| name == state).unwrap_or(all.len() - 1);
        if let Some((_, sum)) = all.get_mut(known) {
            *sum += count.as_i64()?;
        }
    }
    Some(all)
}

/// A list that was cut says how many there are.
fn total(json: &Value, list: &str) -> Option<i64> {
    let shown = || i64::try_from(json.get(list)?.as_array()?.len()).ok();
    json.get("total").and_then(Value::as_i64).or_else(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_of_all_and_not_of_what_is_shown() {
        let cut = json!({ "networks": [{}, {}], "truncated": true, "total": 900, "shown": 2 });
        assert_eq!(total(&cut, "networks"), Some(900));
        assert_eq!(total(&json!({ "networks": [{}, {}] }), "networks"), Some(2));
        assert_eq!(total(&json!({}), "networks"), None);
        let counts = json!({ "counts": { "running": 3, "exited": 2, "created": 1, "paused": 1 } });
        let seen = containers(&counts);
        assert_eq!(seen, Some([("running", 3), ("paused", 1), ("restarting", 0), ("stopped", 3)]));
        assert_eq!(containers(&json!({ "containers": [] })), None);
    }
}
