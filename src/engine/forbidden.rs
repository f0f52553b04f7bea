//! A proxy before the engine that lets only part of the API through, as socket proxies do: what it forbids is no fault of
//! the engine, and another call will not fare better.
//!
//! The engine says why in JSON, whatever it refuses. A proxy has a page of its own, or no words.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Response, StatusCode};
use serde_json::json;

use crate::policy::Level;

use super::budget::Budget;
use super::change::Commit;
use super::error::EngineError;
use super::wire::{Change, Wire};
use super::{Engine, ops};

/// One answer, when it is asked what passes.
const ASK: Duration = Duration::from_secs(2);
/// No container, network, image or exec has it.
const NOBODY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A request of the closed list that a proxy before the engine does not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forbidden {
    /// `GET`, ...
    pub method: &'static str,
    /// As in [`ops::ALLOWED`]: it names no object.
    pub path: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Forbidden {
    /// The variables that let it pass, as the usual socket proxies know them (tecnativa/docker-socket-proxy and its kin):
    /// one for the part of the API, one for the method, and in newer ones one for the action.
    #[must_use]
    pub fn variables(self) -> Vec<&'static str> {
        let part = match self.path.split('/').nth(1).unwrap_or_default() {
            "_ping" => "PING=1",
            "version" => "VERSION=1",
            "info" => "INFO=1",
            "events" => "EVENTS=1",
            "containers" => "CONTAINERS=1",
            "exec" => "EXEC=1",
            "images" => "IMAGES=1",
            "networks" => "NETWORKS=1",
            "volumes" => "VOLUMES=1",
            "system" => "SYSTEM=1",
            "build" => "BUILD=1",
            _ => "",
        };
        let method = match self.method {
            "POST" => "POST=1",
            "DELETE" => "DELETE=1",
            "PUT" => "PUT=1",
            _ => "",
        };
        let action = match self.path.rsplit('/').next().unwrap_or_default() {
            "logs" => "ALLOW_LOGS=1",
            "archive" => "ALLOW_ARCHIVE=1",
            "kill" => "ALLOW_KILL=1",
            "exec" => "ALLOW_EXEC=1",
            _ => "",
        };
        [part, method, action].into_iter().filter(|name| !name.is_empty()).collect()
    }
}

/// What to change, for all of these.
#[must_use]
pub fn hint(all: &[Forbidden]) -> String {
    let names: BTreeSet<&str> = all.iter().flat_map(|one| one.variables()).collect();
    let old = names.iter().any(|name| matches!(*name, "DELETE=1" | "PUT=1"));
    let old = if old { "; POST=1 stands for all methods in older ones" } else { "" };
    format!(
        "whoever runs the proxy can allow it there; tecnativa/docker-socket-proxy takes {}{old}",
        names.into_iter().collect::<Vec<_>>().join(", ")
    )
}

/// Is that a proxy's refusal? Some refuse a method, others a path.
pub(super) fn is_page<B>(response: &Response<B>) -> bool {
    matches!(response.status(), StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED)
        && is_foreign(response)
}

/// The engine gives its reasons in JSON.
pub(super) fn is_foreign<B>(response: &Response<B>) -> bool {
    let said = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    !said.is_some_and(|said| said.starts_with("application/json"))
}

/// Do these words of a program hold such a page?
#[must_use]
pub fn in_words(words: &str) -> bool {
    words.contains("403 Forbidden") && (words.contains("<html") || words.contains("administrative rules"))
}

/// What compose is told when one of its own requests does not pass: it does not say which.
pub(super) fn to_compose() -> String {
    let all: Vec<Forbidden> =
        ops::BY_COMPOSE_UP.iter().map(|(method, path, _)| Forbidden { method, path }).collect();
    format!("a proxy before the engine forbids part of what `docker compose up` sends; {}", hint(&all))
}

/// What did not pass when it was sent last. Bounded, as the closed list is.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<BTreeSet<Forbidden>>);

