//! NEVERHANG: every call comes back. One test or more for each row of [`rows::ROWS`]; what they saw is written down by
//! `support::ledger`, and [`table`] makes `docs/NEVERHANG.md` of it.

mod answers;
mod clients;
mod floods;
mod host;
mod meet;
mod reach;
pub mod rows;
mod streams;
mod table;
