//! Integration tests: the built program over MCP stdio, most of them against a real Docker Engine.
//!
//! A test that needs an engine asks `support::engine::at_hand`; without one it notes its name in the file that
//! `DOCKER_MCP_TEST_LEFT_OUT` names, and ends.

#![expect(clippy::indexing_slicing, reason = "a test that indexes wrongly fails, as it should")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests: a failure is a panic, and their threads may sleep"
)]

mod support;

mod architecture;
mod audit;
mod build;
mod compose;
mod concurrency;
mod config;
mod confirm;
mod copy;
mod create;
mod exec;
mod faults;
mod http;
mod images;
mod init;
mod lifecycle;
mod logs;
mod networks;
mod neverhang;
mod permissions;
mod reads;
mod redaction;
mod served;
mod stack_threats;
mod stdio;
mod surface;
mod system;
mod threats;
mod upkeep;
mod volumes;
