//! docker-mcp: an MCP server that gives an AI agent eyes and hands on Docker, governed and without hangs.
//!
//! A call is looked up, allowed, resolved, decided, recorded, run under supervision, cleaned and answered: see
//! [`server::call`], which reads like this sentence.
//!
//! # Invariants
//!
//! Each is held by the test that is named after it; paths are below `tests/`, where no other file is named.
//!
//! 1. `bollard` is named only under `engine/`; `rmcp` only under `server/` and `transport/` (`architecture/rooms`).
//! 2. `policy`, `config`, `guard` and `output` do no I/O over a network, never await, never read a clock
//!    (`architecture/rooms`).
//! 3. A [`policy::Permit`] is made only by `policy::decide`, has no public constructor, is not `Clone`. Every engine method
//!    that touches an object for a tool takes one (compile-fail tests at its definition; `architecture/rooms`).
//! 4. What was checked is what is used: methods act on the resolved id, never on the caller's text
//!    (`permissions/wire`, `permissions/matrix`).
//! 5. Below that, the transport sends only the requests of a closed list, each for its level ([`engine::ops`] and its
//!    tests; `permissions/wire`).
//! 6. Every call leaves its audit trace: denied, timed out, cancelled, panicked (`architecture/catalogue`,
//!    `faults/handlers`).
//! 7. No text leaves without passing [`output`] (`redaction/places`).
//! 8. Listing and calling use one check on one value. What the filters hide does not exist anywhere
//!    (`architecture/catalogue`, `permissions`).
//! 9. The supervisor shares no task with the work, and its clock and the MCP I/O no thread with decoding
//!    (`faults/handlers`).
//! 10. stdout belongs to the protocol; children get streams of their own (every client of the tests reads every line of
//!     stdout; `clippy.toml`; `neverhang/children_direct`).
//! 11. No process that was started for a call outlives it by more than five seconds (`neverhang/children`), but the one that
//!     finishes or undoes what a killed server had begun (`upkeep/killed`).

pub mod app;
pub mod audit;
pub mod child;
pub mod cli;
pub mod config;
pub mod confirm;
pub mod engine;
pub mod guard;
pub mod limits;
pub mod output;
pub mod policy;
pub mod reference;
pub mod server;
pub mod state;
pub mod supervisor;
pub mod tool;
pub mod tools;
pub mod transport;
