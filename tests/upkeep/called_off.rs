//! A `docker_recreate` that is called off in the middle, whose time is over, or whose server is told to stop.

use std::time::Duration;

use serde_json::json;

use super::killed::{TIDY, one_serves, the_app, watching};
use super::recreate::{CHECKED, LEVELS, all};
use super::{POLITE, on};
use crate::support::engine::{self, Engine};
use crate::support::faultd::{Fault, Faultd, Poison, Toxic, When, delete, post};
use crate::support::fixture::Scope;
use crate::support::{Launch, eventually};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// `notifications/cancelled`
    Cancelled,
    /// Its own time is over.
    Late,
    /// SIGTERM
    Stopping,
}

/// Its name, the requests that are like it, and which of them it is.
type Step = (&'static str, fn() -> When, u64);

const STEPS: &[Step] = &[
    ("create", || post("/create"), 1),
    ("stop", || post("/stop"), 1),
    ("start", || post("/start"), 1),
    ("first rename", || post("/rename"), 1),
    ("second rename", || post("/rename"), 2),
    ("remove", || delete(""), 1),
];

fn one(engine: &Engine, how: How, (what, like, nth): Step) {
    let what = format!("{what}, {how:?}");
    let scope = Scope::new(engine);
    let id = scope.run("app", &[CHECKED, &["-v", "/data"]].concat(), POLITE);
    let slow = Toxic::down(Poison::Latency(Duration::from_millis(1500), Duration::ZERO));
    let fault = if how == How::Late { Fault::NoAnswer } else { Fault::Toxic(vec![slow]) };
    let faultd = Faultd::before(engine).on(like().nth(nth..=nth), fault);
    let client = Launch::at(&faultd.host()).config(&on(LEVELS)).connect();
    let time = if how == How::Late { "8s" } else { "60s" };
    let arguments = json!({ "container": scope.name("app"), "stop_first": true, "timeout": time });
    let call = client.begin_call("docker_recreate", &arguments);
    faultd.wait_for(&like(), nth.try_into().unwrap(), Duration::from_secs(20));
    std::thread::sleep(Duration::from_millis(300));
    match how {
        How::Cancelled => client.notify("notifications/cancelled", json!({ "requestId": call })),
        How::Stopping => client.signal("TERM"),
        How::Late => {
            let answer = client.answer_within(&call, Duration::from_secs(9)).map(|reply| reply.tool());
            assert!(answer.is_some(), "{what}: no answer in its time");
        }
    }
    let tidy = eventually(TIDY, || watching(&id).is_empty() && the_app(engine, &scope));
    assert!(tidy, "{what}: {:?}\n{}\n{}", all(engine, &scope), client.audit_text(), client.stderr());
    assert!(one_serves(engine, &scope, &id), "{what}: the new one is not healthy");
    // Nothing of it is in the way of the next one.
    if how != How::Stopping {
        let again = json!({ "container": scope.name("app"), "stop_first": true });
        client.call("docker_recreate", &again).ok();
        assert!(the_app(engine, &scope), "{what}: {:?}", all(engine, &scope));
    }
}

fn each(name: &str, how: How) {
    let Some(engine) = engine::at_hand(name) else { return };
    std::thread::scope(|threads| {
        for steps in STEPS.chunks(2) {
            let engine = &engine;
            threads.spawn(move || steps.iter().for_each(|step| one(engine, how, *step)));
        }
    });
}

#[test]
fn by_its_caller() {
    each("upkeep::called_off::caller", How::Cancelled);
}

#[test]
fn by_its_clock() {
    each("upkeep::called_off::clock", How::Late);
}

#[test]
fn by_the_end_of_its_server() {
    each("upkeep::called_off::server", How::Stopping);
}