impl Seen {
    pub(super) fn note(&self, what: Forbidden, passed: bool) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if passed {
            seen.remove(&what);
        } else if seen.insert(what) {
            tracing::warn!(request = %what, "a proxy before the engine forbids it");
        }
    }

    fn all(&self) -> Vec<Forbidden> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl Engine {
    /// What a proxy before it did not let through when it was sent last.
    #[must_use]
    pub fn forbidden(&self) -> Vec<Forbidden> {
        self.wire.barred.all()
    }

    /// Asks for every part of the API that these levels need, of objects that do not exist: nothing can come of it.
    pub async fn ask_forbidden(&self, levels: &[Level]) -> Vec<Forbidden> {
        let wire = &self.wire;
        let reads = READS.iter().filter(|(level, ..)| levels.contains(level));
        let reads = reads.map(|(_, path, query)| read(wire, levels, path.replace("{id}", NOBODY), query));
        let changes = CHANGES.iter().filter(|(level, ..)| levels.contains(level));
        let changes = changes.map(|(_, method, path)| {
            let path = path.replace("{id}", NOBODY).replace("{image}", &format!("sha256:{NOBODY}"));
            change(wire, levels, method, path)
        });
        // Nobody else's question is in the way: each asks on a connection of its own.
        let (reads, changes) = tokio::join!(join_all(reads), join_all(changes));
        reads.into_iter().chain(changes).flatten().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// What is read, and which level is of no use without it.
const READS: &[(Level, &str, &[(&str, &str)])] = &[
    (Level::Read, "/_ping", &[]),
    (Level::Read, "/version", &[]),
    (Level::Read, "/info", &[]),
    // Of a moment long ago: it ends at once.
    (Level::Read, "/events", &[("since", "1"), ("until", "1")]),
    (Level::Read, "/containers/json", &[("limit", "1")]),
    (Level::Read, "/containers/{id}/json", &[]),
    (Level::Read, "/containers/{id}/logs", &[("stdout", "1")]),
    (Level::Read, "/containers/{id}/stats", &[("stream", "false")]),
    (Level::Read, "/containers/{id}/top", &[]),
    (Level::Read, "/images/json", &[]),
    (Level::Read, "/networks", &[]),
    (Level::Read, "/volumes", &[]),
    (Level::Exec, "/containers/{id}/archive", &[("path", "/")]),
    (Level::Exec, "/exec/{id}/json", &[]),
];

/// One change for each method and part of the API, of what does not exist.
const CHANGES: &[(Level, &str, &str)] = &[
    (Level::Lifecycle, "POST", "/containers/{id}/start"),
    (Level::Lifecycle, "POST", "/containers/{id}/kill"),
    (Level::Exec, "POST", "/containers/{id}/exec"),
    (Level::Exec, "POST", "/exec/{id}/start"),
    (Level::Create, "POST", "/containers/{id}/update"),
    (Level::Create, "DELETE", "/containers/{id}"),
    (Level::Images, "POST", "/images/{image}/tag"),
    (Level::Images, "DELETE", "/images/{image}"),
    (Level::Networks, "POST", "/networks/{id}/disconnect"),
    (Level::Networks, "DELETE", "/networks/{id}"),
];

async fn read(wire: &Wire, levels: &[Level], path: String, query: &[(&str, &str)]) -> Option<Forbidden> {
    let asked = wire.look(&Budget::of(ASK), levels, (Method::GET, &path), query).await;
    of(asked.err()?)
}

async fn change(wire: &Wire, levels: &[Level], method: &str, path: String) -> Option<Forbidden> {
    let change = match method {
        "DELETE" => Change::delete(&path, &[]),
        _ => Change::post(&path, &[]).json(json!({})),
    };
    let asked = wire.change(&Budget::of(ASK), levels, &Commit::default(), change).await;
    of(asked.err()?.error)
}

fn of(e: EngineError) -> Option<Forbidden> {
    match e {
        EngineError::Forbidden(what) => Some(what),
        _ => None,
    }
}

/// What a request is on the closed list; none: it is not on it.
pub(super) fn listed(method: &Method, path: &str) -> Option<Forbidden> {
    ops::listed(method.as_str(), path).map(|(method, path)| Forbidden { method, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_own_refusal_is_none_of_a_proxy() {
        let answer = |status: u16, said: Option<&str>| {
            let mut answer = Response::builder().status(status);
            if let Some(said) = said {
                answer = answer.header(CONTENT_TYPE, said);
            }
            is_page(&answer.body(()).unwrap())
        };
        assert!(answer(403, Some("text/html")) && answer(403, None) && answer(405, Some("text/plain")));
        assert!(!answer(403, Some("application/json")), "swarm, networks in use, authorization plugins");
        assert!(!answer(404, Some("text/html")) && !answer(503, Some("text/html")) && !answer(200, None));
    }

    #[test]
    fn a_page_in_the_words_of_compose_is_known() {
        let said = "Error response from daemon: <html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>";
        assert!(in_words(said) && !in_words("pull access denied: 403 Forbidden"));
        assert!(to_compose().contains("NETWORKS=1"));
    }

    #[test]
    fn what_is_asked_is_on_the_list_and_its_variables_are_known() {
        for (level, path, _) in READS {
            let path = path.replace("{id}", NOBODY);
            assert!(ops::allowed("GET", &path, &[*level]) || *level == Level::Exec, "{path}");
        }
        for (level, method, path) in CHANGES {
            let path = path.replace("{id}", NOBODY).replace("{image}", &format!("sha256:{NOBODY}"));
            assert!(ops::allowed(method, &path, &[*level]), "{method} {path}");
        }
        for (method, path, _) in ops::ALLOWED {
            assert!(!Forbidden { method, path }.variables().is_empty(), "{method} {path}");
        }
        let delete = Forbidden { method: "DELETE", path: "/volumes/{name}" };
        assert_eq!(delete.variables(), ["VOLUMES=1", "DELETE=1"]);
        let kill = Forbidden { method: "POST", path: "/containers/{id}/kill" };
        let said = hint(&[delete, kill]);
        assert!(said.contains("ALLOW_KILL=1, CONTAINERS=1, DELETE=1, POST=1, VOLUMES=1"), "{said}");
    }
}
