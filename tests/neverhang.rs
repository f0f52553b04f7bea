//! NEVERHANG: every call comes back. One test or more for each row of [`rows::ROWS`]; what they saw is written down by
//! `support::ledger`, and [`table`] makes `docs/NEVERHANG.md` of it.

mod answers;
mod audit_change;
mod changes;
mod children;
mod children_direct;
mod circuit;
mod each;
mod floods;
mod host_audit;
mod meet;
mod model;
mod outages;
mod reach;
mod reach_ssh;
pub mod rows;
mod soak;
mod streams;
mod swap;
mod table;
