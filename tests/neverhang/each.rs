//! Every tool under every kind of fault: whatever it asks the engine, its answer comes in its time.

use std::time::Duration;

use serde_json::Value;

use super::meet::{CLASS, PATIENT, SHORT};
use crate::support::faultd::{Fault, Faultd, Made, When, any};
use crate::support::ledger::{Seen, saw};
use crate::support::probe::{plain_calls, slots};
use crate::support::{Client, Launch, rss};

/// So many calls run at once.
const AT_ONCE: usize = 8;
/// What they may cost together: 32 MiB each.
const BOUND: u64 = (AT_ONCE as u64) * (32 << 20);
/// How the kinds begin that speak of a fault.
const METS: [&str; 4] = ["daemon_", "container_unresponsive", "outcome_unknown", "response_too_large"];
const LEVELS: &str = "[permissions]\nread = true\nlifecycle = true\nexec = true\nvolumes = true\nnetworks = true\nsystem = true\n[confirm]\nrequire = \"none\"\n[exec_safety]\nallow_root = true\n";

/// Every tool in each of its ways to name an object, and without one.
fn calls(client: &Client) -> Vec<(String, Value)> {
    let tools = client.tools();
    let named = slots(&tools).into_iter().map(|slot| (slot.tool.clone(), slot.arguments("app")));
    named.chain(plain_calls(&tools)).collect()
}

/// All calls, under a fault in what `when` says.
fn answered(row: &str, when: fn() -> When, fault: &Fault) {
    let faultd = Faultd::new().running(vec![Made::new(1, "app")]);
    let limits = format!("lifecycle_timeout = \"2s\"\ncompose_timeout = \"2s\"\n{SHORT}");
    let config = format!("[neverhang]\n{PATIENT}{limits}{LEVELS}");
    let client = Launch::at(&faultd.host()).config(&config).connect();
    let calls = calls(&client);
    assert!(calls.len() > 20, "{}", calls.len());
    let (before, mut met) = (rss::peak(client.pid()), 0);
    for some in calls.chunks(AT_ONCE) {
        faultd.set(any().path("/_ping"), Fault::Pass);
        faultd.add(when(), fault.clone());
        let ids: Vec<_> = some.iter().map(|(tool, arguments)| client.begin_call(tool, arguments)).collect();
        for (id, (tool, arguments)) in ids.iter().zip(some) {
            let result = client.wait(id).tool();
            let what = format!("{tool} {arguments} under {:.40}", format!("{fault:?}"));
            assert_ne!(result.kind(), "internal", "{what}: {}", result.text);
            assert!(result.took <= CLASS + Duration::from_secs(1), "{what}: {:?}", result.took);
            // Some need no engine, or were asked for what it does not have.
            if METS.iter().any(|kind| result.kind().starts_with(kind)) {
                met += 1;
                saw(row, Seen::of(&result, CLASS));
            }
        }
        // Nothing of theirs is left behind.
        faultd.wait_closed(Duration::from_secs(4));
    }
    // Behind two calls that hang for one container, the others wait for their turn or are told so: few meet it there.
    assert!(met >= 2, "{met} calls met {fault:?}");
    let grown = rss::peak(client.pid()) - before;
    assert!(grown <= BOUND, "{fault:?}: {:.1} MiB", rss::mib(grown));
}

/// In the list, by which names are resolved, and behind it.
fn everywhere(row: &str, fault: &Fault) {
    answered(row, any, fault);
    answered(row, behind, fault);
}

fn behind() -> When {
    any().path(&format!("/{}", Made::new(1, "app").id))
}

#[test]
fn each_tool_comes_back_from_silence() {
    everywhere("B1", &Fault::NoAnswer);
}

#[test]
fn each_tool_comes_back_from_a_stall() {
    everywhere("B4", &Fault::BodyStall { after: 1 });
}

#[test]
fn each_tool_comes_back_from_a_trickle() {
    everywhere("B5", &Fault::Trickle { bps: 20 });
}

#[test]
fn each_tool_comes_back_from_an_error_that_stalls() {
    everywhere("B6", &Fault::ErrorStall(500));
}

#[test]
fn each_tool_comes_back_from_nonsense() {
    for (row, fault) in [
        ("B9", Fault::Malformed),
        ("B9", Fault::Empty),
        ("B11", Fault::Status(502, "<html>bad gateway</html>".into())),
        ("B13", Fault::ShortLength { after: 1 }),
        ("B13", Fault::EarlyEof),
        ("B17", Fault::EndlessJson),
        ("B17", Fault::EndlessString),
        ("B22", Fault::HugeHead(1 << 20)),
    ] {
        everywhere(row, &fault);
    }
}
