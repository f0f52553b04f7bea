//! The ways in: stdio, HTTP.

pub mod http;
pub mod session;
pub mod stdio;
