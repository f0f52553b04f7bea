//! The audit log as its readers have it: proved, queried, kept for its time, and whole after a server was killed.

mod killed;
mod proof;
mod query;
