//! The ways in: stdio by now.

pub mod stdio;
