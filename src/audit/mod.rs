//! Every call leaves its trace: one line for a read or a refusal, a durable intent and an outcome for a change.

mod boots;
mod days;
mod file;
pub mod guard;
pub mod query;
pub mod read;
pub mod record;
pub mod sink;
#[cfg(test)]
mod tests;
mod writer;

pub use guard::{AuditFault, Guard};
pub use record::{Decision, Record};
pub use sink::Sink;
pub use writer::escape;
