//! What the tests stand on.

pub mod client;
pub mod engine;
#[expect(unused_imports, reason = "a vocabulary of faults: not every word of it is needed by a test")]
pub mod faultd;
pub mod fixture;
pub mod http;
pub mod issuer;
pub mod launch;
pub mod ledger;
pub mod private;
pub mod probe;
pub mod registry;
pub mod reply;
pub mod rss;
pub mod shim;
pub mod socket_proxy;
pub mod stub;
pub mod text;

use std::time::{Duration, Instant};

pub use client::{Client, one};
pub use engine::Engine;
pub use fixture::Fixture;
pub use launch::Launch;
pub use reply::{Reply, ToolResult};

/// Is it so within this time?
pub fn eventually(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if is_so() {
            return true;
        }
        if start.elapsed() > within {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
