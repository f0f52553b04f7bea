//! The ways in: stdio by now.

pub mod session;
pub mod stdio;
