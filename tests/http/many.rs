//! Many callers at once: none is lost, and no role is another's.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{Served, keys};
use crate::support::Launch;

#[test]
fn roles_are_never_mixed() {
    let (config, viewer, operator) = keys("");
    let limits = "[limits]\nmax_concurrent = 64\n";
    let served = Served::start(Launch::without_engine().config(&format!("{config}{limits}")));
    let (right, calls) = (AtomicUsize::new(0), 40);
    std::thread::scope(|threads| {
        for n in 0..40 {
            let (served, right) = (&served, &right);
            let (key, mine) = if n % 2 == 0 { (&viewer, false) } else { (&operator, true) };
            threads.spawn(move || {
                for _ in 0..calls {
                    let reply = loop {
                        let reply = served.tool("docker_policy", Some(key), &json!({}));
                        // A machine that is busy with other things makes them wait for each other.
                        if reply.status != 429 {
                            break reply;
                        }
                    };
                    assert_eq!(reply.status, 200, "{reply:?}");
                    assert_eq!(reply.json()["levels"]["lifecycle"], mine);
                    right.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(right.into_inner(), 40 * calls);
}
