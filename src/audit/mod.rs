//! Every call leaves its trace: one line for a read or a refusal, a durable intent and an outcome for a change.

pub mod guard;
pub mod record;
pub mod sink;

pub use guard::Guard;
pub use record::{Decision, Record};
pub use sink::Sink;
